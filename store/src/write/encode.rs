//! Writing the splits of one flush, on several threads where cores are free.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use parking_lot::Mutex;
use timberline_proto::id::GenerationId;

use super::context::Context;
use super::flush::FlushError;
use super::memory;
use super::net::caught;
use super::slices::{RowAt, Spans, slices};
use crate::integrity::{LogTree, seal};
use crate::live::Cut;
use crate::rows::{RowBlock, Stream};
use crate::split::{SplitError, SplitMeta, SplitStream};

/// A split that is durable, and what of which files it holds.
#[derive(Debug)]
pub(super) struct NewSplit {
    pub(super) meta: SplitMeta,
    /// Bytes of each file.
    pub(super) files: Vec<(GenerationId, u64)>,
    /// The tree over its records.
    pub(super) tree: Option<LogTree>,
}

/// A slice with fewer rows for each thread is written by one: small splits cost more than they save.
const PART_ROWS_MIN: usize = 32_768;

impl Context {
    /// Writes the splits of a cut. Nothing of a failed attempt stays on disk.
    pub(super) fn write_splits(&self, topic: &str, cut: &Cut) -> Result<Vec<NewSplit>, FlushError> {
        let threads = if self.live.is_read() {
            1
        } else {
            self.options.encode_threads.max(1)
        };
        let rules = Arc::clone(&self.catalog.snapshot().rules);
        let spans = Spans::of_classes(&rules, self.options.clock.now_unix_nanos());
        let class_of = |stream: &Stream| rules.policy_of(topic, stream);
        let slices = slices(&cut.blocks, self.options.slices_max, &spans, &class_of);
        let parts = parts(&slices, threads);
        let next = AtomicUsize::new(0);
        let written: Mutex<Vec<(usize, NewSplit)>> = Mutex::default();
        let failed: Mutex<Option<FlushError>> = Mutex::default();
        let write = |may_go_on: &dyn Fn() -> bool| {
            while may_go_on() && failed.lock().is_none() {
                let number = next.fetch_add(1, Relaxed);
                let Some(rows) = parts.get(number) else { return };
                match caught(|| Ok::<_, FlushError>(self.write_split(topic, &cut.blocks, rows)?)) {
                    Ok(split) => written.lock().push((number, split)),
                    Err(error) => *failed.lock() = Some(error),
                }
            }
        };
        std::thread::scope(|scope| {
            for _ in 1..threads.min(parts.len()) {
                let builder = std::thread::Builder::new().name("store-encode".to_owned());
                // Queries come first: then, and where no thread can be made, this one does it alone.
                drop(builder.spawn_scoped(scope, || write(&|| !self.live.is_read())));
            }
            write(&|| true);
        });
        if threads > 1 {
            memory::give_back();
        }
        let mut written = written.into_inner();
        if let Some(error) = failed.into_inner() {
            written.iter().for_each(|(_, split)| self.files.remove(&split.meta.id));
            return Err(error);
        }
        written.sort_unstable_by_key(|(number, _)| *number);
        Ok(written.into_iter().map(|(_, split)| split).collect())
    }

    fn write_split(&self, topic: &str, blocks: &[Arc<RowBlock>], rows: &[RowAt]) -> Result<NewSplit, SplitError> {
        let mut split = SplitStream::create(self.files.dir(), &self.options.split, 0)?;
        for run in rows.chunk_by(|before, next| *next == (before.0, before.1 + 1)) {
            let (block, first) = run[0];
            split.push(&blocks[block as usize], first as usize..first as usize + run.len())?;
        }
        let sealed = self.keeper.is_some().then(|| seal(split.id(), topic, blocks, rows));
        let tree = sealed.as_ref().and_then(|sealed| sealed.trees.first().cloned());
        if let Some(sealed) = sealed {
            split.set_integrity(sealed);
        }
        let meta = split.finish()?;
        Ok(NewSplit {
            files: bytes_of_files(blocks, rows),
            tree: tree.map(|tree| LogTree::new(&tree, topic, &meta, self.options.clock.now_unix_nanos())),
            meta,
        })
    }
}

/// Bytes of each file that the rows make.
fn bytes_of_files(blocks: &[Arc<RowBlock>], rows: &[RowAt]) -> Vec<(GenerationId, u64)> {
    let mut files = HashMap::<GenerationId, u64>::new();
    let places = rows
        .iter()
        .filter_map(|&(block, row)| blocks[block as usize].place(row as usize));
    // Neighbours are mostly of one file.
    let mut run: Option<(GenerationId, u64)> = None;
    for place in places {
        let bytes = u64::from(place.source_bytes);
        match &mut run {
            Some((generation, sum)) if *generation == place.generation => *sum += bytes,
            _ => {
                if let Some((generation, sum)) = run.replace((place.generation, bytes)) {
                    *files.entry(generation).or_default() += sum;
                }
            }
        }
    }
    if let Some((generation, sum)) = run {
        *files.entry(generation).or_default() += sum;
    }
    files.into_iter().collect()
}

/// What is written to one split each: slices, and parts of large ones where there are fewer slices
/// than threads. A part holds streams that follow each other.
fn parts(slices: &[Vec<RowAt>], threads: usize) -> Vec<&[RowAt]> {
    let per_slice = threads.div_ceil(slices.len().max(1));
    let parts = slices.iter().flat_map(|slice| {
        let count = per_slice.min(slice.len() / PART_ROWS_MIN).max(1);
        slice.chunks(slice.len().div_ceil(count).max(1))
    });
    parts.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(rows: &[usize], threads: usize, expected: &[usize]) {
        let slices: Vec<Vec<RowAt>> = rows.iter().map(|&rows| vec![(0, 0); rows]).collect();
        let found: Vec<usize> = parts(&slices, threads).iter().map(|part| part.len()).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn large_slices_are_cut_where_threads_would_have_nothing_to_do() {
        check(&[], 2, &[]);
        check(&[10], 4, &[10]);
        check(&[PART_ROWS_MIN], 4, &[PART_ROWS_MIN]);
        check(&[2 * PART_ROWS_MIN], 4, &[PART_ROWS_MIN; 2]);
        check(&[9 * PART_ROWS_MIN], 1, &[9 * PART_ROWS_MIN]);
        check(&[9 * PART_ROWS_MIN, 5], 2, &[9 * PART_ROWS_MIN, 5]);
        check(&[4 * PART_ROWS_MIN, 5], 3, &[2 * PART_ROWS_MIN, 2 * PART_ROWS_MIN, 5]);
    }
}
