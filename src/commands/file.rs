//! `timberline file list` and `timberline file cat GENERATION`

use std::io::{Read, Write};

use timberline_proto::api::{ApiError, FileGeneration, FilesAnswer};

use crate::cli::{FileAction, FileArgs, ServerArgs};
use crate::client::Client;
use crate::exit::Exit;

pub(super) fn run(args: &FileArgs) -> anyhow::Result<()> {
    match &args.action {
        FileAction::List {
            host,
            path,
            limit,
            json,
            server,
        } => {
            let limit = limit.map(|limit| limit.to_string());
            let given = [("host", host), ("path", path), ("limit", &limit)];
            list(server, &parameters(&given), *json)
        }
        FileAction::Cat {
            generation,
            from,
            to,
            skip_gaps,
            server,
        } => {
            let (from, to) = (from.map(|at| at.to_string()), to.map(|at| at.to_string()));
            let gaps = skip_gaps.then(|| "skip".to_owned());
            cat(
                server,
                generation,
                &parameters(&[("from", &from), ("to", &to), ("gaps", &gaps)]),
            )
        }
    }
}

fn parameters<'a>(given: &[(&'a str, &'a Option<String>)]) -> Vec<(&'a str, &'a str)> {
    let given = given.iter();
    given
        .filter_map(|(name, value)| Some((*name, value.as_deref()?)))
        .collect()
}

fn list(server: &ServerArgs, query: &[(&str, &str)], json: bool) -> anyhow::Result<()> {
    let client = Client::new(&server.server);
    let (answer, _) = client.read("/api/v1/files", query).map_err(usage)?;
    let answer: FilesAnswer = serde_json::from_reader(answer)?;
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for file in &answer.files {
        if json {
            writeln!(out, "{}", serde_json::to_string(file)?)?;
        } else {
            writeln!(out, "{}", described(file))?;
        }
    }
    out.flush()?;
    for partial in answer.partial {
        eprintln!("timberline: partial answer: {partial}");
    }
    if answer.truncated {
        eprintln!("timberline: there are more; name a host, a path or a limit");
    }
    Ok(())
}

/// Control characters of a path cannot move the cursor.
fn described(file: &FileGeneration) -> String {
    let gaps = match &file.gaps {
        None => "gaps not looked for".to_owned(),
        Some(gaps) if gaps.is_empty() => "whole".to_owned(),
        Some(gaps) => format!("{} gaps", gaps.len()),
    };
    format!(
        "{}  {}..{}  {} records  {gaps}  {}  {}:{}",
        file.generation,
        file.first_byte,
        file.end,
        file.records,
        file.newest,
        file.host.escape_debug(),
        file.path.escape_debug()
    )
}

fn cat(server: &ServerArgs, generation: &str, query: &[(&str, &str)]) -> anyhow::Result<()> {
    let client = Client::new(&server.server);
    let path = format!("/api/v1/files/{generation}/bytes");
    let (mut bytes, missing) = client.read(&path, query).map_err(usage)?;
    let mut out = std::io::stdout().lock();
    let mut buffer = vec![0; 256 << 10];
    loop {
        let n = bytes.read(&mut buffer)?;
        if n == 0 {
            break;
        }
        out.write_all(&buffer[..n])?;
    }
    out.flush()?;
    if let Some(missing) = missing {
        eprintln!("timberline: left out, because they are not held: bytes {missing}");
    }
    Ok(())
}

/// What the caller asked for wrongly ends with the code for that.
fn usage(error: anyhow::Error) -> anyhow::Error {
    match error.downcast::<ApiError>() {
        Ok(error) if error.code == "bad_request" => Exit::usage(error.message).into(),
        Ok(error) => error.into(),
        Err(error) => error,
    }
}
