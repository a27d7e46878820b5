//! Writes a split: sorts, cuts into stripes and pages, encodes, indexes, seals.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use super::block::Sinks;
use super::footer::{self, Extent, Footer, HEADER_BYTES, INDEX_PIECE_BYTES, IndexEntry, PAGE_ROWS_MAX};
use super::footer::{PageEntry, StripeEntry};
use super::index::IndexBuilder;
use super::page::{self, PageRows};
use super::stripe::StripeText;
use super::summary::SummaryBuilder;
use super::{SplitError, SplitMeta, SplitOptions};
use crate::rows::RowBlock;

/// A page ends before its lines grow beyond this, so that reading one stays cheap. A longer line
/// is a page of its own.
const PAGE_LINE_BYTES_MAX: usize = 8 << 20;

/// Writes `rows` (in any order) to a new file `ID.split` in `dir`. Durable on return: file and
/// directory are fsynced. On an error no file is left.
///
/// # Errors
/// [`SplitError::Io`]
pub fn write_split(dir: &Path, rows: &RowBlock, options: &SplitOptions, level: u32) -> Result<SplitMeta, SplitError> {
    let id = format!("{:032x}", rand::random::<u128>());
    write_split_as(dir, &id, rows, options, level)
}

pub(crate) fn write_split_as(
    dir: &Path,
    id: &str,
    rows: &RowBlock,
    options: &SplitOptions,
    level: u32,
) -> Result<SplitMeta, SplitError> {
    let path = dir.join(format!("{id}.split"));
    write_file(&path, id, rows, options, level).map_err(|source| {
        // The error that is returned says more than one of removing what is garbage anyway.
        drop(std::fs::remove_file(&path));
        SplitError::Io { path, source }
    })
}

fn write_file(path: &Path, id: &str, rows: &RowBlock, options: &SplitOptions, level: u32) -> io::Result<SplitMeta> {
    let mut writer = SplitWriter::new(path, rows, options)?;
    writer.footer.id = id.to_owned();
    writer.footer.level = level;
    writer.footer.raw_bytes = rows.line_bytes() as u64;
    writer.footer.offsets = offset_ranges(rows);
    let order = rows.order_by_stream();
    let streams = writer.name_streams(&order);
    for stripe in order.chunks(options.stripe_rows_max.max(1)) {
        writer.write_stripe(stripe, &streams)?;
    }
    writer.finish()
}

/// Per partition, the first and last offset.
fn offset_ranges(rows: &RowBlock) -> Vec<(u32, u64, u64)> {
    let mut ranges: BTreeMap<u32, (u64, u64)> = BTreeMap::new();
    for (&partition, &offset) in rows.partitions().iter().zip(rows.offsets()) {
        let range = ranges.entry(partition).or_insert((offset, offset));
        *range = (range.0.min(offset), range.1.max(offset));
    }
    ranges
        .into_iter()
        .map(|(partition, (first, last))| (partition, first, last))
        .collect()
}

struct SplitWriter<'a> {
    path: &'a Path,
    file: BufWriter<File>,
    at: u64,
    rows: &'a RowBlock,
    page_rows_max: usize,
    compressor: zstd::bulk::Compressor<'static>,
    sinks: Sinks,
    /// Taken when it is finished.
    index: Option<IndexBuilder>,
    summary: SummaryBuilder,
    footer: Footer,
}

impl<'a> SplitWriter<'a> {
    fn new(path: &'a Path, rows: &'a RowBlock, options: &SplitOptions) -> io::Result<Self> {
        let mut writer = Self {
            path,
            file: BufWriter::with_capacity(1 << 20, File::options().write(true).create_new(true).open(path)?),
            at: 0,
            rows,
            page_rows_max: options.page_rows_max.clamp(1, PAGE_ROWS_MAX),
            compressor: zstd::bulk::Compressor::new(options.zstd_level)?,
            sinks: Sinks::default(),
            index: Some(IndexBuilder::new()?),
            summary: SummaryBuilder::default(),
            footer: Footer::default(),
        };
        writer.put(&footer::header())?;
        debug_assert_eq!(writer.at, HEADER_BYTES as u64);
        Ok(writer)
    }

    /// Numbers the streams in the order in which rows come.
    fn name_streams(&mut self, order: &[u32]) -> Vec<u32> {
        let mut numbers = vec![u32::MAX; self.rows.streams().len()];
        for &row in order {
            let stream = self.rows.stream_index(row as usize);
            if numbers[stream] == u32::MAX {
                numbers[stream] = self.footer.streams.len() as u32;
                self.footer.streams.push(self.rows.streams()[stream].clone());
            }
        }
        numbers
    }

    fn write_stripe(&mut self, order: &[u32], streams: &[u32]) -> io::Result<()> {
        let stripe = StripeText::cut(self.rows, order);
        stripe.encode_templates(&mut self.sinks);
        let extent = self.put_block()?;
        self.footer.stripes.push(StripeEntry {
            extent,
            templates: stripe.templates.len() as u32,
            template_bytes: stripe.templates.iter().map(|t| t.len() as u64).sum(),
        });
        let mut first = 0;
        while first < order.len() {
            let count = self.page_length(&order[first..]);
            self.write_page(&PageRows {
                rows: self.rows,
                order: &order[first..first + count],
                stripe: &stripe,
                first,
                streams,
            })?;
            first += count;
        }
        Ok(())
    }

    /// How many of the rows the next page takes.
    fn page_length(&self, order: &[u32]) -> usize {
        let mut bytes = 0;
        let fits = |&&row: &&u32| {
            bytes += self.rows.line(row as usize).len();
            bytes <= PAGE_LINE_BYTES_MAX
        };
        order.iter().take(self.page_rows_max).take_while(fits).count().max(1)
    }

    fn write_page(&mut self, page: &PageRows<'_>) -> io::Result<()> {
        let templates = page.templates();
        let mut entry = describe(page);
        entry.stripe = self.footer.stripes.len() as u32 - 1;
        entry.templates = templates.len() as u32;
        page::encode_core(page, &templates, &mut self.sinks);
        entry.blocks[0] = self.put_block()?;
        page::encode_text(page, &templates, &mut self.sinks);
        entry.blocks[1] = self.put_block()?;
        page::encode_provenance(page, &mut self.sinks);
        entry.blocks[2] = self.put_block()?;
        page::encode_attributes(page, &mut self.sinks);
        entry.blocks[3] = self.put_block()?;
        if let Some(index) = &mut self.index {
            index.add_page(page, &templates)?;
        }
        self.summary.add_page(page, entry.stripe as usize);
        self.footer.pages.push(entry);
        Ok(())
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.at += bytes.len() as u64;
        Ok(())
    }

    /// Packs and writes what the sinks hold, and empties them.
    fn put_block(&mut self) -> io::Result<Extent> {
        let block = self.sinks.pack(&mut self.compressor)?;
        self.sinks.clear();
        let length = u32::try_from(block.len()).map_err(|_| io::Error::other("block above 4 GiB"))?;
        let extent = Extent {
            offset: self.at,
            length,
            crc: crc32c::crc32c(&block),
        };
        self.put(&block)?;
        Ok(extent)
    }

    fn finish(mut self) -> io::Result<SplitMeta> {
        let mut section = Vec::new();
        let mut entry = IndexEntry {
            offset: self.at,
            ..IndexEntry::default()
        };
        let files = self.index.take().map_or(Ok(Vec::new()), IndexBuilder::finish)?;
        for (name, bytes) in files {
            entry.files.push((name, section.len() as u64, bytes.len() as u64));
            section.extend_from_slice(&bytes);
        }
        entry.length = section.len() as u64;
        entry.crcs = section.chunks(INDEX_PIECE_BYTES).map(crc32c::crc32c).collect();
        self.put(&section)?;
        self.footer.index = entry;
        std::mem::take(&mut self.summary).encode(&mut self.sinks);
        self.footer.summary = self.put_block()?;
        let (sealed, crc) = footer::seal(&self.footer)?;
        self.put(&sealed)?;
        self.file.flush()?;
        self.file.get_ref().sync_all()?;
        File::open(self.path.parent().unwrap_or(Path::new(".")))?.sync_all()?;
        Ok(self.footer.describe(self.at, crc).0)
    }
}

fn describe(page: &PageRows<'_>) -> PageEntry {
    let mut entry = PageEntry {
        rows: page.len() as u32,
        time_min: i64::MAX,
        time_max: i64::MIN,
        ..PageEntry::default()
    };
    for &row in page.order {
        let row = row as usize;
        let time = page.rows.times()[row];
        entry.time_min = entry.time_min.min(time);
        entry.time_max = entry.time_max.max(time);
        entry.line_bytes += page.rows.line(row).len() as u64;
        entry.severity_rows[page.rows.severities()[row] as usize] += 1;
        let stream = page.streams[page.rows.stream_index(row)];
        if entry.streams.last() != Some(&stream) {
            entry.streams.push(stream);
        }
    }
    entry.streams.sort_unstable();
    entry.streams.dedup();
    entry
}
