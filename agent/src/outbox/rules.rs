//! The agent's rules for what is received: they change and drop it before it is in the outbox.

use std::borrow::Cow;
use std::collections::BTreeMap;

use timberline_proto::id::GenerationId;
use timberline_queue::receive::{Process, Received, StreamRules};

use crate::process::{Event, Origin, Rules, Selection, Verdict};

pub(super) struct ReceivedRules {
    rules: Rules,
    /// Each that streams have, once: at most as many as there are combinations of rules.
    selections: Vec<Selection>,
}

impl ReceivedRules {
    pub(super) fn new(rules: Rules) -> Self {
        Self {
            rules,
            selections: Vec::new(),
        }
    }
}

impl Process for ReceivedRules {
    fn stream(&mut self, attributes: &BTreeMap<String, String>) -> StreamRules {
        StreamRules {
            topic: self.rules.topic(attributes).map(str::to_owned),
            rules: self.rules.select(attributes).map(|selection| {
                let known = self.selections.iter().position(|held| *held == selection);
                known.unwrap_or_else(|| {
                    self.selections.push(selection);
                    self.selections.len() - 1
                })
            }),
        }
    }

    fn apply(
        &mut self,
        rules: usize,
        stream: &BTreeMap<String, String>,
        generation: GenerationId,
        start: u64,
        record: &mut Received,
    ) -> Option<String> {
        let selection = self.selections.get(rules)?;
        let mut event = Event {
            origin: Origin {
                stream,
                generation,
                start,
            },
            line: Cow::Owned(std::mem::take(&mut record.line)),
            time: record.time,
            attributes: std::mem::take(&mut record.attributes),
        };
        let verdict = self.rules.apply(selection, &mut event, &mut |_| {});
        match verdict {
            Verdict::Keep => {
                record.line = event.line.into_owned();
                record.time = event.time;
                record.attributes = event.attributes;
                None
            }
            Verdict::Drop(rule) => Some(format!("rule:{}", self.rules.name(rule))),
        }
    }
}
