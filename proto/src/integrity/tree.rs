//! Merkle trees (RFC 9162, 2.1): a node without a sibling is promoted, never doubled.

use super::hash::{HASH_BYTES, Hash};

/// Hashes of a path at most: no tree has more than 2^64 leaves.
const PATH_MAX: usize = 64;

/// The right edge of a growing tree: the roots of the complete trees of which it is made, the
/// largest first. So many as its number of leaves has ones in binary.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    peaks: Vec<Hash>,
}

impl Frontier {
    /// A tree without leaves.
    pub fn new() -> Self {
        Self::default()
    }

    /// From what [`peaks`](Self::peaks) gave; `None` if that is not of `size` leaves.
    pub fn from_peaks(size: u64, peaks: &[u8]) -> Option<Self> {
        let (hashes, rest) = peaks.as_chunks::<HASH_BYTES>();
        if !rest.is_empty() || hashes.len() as u32 != size.count_ones() {
            return None;
        }
        let peaks = hashes.iter().map(|hash| Hash(*hash)).collect();
        Some(Self { size, peaks })
    }

    /// Its hashes, one behind the other.
    pub fn peaks(&self) -> Vec<u8> {
        self.peaks.iter().flat_map(|hash| hash.0).collect()
    }

    /// Leaves.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Adds a leaf.
    pub fn push(&mut self, leaf: Hash) {
        let mut node = leaf;
        for _ in 0..self.size.trailing_ones() {
            let left = self.peaks.pop().expect("as many peaks as ones");
            node = Hash::node(&left, &node);
        }
        self.peaks.push(node);
        self.size += 1;
    }

    /// The tree's root; of no leaves that of no bytes.
    pub fn root(&self) -> Hash {
        let mut peaks = self.peaks.iter().rev();
        let Some(last) = peaks.next() else { return Hash::of(&[]) };
        peaks.fold(*last, |right, left| Hash::node(left, &right))
    }
}

impl Extend<Hash> for Frontier {
    fn extend<T: IntoIterator<Item = Hash>>(&mut self, leaves: T) {
        leaves.into_iter().for_each(|leaf| self.push(leaf));
    }
}

/// The root of these leaves.
pub fn root(leaves: &[Hash]) -> Hash {
    let mut tree = Frontier::new();
    tree.extend(leaves.iter().copied());
    tree.root()
}

/// The hashes that lead from a leaf to the root (2.1.3.1); `None` if there is no such leaf.
pub fn inclusion(leaves: &[Hash], index: usize) -> Option<Vec<Hash>> {
    if index >= leaves.len() {
        return None;
    }
    let (mut path, mut part, mut at) = (Vec::new(), leaves, index);
    while part.len() > 1 {
        let (left, right) = part.split_at(split_of(part.len()));
        let (inside, beside) = if at < left.len() { (left, right) } else { (right, left) };
        at -= if at < left.len() { 0 } else { left.len() };
        path.push(root(beside));
        part = inside;
    }
    path.reverse();
    Some(path)
}

/// Whether `path` leads from leaf `index` of `size` to `expected` (2.1.3.2).
pub fn includes(leaf: Hash, index: u64, size: u64, path: &[Hash], expected: &Hash) -> bool {
    if index >= size || path.len() > PATH_MAX {
        return false;
    }
    let (mut at, mut last, mut node) = (index, size - 1, leaf);
    for beside in path {
        if last == 0 {
            return false;
        }
        if at & 1 == 1 || at == last {
            node = Hash::node(beside, &node);
            while at & 1 == 0 && at != 0 {
                at >>= 1;
                last >>= 1;
            }
        } else {
            node = Hash::node(&node, beside);
        }
        at >>= 1;
        last >>= 1;
    }
    last == 0 && node == *expected
}

/// The hashes that show that the first `old` leaves are the beginning of these (2.1.4.1); `None`
/// unless 0 < `old` ≤ their number.
pub fn consistency(leaves: &[Hash], old: usize) -> Option<Vec<Hash>> {
    if old == 0 || old > leaves.len() {
        return None;
    }
    let (mut path, mut part, mut at, mut is_old) = (Vec::new(), leaves, old, true);
    while at != part.len() {
        let (left, right) = part.split_at(split_of(part.len()));
        if at <= left.len() {
            path.push(root(right));
            part = left;
        } else {
            path.push(root(left));
            at -= left.len();
            part = right;
            is_old = false;
        }
    }
    if !is_old {
        path.push(root(part));
    }
    path.reverse();
    Some(path)
}

/// Whether `path` shows that a tree of `old` leaves is the beginning of one of `new` (2.1.4.2).
pub fn is_consistent(old: u64, old_root: &Hash, new: u64, new_root: &Hash, path: &[Hash]) -> bool {
    if old > new || path.len() > PATH_MAX {
        return false;
    }
    if old == new {
        return path.is_empty() && old_root == new_root;
    }
    if old == 0 {
        return path.is_empty() && *old_root == Hash::of(&[]);
    }
    let (mut at, mut last) = (old - 1, new - 1);
    while at & 1 == 1 {
        at >>= 1;
        last >>= 1;
    }
    let mut path = path.iter();
    let first = if old.is_power_of_two() {
        Some(old_root)
    } else {
        path.next()
    };
    let Some(first) = first else { return false };
    let (mut from_old, mut from_new) = (*first, *first);
    for beside in path {
        if last == 0 {
            return false;
        }
        if at & 1 == 1 || at == last {
            from_old = Hash::node(beside, &from_old);
            from_new = Hash::node(beside, &from_new);
            while at & 1 == 0 && at != 0 {
                at >>= 1;
                last >>= 1;
            }
        } else {
            from_new = Hash::node(&from_new, beside);
        }
        at >>= 1;
        last >>= 1;
    }
    last == 0 && from_old == *old_root && from_new == *new_root
}

/// The largest power of two below a number above 1.
fn split_of(leaves: usize) -> usize {
    1 << (usize::BITS - 1 - (leaves - 1).leading_zeros())
}
