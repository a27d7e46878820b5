//! Writes a split: sorts, cuts into stripes and pages, encodes, indexes, seals.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::block::Sinks;
use super::footer::{self, Extent, FORMAT_VERSION, Footer, HEADER_BYTES, INDEX_PIECE_BYTES, IndexEntry, PAGE_ROWS_MAX};
use super::footer::{PageEntry, StripeEntry};
use super::index::IndexBuilder;
use super::integrity::Integrity;
use super::page::{self, PageRows, TextEncoder};
use super::stripe::StripeText;
use super::summary::SummaryBuilder;
use super::{SplitError, SplitMeta, SplitOptions};
use crate::crash::{CrashPoint, reached};
#[cfg(test)]
use crate::crash::{Step, note};
use crate::rows::RowBlock;

/// A page ends before its lines grow beyond this, so that reading one stays cheap. A longer line
/// is a page of its own.
const PAGE_LINE_BYTES_MAX: usize = 8 << 20;

/// A stripe that is gathered row by row ends early where its lines reach this: memory is bounded.
const STRIPE_LINE_BYTES_MAX: usize = 32 << 20;

/// Writes `rows` (in any order) to a new file `ID.split` in `dir`. Durable on return: file and
/// directory are fsynced. On an error no file is left.
///
/// # Errors
/// [`SplitError::Io`]
pub fn write_split(dir: &Path, rows: &RowBlock, options: &SplitOptions, level: u32) -> Result<SplitMeta, SplitError> {
    write_split_as(dir, &format!("{:032x}", rand::random::<u128>()), rows, options, level)
}

pub(crate) fn write_split_as(
    dir: &Path,
    id: &str,
    rows: &RowBlock,
    options: &SplitOptions,
    level: u32,
) -> Result<SplitMeta, SplitError> {
    let mut split = SplitStream::create_as(dir, id.to_owned(), options, level)?;
    for row in rows.order_by_stream() {
        let row = row as usize;
        split.push(rows, row..row + 1)?;
    }
    split.finish()
}

/// Writes a split from rows that come in its order, holding one stripe of them. Dropped without
/// [`finish`](Self::finish) it leaves no file.
pub(crate) struct SplitStream {
    path: PathBuf,
    /// Taken when it is finished.
    writer: Option<SplitWriter>,
    /// The stripe being gathered. Its streams are numbered as those of the split.
    stripe: RowBlock,
    stripe_rows_max: usize,
}

impl SplitStream {
    /// Begins a new file `ID.split` in `dir`.
    ///
    /// # Errors
    /// [`SplitError::Io`]
    pub(crate) fn create(dir: &Path, options: &SplitOptions, level: u32) -> Result<Self, SplitError> {
        Self::create_as(dir, format!("{:032x}", rand::random::<u128>()), options, level)
    }

    pub(crate) fn create_as(dir: &Path, id: String, options: &SplitOptions, level: u32) -> Result<Self, SplitError> {
        let path = dir.join(format!("{id}.split"));
        let mut stream = Self {
            writer: None,
            stripe: RowBlock::new(),
            stripe_rows_max: options.stripe_rows_max.max(1),
            path,
        };
        let mut writer = SplitWriter::new(&stream.path, options).map_err(|error| stream.removed(error))?;
        writer.footer.id = id;
        writer.footer.level = level;
        stream.writer = Some(writer);
        Ok(stream)
    }

    /// Adds some rows of a block, which follow each other and all before them in the order of a split
    /// ([`StreamRanks`], then time, partition and offset). Returns whether a stripe was written.
    ///
    /// [`StreamRanks`]: crate::rows::StreamRanks
    ///
    /// # Errors
    /// [`SplitError::Io`]
    pub(crate) fn push(&mut self, rows: &RowBlock, run: Range<usize>) -> Result<bool, SplitError> {
        let mut wrote = false;
        let mut start = run.start;
        while start < run.end {
            let most = (run.end - start).min(self.stripe_rows_max - self.stripe.len());
            let bytes = STRIPE_LINE_BYTES_MAX - self.stripe.line_bytes();
            let end = start + rows.rows_reaching(start..start + most, bytes);
            self.stripe.append_rows(rows, start..end);
            start = end;
            if self.stripe.len() >= self.stripe_rows_max || self.stripe.line_bytes() >= STRIPE_LINE_BYTES_MAX {
                self.write_stripe()?;
                wrote = true;
            }
        }
        Ok(wrote)
    }

    /// What makes the records' trees; they are in the footer once it is finished.
    pub(crate) fn set_integrity(&mut self, integrity: Integrity) {
        if let Some(writer) = &mut self.writer {
            writer.integrity = Some(integrity);
        }
    }

    /// Its id.
    pub(crate) fn id(&self) -> &str {
        self.writer.as_ref().map_or("", |writer| &writer.footer.id)
    }

    /// Writes what is left and seals the file. Durable on return.
    ///
    /// # Errors
    /// [`SplitError::Io`]
    pub(crate) fn finish(mut self) -> Result<SplitMeta, SplitError> {
        if !self.stripe.is_empty() {
            self.write_stripe()?;
        }
        self.stripe = RowBlock::new();
        match self.writer.take().map(SplitWriter::finish) {
            Some(Ok(meta)) => Ok(meta),
            Some(Err(error)) => Err(self.removed(error)),
            None => Err(self.removed(io::Error::other("a split is finished once"))),
        }
    }

    fn write_stripe(&mut self) -> Result<(), SplitError> {
        let Some(writer) = &mut self.writer else {
            return Err(self.failed(io::Error::other("a split that failed is not written on")));
        };
        for stream in &self.stripe.streams()[writer.footer.streams.len()..] {
            writer.footer.streams.push(Arc::clone(stream));
        }
        let written = writer.write_stripe(&self.stripe);
        self.stripe.clear_rows();
        written.map_err(|error| self.failed(error))
    }

    fn failed(&self, source: io::Error) -> SplitError {
        SplitError::Io {
            path: self.path.clone(),
            source,
        }
    }

    /// As [`failed`](Self::failed), where nothing is left to remove the file when it is dropped.
    fn removed(&self, source: io::Error) -> SplitError {
        // The error that is returned says more than one of removing what is garbage anyway.
        drop(std::fs::remove_file(&self.path));
        self.failed(source)
    }
}

impl Drop for SplitStream {
    fn drop(&mut self) {
        if self.writer.take().is_some() {
            drop(std::fs::remove_file(&self.path));
        }
    }
}

struct SplitWriter {
    dir: PathBuf,
    file: BufWriter<File>,
    at: u64,
    /// Per partition, the first and last offset.
    offsets: BTreeMap<u32, (u64, u64)>,
    page_rows_max: usize,
    compressor: zstd::bulk::Compressor<'static>,
    sinks: Sinks,
    index: IndexBuilder,
    summary: SummaryBuilder,
    integrity: Option<Integrity>,
    footer: Footer,
}

impl SplitWriter {
    fn new(path: &Path, options: &SplitOptions) -> io::Result<Self> {
        let mut writer = Self {
            dir: path.parent().unwrap_or(Path::new(".")).to_owned(),
            file: BufWriter::with_capacity(1 << 20, File::options().write(true).create_new(true).open(path)?),
            at: 0,
            offsets: BTreeMap::new(),
            page_rows_max: options.page_rows_max.clamp(1, PAGE_ROWS_MAX),
            compressor: zstd::bulk::Compressor::new(options.zstd_level)?,
            sinks: Sinks::default(),
            index: IndexBuilder::default(),
            summary: SummaryBuilder::default(),
            integrity: None,
            footer: Footer {
                version: FORMAT_VERSION,
                ..Footer::default()
            },
        };
        writer.put(&footer::header(FORMAT_VERSION))?;
        debug_assert_eq!(writer.at, HEADER_BYTES as u64);
        Ok(writer)
    }

    fn note_offsets(&mut self, rows: &RowBlock) {
        let mut start = 0;
        for run in rows.partitions().chunk_by(|a, b| a == b) {
            let offsets = &rows.offsets()[start..start + run.len()];
            let first = offsets.iter().copied().min().unwrap_or(0);
            let last = offsets.iter().copied().max().unwrap_or(0);
            let range = self.offsets.entry(run[0]).or_insert((first, last));
            *range = (range.0.min(first), range.1.max(last));
            start += run.len();
        }
    }

    /// Writes the rows of a block, whose streams are numbered as the split's.
    fn write_stripe(&mut self, rows: &RowBlock) -> io::Result<()> {
        self.note_offsets(rows);
        let stripe = StripeText::cut(rows);
        let mut text = TextEncoder::new();
        let mut first = 0;
        while first < rows.len() {
            let most = self.page_rows_max.min(rows.len() - first);
            let page = PageRows {
                rows,
                stripe: &stripe,
                first,
                count: page_length(rows, first..first + most),
            };
            self.write_page(&page, &mut text)?;
            first += page.count;
        }
        let template_bytes = stripe.encode_templates(text.inner, &mut self.sinks);
        let extent = self.put_block()?;
        self.footer.stripes.push(StripeEntry {
            extent,
            templates: stripe.templates.len() as u32,
            template_bytes,
        });
        Ok(())
    }

    fn write_page(&mut self, page: &PageRows<'_>, text: &mut TextEncoder) -> io::Result<()> {
        let groups = page.groups();
        let mut entry = describe(page);
        entry.stripe = self.footer.stripes.len() as u32;
        entry.templates = groups.len() as u32;
        page::encode_core(page, &groups, &mut self.sinks);
        entry.blocks[0] = self.put_block()?;
        let terms = self.index.begin_page();
        terms.rows(page);
        text.encode(page, &groups, terms, &mut self.sinks);
        terms.end();
        entry.blocks[1] = self.put_block()?;
        page::encode_provenance(page, &mut self.sinks);
        entry.blocks[2] = self.put_block()?;
        page::encode_attributes(page, &mut self.sinks);
        entry.blocks[3] = self.put_block()?;
        self.footer.raw_bytes += entry.line_bytes;
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
        let ranges = std::mem::take(&mut self.offsets).into_iter();
        self.footer.offsets = ranges
            .map(|(partition, (first, last))| (partition, first, last))
            .collect();
        let mut section = Vec::new();
        let mut entry = IndexEntry {
            offset: self.at,
            ..IndexEntry::default()
        };
        let files = std::mem::take(&mut self.index).finish()?;
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
        if let Some(integrity) = self.integrity.take() {
            self.footer.trees = integrity.entries();
            integrity.encode(&mut self.sinks);
            self.footer.integrity = self.put_block()?;
        }
        let (sealed, crc) = footer::seal(&self.footer, &mut self.compressor)?;
        self.put(&sealed)?;
        self.file.flush()?;
        self.file.get_ref().sync_all()?;
        #[cfg(test)]
        note(Step::FileSynced(self.dir.join(format!("{}.split", self.footer.id))));
        reached(CrashPoint::SplitUnsynced);
        File::open(&self.dir)?.sync_all()?;
        #[cfg(test)]
        note(Step::DirectorySynced(self.dir.clone()));
        Ok(self.footer.describe(self.at, crc).0)
    }
}

/// How many of the rows a page takes.
fn page_length(rows: &RowBlock, run: Range<usize>) -> usize {
    match rows.rows_reaching(run.clone(), PAGE_LINE_BYTES_MAX + 1) {
        count if rows.line_bytes_of(run.start..run.start + count) > PAGE_LINE_BYTES_MAX => (count - 1).max(1),
        count => count,
    }
}

fn describe(page: &PageRows<'_>) -> PageEntry {
    let (rows, range) = (page.rows, page.range());
    let times = &rows.times()[range.clone()];
    let mut entry = PageEntry {
        rows: page.len() as u32,
        time_min: times.iter().copied().min().unwrap_or(i64::MAX),
        time_max: times.iter().copied().max().unwrap_or(i64::MIN),
        line_bytes: rows.line_bytes_of(range.clone()) as u64,
        ..PageEntry::default()
    };
    for &severity in &rows.severities()[range.clone()] {
        entry.severity_rows[severity as usize] += 1;
    }
    entry.streams = rows.stream_indexes()[range].to_vec();
    entry.streams.dedup();
    entry.streams.sort_unstable();
    entry.streams.dedup();
    entry
}
