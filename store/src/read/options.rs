//! The limits of reading. All queries share the memory; everything else is per query.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use super::running::ScanLimits;

/// Files that queries may name as tables, by their names.
pub type FileTables = BTreeMap<String, PathBuf>;

/// The limits of reading, each with its key in the configuration.
#[derive(Clone, Debug)]
pub struct ReadOptions {
    /// Rows of an answer where the request names no limit: `query.rows_default`.
    pub rows_default: u64,
    /// Rows of an answer at most; more is an error: `query.rows_max`.
    pub rows_max: u64,
    /// Memory of aggregations, sorts and joins of all queries together, in bytes; beyond it they
    /// spill to disk, or fail where they cannot: `query.memory_bytes_max`.
    pub memory_bytes_max: usize,
    /// Where they spill to; the system's directory of temporary files if none.
    pub spill_dir: Option<PathBuf>,
    /// Bytes that all queries together spill at most: `query.spill_bytes_max`.
    pub spill_bytes_max: u64,
    /// Memory for what is kept of splits between queries, in bytes: `query.cache_bytes_max`.
    pub cache_bytes_max: usize,
    /// Tests of one filter at most: `query.filter_tests_max`.
    pub filter_tests_max: usize,
    /// Rows that one query looks at, at most; no limit if 0: `query.scan_rows_max`.
    pub scan_rows_max: u64,
    /// Bytes of lines that one query reads, at most; no limit if 0: `query.scan_bytes_max`.
    pub scan_bytes_max: u64,
    /// How long one query may take: `query.time_limit`.
    pub time_limit: Duration,
    /// A source counts as current if it is complete to within this time: `server.lag_tolerance`.
    pub lag_tolerance: Duration,
    /// Newest records that field summaries look at where all would be too much: `query.fields_sample_rows`.
    pub fields_sample_rows: usize,
    /// Templates that `patterns` looks at to join those that differ in names alone; rarer ones stay as they
    /// are: `query.patterns_merge_max`.
    pub patterns_merge_max: usize,
    /// Queries that run at once; others wait their turn: `query.concurrent_max`.
    pub concurrent_max: usize,
    /// Exports that run at once; more are refused. Each also takes a turn: `query.exports_max`.
    pub exports_max: usize,
    /// How long one export may take: `query.export_time_limit`.
    pub export_time_limit: Duration,
    /// How long it may take to say why a search found nothing: `query.explain_time_limit`.
    pub explain_time_limit: Duration,
    /// Pages read to tell which fields take the room: `query.room_sample_pages`.
    pub room_sample_pages: usize,
    /// Streams, patterns and fields each that are named of what takes the room: `query.room_rows_max`.
    pub room_rows_max: usize,
    /// Streams and patterns each of a split of which the room is kept: `query.room_kept_max`.
    pub room_kept_max: usize,
    /// Listeners to new records at once; more are refused: `query.tails_max`.
    pub tails_max: usize,
    /// Threads that one query reads with: `query.threads`.
    pub threads: usize,
    /// CSV, TSV and Parquet files that queries may name as tables: `query.tables`.
    pub tables: FileTables,
}

impl ReadOptions {
    pub(crate) fn scan_limits(&self) -> ScanLimits {
        ScanLimits {
            rows_max: self.scan_rows_max,
            bytes_max: self.scan_bytes_max,
            groups_max: (self.memory_bytes_max / GROUP_BYTES).max(1) as u64,
        }
    }
}

/// About what a group of a count takes, short keys included.
const GROUP_BYTES: usize = 128;

impl Default for ReadOptions {
    fn default() -> Self {
        Self {
            rows_default: 1000,
            rows_max: 100_000,
            memory_bytes_max: 256 << 20,
            spill_dir: None,
            spill_bytes_max: 4 << 30,
            cache_bytes_max: 64 << 20,
            filter_tests_max: 1024,
            scan_rows_max: 0,
            scan_bytes_max: 0,
            time_limit: Duration::from_secs(60),
            lag_tolerance: Duration::from_secs(10),
            fields_sample_rows: 10_000,
            patterns_merge_max: 20_000,
            concurrent_max: 16,
            exports_max: 4,
            export_time_limit: Duration::from_secs(3600),
            explain_time_limit: Duration::from_secs(2),
            room_sample_pages: 64,
            room_rows_max: 500,
            room_kept_max: 512,
            tails_max: 64,
            threads: std::thread::available_parallelism().map_or(2, |n| n.get().min(4)),
            tables: FileTables::new(),
        }
    }
}
