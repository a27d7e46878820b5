//! `timberline split list` and `timberline split check [ID…]`

use std::collections::BTreeSet;
use std::io::Write;

use timberline_proto::api::{ApiError, SplitState, SplitsAnswer};

use crate::cli::{SplitAction, SplitArgs};
use crate::client::Client;

pub(super) fn run(args: &SplitArgs) -> anyhow::Result<()> {
    match &args.action {
        SplitAction::List { server } => {
            let mut out = std::io::BufWriter::new(std::io::stdout().lock());
            for split in splits(&Client::new(&server.server))? {
                writeln!(out, "{}", described(&split))?;
            }
            Ok(out.flush()?)
        }
        SplitAction::Check { ids, all, server } => check(&Client::new(&server.server), ids, *all),
    }
}

fn splits(client: &Client) -> anyhow::Result<Vec<SplitState>> {
    let (answer, _) = client.read("/api/v1/splits", &[])?;
    Ok(serde_json::from_reader::<_, SplitsAnswer>(answer)?.splits)
}

/// Fails if a split is damaged, after all were looked at. The store merges on meanwhile: a listed
/// split may be gone when its turn comes, and what it became is checked in its stead.
fn check(client: &Client, ids: &[String], all: bool) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    let (mut checked, mut damaged) = (BTreeSet::new(), 0);
    loop {
        let mut wanted = match ids {
            [] => {
                let splits = splits(client)?.into_iter();
                let wanted = splits.filter(|split| all || split.quarantined.is_some());
                wanted.map(|split| split.id).collect()
            }
            given => given.to_vec(),
        };
        wanted.retain(|id| !checked.contains(id));
        let mut gone = false;
        for id in wanted {
            let split: SplitState = match client.post_empty(&format!("/api/v1/splits/{id}/check")) {
                Ok(answer) => serde_json::from_reader(answer)?,
                Err(error) if ids.is_empty() && is_not_found(&error) => {
                    gone = true;
                    continue;
                }
                Err(error) => return Err(error),
            };
            damaged += u32::from(split.quarantined.is_some());
            writeln!(out, "{}", described(&split))?;
            checked.insert(id);
        }
        if !gone {
            break;
        }
    }
    writeln!(out, "{} checked, {damaged} damaged", checked.len())?;
    anyhow::ensure!(
        damaged == 0,
        "answers go without {damaged} splits: restore their files from a backup, and check again"
    );
    Ok(())
}

fn is_not_found(error: &anyhow::Error) -> bool {
    let error = error.downcast_ref::<ApiError>();
    error.is_some_and(|error| error.code == "not_found")
}

fn described(split: &SplitState) -> String {
    let state = split.quarantined.as_deref().unwrap_or("sound");
    format!(
        "{}  {}  {} records  {} bytes  {}..{}  {}",
        split.id,
        split.topic,
        split.records,
        split.file_bytes,
        split.oldest,
        split.newest,
        state.escape_debug()
    )
}
