//! `timberline erase request`

use std::time::Duration;

use timberline_proto::api::erasure::{ErasureState, ErasureStatus};

use super::{PATH, described, new_of, print_json, say};
use crate::cli::{MeantArgs, ServerArgs};
use crate::client::Client;

/// How often it is asked how far a request is.
const LOOK: Duration = Duration::from_millis(200);

pub(super) fn run(
    meant: &MeantArgs,
    (case, reason): (&str, &str),
    wait: bool,
    json: bool,
    server: &ServerArgs,
) -> anyhow::Result<()> {
    let client = Client::new(&server.server);
    let answer = client.post_json(PATH, &new_of(meant, case, reason))?;
    let mut status: ErasureStatus = serde_json::from_reader(answer)?;
    while wait && !status.state.is_over() && status.state != ErasureState::Blocked {
        std::thread::sleep(LOOK);
        let (answer, _) = client.read(&format!("{PATH}/{}", status.id), &[])?;
        status = serde_json::from_reader(answer)?;
    }
    match json {
        true => print_json(&status),
        false => say(&described(&status)),
    }
}
