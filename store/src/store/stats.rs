//! A store at a glance.

/// Splits that wait to be merged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WaitingMerges {
    /// Merges that are to be made.
    pub merges: u64,
    /// Splits that they join.
    pub splits: u64,
    /// Their rows.
    pub rows: u64,
    /// Bytes of their lines.
    pub raw_bytes: u64,
    /// Bytes of their files.
    pub file_bytes: u64,
}

/// A store at a glance. Counts begin with the process, sizes are as of now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoreStats {
    /// Rows in memory, not yet published.
    pub live_rows: u64,
    /// Bytes they take.
    pub live_bytes: u64,
    /// Records in the queue beyond what is live or published.
    pub queued_records: u64,
    /// Splits that exist.
    pub splits: u64,
    /// Splits that are not read because they are damaged.
    pub splits_quarantined: u64,
    /// Rows in splits.
    pub rows: u64,
    /// Bytes of their lines.
    pub raw_bytes: u64,
    /// Bytes of their files.
    pub file_bytes: u64,
    /// Batches taken from the queue.
    pub batches: u64,
    /// Of those, markers: a range without a record.
    pub batches_marker: u64,
    /// Batches that could not be read; their offsets are in the catalog's gaps.
    pub batches_damaged: u64,
    /// Batches whose lines are not those that their agent chained.
    pub chains_broken: u64,
    /// Records taken from the queue.
    pub records: u64,
    /// Flushes published.
    pub flushes: u64,
    /// Flushes that failed and were, or will be, tried again.
    pub flushes_failed: u64,
    /// Merges published.
    pub merges: u64,
    /// Merges given up.
    pub merges_failed: u64,
    /// Splits deleted by retention.
    pub splits_deleted: u64,
    /// Panics that were caught on threads of the store: each is a mistake in the program.
    pub panics: u64,
    /// What the last flush of a partition failed of, until one succeeds: the store is behind while
    /// this is set.
    pub flush_error: Option<String>,
    /// Why retention fails, or what merging panicked of, until it does not.
    pub janitor_error: Option<String>,
    /// Why retention cannot make room that is wanted: nothing more is taken from the queue meanwhile.
    pub retention_stuck: Option<String>,
    /// Why the queue cannot be read, until it can.
    pub source_error: Option<String>,
}
