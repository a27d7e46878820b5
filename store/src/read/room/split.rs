//! One split by stream and pattern.
//!
//! The footer says exactly how many bytes the lines of each page have, and how long its blocks are. The
//! summary says which rows it has, by stream and template. Of a template's lines the fixed text is known,
//! and how many variables there are: what the fixed texts leave of a page's bytes is divided among its
//! variables, as if they were all of one length. The block of the text is divided by these bytes, the other
//! blocks by rows.

use std::sync::Arc;

use timberline_proto::api::room::RoomSums;

use super::divide::divide;
use crate::read::ReadError;
use crate::rows::Stream;
use crate::split::hash::FastMap;
use crate::split::summary::{Cell, Summary};
use crate::split::{Split, SplitError, Templates};

/// What is known of a split.
#[derive(Debug, Default)]
pub(super) struct SplitRoom {
    /// Bytes of the file by what they hold.
    pub(super) parts: Vec<(&'static str, u64)>,
    /// Of the file, what is of no page.
    pub(super) shared_bytes: u64,
    /// Those that take most.
    pub(super) streams: Vec<(Arc<Stream>, RoomSums)>,
    pub(super) streams_others: RoomSums,
    /// Those that take most.
    pub(super) patterns: Vec<(Pattern, RoomSums)>,
    pub(super) patterns_others: RoomSums,
}

/// A template, and where its text is to be had.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pattern {
    pub(super) id: u64,
    pub(super) page: u32,
    /// Number in the page's stripe.
    pub(super) number: u32,
}

/// Why a split is not measured.
pub(super) enum Failed {
    /// It cannot be read.
    Split(SplitError),
    /// Nobody waits any more.
    Stopped(ReadError),
}

impl From<SplitError> for Failed {
    fn from(error: SplitError) -> Self {
        Self::Split(error)
    }
}

impl SplitRoom {
    /// Measures a split. Of streams and patterns `kept_max` each are named. Blocks.
    pub(super) fn of(
        split: &Split,
        summary: Option<&Summary>,
        kept_max: usize,
        check: impl Fn() -> Result<(), ReadError>,
    ) -> Result<Self, Failed> {
        let mut by_stream: FastMap<u32, RoomSums> = FastMap::default();
        let mut by_template: FastMap<u64, (Pattern, RoomSums)> = FastMap::default();
        // A split that was written before there were summaries tells nobody's share.
        let mut unknown = RoomSums::default();
        let mut pages_bytes = 0;
        for page in 0..split.pages().len() as u32 {
            check().map_err(Failed::Stopped)?;
            pages_bytes += split.page_bytes(page);
            let Some(summary) = summary else {
                unknown += whole_page(split, page);
                continue;
            };
            let templates = split.templates(page)?;
            let cells = summary.cells(page);
            for (cell, sums) in cells.iter().zip(shares(split, page, cells, &templates)) {
                *by_stream.entry(cell.stream).or_default() += sums;
                let pattern = Pattern {
                    id: templates.id(cell.template),
                    page,
                    number: cell.template,
                };
                by_template
                    .entry(pattern.id)
                    .or_insert((pattern, RoomSums::default()))
                    .1 += sums;
            }
        }
        split.forget_templates();
        let (streams, streams_others) = most(by_stream.into_iter().collect(), kept_max, unknown);
        let (patterns, patterns_others) = most(by_template.into_values().collect(), kept_max, unknown);
        let stream = |(number, sums): (u32, RoomSums)| (Arc::clone(&split.streams()[number as usize]), sums);
        Ok(Self {
            parts: split.bytes_by_part().to_vec(),
            shared_bytes: split.meta().file_bytes - pages_bytes,
            streams: streams.into_iter().map(stream).collect(),
            streams_others,
            patterns,
            patterns_others,
        })
    }

    /// About what it takes in memory.
    pub(super) fn bytes(&self) -> usize {
        size_of::<Self>()
            + size_of_val(self.parts.as_slice())
            + size_of_val(self.streams.as_slice())
            + size_of_val(self.patterns.as_slice())
    }
}

fn whole_page(split: &Split, page: u32) -> RoomSums {
    RoomSums {
        records: u64::from(split.pages()[page as usize].rows),
        raw_bytes: split.page_line_bytes(page),
        file_bytes: split.page_bytes(page),
    }
}

/// What the rows of each of a page's cells take.
fn shares(split: &Split, page: u32, cells: &[Cell], templates: &Templates) -> Vec<RoomSums> {
    let rows: Vec<u64> = cells.iter().map(|cell| u64::from(cell.rows)).collect();
    let (mut fixed, mut variables) = (Vec::with_capacity(cells.len()), Vec::with_capacity(cells.len()));
    for cell in cells {
        let (bytes, slots) = templates
            .pieces(cell.template)
            .map_or((0, 1), |pieces| (pieces.fixed_bytes(), pieces.slots()));
        fixed.push(u64::from(cell.rows) * bytes as u64);
        variables.push(u64::from(cell.rows) * slots as u64);
    }
    let line_bytes = split.page_line_bytes(page);
    let lines: Vec<u64> = match line_bytes.checked_sub(fixed.iter().sum()) {
        Some(rest) => divide(rest, &variables)
            .iter()
            .zip(&fixed)
            .map(|(a, b)| a + b)
            .collect(),
        None => divide(line_bytes, &fixed),
    };
    let [core, text, provenance, attributes] = split.page_block_bytes(page);
    let by_rows = divide(core + provenance + attributes, &rows);
    let by_lines = divide(text, &lines);
    let of_cell = |at: usize| RoomSums {
        records: rows[at],
        raw_bytes: lines[at],
        file_bytes: by_rows[at] + by_lines[at],
    };
    (0..cells.len()).map(of_cell).collect()
}

/// The `most` that take most, and the sum of all others with `unknown`.
pub(super) fn most<T>(mut all: Vec<(T, RoomSums)>, most: usize, unknown: RoomSums) -> (Vec<(T, RoomSums)>, RoomSums) {
    let mut others = unknown;
    if all.len() > most {
        all.select_nth_unstable_by_key(most, |(_, sums)| rank(sums));
        all.drain(most..).for_each(|(_, sums)| others += sums);
    }
    all.sort_unstable_by_key(|(_, sums)| rank(sums));
    (all, others)
}

fn rank(sums: &RoomSums) -> impl Ord + use<> {
    std::cmp::Reverse((sums.file_bytes, sums.raw_bytes, sums.records))
}
