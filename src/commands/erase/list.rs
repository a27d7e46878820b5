//! `timberline erase list`

use timberline_proto::api::erasure::ErasuresAnswer;

use super::{PATH, described, print_json, say};
use crate::cli::ServerArgs;
use crate::client::Client;

pub(super) fn run(json: bool, server: &ServerArgs) -> anyhow::Result<()> {
    let (answer, _) = Client::new(&server.server).read(PATH, &[])?;
    let answer: ErasuresAnswer = serde_json::from_reader(answer)?;
    match json {
        true => print_json(&answer),
        false => say(&answer.erasures.iter().map(described).collect::<String>()),
    }
}
