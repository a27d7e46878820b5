//! Erasure: what a split keeps of records that it no longer holds.

use std::collections::BTreeSet;

use timberline_proto::integrity::Salt;

use super::leaves::Hasher;
use super::recompute::places;
use crate::split::{Columns, Integrity, Removed, Split, SplitError};

/// Leaves of a tree that were erased.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Erased {
    /// The tree: the id of the split as which its records were published.
    pub tree: String,
    /// Which leaves, ascending.
    pub leaves: Vec<u64>,
    /// Whether their records were changed and are still there.
    pub is_redacted: bool,
}

/// The trees of a split for the one that is written in its place without the rows at these
/// partitions and offsets: their roots stay, the leaves of the erased rows are kept as hashes, and
/// from the salts that are kept theirs cannot be had. Rows in no tree are passed over. The same is done
/// with rows that are `changed`, whose new form is in a tree of its own ([`redacted`](super::redacted)).
/// Also which leaves of which tree that were.
///
/// # Errors
/// [`SplitError`]
pub fn punctured(
    split: &Split,
    topic: &str,
    gone: &BTreeSet<(u32, u64)>,
    changed: &BTreeSet<(u32, u64)>,
) -> Result<(Integrity, Vec<Erased>), SplitError> {
    let mut integrity = split.integrity()?;
    let is_meant = |place: &(u32, u64)| gone.contains(place) || changed.contains(place);
    let found = places(split, &integrity)?;
    let mut removed: Vec<Vec<Removed>> = vec![Vec::new(); integrity.trees.len()];
    let mut hasher = Hasher::new(topic);
    for page in 0..split.pages().len() as u32 {
        let core = split.page_core(page)?;
        let mut places_of = core.partitions().iter().copied().zip(core.offsets().iter().copied());
        if !places_of.any(|place| is_meant(&place)) {
            continue;
        }
        let rows = split.read_page(page, Columns::ALL)?;
        split.forget_templates();
        for row in rows.rows().filter(|row| is_meant(&(row.partition, row.offset))) {
            let Some(tree) = integrity.tree_of(row.partition, row.offset).map(|tree| tree as usize) else {
                continue;
            };
            let leaf = found.trees[tree].places.binary_search(&(row.partition, row.offset));
            let leaf = leaf.expect("the places are those of the rows") as u64;
            // A row whose salt is not there was altered before; its leaf is none that was sealed.
            let salt = integrity.trees[tree].salts.get(leaf).unwrap_or(Salt::default());
            removed[tree].push(Removed {
                leaf,
                partition: row.partition,
                offset: row.offset,
                hash: hasher.leaf(&row, &salt),
            });
        }
    }
    let mut erased = Vec::new();
    for (tree, mut removed) in integrity.trees.iter_mut().zip(removed) {
        if removed.is_empty() {
            continue;
        }
        removed.sort_unstable_by_key(|removed| removed.leaf);
        let leaves: Vec<u64> = removed.iter().map(|removed| removed.leaf).collect();
        tree.salts = tree.salts.without(&leaves);
        let (redacted, gone): (Vec<_>, Vec<_>) = removed
            .iter()
            .partition(|removed| changed.contains(&(removed.partition, removed.offset)));
        for (leaves, is_redacted) in [(gone, false), (redacted, true)] {
            if !leaves.is_empty() {
                erased.push(Erased {
                    tree: tree.id_text(),
                    leaves: leaves.iter().map(|removed: &&Removed| removed.leaf).collect(),
                    is_redacted,
                });
            }
        }
        tree.removed.extend(removed);
        tree.removed.sort_unstable_by_key(|removed| removed.leaf);
    }
    Ok((integrity, erased))
}
