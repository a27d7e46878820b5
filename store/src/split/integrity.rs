//! What the trees of a split's records are recomputed with: which row belongs to which tree, the
//! salts, and the leaves of records that were erased.
//!
//! A tree holds the records of one published split, its leaves in the order of (partition, offset),
//! and is from then on whole in exactly one split: a merge has the trees of its inputs. Ids, roots
//! and numbers of leaves stand in the footer; this is the block beside them:
//!
//! `meta`: version (u8, 1), varint runs, per tree varint salt nodes and varint removed leaves.
//! Numbers, of the runs, ascending and without overlap: partition, first offset, last − first, 0 or
//! 1 + tree; of the nodes, tree by tree: page, depth, position; of the removed leaves, tree by tree:
//! leaf, partition, offset. `text`: 16 bytes of each node, then 32 bytes of each removed leaf.
//!
//! A run says to which tree the split's rows between two offsets belong, ends included.

use timberline_proto::integrity::{Hash, SaltNode, Salts};

use super::block::{Sinks, Unpacked};
use super::column::ints;
use super::footer::TreeEntry;
use super::wire::{Corrupt, put_varint};

const VERSION: u8 = 1;
/// Leaves beyond the rows and the erased ones that a reader makes room for: rows that were taken
/// out of the file are missed, and a number that cannot be is not believed.
const MISSING_MAX: u64 = 1 << 22;

/// The trees of a split, and what they are recomputed with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Integrity {
    /// In the order in which [`Run::tree`] counts them.
    pub trees: Vec<SplitTree>,
    /// Ascending, without overlap.
    pub runs: Vec<Run>,
}

/// A tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SplitTree {
    /// The id of the split as which its records were published.
    pub id: [u8; 16],
    /// Its root.
    pub root: Hash,
    /// The salts of its leaves, so far as they are not erased.
    pub salts: Salts,
    /// The leaves of records that were erased, ascending.
    pub removed: Vec<Removed>,
}

/// A record that was erased.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Removed {
    /// Which leaf of its tree.
    pub leaf: u64,
    /// Its partition.
    pub partition: u32,
    /// Its offset.
    pub offset: u64,
    /// The leaf.
    pub hash: Hash,
}

/// The rows between two offsets of a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// The partition.
    pub partition: u32,
    /// The first offset.
    pub first: u64,
    /// The last offset.
    pub last: u64,
    /// To which tree they belong; none if they were published without.
    pub tree: Option<u32>,
}

impl SplitTree {
    /// Leaves, erased ones included.
    pub fn leaves(&self) -> u64 {
        self.salts.leaves()
    }

    /// Its id as text: that of a split.
    pub fn id_text(&self) -> String {
        format!("{:032x}", u128::from_be_bytes(self.id))
    }
}

impl Integrity {
    /// To which tree the row at an offset belongs.
    pub fn tree_of(&self, partition: u32, offset: u64) -> Option<u32> {
        let at = self
            .runs
            .partition_point(|run| (run.partition, run.last) < (partition, offset));
        let run = self.runs.get(at)?;
        (run.partition == partition && run.first <= offset).then_some(run.tree)?
    }

    pub(crate) fn entries(&self) -> Vec<TreeEntry> {
        let entry = |tree: &SplitTree| TreeEntry {
            id: tree.id,
            root: tree.root,
            leaves: tree.leaves(),
        };
        self.trees.iter().map(entry).collect()
    }

    pub(crate) fn encode(&self, out: &mut Sinks) {
        out.meta.push(VERSION);
        put_varint(&mut out.meta, self.runs.len() as u64);
        for tree in &self.trees {
            put_varint(&mut out.meta, tree.salts.nodes().len() as u64);
            put_varint(&mut out.meta, tree.removed.len() as u64);
        }
        let mut column = |values: Vec<i64>| ints::encode(&values, out);
        let runs = || self.runs.iter();
        column(runs().map(|run| i64::from(run.partition)).collect());
        column(runs().map(|run| run.first as i64).collect());
        column(runs().map(|run| (run.last - run.first) as i64).collect());
        column(
            runs()
                .map(|run| run.tree.map_or(0, |tree| 1 + i64::from(tree)))
                .collect(),
        );
        let nodes = || self.trees.iter().flat_map(|tree| tree.salts.nodes());
        column(nodes().map(|node| i64::from(node.page)).collect());
        column(nodes().map(|node| i64::from(node.depth)).collect());
        column(nodes().map(|node| i64::from(node.position)).collect());
        let removed = || self.trees.iter().flat_map(|tree| &tree.removed);
        column(removed().map(|removed| removed.leaf as i64).collect());
        column(removed().map(|removed| i64::from(removed.partition)).collect());
        column(removed().map(|removed| removed.offset as i64).collect());
        nodes().for_each(|node| out.text.extend_from_slice(&node.value));
        removed().for_each(|removed| out.text.extend_from_slice(&removed.hash.0));
    }

    pub(crate) fn decode(block: &[u8], entries: &[TreeEntry], rows: u64) -> Result<Self, Corrupt> {
        if block.is_empty() {
            return if entries.is_empty() {
                Ok(Self::default())
            } else {
                Err(Corrupt("trees without what makes them"))
            };
        }
        let unpacked = Unpacked::new(block)?;
        let mut from = unpacked.sources();
        if from.meta.u8()? != VERSION {
            return Err(Corrupt("trees of a newer kind"));
        }
        let n_runs = from.meta.varint()?;
        let mut counts = Vec::with_capacity(entries.len());
        let (mut n_nodes, mut n_removed) = (0_u64, 0_u64);
        for _ in entries {
            let (nodes, removed) = (from.meta.varint()?, from.meta.varint()?);
            n_nodes = n_nodes.saturating_add(nodes);
            n_removed = n_removed.saturating_add(removed);
            counts.push((nodes, removed));
        }
        let stored = n_nodes.saturating_mul(16).saturating_add(n_removed.saturating_mul(32));
        if stored != from.text.remaining() as u64 {
            return Err(Corrupt("other salts and leaves than it says"));
        }
        let leaves = entries
            .iter()
            .fold(0, |sum: u64, entry| sum.saturating_add(entry.leaves));
        let leaves_max = rows.saturating_add(n_removed).saturating_add(MISSING_MAX);
        if leaves > leaves_max || n_runs > leaves_max.saturating_add(rows) {
            return Err(Corrupt("more leaves than there can be"));
        }
        let mut column = |count: u64| ints::decode(count as usize, &mut from);
        let [partitions, firsts, lengths, which] = [column(n_runs)?, column(n_runs)?, column(n_runs)?, column(n_runs)?];
        let [pages, depths, positions] = [column(n_nodes)?, column(n_nodes)?, column(n_nodes)?];
        let [gone, gone_partitions, gone_offsets] = [column(n_removed)?, column(n_removed)?, column(n_removed)?];
        let mut runs: Vec<Run> = Vec::with_capacity(partitions.len());
        for (at, &partition) in partitions.iter().enumerate() {
            let first = firsts[at] as u64;
            let last = first.checked_add(lengths[at] as u64);
            let run = Run {
                partition: u32::try_from(partition).map_err(|_| Corrupt("partition out of range"))?,
                first,
                last: last.ok_or(Corrupt("run beyond the last offset"))?,
                tree: tree_of(which[at], entries.len())?,
            };
            let before = runs.last().map(|run: &Run| (run.partition, run.last));
            if before.is_some_and(|before| before >= (run.partition, run.first)) {
                return Err(Corrupt("runs that overlap"));
            }
            runs.push(run);
        }
        let mut nodes = Vec::with_capacity(pages.len());
        for (at, &page) in pages.iter().enumerate() {
            nodes.push(SaltNode {
                page: u32::try_from(page).map_err(|_| Corrupt("salt out of range"))?,
                depth: u8::try_from(depths[at]).map_err(|_| Corrupt("salt out of range"))?,
                position: u16::try_from(positions[at]).map_err(|_| Corrupt("salt out of range"))?,
                value: from.text.array()?,
            });
        }
        let mut removed = Vec::with_capacity(gone.len());
        for (at, &leaf) in gone.iter().enumerate() {
            removed.push(Removed {
                leaf: leaf as u64,
                partition: u32::try_from(gone_partitions[at]).map_err(|_| Corrupt("partition out of range"))?,
                offset: gone_offsets[at] as u64,
                hash: Hash(from.text.array()?),
            });
        }
        from.end()?;
        let (mut nodes, mut removed) = (nodes.into_iter(), removed.into_iter());
        let tree = |(entry, (n_nodes, n_removed)): (&TreeEntry, (u64, u64))| {
            let nodes = nodes.by_ref().take(n_nodes as usize).collect();
            let removed: Vec<Removed> = removed.by_ref().take(n_removed as usize).collect();
            let ascends = removed.is_sorted_by(|a, b| a.leaf < b.leaf);
            if !ascends || removed.last().is_some_and(|last| last.leaf >= entry.leaves) {
                return Err(Corrupt("erased leaves out of order"));
            }
            Ok(SplitTree {
                id: entry.id,
                root: entry.root,
                salts: Salts::from_nodes(entry.leaves, nodes).ok_or(Corrupt("salts out of order"))?,
                removed,
            })
        };
        Ok(Self {
            trees: entries.iter().zip(counts).map(tree).collect::<Result<_, _>>()?,
            runs,
        })
    }
}

fn tree_of(which: i64, trees: usize) -> Result<Option<u32>, Corrupt> {
    match u32::try_from(which) {
        Ok(0) => Ok(None),
        Ok(tree) if tree as usize <= trees => Ok(Some(tree - 1)),
        _ => Err(Corrupt("run of a tree that is not there")),
    }
}
