//! Limits and habits of a store.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use timberline_proto::api::retention::PolicySet;

use crate::integrity::IntegrityOptions;
use crate::retain::{DiskSpace, SystemDisk};
use crate::split::SplitOptions;

/// Limits and habits of a store. Every bound says what happens at it.
#[derive(Clone, Debug)]
pub struct StoreOptions {
    /// Everything the store writes: `catalog.sqlite`, `splits/`, `LOCK`.
    pub data_dir: PathBuf,
    /// Rows wait in memory so long at most before they are flushed to a split. Default 30 s.
    pub flush_interval: Duration,
    /// A partition with so many rows in memory is flushed at once; a flush takes no more than
    /// this, rounded up to a block. Default 1,000,000.
    pub flush_rows_max: usize,
    /// The same, in bytes of memory. Default 24 MiB.
    pub flush_bytes_max: u64,
    /// Bytes of rows in memory, of all partitions. At the bound nothing more is pulled until a
    /// flush made room, so the queue grows instead; each partition may exceed it by one fetch.
    /// From half of it on the largest partition is flushed early. Default 48 MiB.
    pub live_bytes_max: u64,
    /// About so many encoded bytes are fetched at once; at least one batch. Default 512 KiB.
    pub fetch_bytes_max: u64,
    /// A batch may unpack to so much; a larger one is passed over as damaged. Default 256 MiB.
    pub unpacked_bytes_max: u64,
    /// How long one fetch waits for new records; bounds how long stopping takes. Default 250 ms.
    pub fetch_wait: Duration,
    /// How often new topics and partitions are looked for. Default 200 ms.
    pub discover_interval: Duration,
    /// A flush writes one split per UTC day, for so many days at most; the rows of the days with
    /// the fewest rows go together into the last, or into as many as `retention_age` needs. Those of
    /// the future have one of their own. Default 8.
    pub slices_max: usize,
    /// Threads that write the splits of one flush, each with a stripe and an index in memory; one
    /// while queries run. Default 1.
    pub encode_threads: usize,
    /// Pages and stripes of splits, and the zstd level of flushed ones.
    pub split: SplitOptions,
    /// zstd level of splits merged at rest; those merged in haste have that of flushed ones. Default 12.
    pub merge_zstd_level: i32,
    /// While records come in as fast as they can be written, nothing is merged below so many
    /// splits: a merge takes memory and time beside the flushes. Default 512.
    pub merge_busy_splits_min: usize,
    /// So many splits of like size are joined. Default 6.
    pub merge_splits_min: usize,
    /// So many splits are joined at once at most. Default 64.
    pub merge_splits_max: usize,
    /// Rows of a merged split at most. Default 2,000,000.
    pub merge_rows_max: u64,
    /// Bytes of lines in a merged split at most: a merge holds its index in memory. Default 256 MiB.
    pub merge_bytes_max: u64,
    /// Day splits of more than a day ago with fewer bytes of lines than this are joined across
    /// days. Default 64 MiB.
    pub slice_bytes_min: u64,
    /// How often merging, retention and removal of files are looked at. Default 5 s.
    pub janitor_interval: Duration,
    /// Splits whose newest row is older are deleted. A split's rows stand no further apart than an
    /// eighth of the age, a day at least, so a row outlives it by that and a day at most. A time in the future
    /// counts no further than a day after the record came. Default: none are.
    pub retention_age: Option<Duration>,
    /// Beyond so many bytes of split files the oldest are deleted. Default: none are.
    pub retention_bytes: Option<u64>,
    /// Policies of the configuration's file; `retention_age` and `retention_bytes` are those of its last
    /// one where that says none. They count unless others were set. Default: none.
    pub retention: PolicySet,
    /// Files in the ledger; beyond it those of which nothing is held any more are kept as sums, those
    /// silent longest first. Default 250,000.
    pub ledger_sources_max: u64,
    /// Whether what the store does is stored as records, too, in topics of its own. Default: no.
    pub journal: bool,
    /// Trees over records, and who signs them.
    pub integrity: IntegrityOptions,
    /// Splits kept open; beyond it the one unused longest is closed. Default 256.
    pub open_splits_max: usize,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// How full the file system is.
    pub disk: Arc<dyn DiskSpace>,
}

impl StoreOptions {
    /// The defaults, under `data_dir`.
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            data_dir: data_dir.into(),
            flush_interval: Duration::from_secs(30),
            flush_rows_max: 1_000_000,
            flush_bytes_max: 24 << 20,
            live_bytes_max: 48 << 20,
            fetch_bytes_max: 512 << 10,
            unpacked_bytes_max: 256 << 20,
            fetch_wait: Duration::from_millis(250),
            discover_interval: Duration::from_millis(200),
            slices_max: 8,
            encode_threads: 1,
            split: SplitOptions {
                page_rows_max: 4096,
                stripe_rows_max: 65_536,
                zstd_level: 3,
            },
            merge_zstd_level: 12,
            merge_busy_splits_min: 512,
            merge_splits_min: 6,
            merge_splits_max: 64,
            merge_rows_max: 2_000_000,
            merge_bytes_max: 256 << 20,
            slice_bytes_min: 64 << 20,
            janitor_interval: Duration::from_secs(5),
            retention_age: None,
            retention_bytes: None,
            retention: PolicySet::default(),
            ledger_sources_max: 250_000,
            journal: false,
            integrity: IntegrityOptions::default(),
            open_splits_max: 256,
            clock: Arc::new(SystemClock),
            disk: Arc::new(SystemDisk),
        }
    }

    /// The policies of the configuration's file.
    pub fn policies(&self) -> PolicySet {
        let mut set = self.retention.clone().closed();
        if let Some(last) = set.policies.last_mut() {
            let age = self.retention_age.map(|age| age.as_secs().max(1));
            last.age_seconds = last.age_seconds.or(age);
            last.bytes = last.bytes.or(self.retention_bytes);
        }
        set
    }
}

/// What time it is: the system's, or a test's.
pub trait Clock: Send + Sync + fmt::Debug {
    /// Nanoseconds since the epoch.
    fn now_unix_nanos(&self) -> i64;
}

/// The system's clock.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now_unix_nanos(&self) -> i64 {
        i64::try_from(jiff::Timestamp::now().as_nanosecond()).unwrap_or(i64::MAX)
    }
}
