//! The trees of a split from its rows.
//!
//! Holds per row of the split its place, its salt and its leaf: some 70 bytes.

use timberline_proto::integrity::{Hash, Salt, tree};

use super::leaves::Hasher;
use crate::rows::Row;
use crate::split::{Columns, Integrity, Removed, Split, SplitError};

/// What a split's rows make.
#[derive(Debug)]
pub struct Recomputed {
    /// What the split says of its trees.
    pub integrity: Integrity,
    /// What was found of each.
    pub trees: Vec<TreeFound>,
    /// Rows in no tree: partition and offset, ascending.
    pub uncovered: Vec<(u32, u64)>,
}

/// What was found of one tree.
#[derive(Clone, Debug, Default)]
pub struct TreeFound {
    /// Partition and offset of its rows and of those erased, ascending: leaf by leaf.
    pub places: Vec<(u32, u64)>,
    /// Its leaves; all zero where none could be made.
    pub leaves: Vec<Hash>,
    /// Rows of it that are there.
    pub rows: u64,
    /// The root of these leaves.
    pub root: Hash,
}

impl Recomputed {
    /// Which tree holds a record, and as which leaf.
    pub fn find(&self, partition: u32, offset: u64) -> Option<(usize, usize)> {
        let tree = self.integrity.tree_of(partition, offset);
        let erased = || {
            let mut trees = self.integrity.trees.iter();
            trees.position(|tree| {
                tree.removed
                    .iter()
                    .any(|gone| (gone.partition, gone.offset) == (partition, offset))
            })
        };
        let tree = tree
            .map(|tree| tree as usize)
            .filter(|&tree| self.leaf_at(tree, partition, offset).is_some());
        let tree = tree.or_else(erased)?;
        Some((tree, self.leaf_at(tree, partition, offset)?))
    }

    fn leaf_at(&self, tree: usize, partition: u32, offset: u64) -> Option<usize> {
        self.trees.get(tree)?.places.binary_search(&(partition, offset)).ok()
    }
}

/// Reads a split's rows and makes its trees of them.
///
/// # Errors
/// [`SplitError`]
pub fn recompute(split: &Split, topic: &str) -> Result<Recomputed, SplitError> {
    recompute_with(split, topic, &mut |_| {})
}

/// As [`recompute`], and gives each row to `each`.
///
/// # Errors
/// [`SplitError`]
pub(super) fn recompute_with(
    split: &Split,
    topic: &str,
    each: &mut dyn FnMut(&Row<'_>),
) -> Result<Recomputed, SplitError> {
    let integrity = split.integrity()?;
    let mut found = places(split, &integrity)?;
    let salts: Vec<Vec<Option<Salt>>> = integrity
        .trees
        .iter()
        .map(|tree| {
            let mut salts = vec![None; tree.leaves() as usize];
            tree.salts.each(|leaf, salt| {
                if let Some(place) = salts.get_mut(leaf as usize) {
                    *place = Some(*salt);
                }
            });
            salts
        })
        .collect();
    let mut hasher = Hasher::new(topic);
    for page in 0..split.pages().len() as u32 {
        let rows = split.read_page(page, Columns::ALL)?;
        split.forget_templates();
        for row in rows.rows() {
            each(&row);
            let Some(tree) = integrity.tree_of(row.partition, row.offset).map(|tree| tree as usize) else {
                continue;
            };
            let Ok(leaf) = found.trees[tree].places.binary_search(&(row.partition, row.offset)) else {
                continue;
            };
            if let Some(Some(salt)) = salts[tree].get(leaf) {
                found.trees[tree].leaves[leaf] = hasher.leaf(&row, salt);
            }
        }
    }
    for (of, tree) in found.trees.iter_mut().zip(&integrity.trees) {
        for Removed { leaf, hash, .. } in &tree.removed {
            if let Some(place) = of.leaves.get_mut(*leaf as usize) {
                *place = *hash;
            }
        }
        of.root = tree::root(&of.leaves);
    }
    found.integrity = integrity;
    Ok(found)
}

/// Where the rows of each tree stand, and which rows are of none.
pub(super) fn places(split: &Split, integrity: &Integrity) -> Result<Recomputed, SplitError> {
    let mut trees = vec![TreeFound::default(); integrity.trees.len()];
    let mut uncovered = Vec::new();
    for page in 0..split.pages().len() as u32 {
        let core = split.page_core(page)?;
        split.forget_templates();
        for (&partition, &offset) in core.partitions().iter().zip(core.offsets()) {
            match integrity.tree_of(partition, offset) {
                Some(tree) => {
                    let tree = &mut trees[tree as usize];
                    tree.places.push((partition, offset));
                    tree.rows += 1;
                }
                None => uncovered.push((partition, offset)),
            }
        }
    }
    for (found, tree) in trees.iter_mut().zip(&integrity.trees) {
        let erased = tree.removed.iter().map(|gone| (gone.partition, gone.offset));
        found.places.extend(erased);
        found.places.sort_unstable();
        found.leaves = vec![Hash::default(); found.places.len()];
    }
    uncovered.sort_unstable();
    Ok(Recomputed {
        integrity: Integrity::default(),
        trees,
        uncovered,
    })
}
