//! `timberline prove record|consistency`: proofs that stand alone, from a data directory.

use std::io::Write;

use timberline_proto::id::RecordId;
use timberline_store::integrity::verify::{prove_consistency, prove_record};

use super::verify::failed;
use crate::cli::{ProveAction, ProveArgs};
use crate::exit::Exit;

pub(super) fn run(args: &ProveArgs) -> anyhow::Result<()> {
    let proof = match &args.action {
        ProveAction::Record { id, data } => {
            let id: RecordId = id
                .parse()
                .map_err(|error| Exit::code(64, format!("{error}: a record is TOPIC-PARTITION-OFFSET")))?;
            serde_json::to_string_pretty(&prove_record(data, &id).map_err(|error| failed(&error))?)
        }
        ProveAction::Consistency { old, new, data } => {
            serde_json::to_string_pretty(&prove_consistency(data, *old, *new).map_err(|error| failed(&error))?)
        }
    };
    writeln!(std::io::stdout().lock(), "{}", proof?)?;
    Ok(())
}
