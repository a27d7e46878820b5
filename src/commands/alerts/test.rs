//! `timberline alerts test`: what a file's rules would have said of the past.

use std::path::Path;

use timberline_proto::alert::{AlertState, BacktestAnswer, BacktestRequest, Transition};
use timberline_proto::query::time_range::format_rfc3339_nanos;

use super::{files, say, usage};
use crate::client::Client;

pub(super) fn run(
    client: &Client,
    file: &Path,
    names: &[String],
    (from, to): (&str, Option<&str>),
    json: bool,
) -> anyhow::Result<()> {
    for rule in files::chosen(file, names)? {
        let name = rule.name.clone();
        let request = BacktestRequest {
            rule,
            from: from.to_owned(),
            to: to.map(str::to_owned),
        };
        let answer = client.post_json("/api/v1/alerts/backtest", &request).map_err(usage)?;
        let answer: BacktestAnswer = serde_json::from_reader(answer)?;
        if json {
            say(&serde_json::to_string(
                &serde_json::json!({ "rule": name, "answer": answer }),
            )?)?;
        } else {
            print(&name, &answer)?;
        }
    }
    Ok(())
}

fn print(name: &str, answer: &BacktestAnswer) -> anyhow::Result<()> {
    let count = |state| answer.counts.get(&state).copied().unwrap_or(0);
    say(&format!(
        "{name}: {} pending, {} firing, {} resolved, in {} windows of {} lines",
        count(AlertState::Pending),
        count(AlertState::Firing),
        count(AlertState::Resolved),
        answer.windows,
        answer.lines
    ))?;
    for transition in &answer.transitions {
        say(&format!("  {}", line(transition)))?;
    }
    for (who, messages) in answer.messages.iter().flatten() {
        say(&format!("  {messages} messages to {who}"))?;
    }
    for note in &answer.notes {
        say(&format!("  note: {note}"))?;
    }
    Ok(())
}

fn line(transition: &Transition) -> String {
    let at = format_rfc3339_nanos(transition.at_nanos);
    let at = at.split('.').next().unwrap_or_default();
    let group: Vec<String> = transition
        .group
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let group = if group.is_empty() {
        String::new()
    } else {
        format!(" {}", group.join(" "))
    };
    let late = if transition.late { " (late)" } else { "" };
    format!("{at}Z  {}{late}{group}  {}", word(transition.to), transition.reason)
}

fn word(state: AlertState) -> &'static str {
    match state {
        AlertState::Inactive => "inactive",
        AlertState::Pending => "pending ",
        AlertState::Firing => "firing  ",
        AlertState::Resolved => "resolved",
        AlertState::NoData => "no data ",
        AlertState::Error => "error   ",
    }
}
