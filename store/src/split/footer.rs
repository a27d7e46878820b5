//! Header, footer and trailer: what a split says of itself.

use std::collections::BTreeMap;
use std::sync::Arc;

use timberline_proto::integrity::Hash;

use super::block;
use super::page::BLOCKS;
use super::wire::{Corrupt, Reader, put_bytes, put_i64, put_u32, put_u64, put_varint};
use super::{PageInfo, SplitMeta};
use crate::rows::{Stream, StreamId};

/// Version of the format that this program writes: that before it has no trees.
pub(crate) const FORMAT_VERSION: u32 = 3;

/// The first version that this program reads: nothing was released that wrote version 1.
pub(crate) const FORMAT_VERSION_MIN: u32 = 2;

/// Footers of this version on name trees.
const VERSION_WITH_TREES: u32 = 3;

const HEADER_MAGIC: &[u8; 8] = b"TBSPLIT\0";
const TRAILER_MAGIC: &[u8; 8] = b"TBSPLEND";

/// Magic, version (u32), CRC-32C of these.
pub(crate) const HEADER_BYTES: usize = 16;

/// Footer's stored length (u32), raw length (u32), CRC-32C of footer and both lengths, magic.
pub(crate) const TRAILER_BYTES: usize = 20;

/// Rows of a page at most, whatever the options say: bounds what a reader allocates.
pub(crate) const PAGE_ROWS_MAX: usize = 65_536;

/// The index is checksummed in pieces of this many bytes, so that a lookup checks what it reads.
pub(crate) const INDEX_PIECE_BYTES: usize = 16 << 10;

/// Where bytes stand in the file, and their CRC-32C.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Extent {
    pub(crate) offset: u64,
    pub(crate) length: u32,
    pub(crate) crc: u32,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct StripeEntry {
    /// Its templates.
    pub(crate) extent: Extent,
    pub(crate) templates: u32,
    /// Bytes of all of them.
    pub(crate) template_bytes: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PageEntry {
    pub(crate) stripe: u32,
    pub(crate) rows: u32,
    pub(crate) line_bytes: u64,
    pub(crate) time_min: i64,
    pub(crate) time_max: i64,
    pub(crate) severity_rows: [u32; 7],
    /// Numbers in the split, ascending.
    pub(crate) streams: Vec<u32>,
    pub(crate) templates: u32,
    /// core, text, provenance, attributes.
    pub(crate) blocks: [Extent; BLOCKS],
}

/// The index: files one after another in one section.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct IndexEntry {
    pub(crate) offset: u64,
    pub(crate) length: u64,
    /// Of each piece of `INDEX_PIECE_BYTES`.
    pub(crate) crcs: Vec<u32>,
    /// Name, offset in the section, length.
    pub(crate) files: Vec<(String, u64, u64)>,
}

/// A tree over records of the split, by (partition, offset).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct TreeEntry {
    /// The id of the split as which its records were published.
    pub(crate) id: [u8; 16],
    pub(crate) root: Hash,
    /// Erased ones included.
    pub(crate) leaves: u64,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Footer {
    /// Of the file.
    pub(crate) version: u32,
    pub(crate) id: String,
    pub(crate) level: u32,
    pub(crate) raw_bytes: u64,
    pub(crate) offsets: Vec<(u32, u64, u64)>,
    pub(crate) streams: Vec<Arc<Stream>>,
    pub(crate) stripes: Vec<StripeEntry>,
    pub(crate) pages: Vec<PageEntry>,
    pub(crate) index: IndexEntry,
    /// The summary; no byte in a split that was written before there was one.
    pub(crate) summary: Extent,
    /// The trees of its records; none in version 2.
    pub(crate) trees: Vec<TreeEntry>,
    /// What the trees are recomputed with; no byte if there are none.
    pub(crate) integrity: Extent,
}

pub(crate) fn header(version: u32) -> [u8; HEADER_BYTES] {
    let mut header = [0; HEADER_BYTES];
    header[..8].copy_from_slice(HEADER_MAGIC);
    header[8..12].copy_from_slice(&version.to_le_bytes());
    let crc = crc32c::crc32c(&header[..12]);
    header[12..].copy_from_slice(&crc.to_le_bytes());
    header
}

/// The version that a header names.
pub(crate) fn check_header(header: &[u8]) -> Result<u32, Corrupt> {
    let mut reader = Reader::new(header);
    let magic = reader.take(8)?;
    let version = reader.u32()?;
    if magic != HEADER_MAGIC {
        return Err(Corrupt("does not begin like a split"));
    }
    if reader.u32()? != crc32c::crc32c(&header[..12]) {
        return Err(Corrupt("header does not match its checksum"));
    }
    Ok(version)
}

/// The footer compressed, with its trailer; and its checksum.
pub(crate) fn seal(footer: &Footer, compressor: &mut zstd::bulk::Compressor<'_>) -> std::io::Result<(Vec<u8>, u32)> {
    let raw = encode(footer);
    let mut sealed = compressor.compress(&raw)?;
    let stored = sealed.len() as u32;
    put_u32(&mut sealed, stored);
    put_u32(&mut sealed, raw.len() as u32);
    let crc = crc32c::crc32c(&sealed);
    put_u32(&mut sealed, crc);
    sealed.extend_from_slice(TRAILER_MAGIC);
    Ok((sealed, crc))
}

/// The stored length of the footer that a trailer names.
pub(crate) fn check_trailer(trailer: &[u8]) -> Result<usize, Corrupt> {
    let mut reader = Reader::new(trailer);
    let stored = reader.u32()? as usize;
    reader.take(8)?;
    if reader.take(8)? != TRAILER_MAGIC {
        return Err(Corrupt("does not end like a split: cut short"));
    }
    Ok(stored)
}

/// The footer of a file of this version from its stored bytes with the trailer; and its checksum.
pub(crate) fn unseal(sealed: &[u8], version: u32) -> Result<(Footer, u32), Corrupt> {
    let crc_at = sealed.len() - 12;
    let (checked, mut reader) = (&sealed[..crc_at], Reader::new(&sealed[crc_at..]));
    let crc = reader.u32()?;
    if crc32c::crc32c(checked) != crc {
        return Err(Corrupt("footer does not match its checksum"));
    }
    let (stored, lengths) = checked.split_at(crc_at - 8);
    let raw = u32::from_le_bytes(lengths[4..].try_into().expect("four of eight"));
    Ok((decode(&block::decompress(stored, u64::from(raw))?, version)?, crc))
}

fn put_extent(out: &mut Vec<u8>, extent: &Extent) {
    put_varint(out, extent.offset);
    put_varint(out, u64::from(extent.length));
    put_u32(out, extent.crc);
}

fn extent(from: &mut Reader<'_>) -> Result<Extent, Corrupt> {
    Ok(Extent {
        offset: from.varint()?,
        length: from.varint_u32()?,
        crc: from.u32()?,
    })
}

fn encode(footer: &Footer) -> Vec<u8> {
    let mut out = Vec::new();
    put_bytes(&mut out, footer.id.as_bytes());
    put_varint(&mut out, u64::from(footer.level));
    put_u64(&mut out, footer.raw_bytes);
    put_varint(&mut out, footer.offsets.len() as u64);
    for &(partition, first, last) in &footer.offsets {
        put_u32(&mut out, partition);
        put_u64(&mut out, first);
        put_u64(&mut out, last);
    }
    put_varint(&mut out, footer.streams.len() as u64);
    for stream in &footer.streams {
        put_u64(&mut out, stream.id.0);
        put_varint(&mut out, stream.attributes.len() as u64);
        for (name, value) in &stream.attributes {
            put_bytes(&mut out, name.as_bytes());
            put_bytes(&mut out, value.as_bytes());
        }
    }
    put_varint(&mut out, footer.stripes.len() as u64);
    for stripe in &footer.stripes {
        put_extent(&mut out, &stripe.extent);
        put_varint(&mut out, u64::from(stripe.templates));
        put_varint(&mut out, stripe.template_bytes);
    }
    put_varint(&mut out, footer.pages.len() as u64);
    footer.pages.iter().for_each(|page| encode_page(&mut out, page));
    encode_index(&mut out, &footer.index);
    put_extent(&mut out, &footer.summary);
    if footer.version >= VERSION_WITH_TREES {
        put_varint(&mut out, footer.trees.len() as u64);
        for tree in &footer.trees {
            out.extend_from_slice(&tree.id);
            out.extend_from_slice(&tree.root.0);
            put_varint(&mut out, tree.leaves);
        }
        put_extent(&mut out, &footer.integrity);
    }
    out
}

fn encode_page(out: &mut Vec<u8>, page: &PageEntry) {
    put_varint(out, u64::from(page.stripe));
    put_varint(out, u64::from(page.rows));
    put_varint(out, page.line_bytes);
    put_i64(out, page.time_min);
    put_i64(out, page.time_max);
    page.severity_rows
        .iter()
        .for_each(|&rows| put_varint(out, u64::from(rows)));
    put_varint(out, page.streams.len() as u64);
    let mut before = 0;
    for &stream in &page.streams {
        put_varint(out, u64::from(stream - before));
        before = stream;
    }
    put_varint(out, u64::from(page.templates));
    page.blocks.iter().for_each(|block| put_extent(out, block));
}

fn encode_index(out: &mut Vec<u8>, index: &IndexEntry) {
    put_varint(out, index.offset);
    put_varint(out, index.length);
    put_varint(out, index.crcs.len() as u64);
    index.crcs.iter().for_each(|&crc| put_u32(out, crc));
    put_varint(out, index.files.len() as u64);
    for (name, offset, length) in &index.files {
        put_bytes(out, name.as_bytes());
        put_varint(out, *offset);
        put_varint(out, *length);
    }
}

fn decode(bytes: &[u8], version: u32) -> Result<Footer, Corrupt> {
    let from = &mut Reader::new(bytes);
    let mut footer = Footer {
        version,
        id: from.text()?.to_owned(),
        level: from.varint_u32()?,
        raw_bytes: from.u64()?,
        ..Footer::default()
    };
    for _ in 0..from.count()? {
        footer.offsets.push((from.u32()?, from.u64()?, from.u64()?));
    }
    for _ in 0..from.count()? {
        let id = StreamId(from.u64()?);
        let mut attributes = BTreeMap::new();
        for _ in 0..from.count()? {
            attributes.insert(from.text()?.to_owned(), from.text()?.to_owned());
        }
        footer.streams.push(Arc::new(Stream { id, attributes }));
    }
    for _ in 0..from.count()? {
        footer.stripes.push(StripeEntry {
            extent: extent(from)?,
            templates: from.varint_u32()?,
            template_bytes: from.varint()?,
        });
    }
    for _ in 0..from.count()? {
        let page = decode_page(from, &footer)?;
        footer.pages.push(page);
    }
    footer.index = decode_index(from)?;
    if from.remaining() > 0 {
        footer.summary = extent(from)?;
    }
    if version >= VERSION_WITH_TREES {
        for _ in 0..from.count()? {
            footer.trees.push(TreeEntry {
                id: from.array()?,
                root: Hash(from.array()?),
                leaves: from.varint()?,
            });
        }
        footer.integrity = extent(from)?;
    }
    from.end()?;
    Ok(footer)
}

fn decode_page(from: &mut Reader<'_>, footer: &Footer) -> Result<PageEntry, Corrupt> {
    let mut page = PageEntry {
        stripe: from.varint_u32()?,
        rows: from.varint_u32()?,
        line_bytes: from.varint()?,
        time_min: from.i64()?,
        time_max: from.i64()?,
        ..PageEntry::default()
    };
    for rows in &mut page.severity_rows {
        *rows = from.varint_u32()?;
    }
    let mut last = 0_u64;
    for _ in 0..from.count()? {
        last += u64::from(from.varint_u32()?);
        if last >= footer.streams.len() as u64 {
            return Err(Corrupt("page of a stream that is not there"));
        }
        page.streams.push(last as u32);
    }
    page.templates = from.varint_u32()?;
    for block in &mut page.blocks {
        *block = extent(from)?;
    }
    if page.stripe as usize >= footer.stripes.len() || page.rows == 0 || page.rows as usize > PAGE_ROWS_MAX {
        return Err(Corrupt("page out of range"));
    }
    Ok(page)
}

fn decode_index(from: &mut Reader<'_>) -> Result<IndexEntry, Corrupt> {
    let mut index = IndexEntry {
        offset: from.varint()?,
        length: from.varint()?,
        ..IndexEntry::default()
    };
    for _ in 0..from.count()? {
        index.crcs.push(from.u32()?);
    }
    for _ in 0..from.count()? {
        let (name, offset, length) = (from.text()?.to_owned(), from.varint()?, from.varint()?);
        if offset.checked_add(length).is_none_or(|end| end > index.length) {
            return Err(Corrupt("file of the index out of range"));
        }
        index.files.push((name, offset, length));
    }
    if index.crcs.len() as u64 != index.length.div_ceil(INDEX_PIECE_BYTES as u64) {
        return Err(Corrupt("index without all of its checksums"));
    }
    Ok(index)
}

impl Footer {
    /// Everything between header and footer belongs to exactly one block or to the index.
    pub(crate) fn check_extents(&self, footer_offset: u64) -> Result<(), Corrupt> {
        let blocks = self.pages.iter().flat_map(|page| page.blocks);
        let stripes = self.stripes.iter().map(|stripe| stripe.extent);
        let mut extents: Vec<(u64, u64)> = blocks.chain(stripes).map(|e| (e.offset, u64::from(e.length))).collect();
        extents.push((self.index.offset, self.index.length));
        extents.push((self.summary.offset, u64::from(self.summary.length)));
        extents.push((self.integrity.offset, u64::from(self.integrity.length)));
        extents.retain(|&(_, length)| length > 0);
        extents.sort_unstable();
        let mut at = HEADER_BYTES as u64;
        for (offset, length) in extents {
            if offset != at {
                return Err(Corrupt("blocks overlap or leave a gap"));
            }
            at = at.checked_add(length).ok_or(Corrupt("block out of range"))?;
        }
        if at == footer_offset {
            Ok(())
        } else {
            Err(Corrupt("blocks do not fill the file"))
        }
    }

    /// What the catalog keeps, and what is known of each page.
    pub(crate) fn describe(&self, file_bytes: u64, footer_crc: u32) -> (SplitMeta, Vec<PageInfo>) {
        let pages: Vec<PageInfo> = self
            .pages
            .iter()
            .map(|p| PageInfo {
                rows: p.rows,
                time_min: p.time_min,
                time_max: p.time_max,
            })
            .collect();
        let mut severity_rows = [0; 7];
        for page in &self.pages {
            severity_rows
                .iter_mut()
                .zip(page.severity_rows)
                .for_each(|(sum, rows)| *sum += u64::from(rows));
        }
        let meta = SplitMeta {
            id: self.id.clone(),
            format_version: self.version,
            rows: pages.iter().map(|p| u64::from(p.rows)).sum(),
            raw_bytes: self.raw_bytes,
            file_bytes,
            time_min: pages.iter().map(|p| p.time_min).min().unwrap_or(0),
            time_max: pages.iter().map(|p| p.time_max).max().unwrap_or(0),
            pages: pages.len() as u32,
            streams: self.streams.iter().map(|s| s.id).collect(),
            severity_rows,
            offsets: self.offsets.clone(),
            footer_crc,
            level: self.level,
        };
        (meta, pages)
    }
}
