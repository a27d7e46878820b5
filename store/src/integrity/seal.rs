//! The tree of a split that is published.

use std::sync::Arc;

use timberline_proto::integrity::{Frontier, Salts};

use super::leaves::Hasher;
use crate::rows::RowBlock;
use crate::split::{Integrity, Run, SplitTree};

/// The tree over some rows of blocks, named by the split's id: 32 hexadecimal digits.
pub(crate) fn seal(id: &str, topic: &str, blocks: &[Arc<RowBlock>], rows: &[(u32, u32)]) -> Integrity {
    let place = |&(block, row): &(u32, u32)| {
        let block = &blocks[block as usize];
        (block.partitions()[row as usize], block.offsets()[row as usize])
    };
    // Blocks of a partition follow each other, and so do the rows of one: mostly this is the order.
    let mut order = rows.to_vec();
    order.sort_unstable();
    if !order.is_sorted_by_key(place) {
        order.sort_unstable_by_key(place);
    }
    let salts = Salts::random(order.len() as u64, |salt| *salt = rand::random());
    let mut hasher = Hasher::new(topic);
    let mut tree = Frontier::new();
    salts.each(|leaf, salt| {
        let (block, row) = order[leaf as usize];
        tree.push(hasher.leaf(&blocks[block as usize].row(row as usize), salt));
    });
    let mut runs: Vec<Run> = Vec::new();
    for (partition, offset) in order.iter().map(place) {
        match runs.last_mut().filter(|run| run.partition == partition) {
            Some(run) => run.last = offset,
            None => runs.push(Run {
                partition,
                first: offset,
                last: offset,
                tree: Some(0),
            }),
        }
    }
    Integrity {
        trees: vec![SplitTree {
            id: u128::from_str_radix(id, 16).unwrap_or_default().to_be_bytes(),
            root: tree.root(),
            salts,
            removed: Vec::new(),
        }],
        runs,
    }
}
