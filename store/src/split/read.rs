//! Reads a split: opens and checks the footer, then single blocks with `pread`.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;
use timberline_proto::id::GenerationId;

use super::footer::{self, Extent, FORMAT_VERSION, FORMAT_VERSION_MIN, Footer, HEADER_BYTES, PageEntry, TRAILER_BYTES};
use super::index::{HeldRange, OffsetRange, SplitIndex, held_ranges};
use super::integrity::Integrity;
use super::page::{self, PageCore, PageText};
use super::stripe::Templates;
use super::summary::Summary;
use super::wire::Corrupt;
use super::{Columns, PageInfo, PageQuery, SplitError, SplitMeta};
use crate::rows::{Row, RowBlock, Stream};

/// Stripes whose templates an open split keeps decoded. Beyond, the oldest is decoded anew.
const STRIPES_HELD_MAX: usize = 4;

const PROVENANCE_ONLY: Columns = Columns {
    line: false,
    provenance: true,
    attributes: false,
};

/// An open split. Shared between queries; reads with `pread`, checks each block's checksum.
#[derive(Debug)]
pub struct Split {
    path: PathBuf,
    file: Arc<File>,
    meta: SplitMeta,
    pages: Vec<PageInfo>,
    footer: Arc<Footer>,
    index: SplitIndex,
    /// Stripes read last, the latest at the end: pages of one are mostly read one after another.
    templates: Mutex<Vec<(u32, Arc<Templates>)>>,
}

impl Split {
    /// Opens and checks the footer.
    ///
    /// # Errors
    /// [`SplitError`]
    pub fn open(path: &Path) -> Result<Self, SplitError> {
        let file = File::open(path).map_err(|e| io_error(path, e))?;
        let file_bytes = file.metadata().map_err(|e| io_error(path, e))?.len();
        let damaged = |Corrupt(what)| SplitError::Damaged {
            path: path.to_owned(),
            what: what.to_owned(),
        };
        let Some(footer_end) = file_bytes
            .checked_sub(TRAILER_BYTES as u64)
            .filter(|&end| end >= HEADER_BYTES as u64)
        else {
            return Err(damaged(Corrupt("too short for a split")));
        };
        let read = |offset: u64, length: usize| read_at(&file, path, offset, length);
        let version = footer::check_header(&read(0, HEADER_BYTES)?).map_err(damaged)?;
        if version > FORMAT_VERSION {
            return Err(SplitError::NewerFormat {
                path: path.to_owned(),
                found: version,
                supported: FORMAT_VERSION,
            });
        }
        match version {
            0 => return Err(damaged(Corrupt("version 0"))),
            found if found < FORMAT_VERSION_MIN => {
                let path = path.to_owned();
                return Err(SplitError::OlderFormat { path, found });
            }
            _ => {}
        }
        let stored = footer::check_trailer(&read(footer_end, TRAILER_BYTES)?).map_err(damaged)?;
        let Some(footer_offset) = footer_end
            .checked_sub(stored as u64)
            .filter(|&offset| offset >= HEADER_BYTES as u64)
        else {
            return Err(damaged(Corrupt("footer longer than the file")));
        };
        let (footer, crc) = footer::unseal(&read(footer_offset, stored + TRAILER_BYTES)?, version).map_err(damaged)?;
        footer.check_extents(footer_offset).map_err(damaged)?;
        let (meta, pages) = footer.describe(file_bytes, crc);
        let (file, footer) = (Arc::new(file), Arc::new(footer));
        Ok(Self {
            path: path.to_owned(),
            index: SplitIndex::new(Arc::clone(&file), Arc::clone(&footer)),
            file,
            meta,
            pages,
            footer,
            templates: Mutex::default(),
        })
    }

    /// What the catalog keeps of it.
    pub fn meta(&self) -> &SplitMeta {
        &self.meta
    }

    /// Its pages, in order of their number.
    pub fn pages(&self) -> &[PageInfo] {
        &self.pages
    }

    /// The streams of its rows.
    pub fn streams(&self) -> &[Arc<Stream>] {
        &self.footer.streams
    }

    /// Bytes of a page in the file, without its stripe's templates.
    pub fn page_bytes(&self, page: u32) -> u64 {
        let entry = self.footer.pages.get(page as usize);
        entry.map_or(0, |page| page.blocks.iter().map(|block| u64::from(block.length)).sum())
    }

    /// Bytes of the lines of a page's rows, known without reading it.
    pub fn page_line_bytes(&self, page: u32) -> u64 {
        self.footer.pages.get(page as usize).map_or(0, |page| page.line_bytes)
    }

    /// Bytes of a page's blocks in the file: core, text, provenance, attributes.
    pub fn page_block_bytes(&self, page: u32) -> [u64; 4] {
        let entry = self.footer.pages.get(page as usize);
        entry.map_or([0; 4], |page| page.blocks.map(|block| u64::from(block.length)))
    }

    /// Rows of a page per severity rank 0–6, known without reading it.
    pub fn page_severity_rows(&self, page: u32) -> [u32; 7] {
        self.footer.pages.get(page as usize).map_or([0; 7], |p| p.severity_rows)
    }

    /// Which of [`streams`](Self::streams) have rows in a page, ascending, known without reading it.
    pub fn page_streams(&self, page: u32) -> &[u32] {
        self.footer.pages.get(page as usize).map_or(&[], |p| &p.streams)
    }

    /// Bytes of the file by what they hold.
    pub fn bytes_by_part(&self) -> [(&'static str, u64); 9] {
        let block = |at: usize| {
            self.footer
                .pages
                .iter()
                .map(|p| u64::from(p.blocks[at].length))
                .sum::<u64>()
        };
        let templates = self.footer.stripes.iter().map(|s| u64::from(s.extent.length)).sum();
        let parts = [
            ("templates", templates),
            ("core", block(0)),
            ("text", block(1)),
            ("provenance", block(2)),
            ("attributes", block(3)),
            ("index", self.footer.index.length),
            ("summary", u64::from(self.footer.summary.length)),
            ("integrity", u64::from(self.footer.integrity.length)),
        ];
        let rest = self.meta.file_bytes - parts.iter().map(|(_, bytes)| bytes).sum::<u64>();
        let [a, b, c, d, e, f, g, h] = parts;
        [a, b, c, d, e, f, g, h, ("footer", rest)]
    }

    /// Its summary; none in a split that was written before there was one.
    pub(crate) fn summary(&self) -> Result<Option<Summary>, SplitError> {
        if self.footer.summary.length == 0 {
            return Ok(None);
        }
        let block = self.checked("summary", &self.footer.summary)?;
        let summary = Summary::decode(&block, &self.footer);
        summary.map(Some).map_err(|e| self.damaged("summary", e.into()))
    }

    /// The trees of its rows; none if it was written without.
    ///
    /// # Errors
    /// [`SplitError`]
    pub fn integrity(&self) -> Result<Integrity, SplitError> {
        let block = self.checked("integrity", &self.footer.integrity)?;
        Integrity::decode(&block, &self.footer.trees, self.meta.rows).map_err(|e| self.damaged("integrity", e.into()))
    }

    /// The pages that may hold rows for the query, ascending.
    ///
    /// # Errors
    /// [`SplitError`]
    pub fn candidates(&self, query: &PageQuery) -> Result<Vec<u32>, SplitError> {
        self.index.candidates(query).map_err(|e| self.damaged("index", e))
    }

    /// What the pages hold of a generation, or of all: by generation, in the order of the file.
    /// Asks the index; a split that was written before the index knew is read whole.
    ///
    /// # Errors
    /// [`SplitError`]
    pub fn held(&self, generation: Option<GenerationId>) -> Result<Vec<HeldRange>, SplitError> {
        let known = self.index.held(generation).map_err(|e| self.damaged("index", e))?;
        if let Some(known) = known {
            return Ok(known);
        }
        let mut held = Vec::new();
        for page in 0..self.pages.len() as u32 {
            let rows = self.read_page(page, PROVENANCE_ONLY)?;
            let places = rows.rows().filter_map(|row| row.place);
            let of_page = held_ranges(places.filter(|place| generation.is_none_or(|one| one == place.generation)));
            held.extend(of_page.into_iter().map(|range| HeldRange { page, ..range }));
        }
        held.sort_by_key(|range| (range.generation, range.agent, range.start));
        Ok(held)
    }

    /// Between which offsets of a partition the pages' rows stand; a page without such rows is
    /// left out. A split that was written before the index knew names every page with every offset.
    ///
    /// # Errors
    /// [`SplitError`]
    pub fn offsets(&self, partition: u32) -> Result<Vec<OffsetRange>, SplitError> {
        let known = self.index.offsets(partition).map_err(|e| self.damaged("index", e))?;
        let all = || {
            (0..self.pages.len() as u32).map(|page| OffsetRange {
                page,
                first: 0,
                last: u64::MAX,
            })
        };
        Ok(known.unwrap_or_else(|| all().collect()))
    }

    /// The same of some pages, ascending.
    pub(crate) fn candidates_among(&self, query: &PageQuery, pages: &[u32]) -> Result<Vec<u32>, SplitError> {
        self.index
            .candidates_among(query, pages)
            .map_err(|e| self.damaged("index", e))
    }

    /// A page's rows.
    ///
    /// # Errors
    /// [`SplitError`]
    pub fn read_page(&self, page: u32, columns: Columns) -> Result<RowBlock, SplitError> {
        let entry = self.entry(page)?;
        let (rows, stripe) = (entry.rows as usize, self.templates(page)?);
        let core = self.page_core(page)?;
        // Places follow from the lengths of lines.
        let lines = if columns.line || columns.provenance {
            let text = self.block(page, "text", &entry.blocks[1])?;
            let lines = page::decode_text(&text, &core, &stripe, entry.line_bytes);
            Some(lines.map_err(|e| self.page_damaged(page, "text", e))?)
        } else {
            None
        };
        let provenance = match &lines {
            Some(lines) if columns.provenance => {
                let block = self.block(page, "provenance", &entry.blocks[2])?;
                let lengths: Vec<usize> = (0..rows).map(|row| lines.get(row).len()).collect();
                let decoded = page::decode_provenance(&block, rows, &lengths);
                Some(decoded.map_err(|e| self.page_damaged(page, "provenance", e))?)
            }
            _ => None,
        };
        let attributes = if columns.attributes && entry.blocks[3].length > 0 {
            let block = self.block(page, "attributes", &entry.blocks[3])?;
            Some(page::decode_attributes(&block, rows).map_err(|e| self.page_damaged(page, "attributes", e))?)
        } else {
            None
        };
        let lines = lines.filter(|_| columns.line);
        Ok(self.assemble(
            &stripe,
            &core,
            lines.as_ref(),
            provenance.as_ref(),
            attributes.as_deref(),
        ))
    }

    /// The chosen rows of a page, in the order of `rows`. `core` and `text` are the same page's;
    /// the text is read if it is needed and not given.
    pub(crate) fn read_rows(
        &self,
        page: u32,
        core: &Arc<PageCore>,
        text: Option<&Arc<PageText>>,
        rows: &[u32],
        columns: Columns,
    ) -> Result<RowBlock, SplitError> {
        let entry = self.entry(page)?;
        let templates = self.templates(page)?;
        let text = match text {
            Some(text) => Some(Arc::clone(text)),
            None if columns.line || columns.provenance => Some(Arc::new(self.page_text(page, core)?)),
            None => None,
        };
        let provenance = match &text {
            Some(text) if columns.provenance => {
                let block = self.block(page, "provenance", &entry.blocks[2])?;
                // A place follows from the lengths before it.
                let lengths = text.line_lengths(rows.iter().max().map_or(0, |&last| last as usize + 1));
                let decoded = page::decode_provenance(&block, core.rows(), &lengths);
                Some(decoded.map_err(|e| self.page_damaged(page, "provenance", e))?)
            }
            _ => None,
        };
        let attributes = if columns.attributes && entry.blocks[3].length > 0 {
            let block = self.block(page, "attributes", &entry.blocks[3])?;
            let decoded = page::decode_attributes(&block, core.rows());
            Some(decoded.map_err(|e| self.page_damaged(page, "attributes", e))?)
        } else {
            None
        };
        let mut block = RowBlock::with_capacity(rows.len(), 0);
        let mut line = Vec::new();
        for &row in rows {
            let row = row as usize;
            line.clear();
            if let (true, Some(text)) = (columns.line, &text) {
                text.line_into(row, &mut line);
            }
            let (provenance, attributes) = (provenance.as_ref(), attributes.as_deref());
            block.push(&self.row(&templates, core, row, &line, provenance, attributes));
        }
        Ok(block)
    }

    /// The columns of a page that are not text.
    ///
    /// # Errors
    /// [`SplitError`]
    pub fn page_core(&self, page: u32) -> Result<Arc<PageCore>, SplitError> {
        let entry = self.entry(page)?;
        let templates = self.templates(page)?.len();
        let block = self.block(page, "core", &entry.blocks[0])?;
        page::decode_core(&block, entry.rows as usize, self.footer.streams.len(), templates)
            .map(Arc::new)
            .map_err(|e| self.page_damaged(page, "core", e))
    }

    /// A page's text by its parts; `core` is the same page's.
    ///
    /// # Errors
    /// [`SplitError`]
    pub fn page_text(&self, page: u32, core: &Arc<PageCore>) -> Result<PageText, SplitError> {
        let entry = self.entry(page)?;
        let templates = self.templates(page)?;
        let block = self.block(page, "text", &entry.blocks[1])?;
        PageText::decode(&block, core, &templates).map_err(|e| self.page_damaged(page, "text", e))
    }

    /// The templates that a page's numbers mean.
    ///
    /// # Errors
    /// [`SplitError`]
    pub fn templates(&self, page: u32) -> Result<Arc<Templates>, SplitError> {
        self.stripe_templates(self.entry(page)?.stripe)
    }

    fn entry(&self, page: u32) -> Result<&PageEntry, SplitError> {
        let entry = self.footer.pages.get(page as usize);
        entry.ok_or_else(|| self.damaged("pages", Corrupt("no page of that number").into()))
    }

    fn page_damaged(&self, page: u32, what: &str, corrupt: Corrupt) -> SplitError {
        self.damaged(&format!("page {page}, {what}"), corrupt.into())
    }

    fn assemble(
        &self,
        stripe: &Templates,
        core: &PageCore,
        lines: Option<&page::Lines>,
        provenance: Option<&page::Provenance>,
        attributes: Option<&[page::Attributes]>,
    ) -> RowBlock {
        let rows = core.time.len();
        let mut block = RowBlock::with_capacity(rows, lines.map_or(0, page::Lines::bytes));
        for row in 0..rows {
            let line = lines.map_or(&[][..], |l| l.get(row));
            block.push(&self.row(stripe, core, row, line, provenance, attributes));
        }
        block
    }

    /// A row of a page, of what was decoded of it.
    fn row<'r>(
        &'r self,
        templates: &Templates,
        core: &PageCore,
        row: usize,
        line: &'r [u8],
        provenance: Option<&page::Provenance>,
        attributes: Option<&'r [page::Attributes]>,
    ) -> Row<'r> {
        Row {
            time_nanos: core.time[row],
            time_parsed: core.parsed[row],
            observed_nanos: provenance.map_or(0, |p| p.observed[row]),
            partition: core.partition[row],
            offset: core.offset[row],
            severity: core.severity[row],
            template: templates.id(core.templates[core.which[row] as usize]),
            stream: &self.footer.streams[core.stream[row] as usize],
            line,
            place: provenance.and_then(|p| p.place.get(row).copied().flatten()),
            part: provenance.and_then(|p| p.part[row]),
            attributes: attributes.map_or(&[][..], |a| &a[row]),
        }
    }

    /// Its file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Reads everything and checks every checksum.
    ///
    /// # Errors
    /// [`SplitError`]
    pub fn verify(&self) -> Result<(), SplitError> {
        let all = Columns {
            line: true,
            provenance: true,
            attributes: true,
        };
        // Opened long ago, perhaps: the ends of the file are read again.
        let again = Self::open(&self.path)?;
        if again.meta != self.meta {
            return Err(self.damaged("footer", Corrupt("is not what it was when opened").into()));
        }
        for page in 0..self.pages.len() as u32 {
            again.read_page(page, all)?;
        }
        again.summary()?;
        again.integrity()?;
        again.index.verify().map_err(|e| self.damaged("index", e))
    }

    /// A page's stripe; pages of one share its templates.
    pub(crate) fn page_stripe(&self, page: u32) -> u32 {
        self.footer.pages.get(page as usize).map_or(0, |p| p.stripe)
    }

    /// How many stripes there are.
    pub(crate) fn stripes(&self) -> usize {
        self.footer.stripes.len()
    }

    /// How many templates of lines a stripe has.
    pub(crate) fn templates_of(&self, stripe: u32) -> usize {
        self.footer
            .stripes
            .get(stripe as usize)
            .map_or(0, |stripe| stripe.templates as usize)
    }

    /// How many templates all stripes have.
    pub(crate) fn template_count(&self) -> usize {
        self.footer.stripes.iter().map(|stripe| stripe.templates as usize).sum()
    }

    /// Whether records of a page have attributes of their own.
    pub(crate) fn page_has_attributes(&self, page: u32) -> bool {
        self.footer
            .pages
            .get(page as usize)
            .is_some_and(|p| p.blocks[3].length > 0)
    }

    /// Lets go of templates that were decoded, for who reads on and will not come back.
    pub(crate) fn forget_templates(&self) {
        *self.templates.lock() = Vec::new();
    }

    fn stripe_templates(&self, stripe: u32) -> Result<Arc<Templates>, SplitError> {
        if let Some((_, templates)) = self.templates.lock().iter().find(|(held, _)| *held == stripe) {
            return Ok(Arc::clone(templates));
        }
        let entry = &self.footer.stripes[stripe as usize];
        let what = format!("templates of stripe {stripe}");
        let block = self.checked(&what, &entry.extent)?;
        let templates = Templates::decode(&block, entry.template_bytes).map_err(|e| self.damaged(&what, e.into()))?;
        let templates = Arc::new(templates);
        let mut held = self.templates.lock();
        if held.len() == STRIPES_HELD_MAX {
            held.remove(0);
        }
        held.push((stripe, Arc::clone(&templates)));
        Ok(templates)
    }

    fn block(&self, page: u32, name: &str, extent: &Extent) -> Result<Vec<u8>, SplitError> {
        self.checked(&format!("page {page}, {name}"), extent)
    }

    fn checked(&self, what: &str, extent: &Extent) -> Result<Vec<u8>, SplitError> {
        let bytes = read_at(&self.file, &self.path, extent.offset, extent.length as usize)?;
        if crc32c::crc32c(&bytes) == extent.crc {
            return Ok(bytes);
        }
        Err(self.damaged(what, Corrupt("does not match its checksum").into()))
    }

    fn damaged(&self, place: &str, failure: ReadFailure) -> SplitError {
        match failure {
            ReadFailure::Damaged(what) => SplitError::Damaged {
                path: self.path.clone(),
                what: format!("{place}: {what}"),
            },
            ReadFailure::Io(source) => io_error(&self.path, source),
        }
    }
}

/// Why a part of a split cannot be read; the split adds the path.
#[derive(Debug)]
pub(crate) enum ReadFailure {
    Damaged(String),
    Io(std::io::Error),
}

impl From<Corrupt> for ReadFailure {
    fn from(Corrupt(what): Corrupt) -> Self {
        Self::Damaged(what.to_owned())
    }
}

fn io_error(path: &Path, source: std::io::Error) -> SplitError {
    SplitError::Io {
        path: path.to_owned(),
        source,
    }
}

/// The length must have been checked against the file's: it is allocated before reading.
fn read_at(file: &File, path: &Path, offset: u64, length: usize) -> Result<Vec<u8>, SplitError> {
    let mut bytes = vec![0; length];
    match file.read_exact_at(&mut bytes, offset) {
        Ok(()) => Ok(bytes),
        // Cut short since it was opened.
        Err(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => Err(SplitError::Damaged {
            path: path.to_owned(),
            what: format!("ends before byte {}", offset + length as u64),
        }),
        Err(e) => Err(io_error(path, e)),
    }
}
