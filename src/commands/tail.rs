//! `timberline tail 'QUERY'`: new records as they come, from the server-sent events of
//! `GET /api/v1/tail`.

use timberline_proto::api::{ApiError, Record};

use super::query::{Printer, explained};
use crate::cli::TailArgs;
use crate::client::Client;

pub(super) fn run(args: &TailArgs) -> anyhow::Result<()> {
    let client = Client::new(&args.server.server);
    let lines = client
        .get("/api/v1/tail", &[("query", args.query.as_str())])
        .map_err(|error| explained(&args.query, error))?;
    let stdout = std::io::stdout();
    let mut printer = Printer::new(std::io::BufWriter::new(stdout.lock()), args.output);
    let mut event = String::new();
    for line in lines {
        let line = line?;
        if let Some(name) = line.strip_prefix("event:") {
            event = name.trim().to_owned();
        } else if let Some(data) = line.strip_prefix("data:") {
            match event.as_str() {
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
        } else if line.is_empty() {
            event.clear();
            printer.flush()?;
        }
    }
    anyhow::bail!("the store closed the connection")
}
