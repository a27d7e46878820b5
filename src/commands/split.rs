//! `timberline split list` and `timberline split check [ID…]`

use std::io::Write;

use timberline_proto::api::{SplitState, SplitsAnswer};

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

/// Fails if a split is damaged, after all were looked at.
fn check(client: &Client, ids: &[String], all: bool) -> anyhow::Result<()> {
    let ids = match ids {
        [] => {
            let splits = splits(client)?.into_iter();
            let wanted = splits.filter(|split| all || split.quarantined.is_some());
            wanted.map(|split| split.id).collect()
        }
        given => given.to_vec(),
    };
    let mut damaged = 0;
    let mut out = std::io::stdout().lock();
    for id in &ids {
        let answer = client.post_empty(&format!("/api/v1/splits/{id}/check"))?;
        let split: SplitState = serde_json::from_reader(answer)?;
        damaged += u32::from(split.quarantined.is_some());
        writeln!(out, "{}", described(&split))?;
    }
    writeln!(out, "{} checked, {damaged} damaged", ids.len())?;
    anyhow::ensure!(
        damaged == 0,
        "answers go without {damaged} splits: restore their files from a backup, and check again"
    );
    Ok(())
}

fn described(split: &SplitState) -> String {
    let state = split.quarantined.as_deref().unwrap_or("sound");
    format!(
        "{}  {} records  {} bytes  {}..{}  {}",
        split.id,
        split.records,
        split.file_bytes,
        split.oldest,
        split.newest,
        state.escape_debug()
    )
}
