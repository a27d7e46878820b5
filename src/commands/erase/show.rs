//! `timberline erase show`

use timberline_proto::api::erasure::ErasureStatus;

use super::{PATH, described, print_json, say};
use crate::cli::ServerArgs;
use crate::client::Client;

pub(super) fn run(id: &str, json: bool, server: &ServerArgs) -> anyhow::Result<()> {
    let (answer, _) = Client::new(&server.server).read(&format!("{PATH}/{id}"), &[])?;
    let status: ErasureStatus = serde_json::from_reader(answer)?;
    match json {
        true => print_json(&status),
        false => say(&described(&status)),
    }
}
