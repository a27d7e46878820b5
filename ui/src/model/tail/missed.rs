//! What came while a live tail was broken off.
//!
//! A stream that breaks says nothing of what it did not send. A record's id ends with its offset in its
//! partition, so what was missed are the records above the offsets that came before the break, without
//! those that the new stream sent meanwhile.

use std::collections::{HashMap, HashSet};

use timberline_proto::api::Record;

use crate::text::time;

/// How far each partition was told of.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// One past the last offset of `topic-partition`.
    ends: HashMap<String, u64>,
    /// When the newest of its records was read at its source, in nanoseconds.
    newest: Option<i128>,
}

impl Seen {
    /// A record came.
    pub(crate) fn note(&mut self, record: &Record) {
        let Some((partition, offset)) = place(&record.id) else {
            return;
        };
        let end = offset.saturating_add(1);
        match self.ends.get_mut(partition) {
            Some(held) => *held = end.max(*held),
            None => {
                self.ends.insert(partition.to_owned(), end);
            }
        }
        self.newest = self.newest.max(time::nanos(&record.observed));
    }

    /// Whether a record came after all that was told of. Of a partition that nothing was told of, time
    /// decides: it may have begun during the break, or long ago.
    fn is_before(&self, record: &Record) -> bool {
        match place(&record.id) {
            Some((partition, offset)) => match self.ends.get(partition) {
                Some(end) => offset >= *end,
                None => time::nanos(&record.observed) > self.newest,
            },
            None => false,
        }
    }

    /// Those of an answer, the newest first, that were missed, the oldest first; `came` are the ids that
    /// the new stream sent.
    pub(crate) fn missed(&self, answer: Vec<Record>, came: &HashSet<String>) -> Vec<Record> {
        let mut missed: Vec<Record> = answer
            .into_iter()
            .filter(|record| self.is_before(record) && !came.contains(&record.id))
            .collect();
        missed.reverse();
        missed
    }
}

/// `topic-partition` and offset of an id.
fn place(id: &str) -> Option<(&str, u64)> {
    let (partition, offset) = id.rsplit_once('-')?;
    Some((partition, offset.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(id: &str, second: u32) -> Record {
        Record {
            id: id.into(),
            timestamp: String::new(),
            observed: format!("2026-11-30T10:00:{second:02}.000000000Z"),
            severity: None,
            body: String::new(),
            body_base64: None,
            template: None,
            stream: Default::default(),
            fields: Default::default(),
            place: None,
        }
    }

    #[test]
    fn missed_is_what_is_above_the_offsets_told_and_was_not_sent_since() {
        let mut seen = Seen::default();
        for told in [record("logs-0-7", 1), record("a-b-1-3", 5), record("logs-0-6", 2)] {
            seen.note(&told);
        }
        let answer = vec![
            record("logs-0-10", 9),
            record("logs-0-9", 8),
            record("logs-1-0", 7),
            record("logs-1-9", 4),
            record("logs-0-8", 3),
            record("logs-0-7", 1),
            record("a-b-1-4", 0),
            record("a-b-1-3", 5),
            record("no id", 9),
        ];
        let came = HashSet::from(["logs-0-10".to_owned()]);
        let missed: Vec<String> = seen.missed(answer, &came).into_iter().map(|record| record.id).collect();
        assert_eq!(missed, ["a-b-1-4", "logs-0-8", "logs-1-0", "logs-0-9"]);
    }

    #[test]
    fn where_nothing_was_told_of_everything_in_the_answer_was_missed() {
        let seen = Seen::default();
        let missed = seen.missed(vec![record("logs-0-1", 1), record("logs-0-0", 1)], &HashSet::new());
        assert_eq!(missed.len(), 2);
    }
}
