//! A split's summary: what can be counted of it without reading a page.
//!
//! - *Cells*: per page, how many rows each template has of each stream and severity.
//! - *Spans*: per template of the split, the first and last time of its rows. Templates of a split
//!   are numbered as they first come: stripe by stripe, in each by their number there.
//! - *Timeline*: per stream and *bucket* of time (aligned to the epoch, all of one width), how many
//!   rows each severity has. The width is the smallest of [`WIDTHS`] with which
//!   [`TIMELINE_ENTRIES_MAX`] entries suffice; each is a multiple of the one before. A split of so
//!   many streams that none suffices has no timeline: no entries, and a place beyond the widths.
//!
//! One block (`block`): `meta`: varint width's place in [`WIDTHS`], varint cells, varint spans,
//! varint entries; then columns of numbers. Cells: per page their count; per cell its stream's
//! place among the page's, its template's number in the stripe, severity rank, rows. Spans: first
//! time, last time − first time. Entries, ascending: stream's number in the split, bucket, severity
//! rank, rows.

use super::block::{Sinks, Unpacked};
use super::column::ints;
use super::footer::Footer;
use super::hash::FastMap;
use super::page::PageRows;
use super::wire::{Corrupt, put_varint};

/// Entries of a timeline at most.
pub(crate) const TIMELINE_ENTRIES_MAX: usize = 4096;

const MS: i64 = 1_000_000;
const SECOND: i64 = 1000 * MS;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// Widths of a bucket, nanoseconds. The last ones hold every time there is in a few buckets.
pub(crate) const WIDTHS: [i64; 21] = [
    MS,
    10 * MS,
    100 * MS,
    SECOND,
    5 * SECOND,
    15 * SECOND,
    30 * SECOND,
    MINUTE,
    5 * MINUTE,
    15 * MINUTE,
    30 * MINUTE,
    HOUR,
    3 * HOUR,
    6 * HOUR,
    12 * HOUR,
    DAY,
    7 * DAY,
    28 * DAY,
    364 * DAY,
    3640 * DAY,
    36400 * DAY,
];

/// Rows of one page that are alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cell {
    /// Number in the split.
    pub(crate) stream: u32,
    /// Number in the page's stripe.
    pub(crate) template: u32,
    /// Rank.
    pub(crate) severity: u8,
    pub(crate) rows: u32,
}

/// Rows of one stream, bucket and severity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Number in the split.
    pub(crate) stream: u32,
    /// The bucket is `bucket × width ..`.
    pub(crate) bucket: i64,
    /// Rank.
    pub(crate) severity: u8,
    pub(crate) rows: u64,
}

/// A summary, read.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Summary {
    cells: Vec<Cell>,
    /// Per page, where its cells end.
    cell_ends: Vec<u32>,
    /// Per template of the split, first and last time.
    pub(crate) spans: Vec<(i64, i64)>,
    /// Width of the timeline's buckets, nanoseconds; none if there is no timeline.
    pub(crate) width: Option<i64>,
    pub(crate) timeline: Vec<Entry>,
}

impl Summary {
    /// The cells of a page.
    pub(crate) fn cells(&self, page: u32) -> &[Cell] {
        let page = page as usize;
        let start = page.checked_sub(1).map_or(0, |before| self.cell_ends[before]);
        &self.cells[start as usize..self.cell_ends[page] as usize]
    }

    /// About what it takes in memory.
    pub(crate) fn bytes(&self) -> usize {
        self.cells.len() * size_of::<Cell>()
            + self.cell_ends.len() * size_of::<u32>()
            + self.spans.len() * size_of::<(i64, i64)>()
            + self.timeline.len() * size_of::<Entry>()
    }

    /// Reads the block of a split's summary; what it says must agree with the footer.
    pub(crate) fn decode(block: &[u8], footer: &Footer) -> Result<Self, Corrupt> {
        let unpacked = Unpacked::new(block)?;
        let mut from = unpacked.sources();
        let width = match usize::try_from(from.meta.varint()?) {
            Ok(place) if place < WIDTHS.len() => Some(WIDTHS[place]),
            Ok(place) if place == WIDTHS.len() => None,
            _ => return Err(Corrupt("unknown width of buckets")),
        };
        let rows: u64 = footer.pages.iter().map(|page| u64::from(page.rows)).sum();
        let templates: u64 = footer.stripes.iter().map(|stripe| u64::from(stripe.templates)).sum();
        let mut count = |most: u64| match from.meta.varint()? {
            count if count <= most => Ok(count as usize),
            _ => Err(Corrupt("summary of more than there is")),
        };
        // Every cell has a row, every span a template with one.
        let (cells, spans, entries) = (
            count(rows)?,
            count(rows.min(templates))?,
            count(rows.min(TIMELINE_ENTRIES_MAX as u64))?,
        );
        let mut summary = Self {
            width,
            ..Self::default()
        };
        let counts = ints::decode(footer.pages.len(), &mut from)?;
        let mut column = |count| ints::decode(count, &mut from);
        let cells = [column(cells)?, column(cells)?, column(cells)?, column(cells)?];
        summary.take_cells(&counts, &cells, footer)?;
        let (first, length) = (column(spans)?, column(spans)?);
        summary.spans = first
            .iter()
            .zip(length)
            .map(|(&first, length)| (first, first.wrapping_add(length)))
            .collect();
        let entries = [column(entries)?, column(entries)?, column(entries)?, column(entries)?];
        if let Some(width) = width {
            summary.take_timeline(&entries, width, footer, rows)?;
        }
        from.end()?;
        Ok(summary)
    }

    fn take_cells(
        &mut self,
        counts: &[i64],
        [streams, templates, severities, rows]: &[Vec<i64>; 4],
        footer: &Footer,
    ) -> Result<(), Corrupt> {
        let mut columns = streams.iter().zip(templates).zip(severities).zip(rows);
        for (page, &count) in footer.pages.iter().zip(counts) {
            let count = usize::try_from(count).map_err(|_| Corrupt("fewer cells than none"))?;
            let stripe = &footer.stripes[page.stripe as usize];
            let mut left = u64::from(page.rows);
            for (((&stream, &template), &severity), &rows) in columns.by_ref().take(count) {
                let stream = usize::try_from(stream).ok().and_then(|at| page.streams.get(at));
                let template = u32::try_from(template).ok().filter(|&t| t < stripe.templates);
                let (Some(&stream), Some(template), 0..=6) = (stream, template, severity) else {
                    return Err(Corrupt("cell of what is not there"));
                };
                left = u64::try_from(rows)
                    .ok()
                    .and_then(|rows| left.checked_sub(rows))
                    .ok_or(Corrupt("cells of more rows than the page's"))?;
                self.cells.push(Cell {
                    stream,
                    template,
                    severity: severity as u8,
                    rows: rows as u32,
                });
            }
            if left > 0 {
                return Err(Corrupt("cells of fewer rows than the page's"));
            }
            self.cell_ends.push(self.cells.len() as u32);
        }
        match columns.next() {
            None => Ok(()),
            Some(_) => Err(Corrupt("cells of no page")),
        }
    }

    fn take_timeline(
        &mut self,
        [streams, buckets, severities, rows]: &[Vec<i64>; 4],
        width: i64,
        footer: &Footer,
        mut left: u64,
    ) -> Result<(), Corrupt> {
        let possible = i64::MIN.div_euclid(width)..=i64::MAX.div_euclid(width);
        for (((&stream, &bucket), &severity), &rows) in streams.iter().zip(buckets).zip(severities).zip(rows) {
            let rows = u64::try_from(rows).ok().filter(|&rows| rows <= left);
            let is_there = (0..footer.streams.len() as i64).contains(&stream)
                && (0..7).contains(&severity)
                && possible.contains(&bucket);
            let (Some(rows), true) = (rows, is_there) else {
                return Err(Corrupt("timeline of what is not there"));
            };
            left -= rows;
            self.timeline.push(Entry {
                stream: stream as u32,
                bucket,
                severity: severity as u8,
                rows,
            });
        }
        match left {
            0 => Ok(()),
            _ => Err(Corrupt("timeline of fewer rows than the split's")),
        }
    }
}

/// Makes a summary while pages are written.
#[derive(Debug, Default)]
pub(crate) struct SummaryBuilder {
    counts: Vec<i64>,
    cells: [Vec<i64>; 4],
    numbers: FastMap<Box<[u8]>, u32>,
    /// The stripe that `of_stripe` is about.
    stripe: Option<usize>,
    /// Per template of the stripe, its number in the split.
    of_stripe: Vec<u32>,
    spans: Vec<(i64, i64)>,
    timeline: Timeline,
}

impl SummaryBuilder {
    /// Adds the next page, of stripe `stripe`.
    pub(crate) fn add_page(&mut self, page: &PageRows<'_>, stripe: usize) {
        if self.stripe != Some(stripe) {
            self.stripe = Some(stripe);
            self.name_templates(&page.stripe.templates);
        }
        let mut cells: FastMap<(u32, u32, u8), u32> = FastMap::default();
        let (rows, range) = (page.rows, page.range());
        let mut streams = rows.stream_indexes()[range.clone()].to_vec();
        streams.dedup();
        streams.sort_unstable();
        streams.dedup();
        for (row, &template) in range.zip(page.templates()) {
            let (time, severity) = (rows.times()[row], rows.severities()[row] as u8);
            let stream = rows.stream_indexes()[row];
            *cells.entry((stream, template, severity)).or_default() += 1;
            let span = &mut self.spans[self.of_stripe[template as usize] as usize];
            *span = (span.0.min(time), span.1.max(time));
            self.timeline.add(stream, time, severity);
        }
        let mut cells: Vec<_> = cells.into_iter().collect();
        cells.sort_unstable();
        self.counts.push(cells.len() as i64);
        for ((stream, template, severity), rows) in cells {
            let place = streams.binary_search(&stream).unwrap_or(0);
            let values = [place as i64, i64::from(template), i64::from(severity), i64::from(rows)];
            self.cells
                .iter_mut()
                .zip(values)
                .for_each(|(column, value)| column.push(value));
        }
    }

    fn name_templates(&mut self, templates: &[Box<[u8]>]) {
        self.of_stripe.clear();
        for template in templates {
            let next = self.numbers.len() as u32;
            let number = match self.numbers.get(template) {
                Some(&number) => number,
                None => {
                    self.numbers.insert(template.clone(), next);
                    self.spans.push((i64::MAX, i64::MIN));
                    next
                }
            };
            self.of_stripe.push(number);
        }
    }

    /// Appends the summary to empty sinks.
    pub(crate) fn encode(self, out: &mut Sinks) {
        let (width, entries) = self.timeline.finish();
        put_varint(&mut out.meta, width as u64);
        put_varint(&mut out.meta, self.cells[0].len() as u64);
        put_varint(&mut out.meta, self.spans.len() as u64);
        put_varint(&mut out.meta, entries.len() as u64);
        ints::encode(&self.counts, out);
        self.cells.iter().for_each(|column| ints::encode(column, out));
        let spans = || self.spans.iter();
        ints::encode(&spans().map(|span| span.0).collect::<Vec<_>>(), out);
        ints::encode(
            &spans().map(|span| span.1.wrapping_sub(span.0)).collect::<Vec<_>>(),
            out,
        );
        let entries = || entries.iter();
        ints::encode(&entries().map(|(key, _)| i64::from(key.0)).collect::<Vec<_>>(), out);
        ints::encode(&entries().map(|(key, _)| key.1).collect::<Vec<_>>(), out);
        ints::encode(&entries().map(|(key, _)| i64::from(key.2)).collect::<Vec<_>>(), out);
        ints::encode(&entries().map(|(_, rows)| *rows as i64).collect::<Vec<_>>(), out);
    }
}

/// Stream, bucket, severity.
type Key = (u32, i64, u8);

#[derive(Debug, Default)]
struct Timeline {
    /// Place in [`WIDTHS`]; none if even with the widest there are too many entries.
    width: usize,
    entries: FastMap<Key, u64>,
    /// Rows of the entry met last: neighbours are mostly of one.
    last: Option<(Key, u64)>,
}

impl Timeline {
    fn add(&mut self, stream: u32, time: i64, severity: u8) {
        let Some(&width) = WIDTHS.get(self.width) else { return };
        match &mut self.last {
            Some((last, rows)) if *last == (stream, time.div_euclid(width), severity) => *rows += 1,
            _ => {
                self.settle();
                let width = WIDTHS.get(self.width).copied().unwrap_or(width);
                self.last = Some(((stream, time.div_euclid(width), severity), 1));
            }
        }
    }

    fn settle(&mut self) {
        let Some((key, rows)) = self.last.take() else { return };
        *self.entries.entry(key).or_default() += rows;
        while self.entries.len() > TIMELINE_ENTRIES_MAX {
            let before = WIDTHS[self.width];
            self.width += 1;
            let Some(width) = WIDTHS.get(self.width) else {
                self.entries.clear();
                return;
            };
            let ratio = width / before;
            let finer = std::mem::take(&mut self.entries);
            for ((stream, bucket, severity), rows) in finer {
                *self
                    .entries
                    .entry((stream, bucket.div_euclid(ratio), severity))
                    .or_default() += rows;
            }
        }
    }

    /// The width's place, and the entries, ascending; none with a place that is none if there
    /// would be too many.
    fn finish(mut self) -> (usize, Vec<(Key, u64)>) {
        self.settle();
        if self.width == WIDTHS.len() {
            return (self.width, Vec::new());
        }
        let mut entries: Vec<_> = self.entries.into_iter().collect();
        entries.sort_unstable();
        (self.width, entries)
    }
}

const _: () = {
    let mut at = 1;
    while at < WIDTHS.len() {
        assert!(WIDTHS[at] % WIDTHS[at - 1] == 0);
        at += 1;
    }
};
