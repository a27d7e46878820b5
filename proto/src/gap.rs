//! Why bytes of a file became no record: the reasons of `tb.dropped`, and what they mean.
//!
//! A reason is a word that stays the same, so that what was written years ago can be summed up with
//! what is written today. One that is not known here counts as a loss.

/// Bytes that were all NUL: a hole that a writer or a crash left. They are known, so a file with one
/// can be made again.
pub const NUL_HOLE: &str = "nul_hole";
/// The collector refused the batch for good; the agent keeps it under `dead-letter`.
pub const REJECTED: &str = "rejected";
/// The file was truncated before these bytes were read, and no copy of it was found.
pub const TRUNCATED_UNREAD: &str = "truncated_unread";
/// The file was deleted, or moved to where it is not followed, before these bytes were read.
pub const DELETED_UNREAD: &str = "deleted_unread";
/// The file was deleted, and unread bytes of deleted files were beyond `agent.deleted_bytes_held_max`.
pub const OVER_LIMIT: &str = "over_limit";
/// The agent had them acked, but the queue lost them before the store took them.
pub const QUEUE_LOST: &str = "queue_lost";
/// A record of an outbox is larger than a batch that the collector takes.
pub const TOO_LARGE: &str = "too_large";
/// The collector held less than it had acked, and the agent's outbox no longer had it.
pub const LOST_BY_COLLECTOR: &str = "lost_by_collector";
/// They were erased before the store took them.
pub const ERASED: &str = "erased";
/// Before the name of a rule that dropped a record.
pub const RULE_PREFIX: &str = "rule:";

/// What a reason says of the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GapClass {
    /// They held nothing to keep.
    Empty,
    /// They were left out as the configuration says.
    Policy,
    /// They should be here and are not.
    Loss,
}

/// What a reason says of the bytes.
pub fn class_of(reason: &str) -> GapClass {
    match reason {
        NUL_HOLE => GapClass::Empty,
        ERASED => GapClass::Policy,
        rule if rule.starts_with(RULE_PREFIX) => GapClass::Policy,
        _ => GapClass::Loss,
    }
}

/// The reason without what only its writer knows, so that there are few: for a metric's label.
pub fn kind_of(reason: &str) -> &'static str {
    match reason {
        // Also of what is a kind already.
        rule if rule == "rule" || rule.starts_with(RULE_PREFIX) => "rule",
        other => ALL
            .iter()
            .find(|(known, ..)| *known == other)
            .map_or("other", |(known, ..)| known),
    }
}

/// All that [`kind_of`] gives.
pub fn kinds() -> impl Iterator<Item = &'static str> {
    ALL.iter().map(|(known, ..)| *known).chain(["rule", "other"])
}

/// What happened, and what can be done so that it does not happen again: two sentences.
pub fn explained(reason: &str) -> (&'static str, &'static str) {
    if reason.starts_with(RULE_PREFIX) {
        return ("a rule of the agent dropped these records", "");
    }
    let known = ALL.iter().find(|(known, ..)| *known == reason);
    known.map_or(
        (
            "these bytes became no record, for a reason that this program does not know",
            "",
        ),
        |(_, what, way_out)| (what, way_out),
    )
}

/// The reasons with their sentences.
const ALL: [(&str, &str, &str); 9] = [
    (ERASED, "the records were erased before the store took them", ""),
    (NUL_HOLE, "the bytes were all NUL", ""),
    (
        REJECTED,
        "the collector refused the batch for good",
        "look at the batch and the reason beside it in dead-letter below the agent's data directory",
    ),
    (
        TRUNCATED_UNREAD,
        "the file was truncated before these bytes were read",
        "rotate by rename, or keep the copy beside the file for longer than agent.rotate_wait; see why the agent was behind",
    ),
    (
        DELETED_UNREAD,
        "the file was deleted before these bytes were read",
        "keep rotated files for longer than the agent or the collector may be down",
    ),
    (
        OVER_LIMIT,
        "more unread bytes of deleted files than agent.deleted_bytes_held_max were waiting",
        "raise agent.deleted_bytes_held_max, or keep rotated files for longer",
    ),
    (
        QUEUE_LOST,
        "the queue lost these bytes after it had acknowledged them",
        "look at the collector's disk and log; do not remove its queue directory",
    ),
    (
        TOO_LARGE,
        "a received record was larger than a batch that the collector takes",
        "raise queue.batch_bytes_max of the collector, or lower the listener's limit",
    ),
    (
        LOST_BY_COLLECTOR,
        "the collector held less than it had acknowledged, and the agent no longer had the bytes",
        "look at the collector's disk and log; do not remove its queue directory",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_rules_and_holes_are_no_loss() {
        assert_eq!(class_of("rule:no-debug"), GapClass::Policy);
        assert_eq!(class_of(NUL_HOLE), GapClass::Empty);
        for reason in [
            REJECTED,
            TRUNCATED_UNREAD,
            DELETED_UNREAD,
            OVER_LIMIT,
            QUEUE_LOST,
            TOO_LARGE,
            LOST_BY_COLLECTOR,
            "of another version",
        ] {
            assert_eq!(class_of(reason), GapClass::Loss, "{reason}");
        }
    }

    #[test]
    fn a_label_is_one_of_few_whatever_an_agent_says() {
        assert_eq!((kind_of("rule:a"), kind_of("rule:b")), ("rule", "rule"));
        assert!(kinds().all(|kind| kind_of(kind) == kind), "a kind is of itself");
        assert_eq!(kind_of(OVER_LIMIT), OVER_LIMIT);
        assert_eq!(kind_of("of another version"), "other");
    }
}
