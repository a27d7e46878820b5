//! `timberline query 'QUERY'`

use std::io::{IsTerminal, Read};

use timberline_proto::api::{ApiError, ExplainAnswer, ExplainRequest, Frame, QueryRequest};

use crate::cli::{Output, QueryArgs, QueryOutput, RowLimit};
use crate::client::Client;
use crate::exit::Exit;

mod export;
mod print;

pub(super) use print::Printer;

pub(super) fn run(args: &QueryArgs) -> anyhow::Result<()> {
    let output = match args.output {
        QueryOutput::Table => Output::Table,
        QueryOutput::Json => Output::Json,
        QueryOutput::Raw => Output::Raw,
        QueryOutput::Csv => Output::Csv,
        QueryOutput::Parquet => return export::run(args),
    };
    let limit = match args.limit {
        None => None,
        Some(RowLimit::Rows(rows)) => Some(rows),
        Some(RowLimit::All) => return export::run(args),
    };
    if args.out.is_some() || args.keep_formulas || args.skip_unreadable {
        return Err(Exit::usage("--out, --keep-formulas and --skip-unreadable are of exports: say --limit all").into());
    }
    print(args, output, limit)
}

fn print(args: &QueryArgs, output: Output, limit: Option<u64>) -> anyhow::Result<()> {
    let request = QueryRequest {
        query: args.query.clone(),
        from: args.from.clone(),
        to: args.to.clone(),
        limit,
        ..QueryRequest::default()
    };
    let client = Client::new(&args.server.server);
    let lines = client
        .post("/api/v1/query", &request)
        .map_err(|error| explained(&args.query, error))?;
    let stdout = std::io::stdout();
    let mut printer = Printer::new(std::io::BufWriter::new(stdout.lock()), output);
    for line in lines {
        let line = line?;
        match serde_json::from_str::<Frame>(&line)? {
            Frame::Schema { columns } => printer.columns(columns)?,
            Frame::Records { records } => records.iter().try_for_each(|record| printer.record(record))?,
            Frame::Rows { rows } => printer.rows(rows)?,
            Frame::Progress(_) => {}
            Frame::Completeness(completeness) => {
                for partial in completeness.partial {
                    eprintln!("timberline: partial answer: {partial}");
                }
            }
            Frame::End(end) => {
                printer.finish()?;
                if output == Output::Table && std::io::stderr().is_terminal() {
                    eprintln!("{} rows in {:.1} ms", end.rows, end.progress.elapsed_ms);
                }
                if end.rows == 0 && limit != Some(0) && !timberline_proto::query::is_sql(&args.query) {
                    explain(&client, args);
                }
                return Ok(());
            }
            Frame::Error(error) => {
                printer.finish()?;
                return Err(describe(&args.query, error));
            }
        }
    }
    printer.flush()?;
    anyhow::bail!("the answer ended before its end: the store may have stopped")
}

/// Says why nothing was found, as far as the store can tell.
fn explain(client: &Client, args: &QueryArgs) {
    let request = ExplainRequest {
        query: args.query.clone(),
        from: args.from.clone(),
        to: args.to.clone(),
    };
    let mut text = String::new();
    let answer = client.post_json("/api/v1/explain", &request).and_then(|mut body| {
        body.read_to_string(&mut text)?;
        Ok(serde_json::from_str::<ExplainAnswer>(&text)?)
    });
    // The answer itself is whole: nothing.
    let Ok(answer) = answer else { return };
    eprintln!("timberline: nothing found");
    for cause in answer.causes {
        eprintln!("  {}", print::visible(&cause.message));
        let Some(way) = cause.way else { continue };
        let range = way.range.map(|range| {
            let end = |flag: &str, at: Option<String>| at.map_or(String::new(), |at| format!(" {flag} {at}"));
            format!("{}{}", end("--from", range.from), end("--to", range.to))
        });
        if way.query.is_some() || range.is_some() {
            let query = way.query.unwrap_or_else(|| args.query.clone());
            let range = range.unwrap_or_else(|| {
                let given = [("--from", &args.from), ("--to", &args.to)];
                let given = given
                    .iter()
                    .filter_map(|(flag, at)| Some(format!(" {flag}={}", at.as_ref()?)));
                given.collect()
            });
            eprintln!(
                "    try: timberline query '{}'{range}",
                print::visible(&query.replace('\'', "'\\''"))
            );
        }
    }
}

/// An error of the API as one for a person; any other as it is.
pub(super) fn explained(query: &str, error: anyhow::Error) -> anyhow::Error {
    match error.downcast::<ApiError>() {
        Ok(error) => describe(query, error),
        Err(error) => error,
    }
}

/// The error with the place it concerns marked under the query.
fn describe(query: &str, error: ApiError) -> anyhow::Error {
    if error.code == "bad_request" {
        return Exit::usage(error.message).into();
    }
    if error.code != "bad_query" {
        return error.into();
    }
    let mut message = error.message;
    if let Some(span) = error.span
        && !query.contains('\n')
        && query.is_char_boundary(span.start)
        && query.is_char_boundary(span.end)
        && span.start <= span.end
    {
        let before = query[..span.start].chars().count();
        let marked = query[span.start..span.end].chars().count().max(1);
        message = format!("{message}\n  {query}\n  {}{}", " ".repeat(before), "^".repeat(marked));
    }
    if let Some(suggestion) = error
        .suggestion
        .filter(|suggestion| !message.contains(suggestion.as_str()))
    {
        message = format!("{message}\n  did you mean {suggestion}?");
    }
    Exit::usage(message).into()
}
