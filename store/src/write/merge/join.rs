//! Rows of several splits in the order of one. Of each split one page is in memory.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ops::Range;
use std::sync::Arc;

use crate::catalog::CatalogSplit;
use crate::rows::{RowBlock, StreamRanks};
use crate::split::{Columns, Split, SplitError};

/// Reading an input failed: which one, and how.
pub(super) type InputError = (usize, SplitError);

/// Rank of the stream, then time, partition, offset: the order of a split.
type Key = (u32, (i64, u32, u64));

/// The splits being joined.
pub(super) struct Join {
    ranks: StreamRanks,
    inputs: Vec<Input>,
    /// The next row of each input that has one; the least first.
    next: BinaryHeap<Reverse<(Key, usize)>>,
}

struct Input {
    split: Arc<Split>,
    entry: Arc<CatalogSplit>,
    /// The page after the one in memory.
    next_page: u32,
    rows: RowBlock,
    /// Of the streams of `rows`.
    ranks: Vec<u32>,
    at: usize,
    found: u64,
}

impl Join {
    /// Reads the first page of each.
    ///
    /// # Errors
    /// [`InputError`]
    pub(super) fn open(splits: Vec<(Arc<CatalogSplit>, Arc<Split>)>) -> Result<Self, InputError> {
        let ranks = StreamRanks::new(splits.iter().flat_map(|(_, split)| split.streams()));
        let mut join = Self {
            ranks,
            inputs: splits.into_iter().map(Input::new).collect(),
            next: BinaryHeap::new(),
        };
        for number in 0..join.inputs.len() {
            join.queue(number)?;
        }
        Ok(join)
    }

    /// Gives the next rows that stand together to `each`; `false` if there are none left.
    ///
    /// # Errors
    /// [`InputError`] of an input, or what `each` gave.
    pub(super) fn next_run<E: From<InputError>>(
        &mut self,
        each: impl FnOnce(&RowBlock, Range<usize>) -> Result<(), E>,
    ) -> Result<bool, E> {
        let Some(Reverse((_, number))) = self.next.pop() else {
            return Ok(false);
        };
        let limit = self.next.peek().map(|Reverse((key, _))| *key);
        let input = &mut self.inputs[number];
        let start = input.at;
        let follows = |key: Key| limit.is_none_or(|limit| key <= limit);
        input.at += 1;
        while input.at < input.rows.len() && follows(input.key()) {
            input.at += 1;
        }
        each(&input.rows, start..input.at)?;
        self.queue(number)?;
        Ok(true)
    }

    /// Puts an input's next row where it belongs, reading on if need be.
    fn queue(&mut self, number: usize) -> Result<(), InputError> {
        let input = &mut self.inputs[number];
        if input.at >= input.rows.len() && !input.read_on(&self.ranks).map_err(|error| (number, error))? {
            return Ok(());
        }
        self.next.push(Reverse((input.key(), number)));
        Ok(())
    }
}

impl Input {
    fn new((entry, split): (Arc<CatalogSplit>, Arc<Split>)) -> Self {
        Self {
            split,
            entry,
            next_page: 0,
            rows: RowBlock::new(),
            ranks: Vec::new(),
            at: 0,
            found: 0,
        }
    }

    fn key(&self) -> Key {
        (self.ranks[self.rows.stream_index(self.at)], self.rows.order_of(self.at))
    }

    /// Takes the next page; `false` if there is none. A split that holds other rows than the
    /// catalog says is damaged.
    fn read_on(&mut self, ranks: &StreamRanks) -> Result<bool, SplitError> {
        self.rows = RowBlock::new();
        self.at = 0;
        while self.rows.is_empty() {
            if self.next_page as usize >= self.split.pages().len() {
                return self.is_whole().map(|()| false);
            }
            self.rows = self.split.read_page(self.next_page, Columns::ALL)?;
            // Of many inputs they would be more than the pages.
            self.split.forget_templates();
            self.next_page += 1;
        }
        self.found += self.rows.len() as u64;
        self.ranks = self.rows.streams().iter().map(|stream| ranks.of(stream)).collect();
        Ok(true)
    }

    fn is_whole(&self) -> Result<(), SplitError> {
        if self.found == self.entry.meta.rows {
            return Ok(());
        }
        Err(SplitError::Damaged {
            path: self.split.path().to_owned(),
            what: format!("{} rows where the catalog says {}", self.found, self.entry.meta.rows),
        })
    }
}
