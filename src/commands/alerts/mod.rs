//! `timberline alerts check | apply | export | test`: alert rules as files under version control.

mod apply;
mod export;
mod files;
mod test;

use std::io::Write;

use timberline_proto::alert::RulesAnswer;
use timberline_proto::api::ApiError;

use crate::cli::{AlertsAction, AlertsArgs};
use crate::client::Client;
use crate::exit::Exit;

pub(super) fn run(args: &AlertsArgs) -> anyhow::Result<()> {
    match &args.action {
        AlertsAction::Check { files } => {
            let rules = files::read(files)?;
            say(&format!("{} checked", counted(rules.len())))
        }
        AlertsAction::Apply {
            files,
            prune,
            dry_run,
            server,
        } => apply::run(&Client::new(&server.server), files, *prune, *dry_run),
        AlertsAction::Export { rule, server } => export::run(&Client::new(&server.server), rule),
        AlertsAction::Test {
            file,
            rule,
            from,
            to,
            json,
            server,
        } => test::run(&Client::new(&server.server), file, rule, (from, to.as_deref()), *json),
    }
}

/// The server's rules.
fn kept(client: &Client) -> anyhow::Result<RulesAnswer> {
    Ok(serde_json::from_reader(client.read("/api/v1/alerts/rules", &[])?.0)?)
}

/// What the server says of a rule that it will not take is about the file.
fn usage(error: anyhow::Error) -> anyhow::Error {
    match error.downcast_ref::<ApiError>() {
        Some(refused) if refused.code == "bad_request" || refused.code == "limit" => {
            Exit::usage(refused.message.clone()).into()
        }
        _ => error,
    }
}

fn say(text: &str) -> anyhow::Result<()> {
    // A rule's name comes from outside, and must not drive a terminal.
    let plain: String = text
        .chars()
        .map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c })
        .collect();
    Ok(writeln!(std::io::stdout().lock(), "{plain}")?)
}

fn counted(rules: usize) -> String {
    match rules {
        1 => "1 rule".to_owned(),
        n => format!("{n} rules"),
    }
}
