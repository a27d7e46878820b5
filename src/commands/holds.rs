//! `timberline holds list | create | release`

use timberline_proto::api::retention::{HoldState, HoldsAnswer, NewHold, ReleaseRequest};

use super::retention::{print_json, say, stored};
use crate::cli::{HoldsAction, HoldsArgs};
use crate::client::Client;

const PATH: &str = "/api/v1/holds";

pub(super) fn run(args: &HoldsArgs) -> anyhow::Result<()> {
    match &args.action {
        HoldsAction::List { json, server } => {
            let (answer, _) = Client::new(&server.server).read(PATH, &[])?;
            let holds: HoldsAnswer = serde_json::from_reader(answer)?;
            if *json {
                return print_json(&holds);
            }
            say(&holds.holds.iter().map(described).collect::<String>())
        }
        HoldsAction::Create {
            select,
            case,
            owner,
            reason,
            from,
            to,
            server,
        } => {
            let new = NewHold {
                case: case.clone(),
                owner: owner.clone(),
                reason: reason.clone(),
                select: select.clone(),
                from: from.clone(),
                to: to.clone(),
            };
            let made = Client::new(&server.server).post_json(PATH, &new)?;
            say(&described(&serde_json::from_reader(made)?))
        }
        HoldsAction::Release { id, by, reason, server } => {
            let request = ReleaseRequest {
                by: by.clone(),
                reason: reason.clone(),
            };
            let released = Client::new(&server.server).post_json(&format!("{PATH}/{id}/release"), &request)?;
            say(&described(&serde_json::from_reader(released)?))
        }
    }
}

fn described(state: &HoldState) -> String {
    let hold = &state.hold;
    let select = if hold.select.is_empty() {
        "everything"
    } else {
        &hold.select
    };
    let range = match (&hold.from, &hold.to) {
        (None, None) => "of all times".to_owned(),
        (from, to) => format!("{} to {}", from.as_deref().unwrap_or("…"), to.as_deref().unwrap_or("…")),
    };
    let end = match &state.release {
        None => format!("in force, touches {}", stored(&state.stored)),
        Some(release) => format!("released {} by {}: {}", release.at, release.by, release.reason),
    };
    format!(
        "{}  case {}  {}  [{select}] {range}\n  {}; since {}\n  {end}\n",
        state.id, hold.case, hold.owner, hold.reason, state.created
    )
}
