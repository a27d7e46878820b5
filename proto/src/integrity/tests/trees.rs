//! Roots and proofs against the RFC's and other known trees.

use proptest::prelude::*;

use crate::integrity::hash::Hash;
use crate::integrity::tree::{Frontier, consistency, includes, inclusion, is_consistent, root};

/// The leaves by which implementations of RFC 6962 and 9162 are compared.
fn leaves() -> Vec<Hash> {
    let contents: [&[u8]; 8] = [
        b"",
        b"\x00",
        b"\x10",
        b"\x20\x21",
        b"\x30\x31",
        b"\x40\x41\x42\x43",
        b"\x50\x51\x52\x53\x54\x55\x56\x57",
        b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
    ];
    contents.iter().map(|content| Hash::leaf(content)).collect()
}

/// Their roots, from one leaf to eight.
const ROOTS: [&str; 8] = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

#[test]
fn roots_are_those_of_the_known_trees() {
    let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert_eq!(root(&[]).to_string(), empty);
    for (leaves_taken, expected) in (1..).zip(ROOTS) {
        assert_eq!(
            root(&leaves()[..leaves_taken]).to_string(),
            expected,
            "{leaves_taken} leaves"
        );
    }
}

/// The tree of RFC 9162, 2.1.5: seven leaves d0–d6, with the names of its nodes.
struct Example {
    leaves: Vec<Hash>,
    nodes: std::collections::BTreeMap<char, Hash>,
}

fn example() -> Example {
    let leaves = leaves()[..7].to_vec();
    let mut nodes: std::collections::BTreeMap<char, Hash> = "abcdefj".chars().zip(leaves.iter().copied()).collect();
    for (name, left, right) in [
        ('g', 'a', 'b'),
        ('h', 'c', 'd'),
        ('i', 'e', 'f'),
        ('k', 'g', 'h'),
        ('l', 'i', 'j'),
    ] {
        nodes.insert(name, Hash::node(&nodes[&left], &nodes[&right]));
    }
    Example { leaves, nodes }
}

impl Example {
    fn named(&self, names: &str) -> Vec<Hash> {
        names.chars().map(|name| self.nodes[&name]).collect()
    }
}

#[test]
fn proofs_are_those_of_the_rfc() {
    let tree = example();
    // Inclusion of d0, d3, d4, d6.
    for (index, path) in [(0, "bhl"), (3, "cgl"), (4, "fjk"), (6, "ik")] {
        assert_eq!(inclusion(&tree.leaves, index), Some(tree.named(path)), "d{index}");
    }
    // Consistency of the trees of 3, 4 and 6 leaves with that of 7.
    for (old, path) in [(3, "cdgl"), (4, "l"), (6, "ijk")] {
        assert_eq!(consistency(&tree.leaves, old), Some(tree.named(path)), "{old} leaves");
    }
}

#[test]
fn a_frontier_comes_back_from_its_peaks_and_no_other_bytes() {
    let mut frontier = Frontier::new();
    frontier.extend(example().leaves);
    let peaks = frontier.peaks();
    assert_eq!(Frontier::from_peaks(7, &peaks), Some(frontier));
    assert_eq!(Frontier::from_peaks(6, &peaks), None);
    assert_eq!(Frontier::from_peaks(7, &peaks[1..]), None);
    assert_eq!(Frontier::from_peaks(8, &peaks), None);
}

fn some_leaves(count: usize) -> Vec<Hash> {
    (0..count as u64).map(|n| Hash::leaf(&n.to_le_bytes())).collect()
}

#[test]
fn every_proof_of_small_trees_holds_and_no_proof_of_something_else() {
    for size in 1..=33 {
        let leaves = some_leaves(size);
        let top = root(&leaves);
        for index in 0..size {
            let path = inclusion(&leaves, index).unwrap();
            assert!(includes(leaves[index], index as u64, size as u64, &path, &top));
            for other in (0..size).filter(|&other| other != index) {
                assert!(!includes(leaves[other], index as u64, size as u64, &path, &top));
                assert!(!includes(leaves[index], other as u64, size as u64, &path, &top));
            }
            if let Some(shorter) = path.len().checked_sub(1) {
                assert!(!includes(
                    leaves[index],
                    index as u64,
                    size as u64,
                    &path[..shorter],
                    &top
                ));
            }
        }
        for old in 1..=size {
            let path = consistency(&leaves, old).unwrap();
            let before = root(&leaves[..old]);
            assert!(
                is_consistent(old as u64, &before, size as u64, &top, &path),
                "{old} of {size}"
            );
            let other = root(&some_leaves(old + 1)[1..]);
            assert!(!is_consistent(old as u64, &other, size as u64, &top, &path));
            assert!(!is_consistent(old as u64, &before, size as u64, &other, &path));
        }
    }
}

proptest! {
    #[test]
    fn whatever_is_given_for_a_proof_is_answered(
        index: u64, size: u64, old: u64, path in prop::collection::vec(any::<[u8; 32]>(), 0..70), leaf: [u8; 32],
    ) {
        let path: Vec<Hash> = path.into_iter().map(Hash).collect();
        prop_assert!(!includes(Hash(leaf), index, size, &path, &Hash([0; 32])));
        prop_assert!(!is_consistent(old, &Hash([0; 32]), size, &Hash([1; 32]), &path));
    }
}
