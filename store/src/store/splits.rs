//! The store as `read` sees it: where the files of the catalog's splits are.

use std::sync::Arc;

use super::Store;
use crate::catalog::CatalogSplit;
use crate::read::Splits;
use crate::split::{Split, SplitError};

impl Splits for Store {
    fn split(&self, split: &CatalogSplit) -> Result<Arc<Split>, SplitError> {
        Store::split(self, split)
    }
}
