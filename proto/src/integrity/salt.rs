//! Salts of leaves: without one a short line could be guessed from its leaf's hash.
//!
//! Every 4,096 leaves of a tree that follow each other (a *page*) have one random seed, the top of
//! a binary tree: below a node with value *v* stand the two halves of SHA-256(`02` ‖ *v*). What
//! stands twelve levels below the seed are the salts. So a page costs 16 bytes; and when leaves are
//! erased, the seed is replaced by the nodes beside the paths to them ([`Salts::without`]), from
//! which every other salt follows and theirs do not.

use super::hash::Hash;

/// Leaves of a page.
pub const PAGE_LEAVES: u64 = 1 << PAGE_DEPTH;
/// Levels from a page's seed down to its salts.
pub const PAGE_DEPTH: u8 = 12;
/// Bytes of a seed, a node, a salt.
pub const SALT_BYTES: usize = 16;
/// Before a node whose halves are wanted.
const EXPAND: u8 = 2;

/// What makes a leaf unguessable.
pub type Salt = [u8; SALT_BYTES];

/// A node from which the salts below it follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SaltNode {
    /// Of which page.
    pub page: u32,
    /// Levels below the page's seed, 0–12.
    pub depth: u8,
    /// Which of its level's.
    pub position: u16,
    /// Its value.
    pub value: Salt,
}

/// What the salts of a tree follow from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Salts {
    leaves: u64,
    /// Ascending, without overlap.
    nodes: Vec<SaltNode>,
}

impl SaltNode {
    /// The first leaf below it.
    fn first(&self) -> u64 {
        u64::from(self.page) * PAGE_LEAVES + (u64::from(self.position) << (PAGE_DEPTH - self.depth))
    }

    /// One past the last leaf below it.
    fn end(&self) -> u64 {
        self.first() + (1 << (PAGE_DEPTH - self.depth))
    }

    fn children(&self) -> [Self; 2] {
        let mut bytes = [EXPAND; 1 + SALT_BYTES];
        bytes[1..].copy_from_slice(&self.value);
        let halves = Hash::of(&bytes).0;
        [0, 1].map(|side: usize| Self {
            page: self.page,
            depth: self.depth + 1,
            position: self.position << 1 | side as u16,
            value: std::array::from_fn(|at| halves[SALT_BYTES * side + at]),
        })
    }

    /// Calls `each` for every salt of the leaves `from..to` below it.
    fn walk(&self, from: u64, to: u64, each: &mut impl FnMut(u64, &Salt)) {
        if self.end() <= from || self.first() >= to {
            return;
        }
        if self.depth == PAGE_DEPTH {
            each(self.first(), &self.value);
            return;
        }
        self.children().iter().for_each(|child| child.walk(from, to, each));
    }

    /// Itself, or the nodes below it beside the paths to the removed leaves, which are ascending.
    fn puncture(&self, removed: &[u64], kept: &mut Vec<Self>) {
        let first = removed.partition_point(|&leaf| leaf < self.first());
        if removed.get(first).is_none_or(|&leaf| leaf >= self.end()) {
            kept.push(*self);
        } else if self.depth < PAGE_DEPTH {
            let children = self.children();
            children
                .iter()
                .for_each(|child| child.puncture(&removed[first..], kept));
        }
    }
}

impl Salts {
    /// New ones for so many leaves, of what `random` fills.
    pub fn random(leaves: u64, mut random: impl FnMut(&mut Salt)) -> Self {
        let seed = |page| {
            let mut value = Salt::default();
            random(&mut value);
            SaltNode {
                page,
                depth: 0,
                position: 0,
                value,
            }
        };
        let pages = u32::try_from(leaves.div_ceil(PAGE_LEAVES)).unwrap_or(u32::MAX);
        Self {
            leaves,
            nodes: (0..pages).map(seed).collect(),
        }
    }

    /// Of nodes as they were kept; `None` if they overlap, are out of order, or lie beyond the leaves.
    pub fn from_nodes(leaves: u64, nodes: Vec<SaltNode>) -> Option<Self> {
        let mut end = 0;
        for node in &nodes {
            let fits = node.depth <= PAGE_DEPTH
                && u64::from(node.position) < 1 << node.depth
                && node.first() >= end
                && node.first() < leaves;
            if !fits {
                return None;
            }
            end = node.end();
        }
        Some(Self { leaves, nodes })
    }

    /// What is to be kept of them.
    pub fn nodes(&self) -> &[SaltNode] {
        &self.nodes
    }

    /// Leaves of the tree, erased ones included.
    pub fn leaves(&self) -> u64 {
        self.leaves
    }

    /// Calls `each` with every leaf that has a salt, ascending.
    pub fn each(&self, mut each: impl FnMut(u64, &Salt)) {
        self.nodes.iter().for_each(|node| node.walk(0, self.leaves, &mut each));
    }

    /// One leaf's salt, if it still has one.
    pub fn get(&self, leaf: u64) -> Option<Salt> {
        if leaf >= self.leaves {
            return None;
        }
        let at = self.nodes.partition_point(|node| node.end() <= leaf);
        let mut salt = None;
        self.nodes
            .get(at)?
            .walk(leaf, leaf + 1, &mut |_, found| salt = Some(*found));
        salt
    }

    /// The salts of all but these leaves, which are ascending. Those of the removed cannot be had
    /// from the result.
    #[must_use]
    pub fn without(&self, removed: &[u64]) -> Self {
        let mut kept = Vec::with_capacity(self.nodes.len());
        self.nodes.iter().for_each(|node| node.puncture(removed, &mut kept));
        // Beside the path to a removed leaf stands nothing that lies beyond the tree.
        kept.retain(|node| node.first() < self.leaves);
        Self {
            leaves: self.leaves,
            nodes: kept,
        }
    }
}
