//! `timberline tail 'QUERY'`: new records as they come, from the server-sent events of
//! `GET /api/v1/tail`. When the store goes away, it is asked again until it is back.

use std::io::Write;
use std::time::Duration;

use timberline_proto::api::{ApiError, Record};

use super::query::{Printer, explained};
use crate::cli::TailArgs;
use crate::client::Client;

/// Pauses between two tries to reach a store that went away grow from here …
const RETRY_MIN: Duration = Duration::from_millis(250);
/// … to here.
const RETRY_MAX: Duration = Duration::from_secs(5);

pub(super) fn run(args: &TailArgs) -> anyhow::Result<()> {
    let client = Client::new(&args.server.server);
    let mut lines = ask(&client, args)?;
    let stdout = std::io::stdout();
    let mut printer = Printer::new(std::io::BufWriter::new(stdout.lock()), args.output);
    loop {
        follow(lines, &mut printer)?;
        eprintln!(
            "timberline: the store closed the connection; trying again. What comes until it is back is not shown here, `timberline query` finds it"
        );
        lines = ask_until_answered(&client, args);
        eprintln!("timberline: connected again");
    }
}

type Lines = Box<dyn Iterator<Item = std::io::Result<String>>>;

fn ask(client: &Client, args: &TailArgs) -> anyhow::Result<Lines> {
    let lines = client
        .get("/api/v1/tail", &[("query", args.query.as_str())])
        .map_err(|error| explained(&args.query, error))?;
    Ok(Box::new(lines))
}

fn ask_until_answered(client: &Client, args: &TailArgs) -> Lines {
    let mut pause = RETRY_MIN;
    loop {
        std::thread::sleep(pause);
        match ask(client, args) {
            Ok(lines) => return lines,
            Err(_) => pause = (pause * 2).min(RETRY_MAX),
        }
    }
}

/// Prints events until the connection ends.
///
/// # Errors
/// If nothing more can be printed, or the store said why it stops.
fn follow(lines: Lines, printer: &mut Printer<impl Write>) -> anyhow::Result<()> {
    let mut event = String::new();
    for line in lines {
        let Ok(line) = line else { return Ok(()) };
        if let Some(name) = line.strip_prefix("event:") {
            event = name.trim().to_owned();
        } else if let Some(data) = line.strip_prefix("data:") {
            show(&event, data, printer)?;
        } else if line.is_empty() {
            event.clear();
            printer.flush()?;
        }
    }
    Ok(())
}

fn show(event: &str, data: &str, printer: &mut Printer<impl Write>) -> anyhow::Result<()> {
    match event {
        "record" | "" => printer.record(&serde_json::from_str::<Record>(data)?)?,
        "records" => {
            for record in serde_json::from_str::<Vec<Record>>(data)? {
                printer.record(&record)?;
            }
        }
        "skipped" => eprintln!(
            "timberline: {} records skipped: they came faster than they were read",
            data.trim()
        ),
        "error" => return Err(serde_json::from_str::<ApiError>(data)?.into()),
        _ => {}
    }
    Ok(())
}
