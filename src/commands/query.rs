//! `timberline query 'QUERY'`

use std::io::IsTerminal;

use timberline_proto::api::{ApiError, Frame, QueryRequest};

use crate::cli::{Output, QueryArgs};
use crate::client::Client;
use crate::exit::Exit;

mod print;

pub(super) use print::Printer;

pub(super) fn run(args: &QueryArgs) -> anyhow::Result<()> {
    let request = QueryRequest {
        query: args.query.clone(),
        from: args.from.clone(),
        to: args.to.clone(),
        limit: args.limit,
        ..QueryRequest::default()
    };
    let client = Client::new(&args.server.server);
    let lines = client
        .post("/api/v1/query", &request)
        .map_err(|error| explained(&args.query, error))?;
    let stdout = std::io::stdout();
    let mut printer = Printer::new(std::io::BufWriter::new(stdout.lock()), args.output);
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
                if args.output == Output::Table && std::io::stderr().is_terminal() {
                    eprintln!("{} rows in {:.1} ms", end.rows, end.progress.elapsed_ms);
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
