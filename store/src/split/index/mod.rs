//! The index of a split: which pages hold a term.

mod search;

use std::io;

use super::page::PageRows;

pub(crate) use search::SplitIndex;

#[derive(Debug, Default)]
pub(crate) struct IndexBuilder {}

impl IndexBuilder {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self {})
    }
    pub(crate) fn add_page(&mut self, _page: &PageRows<'_>, _templates: &[u32]) -> io::Result<()> {
        Ok(())
    }
    pub(crate) fn finish(self) -> io::Result<Vec<(String, Vec<u8>)>> {
        Ok(Vec::new())
    }
}
