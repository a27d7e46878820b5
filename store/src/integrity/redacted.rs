//! Redaction: the tree over records that were changed.
//!
//! A changed record keeps its place. Its former leaf is erased from the tree that it was in; its new form is
//! a leaf of another one, which is sealed in the transaction that changes it. So what is changed later
//! without a word is found as with any record.

use timberline_proto::integrity::{Frontier, Salts};

use super::leaves::Hasher;
use crate::rows::RowBlock;
use crate::split::{Integrity, Run, SplitTree};

/// Adds the tree over `changed` to those of a split, named `id`: of its rows those that were in a tree
/// before. Rows are ascending by partition and offset. `None` if there are none.
pub(crate) fn redacted(integrity: &mut Integrity, id: u128, topic: &str, changed: &RowBlock) -> Option<SplitTree> {
    let covered: Vec<u32> = (0..changed.len() as u32)
        .filter(|&row| {
            let row = changed.row(row as usize);
            integrity.tree_of(row.partition, row.offset).is_some()
        })
        .collect();
    if covered.is_empty() {
        return None;
    }
    let salts = Salts::random(covered.len() as u64, |salt| *salt = rand::random());
    let mut hasher = Hasher::new(topic);
    let mut tree = Frontier::new();
    salts.each(|leaf, salt| {
        let row = covered[leaf as usize];
        tree.push(hasher.leaf(&changed.row(row as usize), salt));
    });
    let number = integrity.trees.len() as u32;
    for row in covered {
        let row = changed.row(row as usize);
        divide(&mut integrity.runs, row.partition, row.offset, number);
    }
    let tree = SplitTree {
        id: id.to_be_bytes(),
        root: tree.root(),
        salts,
        removed: Vec::new(),
    };
    integrity.trees.push(tree.clone());
    Some(tree)
}

/// Makes a run of its own of one offset.
fn divide(runs: &mut Vec<Run>, partition: u32, offset: u64, tree: u32) {
    let at = runs.partition_point(|run| (run.partition, run.last) < (partition, offset));
    let whole = runs[at];
    let parts = [
        (whole.first < offset).then(|| Run {
            last: offset - 1,
            ..whole
        }),
        Some(Run {
            first: offset,
            last: offset,
            tree: Some(tree),
            ..whole
        }),
        (offset < whole.last).then(|| Run {
            first: offset + 1,
            ..whole
        }),
    ];
    runs.splice(at..=at, parts.into_iter().flatten());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(first: u64, last: u64, tree: u32) -> Run {
        Run {
            partition: 0,
            first,
            last,
            tree: Some(tree),
        }
    }

    #[test]
    fn an_offset_becomes_a_run_of_its_own_and_those_beside_it_stay_where_they_were() {
        let mut runs = vec![run(0, 9, 0), run(10, 10, 0), run(11, 20, 0)];
        for offset in [0, 5, 10, 20] {
            divide(&mut runs, 0, offset, 7);
        }
        let expected = [
            run(0, 0, 7),
            run(1, 4, 0),
            run(5, 5, 7),
            run(6, 9, 0),
            run(10, 10, 7),
            run(11, 19, 0),
            run(20, 20, 7),
        ];
        assert_eq!(runs, expected);
    }
}
