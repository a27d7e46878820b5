//! Where the blocks of a dictionary stand, and what they begin with.

use super::DIGITS_MAX;
use super::bits::BitReader;
use super::postings::{Lists, PageLists, put_lists};
use crate::split::block::decompress;
use crate::split::index::pages::Pages;
use crate::split::wire::{Corrupt, Reader, put_bytes, put_varint};

/// Terms of a block of numbers; the last of a group may have fewer.
pub(super) const NUMBERS_OF_BLOCK: usize = 256;

/// What a block of text unpacks to at most.
pub(super) const TEXT_BYTES_MAX: u32 = 64 << 10;

const ZSTD_LEVEL: i32 = 9;

/// A block of text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct TextBlock {
    pub(super) first: Box<[u8]>,
    pub(super) terms: u32,
    /// Bytes of its terms, unpacked.
    pub(super) raw: u32,
    /// Bytes of its terms in the file; the rest are its lists.
    pub(super) packed: u32,
    pub(super) lists: u32,
    pub(super) offset: u64,
}

impl TextBlock {
    pub(super) fn bytes(&self) -> u64 {
        u64::from(self.packed) + u64::from(self.lists)
    }
}

/// Terms of one word and one number of digits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Group {
    pub(super) word: Box<[u8]>,
    pub(super) digits: u8,
    pub(super) terms: u32,
    pub(super) blocks: Vec<NumberBlock>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct NumberBlock {
    pub(super) first: u64,
    pub(super) bytes: u32,
    pub(super) offset: u64,
}

impl Group {
    /// The terms of one of its blocks.
    pub(super) fn terms_of(&self, block: usize) -> usize {
        (self.terms as usize - block * NUMBERS_OF_BLOCK).min(NUMBERS_OF_BLOCK)
    }
}

#[derive(Debug, Default)]
pub(super) struct Directory {
    pub(super) pages: u32,
    /// Ascending; they stand in this order from the beginning of the file of blocks.
    pub(super) texts: Vec<TextBlock>,
    /// Ascending by word, then digits; their blocks follow in this order.
    pub(super) groups: Vec<Group>,
    /// Terms that are held in memory, ascending.
    pub(super) residents: Vec<(Box<[u8]>, Pages)>,
}

impl Directory {
    /// The directory's bytes. `lists` are those of the residents.
    pub(super) fn encode(&self, lists: &PageLists) -> std::io::Result<Vec<u8>> {
        let mut out = Vec::new();
        put_varint(&mut out, u64::from(self.pages));
        put_varint(&mut out, self.residents.len() as u64);
        self.residents.iter().for_each(|(term, _)| put_bytes(&mut out, term));
        if !self.residents.is_empty() {
            let mut bits = super::bits::BitWriter::default();
            put_lists(lists, self.pages, &mut bits);
            put_bytes(&mut out, &bits.finish());
        }
        put_varint(&mut out, self.texts.len() as u64);
        for block in &self.texts {
            put_bytes(&mut out, &block.first);
            for number in [block.terms, block.raw, block.packed, block.lists] {
                put_varint(&mut out, u64::from(number));
            }
        }
        put_varint(&mut out, self.groups.len() as u64);
        for group in &self.groups {
            put_bytes(&mut out, &group.word);
            put_varint(&mut out, u64::from(group.digits));
            put_varint(&mut out, u64::from(group.terms));
            let mut before = 0;
            for block in &group.blocks {
                put_varint(&mut out, block.first - before);
                put_varint(&mut out, u64::from(block.bytes));
                before = block.first;
            }
        }
        let mut sealed = Vec::new();
        put_varint(&mut sealed, out.len() as u64);
        sealed.extend(zstd::bulk::compress(&out, ZSTD_LEVEL)?);
        Ok(sealed)
    }

    /// Reads that of a split of so many pages again; `blocks_bytes` is the length of the file of blocks.
    pub(super) fn decode(sealed: &[u8], pages: u32, blocks_bytes: u64) -> Result<Self, Corrupt> {
        let mut reader = Reader::new(sealed);
        let raw = reader.varint()?;
        let bytes = decompress(reader.take(reader.remaining())?, raw)?;
        let mut from = Reader::new(&bytes);
        let mut directory = Self {
            pages: from.varint_u32()?,
            ..Self::default()
        };
        if directory.pages != pages {
            return Err(Corrupt("the index is of another number of pages"));
        }
        directory.take_residents(&mut from)?;
        let mut offset = 0;
        for _ in 0..from.count()? {
            directory.texts.push(take_text(&mut from, &mut offset)?);
        }
        for _ in 0..from.count()? {
            directory.groups.push(take_group(&mut from, &mut offset)?);
        }
        from.end()?;
        let in_order = directory.texts.is_sorted_by(|a, b| a.first < b.first)
            && directory
                .groups
                .is_sorted_by(|a, b| (&a.word, a.digits) < (&b.word, b.digits));
        match in_order && offset == blocks_bytes {
            true => Ok(directory),
            false => Err(Corrupt("the index's directory does not fit its blocks")),
        }
    }

    fn take_residents(&mut self, from: &mut Reader<'_>) -> Result<(), Corrupt> {
        let count = from.count()?;
        if count == 0 {
            return Ok(());
        }
        let terms: Vec<&[u8]> = (0..count).map(|_| from.bytes()).collect::<Result<_, _>>()?;
        let mut lists = Lists::new(BitReader::new(from.bytes()?), self.pages);
        for term in terms {
            let mut pages = Pages::none(self.pages);
            lists.add_to(&mut pages)?;
            self.residents.push((term.into(), pages));
        }
        lists.end()
    }

    /// The block of text that holds a term if any does.
    pub(super) fn text_of(&self, term: &[u8]) -> Option<&TextBlock> {
        let after = self.texts.partition_point(|block| *block.first <= *term);
        self.texts.get(after.checked_sub(1)?)
    }

    pub(super) fn group_of(&self, word: &[u8], digits: usize) -> Option<&Group> {
        let key = |group: &Group| (*group.word).cmp(word).then(usize::from(group.digits).cmp(&digits));
        let place = self.groups.binary_search_by(key).ok()?;
        self.groups.get(place)
    }
}

fn take_text(from: &mut Reader<'_>, offset: &mut u64) -> Result<TextBlock, Corrupt> {
    let block = TextBlock {
        first: from.bytes()?.into(),
        terms: from.varint_u32()?,
        raw: from.varint_u32()?,
        packed: from.varint_u32()?,
        lists: from.varint_u32()?,
        offset: *offset,
    };
    if block.terms == 0 || block.raw > TEXT_BYTES_MAX {
        return Err(Corrupt("a block of terms too large, or empty"));
    }
    *offset = offset.saturating_add(block.bytes());
    Ok(block)
}

fn take_group(from: &mut Reader<'_>, offset: &mut u64) -> Result<Group, Corrupt> {
    let mut group = Group {
        word: from.bytes()?.into(),
        digits: u8::try_from(from.varint()?).unwrap_or(u8::MAX),
        terms: from.varint_u32()?,
        blocks: Vec::new(),
    };
    if group.terms == 0 || !(1..=DIGITS_MAX).contains(&usize::from(group.digits)) {
        return Err(Corrupt("a group of no terms or of no numbers"));
    }
    let mut first = 0_u64;
    for _ in 0..(group.terms as usize).div_ceil(NUMBERS_OF_BLOCK) {
        first = first
            .checked_add(from.varint()?)
            .ok_or(Corrupt("number above 64 bits"))?;
        let bytes = from.varint_u32()?;
        group.blocks.push(NumberBlock {
            first,
            bytes,
            offset: *offset,
        });
        *offset = offset.saturating_add(bytes.into());
    }
    Ok(group)
}
