//! Dividing a split whose streams came to be of several retention classes, so that each can go by its
//! own policy. One pass over it per class: one stripe and one index are in memory at a time.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use timberline_proto::id::GenerationId;

use super::join::Join;
use super::{Eagerness, JoinError, LEFT_OUT, Merging};
use crate::catalog::{CatalogError, CatalogSplit, Snapshot};
use crate::crash::CrashPoint;
use crate::rows::{RowBlock, Stream};
use crate::split::{SplitError, SplitMeta, SplitStream};
use crate::write::FlushError;
use crate::write::context::{Context, Phase};
use crate::write::net::caught;

/// A split of one class, and which bytes of which files it holds.
pub(in crate::write) struct Part {
    pub(in crate::write) meta: SplitMeta,
    pub(in crate::write) files: Vec<(GenerationId, u64)>,
}

impl Context {
    /// The oldest split with streams of several classes that may be divided.
    pub(super) fn mixed(&self, merging: &mut Merging) -> Option<Arc<CatalogSplit>> {
        merging.left_out.retain(|_, since| since.elapsed() < LEFT_OUT);
        let snapshot = self.catalog.snapshot();
        for split in snapshot.splits.iter().rev() {
            let is_wanted = split.class.is_none() && split.quarantined.is_none();
            if !is_wanted || merging.left_out.contains_key(&split.meta.id) {
                continue;
            }
            if !self.is_sealed(split) {
                return Some(Arc::clone(split));
            }
            merging.left_out.insert(split.meta.id.clone(), Instant::now());
        }
        None
    }

    /// Whether rows of a split are leaves of trees: each tree is whole in one split, so that is not divided.
    fn is_sealed(&self, split: &CatalogSplit) -> bool {
        // One that cannot be read is found out when it is divided.
        let integrity = self.files.get(split).and_then(|split| split.integrity());
        integrity.is_ok_and(|integrity| !integrity.trees.is_empty())
    }

    /// Puts one split per class in the place of one. `false`: nothing was replaced.
    pub(super) fn divide(
        &self,
        split: Arc<CatalogSplit>,
        eagerness: Eagerness,
        merging: &mut Merging,
    ) -> Result<bool, FlushError> {
        let snapshot = self.catalog.snapshot();
        let parts = match caught(|| self.parts(&snapshot, &split, eagerness)) {
            Ok(Some(parts)) => parts,
            Ok(None) => return Ok(false),
            Err(JoinError::Panicked(error)) => {
                merging.left_out.insert(split.meta.id.clone(), Instant::now());
                return Err(error.into());
            }
            Err(JoinError::Output(error)) => return Err(error.into()),
            Err(JoinError::Input((_, error))) => return self.input_failed(&split, error, merging),
        };
        drop(snapshot);
        if self.dies_at(CrashPoint::MergeWritten) {
            return Ok(false);
        }
        let (metas, files): (Vec<SplitMeta>, Vec<_>) = parts.into_iter().map(|part| (part.meta, part.files)).unzip();
        match self.catalog.divide(&split.meta.id, &metas, &files) {
            Ok(()) => {}
            // A commit that was reported as failed was durable all the same.
            Err(_) if self.catalog.snapshot().split(&metas[0].id).is_some() => {}
            Err(error) => {
                // After a failed commit a crash may still show them: the next start removes what is not named.
                if !matches!(error, CatalogError::Commit(_)) {
                    metas.iter().for_each(|meta| self.files.remove(&meta.id));
                }
                return match error {
                    CatalogError::NotThere { .. } => Ok(false),
                    error => Err(error.into()),
                };
            }
        }
        tracing::debug!(
            split = split.meta.id,
            into = metas.len(),
            "split divided by retention class"
        );
        if self.dies_at(CrashPoint::MergeReplaced) {
            return Ok(false);
        }
        self.files.drop_when_unused([split]);
        self.files.sweep();
        Ok(true)
    }

    /// Writes the rows of each class to a split of their own. `None`: told to stop.
    fn parts(
        &self,
        snapshot: &Snapshot,
        split: &Arc<CatalogSplit>,
        eagerness: Eagerness,
    ) -> Result<Option<Vec<Part>>, JoinError> {
        let mut written = Written {
            parts: Vec::new(),
            context: self,
        };
        for policy in snapshot.rules.policies_of(split, &snapshot.streams) {
            let wanted = |stream: &Stream| snapshot.rules.policy_of(&split.topic, stream) == policy;
            match self.part(split, eagerness, &wanted)? {
                Some(part) if part.meta.rows > 0 => written.parts.push(part),
                Some(part) => self.files.remove(&part.meta.id),
                None => return Ok(None),
            }
        }
        let rows: u64 = written.parts.iter().map(|part| part.meta.rows).sum();
        let raw_bytes: u64 = written.parts.iter().map(|part| part.meta.raw_bytes).sum();
        if (rows, raw_bytes) != (split.meta.rows, split.meta.raw_bytes) {
            return Err(JoinError::Output(SplitError::Damaged {
                path: self.files.path(&split.meta.id),
                what: format!(
                    "dividing it by retention class wrote {rows} rows, {raw_bytes} bytes of lines, of {} and {}: \
                     that was thrown away",
                    split.meta.rows, split.meta.raw_bytes
                ),
            }));
        }
        Ok(Some(std::mem::take(&mut written.parts)))
    }

    /// Writes the rows of some streams to a new split. `None`: told to stop.
    fn part(
        &self,
        split: &Arc<CatalogSplit>,
        eagerness: Eagerness,
        wanted: &dyn Fn(&Stream) -> bool,
    ) -> Result<Option<Part>, JoinError> {
        let opened = self.files.get(split).map_err(|error| (0, error))?;
        let mut rows = Join::open(vec![(Arc::clone(split), opened)])?;
        let options = self.rewritten(eagerness);
        let output = SplitStream::create(self.files.dir(), &options, split.meta.level.saturating_add(1));
        let mut output = output.map_err(JoinError::Output)?;
        let mut files = HashMap::<GenerationId, u64>::new();
        let mut wrote = false;
        let mut write = |rows: &RowBlock, run: std::ops::Range<usize>| -> Result<(), JoinError> {
            let mut start = run.start;
            while start < run.end {
                let stream = rows.stream_index(start);
                let same = (start..run.end).take_while(|&row| rows.stream_index(row) == stream);
                let end = start + same.count();
                if wanted(&rows.streams()[stream]) {
                    wrote |= output.push(rows, start..end).map_err(JoinError::Output)?;
                    for place in (start..end).filter_map(|row| rows.place(row)) {
                        *files.entry(place.generation).or_default() += u64::from(place.source_bytes);
                    }
                }
                start = end;
            }
            Ok(())
        };
        while rows.next_run(&mut write)? {
            if eagerness != Eagerness::All && self.phase() != Phase::Run {
                return Ok(None);
            }
        }
        if wrote && eagerness != Eagerness::All {
            self.give_way();
        }
        let meta = output.finish().map_err(JoinError::Output)?;
        let mut files: Vec<_> = files.into_iter().collect();
        files.sort_unstable();
        Ok(Some(Part { meta, files }))
    }
}

/// Parts that are not published: dropped, they leave no file.
struct Written<'a> {
    parts: Vec<Part>,
    context: &'a Context,
}

impl Drop for Written<'_> {
    fn drop(&mut self) {
        self.parts
            .iter()
            .for_each(|part| self.context.files.remove(&part.meta.id));
    }
}
