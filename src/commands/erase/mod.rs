//! `timberline erase preview | request | approve | refuse | cancel | list | show | receipt`

mod decide;
mod list;
mod preview;
mod receipt;
mod request;
mod show;

use timberline_proto::api::erasure::{ErasureBlocker, ErasureKind, ErasureStatus, NewErasure};

use super::retention::{print_json, say};
use crate::cli::{EraseAction, EraseArgs, MeantArgs};

const PATH: &str = "/api/v1/erasures";

pub(super) fn run(args: &EraseArgs) -> anyhow::Result<()> {
    match &args.action {
        EraseAction::Preview { meant, json, server } => preview::run(meant, *json, server),
        EraseAction::Request {
            meant,
            case,
            reason,
            wait,
            json,
            server,
        } => request::run(meant, (case, reason), *wait, *json, server),
        EraseAction::Approve { decision } => decide::run("approve", decision),
        EraseAction::Refuse { decision } => decide::run("refuse", decision),
        EraseAction::Cancel { decision } => decide::run("cancel", decision),
        EraseAction::List { json, server } => list::run(*json, server),
        EraseAction::Show { id, json, server } => show::run(id, *json, server),
        EraseAction::Receipt { id, output, server } => receipt::run(id, output.as_deref(), server),
    }
}

fn new_of(meant: &MeantArgs, case: &str, reason: &str) -> NewErasure {
    NewErasure {
        kind: match meant.redact {
            true => ErasureKind::Redact,
            false => ErasureKind::Erase,
        },
        query: meant.query.clone(),
        subject: meant.subject.clone(),
        from: meant.from.clone(),
        to: meant.to.clone(),
        reason: reason.to_owned(),
        case: case.to_owned(),
        fields: meant.fields.clone(),
        patterns: meant.patterns.clone(),
    }
}

fn blocked(blockers: &[ErasureBlocker]) -> String {
    let line = |blocker: &ErasureBlocker| {
        format!(
            "  kept: {} records in {} splits, {}\n",
            blocker.records, blocker.splits, blocker.by
        )
    };
    blockers.iter().map(line).collect()
}

fn described(status: &ErasureStatus) -> String {
    let what = if status.is_subject { "subject" } else { "query" };
    let mut text = format!(
        "{}  {}  {} of a {what}, case {}\n  {what} {}\n  {}; asked for by {} on {}\n",
        status.id,
        status.state.word(),
        status.kind.word(),
        status.case,
        status.hash,
        status.reason,
        status.asked_by,
        status.asked_at
    );
    if let (Some(by), Some(at)) = (&status.decided_by, &status.decided_at) {
        text += &format!("  decided by {by} on {at}\n");
    }
    if !status.step.is_empty() {
        text += &format!(
            "  at: {}; {} of {} splits, {} of {} partitions of the queue, {} records so far\n",
            status.step,
            status.splits_done,
            status.splits_all,
            status.partitions_done,
            status.partitions_all,
            status.records
        );
    }
    text += &blocked(&status.blocked);
    if let Some(problem) = &status.problem {
        text += &format!("  tried again: {problem}\n");
    }
    if let Some(at) = &status.final_at {
        text += &format!("  done on {at}, {} records in splits\n", status.records);
    }
    text
}
