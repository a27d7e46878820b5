//! How far the sources have told: what verdicts wait for.

use std::collections::BTreeMap;
use std::sync::Arc;

use timberline_proto::alert::MissingSource;

/// A source, and to when everything of it is there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) host: String,
    pub(crate) path: String,
    /// What was read before this is there, by the clock of whoever read it; `None`: nothing is known.
    pub(crate) complete_to: Option<i64>,
}

/// The sources that count.
#[derive(Clone, Debug, Default)]
pub(crate) struct Marks {
    /// What comes by itself (no agent reports of it) is there up to this.
    pub(crate) taken_to: i64,
    pub(crate) sources: Arc<[Mark]>,
    /// The least of all.
    complete_to: i64,
}

impl Marks {
    pub(crate) fn new(taken_to: i64, sources: Vec<Mark>) -> Self {
        let least = sources.iter().map(|mark| mark.complete_to.unwrap_or(i64::MIN)).min();
        Self {
            taken_to,
            complete_to: least.map_or(taken_to, |least| least.min(taken_to)),
            sources: sources.into(),
        }
    }

    /// Those that `concerns` keeps.
    pub(crate) fn of(&self, concerns: impl Fn(&Mark) -> bool) -> Self {
        Self::new(
            self.taken_to,
            self.sources.iter().filter(|mark| concerns(mark)).cloned().collect(),
        )
    }

    /// The same without names, for whom they are not meant.
    pub(crate) fn unnamed(&self) -> Self {
        let unnamed = self.sources.iter().map(|mark| Mark {
            host: "a source".to_owned(),
            path: String::new(),
            complete_to: mark.complete_to,
        });
        Self::new(self.taken_to, unnamed.collect())
    }

    /// Everything that was read before this is there.
    pub(crate) fn complete_to(&self) -> i64 {
        self.complete_to
    }

    /// The hosts of which not everything that was read before `time` is there.
    pub(crate) fn missing(&self, time: i64) -> Vec<MissingSource> {
        let mut hosts: BTreeMap<&str, Option<i64>> = BTreeMap::new();
        for mark in self.sources.iter() {
            if mark.complete_to.is_none_or(|to| to < time) {
                let least = hosts.entry(&mark.host).or_insert(mark.complete_to);
                *least = (*least).min(mark.complete_to);
            }
        }
        let named = hosts.into_iter().map(|(host, complete_to_nanos)| MissingSource {
            host: host.to_owned(),
            complete_to_nanos,
        });
        named.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(host: &str, complete_to: Option<i64>) -> Mark {
        Mark {
            host: host.to_owned(),
            path: "/a".to_owned(),
            complete_to,
        }
    }

    #[test]
    fn the_source_most_behind_decides_and_each_host_is_named_once() {
        let marks = Marks::new(
            100,
            vec![
                mark("a", Some(90)),
                mark("b", Some(50)),
                mark("b", Some(40)),
                mark("c", None),
            ],
        );
        assert_eq!(marks.complete_to(), i64::MIN);
        let missing = marks.missing(60);
        let hosts: Vec<_> = missing
            .iter()
            .map(|one| (one.host.as_str(), one.complete_to_nanos))
            .collect();
        assert_eq!(hosts, [("b", Some(40)), ("c", None)]);
        assert_eq!(marks.of(|mark| mark.host != "c").complete_to(), 40);
        assert_eq!(Marks::new(100, Vec::new()).complete_to(), 100);
        assert_eq!(marks.of(|mark| mark.host == "a").complete_to(), 90);
    }
}
