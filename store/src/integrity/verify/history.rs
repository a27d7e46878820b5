//! What the log says happened.

use std::collections::{BTreeMap, BTreeSet};

use timberline_proto::integrity::{Frontier, Hash};

use super::report::{Report, Verdict};
use crate::integrity::entry::{ChainsEntry, DeleteEntry, Entry, EraseEntry, LogTree};

/// What the log says happened.
#[derive(Debug, Default)]
pub(super) struct History {
    /// The leaves of its entries.
    pub(super) leaves: Vec<Hash>,
    /// The entries as they stand there.
    pub(super) texts: Vec<String>,
    /// The entries that are known, by number.
    pub(super) entries: Vec<(u64, Entry)>,
    /// By tree: the number of its entry, and what that says.
    pub(super) trees: BTreeMap<String, (u64, LogTree)>,
    /// Numbers of trees whose splits were deleted.
    pub(super) deleted: BTreeSet<u64>,
    pub(super) deletions: Vec<(u64, DeleteEntry)>,
    pub(super) erasures: Vec<(u64, EraseEntry)>,
    /// Blocks of agents' chains that no later one stands for, by number.
    pub(super) chains: BTreeMap<u64, ChainsEntry>,
    /// Offsets of topics' partitions of which records may be in no tree.
    uncovered: Vec<(String, u32, u64, u64)>,
}

impl History {
    pub(super) fn of(rows: &[(u64, String)], report: &mut Report) -> Self {
        let mut history = Self::default();
        report.counts.log_entries = rows.len() as u64;
        // Positions from which on nothing is covered: before the log, everything.
        let mut open: Option<BTreeMap<(String, u32), u64>> = Some(BTreeMap::new());
        for (expected, (seq, text)) in (0..).zip(rows) {
            if *seq != expected {
                report.find(
                    Verdict::Missing,
                    format!("the log has entry {seq} where {expected} should be: entries were taken out"),
                );
                break;
            }
            history.leaves.push(Hash::leaf(text.as_bytes()));
            history.texts.push(text.clone());
            match Entry::parse(text) {
                Some(entry) => history.take(expected, entry, &mut open, report),
                None => report.find(Verdict::Altered, format!("entry {seq} of the log cannot be read")),
            }
        }
        if let Some(open) = open {
            let ends = open
                .into_iter()
                .map(|((topic, partition), from)| (topic, partition, from, u64::MAX));
            history.uncovered.extend(ends);
        }
        history
    }

    fn take(&mut self, seq: u64, entry: Entry, open: &mut Option<BTreeMap<(String, u32), u64>>, report: &mut Report) {
        match &entry {
            Entry::Begin(begin) => {
                if let Some(open) = open.take() {
                    for (topic, partition, to) in &begin.positions {
                        let from = open.get(&(topic.clone(), *partition)).copied().unwrap_or(0);
                        self.uncovered.push((topic.clone(), *partition, from, *to));
                    }
                }
            }
            Entry::Pause(pause) => {
                report.remark(format!(
                    "integrity was off from entry {seq} of the log on, {}",
                    time(pause.at)
                ));
                let positions = pause.positions.iter();
                let positions = positions.map(|(topic, partition, from)| ((topic.clone(), *partition), *from));
                *open = Some(positions.collect());
            }
            Entry::Tree(tree) => {
                let before = self.trees.insert(tree.tree.clone(), (seq, tree.clone()));
                if before.is_some() {
                    report.find(Verdict::Altered, format!("tree {} is twice in the log", tree.tree));
                }
            }
            Entry::Chains(chains) => {
                for &(first, last) in &chains.replaces {
                    let replaced: Vec<u64> = self.chains.range(first.min(last)..=last).map(|(seq, _)| *seq).collect();
                    for seq in replaced {
                        self.chains.remove(&seq);
                    }
                }
                self.chains.insert(seq, chains.clone());
            }
            Entry::Delete(deletion) => {
                for &(first, last) in &deletion.trees {
                    // A range can name no entry behind its own.
                    self.deleted.extend(first..=last.min(seq));
                }
                self.deletions.push((seq, deletion.clone()));
            }
            Entry::Erase(erasure) => self.erasures.push((seq, erasure.clone())),
            Entry::Key(_) => {}
        }
        self.entries.push((seq, entry));
    }

    /// Whether a record at this offset may be in no tree.
    pub(super) fn may_be_uncovered(&self, topic: &str, partition: u32, offset: u64) -> bool {
        let mut ranges = self.uncovered.iter();
        ranges.any(|(of, at, from, to)| of == topic && *at == partition && (*from..*to).contains(&offset))
    }

    /// The roots of the log at these sizes, as far as it goes.
    pub(super) fn roots(&self, sizes: &BTreeSet<u64>) -> BTreeMap<u64, Hash> {
        let mut log = Frontier::new();
        let mut roots = BTreeMap::new();
        if sizes.contains(&0) {
            roots.insert(0, log.root());
        }
        for leaf in &self.leaves {
            log.push(*leaf);
            if sizes.contains(&log.size()) {
                roots.insert(log.size(), log.root());
            }
        }
        roots
    }
}

/// RFC 3339, to the second.
pub(super) fn time(nanos: i64) -> String {
    jiff::Timestamp::from_second(nanos.div_euclid(1_000_000_000))
        .unwrap_or_default()
        .to_string()
}
