//! Erasing records: a split is replaced by one without them.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::context::Context;
use super::flush::FlushError;
use crate::catalog::{CatalogError, CatalogSplit};
use crate::integrity::{Removal, punctured};
use crate::rows::RowBlock;
use crate::split::{Columns, SplitError, SplitMeta, SplitOptions, SplitStream};

impl Context {
    /// Replaces a split by one without the rows at these partitions and offsets; `None` if that
    /// leaves none, and it was deleted. What is left of an erased row is its leaf in its tree, of
    /// which the salt cannot be had any more; the log says that, why, and by whom. The old file goes
    /// when no query reads it any more. Durable on return.
    ///
    /// # Errors
    /// [`FlushError`]; nothing is erased then.
    pub(crate) fn erase_rows(
        &self,
        split: &Arc<CatalogSplit>,
        gone: &BTreeSet<(u32, u64)>,
        removal: &Removal,
    ) -> Result<Option<SplitMeta>, FlushError> {
        let _alone = self.merging.lock();
        let snapshot = self.catalog.snapshot();
        let now = self.options.clock.now_unix_nanos();
        if snapshot.rules.keeper(split, &snapshot.streams, now).is_some() {
            return Err(self.kept(split).into());
        }
        drop(snapshot);
        let open = self.open_split(split)?;
        let (integrity, erased) = punctured(&open, &split.topic, gone)?;
        let options = SplitOptions {
            zstd_level: self.options.merge_zstd_level,
            ..self.options.split.clone()
        };
        let mut output = SplitStream::create(self.files.dir(), &options, split.meta.level)?;
        let mut kept = 0;
        for page in 0..open.pages().len() as u32 {
            let rows = open.read_page(page, Columns::ALL)?;
            open.forget_templates();
            kept += push_kept(&mut output, &rows, gone)?;
        }
        if kept == 0 {
            drop(output);
            let ids = [split.meta.id.clone()];
            let now = self.options.clock.now_unix_nanos();
            if self.catalog.delete_by(&ids, removal, now)?.is_empty() {
                return Err(self.kept(split).into());
            }
            self.files.drop_when_unused([Arc::clone(split)]);
            return Ok(None);
        }
        if !integrity.trees.is_empty() {
            output.set_integrity(integrity);
        }
        let meta = output.finish()?;
        if let Err(error) = self
            .catalog
            .erase(&split.topic, &split.meta.id, &meta, &erased, removal)
        {
            // Where the commit failed it may be found made after a crash: then the file must stay.
            if !matches!(error, CatalogError::Commit(_)) {
                self.files.remove(&meta.id);
            }
            return Err(error.into());
        }
        drop(open);
        self.files.drop_when_unused([Arc::clone(split)]);
        Ok(Some(meta))
    }
}

impl Context {
    /// Why nothing of a split is erased, or that it is not there.
    fn kept(&self, split: &CatalogSplit) -> CatalogError {
        let snapshot = self.catalog.snapshot();
        let now = self.options.clock.now_unix_nanos();
        let id = split.meta.id.clone();
        match snapshot.rules.keeper(split, &snapshot.streams, now) {
            Some(keeping) => CatalogError::Kept {
                id,
                why: keeping.to_string(),
            },
            None => CatalogError::NotThere { id },
        }
    }
}

/// Adds the rows that stay; how many.
fn push_kept(output: &mut SplitStream, rows: &RowBlock, gone: &BTreeSet<(u32, u64)>) -> Result<usize, SplitError> {
    let mut kept = 0;
    for row in 0..rows.len() {
        if !gone.contains(&(rows.partitions()[row], rows.offsets()[row])) {
            output.push(rows, row..row + 1)?;
            kept += 1;
        }
    }
    Ok(kept)
}
