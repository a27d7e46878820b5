//! The trees of a merge: those of its inputs.
//!
//! Where the offsets of two trees lie between each other, 24 bytes are held for each run of rows
//! that follow each other, while the runs are made.

use std::sync::Arc;

use crate::split::{Integrity, Run, Split, SplitError};

/// The trees of splits that become one, and which rows belong to which. An error names the input.
pub(crate) fn combine(inputs: &[Arc<Split>]) -> Result<Integrity, (usize, SplitError)> {
    let mut joined = Integrity::default();
    let mut bases = Vec::with_capacity(inputs.len());
    for (number, split) in inputs.iter().enumerate() {
        let integrity = split.integrity().map_err(|error| (number, error))?;
        let base = joined.trees.len() as u32;
        joined.runs.extend(runs_of(split, &integrity, base));
        joined.trees.extend(integrity.trees.iter().cloned());
        bases.push((base, integrity));
    }
    joined.runs.sort_unstable_by_key(|run| (run.partition, run.first));
    if overlap(&joined.runs) {
        joined.runs.clear();
        for (number, (split, (base, integrity))) in inputs.iter().zip(&bases).enumerate() {
            rows_of(split, integrity, *base, &mut joined.runs).map_err(|error| (number, error))?;
        }
        joined.runs.sort_unstable_by_key(|run| (run.partition, run.first));
    }
    bridge(&mut joined.runs);
    Ok(joined)
}

/// An input's runs, its trees counted from `base` on.
fn runs_of(split: &Split, integrity: &Integrity, base: u32) -> Vec<Run> {
    if integrity.runs.is_empty() {
        // Published without a tree: all of it.
        let offsets = split.meta().offsets.iter();
        let run = |&(partition, first, last): &(u32, u64, u64)| Run {
            partition,
            first,
            last,
            tree: None,
        };
        return offsets.map(run).collect();
    }
    let runs = integrity.runs.iter().map(|run| Run {
        tree: run.tree.map(|tree| base + tree),
        ..*run
    });
    runs.collect()
}

fn overlap(runs: &[Run]) -> bool {
    runs.windows(2)
        .any(|pair| pair[0].partition == pair[1].partition && pair[0].last >= pair[1].first)
}

/// An input's rows as runs of offsets that follow each other without a gap.
fn rows_of(split: &Split, integrity: &Integrity, base: u32, runs: &mut Vec<Run>) -> Result<(), SplitError> {
    for page in 0..split.pages().len() as u32 {
        let core = split.page_core(page)?;
        split.forget_templates();
        for (&partition, &offset) in core.partitions().iter().zip(core.offsets()) {
            let tree = integrity.tree_of(partition, offset).map(|tree| base + tree);
            match runs.last_mut() {
                Some(run)
                    if run.partition == partition && run.tree == tree && run.last.checked_add(1) == Some(offset) =>
                {
                    run.last = offset;
                }
                _ => runs.push(Run {
                    partition,
                    first: offset,
                    last: offset,
                    tree,
                }),
            }
        }
    }
    Ok(())
}

/// Makes one of runs of the same tree that follow each other: between them is no row.
fn bridge(runs: &mut Vec<Run>) {
    runs.dedup_by(|next, run| {
        let same = run.partition == next.partition && run.tree == next.tree;
        if same {
            run.last = run.last.max(next.last);
        }
        same
    });
}
