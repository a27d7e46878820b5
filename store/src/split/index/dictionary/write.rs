//! Writes a dictionary.

use std::io;

use super::bits::BitWriter;
use super::directory::{Directory, Group, NUMBERS_OF_BLOCK, NumberBlock, TextBlock};
use super::numbers::put_ascending;
use super::postings::{PageLists, put_lists};
use super::text::TextWriter;
use super::{DIGITS_MAX, is_resident, numbered};
use crate::split::hash::FastMap;
use crate::split::index::pages::Pages;
use crate::split::wire::{Reader, put_varint};

/// Fewer terms of one word and number of digits are kept as text.
const GROUP_TERMS_MIN: usize = 24;

/// A block of text ends behind the term with which it has so many bytes.
const TEXT_BYTES: usize = 8 << 10;

const ZSTD_LEVEL: i32 = 9;

/// The files of a dictionary.
#[derive(Debug, Default)]
pub(crate) struct DictionaryFiles {
    pub(crate) blocks: Vec<u8>,
    pub(crate) directory: Vec<u8>,
}

/// Collects terms, which come ascending, and writes them.
#[derive(Debug, Default)]
pub(crate) struct DictionaryWriter {
    pages: u32,
    words: FastMap<Vec<u8>, Box<[Numbers; DIGITS_MAX]>>,
    /// Terms that are text whatever others there are: bytes of each, and its list.
    texts: Terms,
    residents: Vec<(Box<[u8]>, Pages)>,
    resident_lists: PageLists,
}

/// The numbers behind one word, of one number of digits, and their lists.
#[derive(Debug, Default)]
struct Numbers {
    numbers: Vec<u64>,
    lists: Packed,
}

#[derive(Debug, Default)]
struct Terms {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    lists: Packed,
}

/// Lists of pages: a varint of their count, then varints of gaps.
#[derive(Debug, Default)]
struct Packed(Vec<u8>);

impl Packed {
    fn push(&mut self, pages: &[u32]) {
        put_varint(&mut self.0, pages.len() as u64);
        let mut before = 0;
        for &page in pages {
            put_varint(&mut self.0, u64::from(page - before));
            before = page;
        }
    }
}

/// Takes the lists of a [`Packed`] one after another.
struct Unpack<'a>(Reader<'a>);

impl Unpack<'_> {
    fn next_into(&mut self, lists: &mut PageLists) {
        let mut number = || self.0.varint().expect("it was written so");
        let mut page = 0;
        let count = number();
        lists.push((0..count).map(|_| {
            page += number() as u32;
            page
        }));
    }
}

impl DictionaryWriter {
    /// For a split of so many pages.
    pub(crate) fn new(pages: u32) -> Self {
        Self {
            pages,
            ..Self::default()
        }
    }

    /// Adds a term; `pages` ascend, there is at least one, and all are below the split's number of them.
    pub(crate) fn add(&mut self, term: &[u8], pages: &[u32]) {
        if is_resident(term) {
            self.resident_lists.push(pages.iter().copied());
            self.residents.push((term.into(), Pages::none(0)));
            return;
        }
        let Some(found) = numbered(term) else {
            self.texts.add(term, pages);
            return;
        };
        let by_digits = match self.words.get_mut(found.word) {
            Some(by_digits) => by_digits,
            None => self.words.entry(found.word.to_vec()).or_default(),
        };
        let numbers = &mut by_digits[found.digits - 1];
        numbers.numbers.push(found.number);
        numbers.lists.push(pages);
    }

    /// The files.
    pub(crate) fn finish(mut self) -> io::Result<DictionaryFiles> {
        let mut groups = Vec::new();
        let mut few = Terms::default();
        for (word, by_digits) in std::mem::take(&mut self.words) {
            for (at, numbers) in by_digits.into_iter().enumerate() {
                let digits = at + 1;
                match numbers.numbers.len() {
                    0 => {}
                    count if count < GROUP_TERMS_MIN => few.add_numbers(&word, digits, &numbers),
                    _ => groups.push((word.clone(), digits, numbers)),
                }
            }
        }
        groups.sort_unstable_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1)));
        let mut blocks = Vec::new();
        let mut directory = Directory {
            pages: self.pages,
            residents: std::mem::take(&mut self.residents),
            ..Directory::default()
        };
        self.write_texts(&few, &mut blocks, &mut directory)?;
        for (word, digits, numbers) in groups {
            let group = self.write_group(&word, digits, &numbers, &mut blocks);
            directory.groups.push(group);
        }
        Ok(DictionaryFiles {
            blocks,
            directory: directory.encode(&self.resident_lists)?,
        })
    }

    fn write_texts(&self, few: &Terms, blocks: &mut Vec<u8>, directory: &mut Directory) -> io::Result<()> {
        let mut compressor = zstd::bulk::Compressor::new(ZSTD_LEVEL)?;
        let mut writer = TextWriter::default();
        let mut lists = PageLists::default();
        let mut block = TextBlock::default();
        let mut order = few.in_order();
        order.sort_unstable();
        let mut few = order.into_iter().peekable();
        let mut texts = self.texts.in_order().into_iter().peekable();
        loop {
            let next = match (texts.peek(), few.peek()) {
                (Some(a), Some(b)) if b.0 < a.0 => few.next(),
                (None, _) => few.next(),
                _ => texts.next(),
            };
            if let Some((term, list)) = &next {
                if writer.terms() == 0 {
                    block.first = (*term).into();
                }
                writer.push(term);
                Unpack(Reader::new(list)).next_into(&mut lists);
            }
            if writer.terms() > 0 && (writer.bytes() >= TEXT_BYTES || next.is_none()) {
                block.terms = writer.terms();
                let raw = writer.finish();
                block.raw = raw.len() as u32;
                let packed = compressor.compress(&raw)?;
                // Where zstd gains nothing the two lengths are equal.
                let packed = if packed.len() < raw.len() { packed } else { raw };
                let mut bits = BitWriter::default();
                put_lists(&lists, self.pages, &mut bits);
                let bits = bits.finish();
                (block.packed, block.lists) = (packed.len() as u32, bits.len() as u32);
                block.offset = blocks.len() as u64;
                blocks.extend(packed);
                blocks.extend(bits);
                directory.texts.push(std::mem::take(&mut block));
                lists.clear();
            }
            if next.is_none() {
                return Ok(());
            }
        }
    }

    fn write_group(&self, word: &[u8], digits: usize, numbers: &Numbers, blocks: &mut Vec<u8>) -> Group {
        let mut group = Group {
            word: word.into(),
            digits: digits as u8,
            terms: numbers.numbers.len() as u32,
            blocks: Vec::new(),
        };
        let mut unpack = Unpack(Reader::new(&numbers.lists.0));
        let mut lists = PageLists::default();
        for of_block in numbers.numbers.chunks(NUMBERS_OF_BLOCK) {
            lists.clear();
            of_block.iter().for_each(|_| unpack.next_into(&mut lists));
            let mut bits = BitWriter::default();
            put_ascending(of_block, &mut bits);
            put_lists(&lists, self.pages, &mut bits);
            let bits = bits.finish();
            group.blocks.push(NumberBlock {
                first: of_block[0],
                bytes: bits.len() as u32,
                offset: blocks.len() as u64,
            });
            blocks.extend(bits);
        }
        group
    }
}

impl Terms {
    fn add(&mut self, term: &[u8], pages: &[u32]) {
        self.bytes.extend_from_slice(term);
        self.ends.push(self.bytes.len());
        self.lists.push(pages);
    }

    fn add_numbers(&mut self, word: &[u8], digits: usize, numbers: &Numbers) {
        for number in &numbers.numbers {
            self.bytes.extend_from_slice(word);
            self.bytes.extend(format!("{number:0digits$}").bytes());
            self.ends.push(self.bytes.len());
        }
        self.lists.0.extend_from_slice(&numbers.lists.0);
    }

    /// The terms as they came, each with the beginning of its list.
    fn in_order(&self) -> Vec<(&[u8], &[u8])> {
        let mut lists = Reader::new(&self.lists.0);
        let mut start = 0;
        let term = |&end: &usize| {
            let term = (
                &self.bytes[start..end],
                &self.lists.0[self.lists.0.len() - lists.remaining()..],
            );
            start = end;
            let count = lists.varint().expect("it was written so");
            for _ in 0..count {
                lists.varint().expect("it was written so");
            }
            term
        };
        self.ends.iter().map(term).collect()
    }
}
