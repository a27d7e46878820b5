//! The live rows of one partition.
//!
//! Every fetch adds a small block. So that a query never meets thousands of them, neighbours of
//! like size are joined as they come (a row is copied about log2(rows) times), up to
//! [`BLOCK_ROWS_MAX`]. Blocks that a flush has taken are fenced: they are joined with nothing, so
//! the flush's end is always the edge of a block.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use timberline_proto::id::IncarnationId;

use super::SourceRange;
use crate::rows::RowBlock;

/// Joined blocks do not grow beyond this.
pub(super) const BLOCK_ROWS_MAX: usize = 16_384;
/// Nor beyond this, bytes in memory.
const BLOCK_BYTES_MAX: u64 = 8 << 20;

#[derive(Debug)]
pub(super) struct PartitionRows {
    pub(super) incarnation: IncarnationId,
    /// Every offset below is here, published, or known to hold no row.
    pub(super) covered: u64,
    /// Every offset below is published: no row of them is held.
    published: u64,
    /// One past the last record that the queue was seen to hold.
    pub(super) queue_end: u64,
    /// When the oldest offset covered but not published was covered.
    pub(super) oldest: Option<Instant>,
    pub(super) blocks: VecDeque<Sealed>,
    /// What the batches of these offsets cover of files, in their order.
    ranges: VecDeque<SourceRange>,
    /// So many blocks at the front belong to a flush under way.
    fenced: usize,
}

#[derive(Clone, Debug)]
pub(super) struct Sealed {
    pub(super) rows: Arc<RowBlock>,
    pub(super) bytes: u64,
}

impl PartitionRows {
    pub(super) fn new(incarnation: IncarnationId, next_offset: u64) -> Self {
        Self {
            incarnation,
            covered: next_offset,
            published: next_offset,
            queue_end: next_offset,
            oldest: None,
            blocks: VecDeque::new(),
            ranges: VecDeque::new(),
            fenced: 0,
        }
    }

    pub(super) fn rows(&self) -> u64 {
        self.blocks.iter().map(|block| block.rows.len() as u64).sum()
    }

    pub(super) fn bytes(&self) -> u64 {
        let ranges = self.ranges.len() * size_of::<SourceRange>();
        self.blocks.iter().map(|block| block.bytes).sum::<u64>() + ranges as u64
    }

    /// Takes in what a batch covers of its file, before anything of it is covered here.
    pub(super) fn push_range(&mut self, range: SourceRange) {
        self.ranges.push_back(range);
    }

    /// What the batches below `to` cover of files.
    pub(super) fn ranges_below(&self, to: u64) -> Vec<SourceRange> {
        let below = self.ranges.iter().take_while(|range| range.offset_end <= to);
        below.cloned().collect()
    }

    pub(super) fn push(&mut self, rows: Arc<RowBlock>) {
        debug_assert!(
            rows.offsets().is_sorted(),
            "rows of a partition come in order of offset"
        );
        let bytes = bytes_of(&rows);
        self.blocks.push_back(Sealed { rows, bytes });
        while self.joinable() {
            self.join_last_two();
        }
    }

    /// The blocks of the next flush and the offset that they reach: whole blocks until `rows_max`
    /// or `bytes_max` is met, everything covered if all blocks are in.
    pub(super) fn fence(&mut self, rows_max: usize, bytes_max: u64) -> (Vec<Arc<RowBlock>>, u64) {
        let (mut rows, mut bytes, mut taken) = (0, 0, 0);
        for block in &self.blocks {
            if taken > 0 && (rows + block.rows.len() > rows_max || bytes + block.bytes > bytes_max) {
                break;
            }
            rows += block.rows.len();
            bytes += block.bytes;
            taken += 1;
        }
        self.fenced = taken;
        let to = self
            .blocks
            .get(taken)
            .and_then(|next| next.rows.offsets().first().copied());
        let blocks = self
            .blocks
            .iter()
            .take(taken)
            .map(|block| Arc::clone(&block.rows))
            .collect();
        (blocks, to.unwrap_or(self.covered))
    }

    pub(super) fn unfence(&mut self) {
        self.fenced = 0;
    }

    /// Forgets the rows below `offset`: they are published.
    pub(super) fn drop_below(&mut self, offset: u64) {
        if offset <= self.published {
            return;
        }
        self.published = offset;
        while self.ranges.front().is_some_and(|range| range.offset_end <= offset) {
            self.ranges.pop_front();
        }
        while let Some(first) = self.blocks.front() {
            if first.rows.offsets().last().is_some_and(|&last| last >= offset) {
                break;
            }
            self.blocks.pop_front();
            self.fenced = self.fenced.saturating_sub(1);
        }
        self.trim_first(offset);
        self.oldest = (self.covered > offset).then(Instant::now);
    }

    /// A block that was joined across `offset`, after a flush that failed, keeps what lies above.
    fn trim_first(&mut self, offset: u64) {
        let Some(first) = self.blocks.front_mut() else { return };
        if first.rows.offsets().first().is_none_or(|&lowest| lowest >= offset) {
            return;
        }
        let mut kept = RowBlock::new();
        for row in first.rows.rows().filter(|row| row.offset >= offset) {
            kept.push(&row);
        }
        let bytes = bytes_of(&kept);
        *first = Sealed {
            rows: Arc::new(kept),
            bytes,
        };
    }

    fn joinable(&self) -> bool {
        let unfenced = self.blocks.len().saturating_sub(self.fenced);
        if unfenced < 2 {
            return false;
        }
        let last = &self.blocks[self.blocks.len() - 1];
        let before = &self.blocks[self.blocks.len() - 2];
        before.rows.len() < 2 * last.rows.len()
            && before.rows.len() + last.rows.len() <= BLOCK_ROWS_MAX
            && before.bytes + last.bytes <= BLOCK_BYTES_MAX
    }

    fn join_last_two(&mut self) {
        let (Some(last), Some(before)) = (self.blocks.pop_back(), self.blocks.pop_back()) else {
            return;
        };
        let rows = before.rows.len() + last.rows.len();
        let mut joined = RowBlock::with_capacity(rows, before.rows.line_bytes() + last.rows.line_bytes());
        joined.append(&before.rows);
        joined.append(&last.rows);
        self.blocks.push_back(Sealed {
            rows: Arc::new(joined),
            bytes: before.bytes + last.bytes,
        });
    }
}

pub(super) fn bytes_of(rows: &RowBlock) -> u64 {
    rows.memory_bytes() as u64
}
