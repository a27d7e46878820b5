//! Finds terms.

use super::bits::BitReader;
use super::directory::{Directory, Group, TextBlock};
use super::numbered;
use super::numbers::take_ascending;
use super::postings::Lists;
use super::text::TextReader;
use crate::split::block::decompress;
use crate::split::index::pages::Pages;
use crate::split::index::section::Section;
use crate::split::read::ReadFailure;
use crate::split::wire::Corrupt;

/// The dictionary of a split; its directory is in memory, its blocks are read as they are needed.
#[derive(Debug)]
pub(crate) struct Dictionary {
    pub(super) section: Section,
    pub(super) directory: Directory,
}

impl Dictionary {
    pub(crate) fn open(section: Section, pages: u32) -> Result<Self, ReadFailure> {
        let sealed = section.directory()?;
        let directory = Directory::decode(&sealed, pages, section.blocks_bytes())?;
        Ok(Self { section, directory })
    }

    /// Adds the pages of exactly this term; whether there is such a term.
    pub(crate) fn term(&self, term: &[u8], into: &mut Pages) -> Result<bool, ReadFailure> {
        let directory = &self.directory;
        if super::is_resident(term) {
            let found = directory.residents.binary_search_by(|(held, _)| (**held).cmp(term));
            if let Ok(found) = found {
                into.unite(&directory.residents[found].1);
            }
            return Ok(found.is_ok());
        }
        if let Some(numbered) = numbered(term)
            && let Some(group) = directory.group_of(numbered.word, numbered.digits)
        {
            return self.number(group, numbered.number, into);
        }
        let Some(block) = directory.text_of(term) else {
            return Ok(false);
        };
        self.text(block, term, into)
    }

    fn number(&self, group: &Group, number: u64, into: &mut Pages) -> Result<bool, ReadFailure> {
        let after = group.blocks.partition_point(|block| block.first <= number);
        let Some(at) = after.checked_sub(1) else {
            return Ok(false);
        };
        let block = group.blocks[at];
        let bytes = self.section.read(block.offset, block.bytes.into())?;
        let mut bits = BitReader::new(&bytes);
        let mut numbers = Vec::new();
        take_ascending(block.first, group.terms_of(at), &mut bits, &mut numbers);
        let Ok(place) = numbers.binary_search(&number) else {
            bits.end()?;
            return Ok(false);
        };
        let mut lists = Lists::new(bits, self.directory.pages);
        (0..place).try_for_each(|_| lists.skip())?;
        lists.add_to(into)?;
        lists.end()?;
        Ok(true)
    }

    fn text(&self, block: &TextBlock, term: &[u8], into: &mut Pages) -> Result<bool, ReadFailure> {
        let bytes = self.section.read(block.offset, block.bytes())?;
        let (packed, lists) = bytes.split_at(block.packed as usize);
        let raw = unpack(block, packed)?;
        let mut reader = TextReader::new(&raw, block.terms)?;
        let mut held = Vec::new();
        let mut lists = Lists::new(BitReader::new(lists), self.directory.pages);
        for at in 0..block.terms {
            reader.next(&mut held)?;
            match (*held).cmp(term) {
                std::cmp::Ordering::Less => {}
                std::cmp::Ordering::Greater => break,
                std::cmp::Ordering::Equal => {
                    (0..at).try_for_each(|_| lists.skip())?;
                    lists.add_to(into)?;
                    lists.end()?;
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// Checks every byte of the index, and that all of it can be read.
    pub(crate) fn verify(&self) -> Result<(), ReadFailure> {
        self.section.verify()?;
        let mut all = Pages::none(self.directory.pages);
        self.walk(b"", &mut |_, pages| all.unite(pages))
    }
}

/// The terms of a block of text as they were written.
pub(super) fn unpack(block: &TextBlock, packed: &[u8]) -> Result<Vec<u8>, Corrupt> {
    match block.packed == block.raw {
        true => Ok(packed.to_vec()),
        false => decompress(packed, block.raw.into()),
    }
}
