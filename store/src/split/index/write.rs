//! Builds the index in memory: terms are collected here and written as a dictionary.

use std::convert::Infallible;
use std::io;

use super::collect::PageTerms;
use super::dictionary::DictionaryWriter;
use super::section::{BLOCKS, DIRECTORY};

#[derive(Debug, Default)]
pub(crate) struct IndexBuilder {
    terms: PageTerms,
    pages: u32,
}

impl IndexBuilder {
    /// Begins the next page, whose terms are to be added to what is returned.
    pub(crate) fn begin_page(&mut self) -> &mut PageTerms {
        self.terms.begin(self.pages);
        self.pages += 1;
        &mut self.terms
    }

    /// The index's files by name. None at all if there is no page.
    pub(crate) fn finish(self) -> io::Result<Vec<(String, Vec<u8>)>> {
        if self.pages == 0 {
            return Ok(Vec::new());
        }
        let mut dictionary = DictionaryWriter::new(self.pages);
        let added: Result<(), Infallible> = self.terms.table().each(|term, pages| {
            dictionary.add(term, pages);
            Ok(())
        });
        added.unwrap_or_else(|never| match never {});
        drop(self.terms);
        let files = dictionary.finish()?;
        Ok(vec![
            (BLOCKS.to_owned(), files.blocks),
            (DIRECTORY.to_owned(), files.directory),
        ])
    }
}
