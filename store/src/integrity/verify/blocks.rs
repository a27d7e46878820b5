//! Whether the links of agents' chains are those that the log says.

use std::collections::BTreeMap;

use timberline_proto::integrity::Hash;

use super::history::{History, time};
use super::input::{Files, InputError};
use super::report::{Report, Verdict};
use crate::integrity::chains::Block;
use crate::integrity::entry::ChainsEntry;

/// Checks each block against the log; those that are sound go to `each`, those of a partition in their
/// order.
pub(super) fn check(
    history: &History,
    files: &Files,
    each: &mut dyn FnMut(&ChainsEntry, Block),
    report: &mut Report,
) -> Result<(), InputError> {
    let mut kept: BTreeMap<u64, Vec<u8>> = files.chain_blocks()?.into_iter().collect();
    let mut entries: Vec<(u64, &ChainsEntry)> = history.chains.iter().map(|(seq, entry)| (*seq, entry)).collect();
    entries.sort_unstable_by_key(|(seq, entry)| entry.since.unwrap_or(*seq));
    for (seq, entry) in entries {
        let place = format!(
            "the chains of {} lines of topic {} (entry {seq} of the log, {})",
            entry.lines,
            entry.topic,
            time(entry.at)
        );
        match kept.remove(&seq) {
            None => report.find(Verdict::Missing, format!("{place} are not in the catalog")),
            Some(bytes) if Hash::of(&bytes) != entry.block => {
                report.find(Verdict::Altered, format!("{place} are not what was sealed"));
            }
            Some(bytes) => match Block::read(&bytes) {
                Some(block) => {
                    report.counts.chained_lines = report.counts.chained_lines.saturating_add(block.lines());
                    each(entry, block);
                }
                None => report.find(
                    Verdict::Incomplete,
                    format!("{place} are written in a way that this program does not know"),
                ),
            },
        }
    }
    if let Some(seq) = kept.keys().next() {
        report.find(
            Verdict::Altered,
            format!("the catalog has chains (number {seq}) that the log does not know"),
        );
    }
    Ok(())
}
