//! The store as a whole: what `main` opens, what `read` and `http` ask.
//!
//! ```text
//! data_dir/LOCK              held while the store is open
//! data_dir/catalog.sqlite    which splits exist
//! data_dir/splits/ID.split   the splits; a file without a catalog entry is garbage
//! data_dir/integrity/        keys and checkpoints
//! ```

mod options;
mod stats;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::catalog::{Catalog, CatalogError, CatalogSplit, PolicyError};
use crate::integrity::{Keeper, KeyError, Removal};
use crate::live::{Live, LiveRows};
use crate::split::{Split, SplitError};
use crate::write::{Context, FlushError, Journal, Source, SplitFiles, Writer};

pub use options::{Clock, StoreOptions, SystemClock};
pub use stats::{StoreStats, WaitingMerges};

/// An open store: pulls, flushes, merges and forgets on threads of its own until it is shut down
/// or dropped. Dropping stops the threads without a flush; nothing is lost by it, for what was
/// not published is still in the queue.
#[derive(Debug)]
pub struct Store {
    writer: Writer,
}

/// Why a store cannot be opened, or do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another store has the directory.
    #[error("{path} is in use by another store: stop that one, or choose another directory")]
    Locked {
        /// The lock file.
        path: PathBuf,
    },
    /// There are splits, and no catalog that knows them.
    #[error("{path} is missing but {splits} split files are there: restore it from a backup, or move them away")]
    CatalogMissing {
        /// Where it should be.
        path: PathBuf,
        /// How many splits wait for it.
        splits: usize,
    },
    /// The catalog refuses.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// The configuration's retention policies are wrong.
    #[error("retention: {0}")]
    Policies(#[from] PolicyError),
    /// A split cannot be written or read.
    #[error(transparent)]
    Split(#[from] SplitError),
    /// The key that signs cannot be had.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// Writing panicked: a mistake in the program.
    #[error("{0}")]
    Panicked(String),
    /// The disk said no.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What it said.
        source: std::io::Error,
    },
}

impl Store {
    /// Opens or creates the store, removes what a crash left over, and begins to take records
    /// from `source` where the catalog says it stopped.
    ///
    /// # Errors
    /// [`StoreError`]
    pub fn open(options: StoreOptions, source: Arc<dyn Source>) -> Result<Self, StoreError> {
        let splits_dir = options.data_dir.join("splits");
        std::fs::create_dir_all(&splits_dir).map_err(|source| io_error(&splits_dir, source))?;
        let lock = lock(&options.data_dir.join("LOCK"))?;
        let catalog = open_catalog(&options.data_dir.join("catalog.sqlite"), &splits_dir)?;
        let now = options.clock.now_unix_nanos();
        if !catalog.adopt_policies(options.policies(), now)? {
            tracing::info!(
                "retention policies that were set by page or API are in force, not those of the configuration: \
                 `timberline retention reset` goes back to them"
            );
        }
        let files = SplitFiles::open(splits_dir.clone(), options.open_splits_max, &catalog.snapshot())
            .map_err(|source| io_error(&splits_dir, source))?;
        quarantine_absent(&catalog, &files);
        let source = match options.journal {
            true => Arc::new(Journal::beside(source, catalog.clone())?) as Arc<dyn Source>,
            false => source,
        };
        let keeper = Keeper::open(
            &catalog,
            &options.data_dir,
            &options.integrity,
            Arc::clone(&options.clock),
        )?;
        let context = Context::new(options, catalog, Arc::new(Live::new()), source, files, keeper, lock);
        Ok(Self {
            writer: Writer::start(context),
        })
    }

    /// Which splits exist.
    pub fn catalog(&self) -> &Catalog {
        &self.context().catalog
    }

    /// The rows not yet published. A query takes these first, the catalog's snapshot second.
    pub fn live(&self) -> Arc<dyn LiveRows> {
        Arc::clone(&self.context().live) as Arc<dyn LiveRows>
    }

    /// An open split, from the cache if it is there. Hold the snapshot (or the `Arc` of the
    /// catalog's entry) that names it until done: its file stays as long. A damaged or missing
    /// split is quarantined. Blocks on the disk.
    ///
    /// # Errors
    /// [`SplitError`]
    pub fn split(&self, split: &CatalogSplit) -> Result<Arc<Split>, SplitError> {
        self.context().open_split(split)
    }

    /// To be told when reading an open split failed: one that is damaged is quarantined.
    pub fn report(&self, split: &CatalogSplit, error: &SplitError) {
        self.context().quarantine_if_damaged(split, error);
    }

    /// Publishes every row that is in memory now. Durable on return.
    ///
    /// # Errors
    /// [`StoreError::Split`], [`StoreError::Catalog`]
    pub fn flush(&self) -> Result<(), StoreError> {
        self.context().flush_all().map_err(StoreError::from)
    }

    /// Joins all splits as far as the limits allow, whatever their number.
    ///
    /// # Errors
    /// [`StoreError::Split`], [`StoreError::Catalog`]
    pub fn merge_all(&self) -> Result<(), StoreError> {
        self.context().merge_all().map_err(StoreError::from)
    }

    /// Deletes what retention says, now. Returns how many splits that were.
    ///
    /// # Errors
    /// [`StoreError::Catalog`]
    pub fn enforce_retention(&self) -> Result<u64, StoreError> {
        Ok(self.context().enforce_retention()?)
    }

    /// Replaces a split by one without the rows at these partitions and offsets, and says in the log
    /// why and by whom; whether it is still there: if no row was left, it was deleted. Of an erased row
    /// nothing is left but a hash that tells nothing of it. Durable on return; the old file goes when
    /// no query reads it any more.
    ///
    /// # Errors
    /// [`StoreError::Split`], [`StoreError::Catalog`]; nothing is erased then.
    pub fn erase(
        &self,
        split: &Arc<CatalogSplit>,
        gone: &BTreeSet<(u32, u64)>,
        removal: &Removal,
    ) -> Result<bool, StoreError> {
        Ok(self.context().erase_rows(split, gone, removal)?.is_some())
    }

    /// Which splits would be joined now if nothing else were to be done. Goes through all splits.
    pub fn waiting_merges(&self) -> WaitingMerges {
        self.context().waiting_merges()
    }

    /// Stops or resumes merging in the background; returns once one that is under way is finished. Blocks.
    pub fn pause_merging(&self, paused: bool) {
        self.context().pause_merging(paused);
    }

    /// The store at a glance.
    pub fn stats(&self) -> StoreStats {
        self.context().stats()
    }

    /// Takes what the queue holds, publishes it, and stops. Returns whether everything was
    /// published before the deadline; what was not is still in the queue. What was published can
    /// be read on; the directory stays locked until the store is dropped.
    pub fn shutdown(&self, deadline: Duration) -> bool {
        self.writer.drain(deadline)
    }

    /// Where it keeps everything.
    pub fn data_dir(&self) -> &Path {
        &self.context().options.data_dir
    }

    pub(crate) fn context(&self) -> &Context {
        self.writer.context()
    }

    /// Lets the process "die" at this point of the next flush or merge.
    #[cfg(test)]
    fn die_at(&self, point: crate::crash::CrashPoint) {
        *self.context().crash_at.lock() = Some(point);
    }
}

#[cfg(feature = "read")]
impl crate::read::Splits for Store {
    fn split(&self, split: &CatalogSplit) -> Result<Arc<Split>, SplitError> {
        Store::split(self, split)
    }

    fn check(&self, split: &CatalogSplit) -> Result<(), SplitError> {
        self.context().files.check(split)
    }
}

impl From<FlushError> for StoreError {
    fn from(error: FlushError) -> Self {
        match error {
            FlushError::Split(error) => Self::Split(error),
            FlushError::Catalog(error) => Self::Catalog(error),
            FlushError::Panicked(error) => Self::Panicked(error.to_string()),
        }
    }
}

fn lock(path: &Path) -> Result<File, StoreError> {
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)
        .map_err(|source| io_error(path, source))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::Locked { path: path.to_owned() }),
        Err(TryLockError::Error(source)) => Err(io_error(path, source)),
    }
}

/// Names every split whose file is not there or not as long as it was: a directory copied by half,
/// or a disk that lost something, is noticed at the start and not when a query comes upon it (S20).
fn quarantine_absent(catalog: &Catalog, files: &SplitFiles) {
    let snapshot = catalog.snapshot();
    for split in &snapshot.splits {
        if split.quarantined.is_some() {
            continue;
        }
        let Some(mut reason) = files.missing_or_cut(split) else {
            continue;
        };
        // Whoever may write the directory can take away what the program would not delete.
        if let Some(held) = snapshot.rules.holder(split, &snapshot.streams) {
            reason += &format!("; it is {held}");
        }
        tracing::error!(split = %split.meta.id, rows = split.meta.rows, reason, "split is not what the catalog says: answers go without it");
        if let Err(error) = catalog.quarantine(&split.meta.id, &reason) {
            tracing::error!(split = %split.meta.id, %error, "cannot mark the split as damaged");
        }
    }
}

/// A catalog is made anew only where there is nothing that an old one could have known: without
/// this, files of a lost catalog would be taken for garbage.
fn open_catalog(path: &Path, splits_dir: &Path) -> Result<Catalog, StoreError> {
    if !path.try_exists().map_err(|source| io_error(path, source))? {
        let splits = count_splits(splits_dir).map_err(|source| io_error(splits_dir, source))?;
        if splits > 0 {
            return Err(StoreError::CatalogMissing {
                path: path.to_owned(),
                splits,
            });
        }
    }
    Ok(Catalog::open(path)?)
}

fn count_splits(dir: &Path) -> std::io::Result<usize> {
    let mut splits = 0;
    for entry in std::fs::read_dir(dir)? {
        splits += usize::from(entry?.path().extension().is_some_and(|extension| extension == "split"));
    }
    Ok(splits)
}

fn io_error(path: &Path, source: std::io::Error) -> StoreError {
    StoreError::Io {
        path: path.to_owned(),
        source,
    }
}
