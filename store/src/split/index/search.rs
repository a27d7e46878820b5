//! Answers a `PageQuery`.

use std::fs::File;
use std::sync::Arc;

use super::super::PageQuery;
use super::super::footer::Footer;
use super::super::read::ReadFailure;

#[derive(Debug)]
pub(crate) struct SplitIndex {
    _file: Arc<File>,
    footer: Arc<Footer>,
}

impl SplitIndex {
    pub(crate) fn new(file: Arc<File>, footer: Arc<Footer>) -> Self {
        Self { _file: file, footer }
    }
    pub(crate) fn candidates(&self, _query: &PageQuery) -> Result<Vec<u32>, ReadFailure> {
        Ok((0..self.footer.pages.len() as u32).collect())
    }
    pub(crate) fn verify(&self) -> Result<(), ReadFailure> {
        Ok(())
    }
}
