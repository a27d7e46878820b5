//! `timberline erase receipt`

use std::io::Write;
use std::path::Path;

use anyhow::Context;
use timberline_proto::api::erasure::ErasureReceipt;

use super::PATH;
use crate::cli::ServerArgs;
use crate::client::Client;

pub(super) fn run(id: &str, output: Option<&Path>, server: &ServerArgs) -> anyhow::Result<()> {
    let (answer, _) = Client::new(&server.server).read(&format!("{PATH}/{id}/receipt"), &[])?;
    let receipt: ErasureReceipt = serde_json::from_reader(answer)?;
    let text = serde_json::to_string_pretty(&receipt)?;
    match output {
        Some(path) => {
            std::fs::write(path, format!("{text}\n")).with_context(|| format!("cannot write {}", path.display()))
        }
        None => Ok(writeln!(std::io::stdout().lock(), "{text}")?),
    }
}
