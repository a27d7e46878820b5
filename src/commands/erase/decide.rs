//! `timberline erase approve | refuse | cancel`

use timberline_proto::api::erasure::{ErasureDecision, ErasureStatus};

use super::{PATH, described, say};
use crate::cli::DecisionArgs;
use crate::client::Client;

pub(super) fn run(how: &str, args: &DecisionArgs) -> anyhow::Result<()> {
    let decision = ErasureDecision {
        note: args.note.clone(),
    };
    let answer = Client::new(&args.server.server).post_json(&format!("{PATH}/{}/{how}", args.id), &decision)?;
    let status: ErasureStatus = serde_json::from_reader(answer)?;
    say(&described(&status))
}
