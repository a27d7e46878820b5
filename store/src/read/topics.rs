//! Which topics a question is about. What the store tells of itself would stand among the answers to every
//! search for the same words, so only a question that names one of its own topics sees that, and nothing else.

use std::sync::Arc;

use timberline_proto::query::ast::{CompareOp, Filter, Test};

use crate::catalog::{Snapshot, is_own_topic};

/// The topics that a query sees.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Topics {
    /// Those of the queue.
    #[default]
    Queue,
    /// One of the store's own.
    Own(String),
    /// All there are.
    All,
}

impl Topics {
    /// Those that a filter asks for: one of the store's own if all that it keeps has that topic.
    pub(crate) fn of(filter: &Filter) -> Self {
        let of_leaf = |filter: &Filter| {
            let Filter::Leaf(leaf) = filter else { return None };
            if leaf.field.as_ref().is_none_or(|field| field.name != "topic") {
                return None;
            }
            let name = match &leaf.test {
                Test::Text { text, .. } => text,
                Test::Compare(CompareOp::Eq, literal) => &literal.text,
                _ => return None,
            };
            is_own_topic(name).then(|| Self::Own(name.clone()))
        };
        let named = match filter {
            Filter::And(all) => all.iter().find_map(of_leaf),
            other => of_leaf(other),
        };
        named.unwrap_or_default()
    }

    /// That of a record.
    pub(crate) fn of_topic(topic: &str) -> Self {
        match is_own_topic(topic) {
            true => Self::Own(topic.to_owned()),
            false => Self::Queue,
        }
    }

    pub(crate) fn has(&self, topic: &str) -> bool {
        match self {
            Self::Queue => !is_own_topic(topic),
            Self::Own(own) => own == topic,
            Self::All => true,
        }
    }

    /// Only these of what exists.
    pub(crate) fn of_snapshot(&self, snapshot: Arc<Snapshot>) -> Arc<Snapshot> {
        if snapshot.splits.iter().all(|split| self.has(&split.topic)) {
            return snapshot;
        }
        let splits = snapshot.splits.iter().filter(|split| self.has(&split.topic));
        Arc::new(Snapshot {
            splits: splits.cloned().collect(),
            positions: snapshot.positions.clone(),
            streams: snapshot.streams.clone(),
            rules: Arc::clone(&snapshot.rules),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::histogram::filter_of;

    #[test]
    fn only_who_names_a_topic_of_the_stores_own_sees_it() {
        let of = |query: &str| Topics::of(&filter_of(query).unwrap());
        let audit = || Topics::Own("timberline.audit".to_owned());
        assert_eq!(of("topic:timberline.audit"), audit());
        assert_eq!(of("topic:\"timberline.audit\" login -ok"), audit());
        for others in [
            "",
            "timberline.audit",
            "topic:logs",
            "NOT topic:timberline.audit",
            "topic:timberline.audit OR error",
            "topic:timberline.*",
        ] {
            assert_eq!(of(others), Topics::Queue, "{others}");
        }
        assert!(audit().has("timberline.audit") && !audit().has("logs") && !audit().has("timberline.alerts"));
        assert!(Topics::Queue.has("logs") && !Topics::Queue.has("timberline.audit"));
    }
}
