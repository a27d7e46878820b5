//! The files of splits: opened once and shared, removed when nobody can ask for them any more.

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

use crate::catalog::{CatalogSplit, Snapshot};
#[cfg(test)]
use crate::crash;
use crate::crash::{CrashPoint, reached};
use crate::split::{Split, SplitError};

/// The directory of splits, with a bounded number of them open.
#[derive(Debug)]
pub(crate) struct SplitFiles {
    dir: PathBuf,
    open_max: usize,
    open: Mutex<OpenSplits>,
    /// Dropped by the catalog; each goes when this holds the last copy of it.
    dropped: Mutex<Vec<Arc<CatalogSplit>>>,
}

#[derive(Debug, Default)]
struct OpenSplits {
    by_id: HashMap<String, (Arc<Split>, u64)>,
    uses: u64,
}

impl SplitFiles {
    /// Takes the directory over and removes every file that the catalog does not name: left by a
    /// crash before its transaction, or after the one that dropped it (S1).
    pub(crate) fn open(dir: PathBuf, open_max: usize, snapshot: &Snapshot) -> io::Result<Self> {
        let known: BTreeSet<String> = snapshot.splits.iter().map(|split| file_name(&split.meta.id)).collect();
        for entry in std::fs::read_dir(&dir)? {
            let entry = entry?;
            let is_known = entry.file_name().to_str().is_some_and(|name| known.contains(name));
            if !is_known && entry.file_type()?.is_file() {
                tracing::info!(file = %entry.path().display(), "removing a file that no catalog entry names");
                std::fs::remove_file(entry.path())?;
            }
        }
        Ok(Self {
            dir,
            open_max: open_max.max(1),
            open: Mutex::default(),
            dropped: Mutex::default(),
        })
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// An open split, from the cache if it is there.
    pub(crate) fn get(&self, split: &CatalogSplit) -> Result<Arc<Split>, SplitError> {
        let id = split.meta.id.as_str();
        if let Some(open) = self.open.lock().find(id) {
            return Ok(open);
        }
        let opened = Arc::new(self.open_file(split)?);
        self.open.lock().keep(id, &opened, self.open_max);
        Ok(opened)
    }

    /// Opens the file as it is now, reads all of it and checks all of it. The open one is let go:
    /// it may be of a file that was replaced.
    #[cfg(feature = "read")]
    pub(crate) fn check(&self, split: &CatalogSplit) -> Result<(), SplitError> {
        self.open.lock().by_id.remove(&split.meta.id);
        let opened = self.open_file(split)?;
        catch_unwind(AssertUnwindSafe(|| opened.verify())).unwrap_or_else(|_| {
            Err(SplitError::Damaged {
                path: self.path(&split.meta.id),
                what: "reading it panicked".into(),
            })
        })
    }

    /// Why a split cannot be whole, as far as its directory entry tells.
    pub(crate) fn missing_or_cut(&self, split: &CatalogSplit) -> Option<String> {
        let path = self.path(&split.meta.id);
        match std::fs::metadata(&path) {
            Ok(found) if found.len() == split.meta.file_bytes => None,
            Ok(found) => Some(format!(
                "{}: {} bytes where {} were written",
                path.display(),
                found.len(),
                split.meta.file_bytes
            )),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Some(format!("{}: {error}", path.display())),
            Err(_) => None,
        }
    }

    /// Notes splits that the catalog has dropped.
    pub(crate) fn drop_when_unused(&self, splits: impl IntoIterator<Item = Arc<CatalogSplit>>) {
        self.dropped.lock().extend(splits);
    }

    /// Removes the files of dropped splits that no snapshot names any more. Returns how many.
    pub(crate) fn sweep(&self) -> usize {
        let unused: Vec<_> = {
            let mut dropped = self.dropped.lock();
            dropped
                .extract_if(.., |split| Arc::strong_count(split) == 1 && split.file.count() == 1)
                .collect()
        };
        for split in &unused {
            self.remove(&split.meta.id);
        }
        unused.len()
    }

    /// Files of dropped splits that are still there, because somebody may read them.
    pub(crate) fn dropped(&self) -> usize {
        self.dropped.lock().len()
    }

    /// Removes a file that is in no catalog. One that cannot be removed is garbage at the next start.
    pub(crate) fn remove(&self, id: &str) {
        self.open.lock().by_id.remove(id);
        let path = self.path(id);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!(file = %path.display(), %error, "cannot remove a split's file; the next start will");
            }
            _ => {
                #[cfg(test)]
                crash::note(crash::Step::Removed(path));
                reached(CrashPoint::FileRemoved);
            }
        }
    }

    pub(crate) fn path(&self, id: &str) -> PathBuf {
        self.dir.join(file_name(id))
    }

    /// What is in the file must be what the catalog says. An index over damaged bytes may panic
    /// (S6): that is damage too.
    fn open_file(&self, split: &CatalogSplit) -> Result<Split, SplitError> {
        let path = self.path(&split.meta.id);
        let opened = catch_unwind(AssertUnwindSafe(|| Split::open(&path))).unwrap_or_else(|_| {
            Err(SplitError::Damaged {
                path: path.clone(),
                what: "opening it panicked".into(),
            })
        })?;
        if opened.meta().footer_crc == split.meta.footer_crc && opened.meta().rows == split.meta.rows {
            return Ok(opened);
        }
        Err(SplitError::Damaged {
            path,
            what: "it is not the file that the catalog names".into(),
        })
    }
}

impl OpenSplits {
    fn find(&mut self, id: &str) -> Option<Arc<Split>> {
        self.uses += 1;
        let (split, used) = self.by_id.get_mut(id)?;
        *used = self.uses;
        Some(Arc::clone(split))
    }

    /// At the bound the one unused longest goes; queries that hold it keep it open until they end.
    fn keep(&mut self, id: &str, split: &Arc<Split>, open_max: usize) {
        self.uses += 1;
        self.by_id.insert(id.to_owned(), (Arc::clone(split), self.uses));
        while self.by_id.len() > open_max {
            let oldest = self
                .by_id
                .iter()
                .min_by_key(|(_, (_, used))| *used)
                .map(|(id, _)| id.clone());
            let Some(oldest) = oldest else { break };
            self.by_id.remove(&oldest);
        }
    }
}

fn file_name(id: &str) -> String {
    format!("{id}.split")
}
