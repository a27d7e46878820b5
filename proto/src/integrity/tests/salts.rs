//! Salts, and what is left of them without some leaves.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use crate::integrity::hash::Hash;
use crate::integrity::salt::{Salt, SaltNode, Salts};

fn seeded(leaves: u64) -> Salts {
    let mut page = 0_u64;
    Salts::random(leaves, |salt| {
        page += 1;
        salt.copy_from_slice(&Hash::of(&page.to_le_bytes()).0[..16]);
    })
}

fn all(salts: &Salts) -> BTreeMap<u64, Salt> {
    let mut found = BTreeMap::new();
    salts.each(|leaf, salt| assert!(found.insert(leaf, *salt).is_none(), "leaf {leaf} twice"));
    found
}

#[test]
fn every_leaf_has_a_salt_of_its_own() {
    for leaves in [0, 1, 2, 4095, 4096, 4097, 10_000] {
        let salts = seeded(leaves);
        let found = all(&salts);
        assert_eq!(found.len() as u64, leaves);
        assert!(found.keys().copied().eq(0..leaves));
        assert_eq!(found.values().collect::<BTreeSet<_>>().len() as u64, leaves);
        for leaf in [0, leaves / 2, leaves.saturating_sub(1)] {
            assert_eq!(salts.get(leaf), found.get(&leaf).copied());
        }
        assert_eq!(salts.get(leaves), None);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn without_a_leaf_the_others_keep_their_salts_and_its_own_is_gone(
        leaves in 1_u64..9000, removed in prop::collection::btree_set(0_u64..9000, 1..20), again in 0_u64..9000,
    ) {
        let salts = seeded(leaves);
        let before = all(&salts);
        let removed: Vec<u64> = removed.into_iter().filter(|&leaf| leaf < leaves).collect();
        // Once with all of them, once one after another, in two orders.
        let at_once = salts.without(&removed);
        let one_by_one = removed.iter().fold(salts.clone(), |salts, &leaf| salts.without(&[leaf]));
        prop_assert_eq!(&at_once, &one_by_one);
        let mut expected = before.clone();
        expected.retain(|leaf, _| !removed.contains(leaf));
        prop_assert_eq!(all(&at_once), expected.clone());
        // No node that is kept is on the path to one that is gone.
        for &leaf in &removed {
            prop_assert_eq!(at_once.get(leaf), None);
        }
        let kept: BTreeSet<Salt> = at_once.nodes().iter().map(|node| node.value).collect();
        prop_assert!(removed.iter().all(|leaf| !kept.contains(&before[leaf])));
        let back = Salts::from_nodes(leaves, at_once.nodes().to_vec()).unwrap();
        prop_assert_eq!(all(&back), expected.clone());
        // An erasure after an erasure.
        expected.remove(&again);
        prop_assert_eq!(all(&back.without(&[again])), expected);
    }

    #[test]
    fn nodes_that_cannot_be_are_refused(
        leaves in 0_u64..9000, nodes in prop::collection::vec((0_u32..4, 0_u8..20, any::<u16>()), 0..4),
    ) {
        let nodes = nodes.into_iter().map(|(page, depth, position)| SaltNode { page, depth, position, value: [1; 16] });
        if let Some(salts) = Salts::from_nodes(leaves, nodes.collect()) {
            prop_assert!(all(&salts).len() as u64 <= leaves);
        }
    }
}
