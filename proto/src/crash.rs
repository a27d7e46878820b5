//! Named points between two steps that must each be survivable: where a test lets the process die.
//!
//! In a build with debug assertions `TIMBERLINE_CRASH_AT=NAME` kills the process (SIGKILL) at the
//! point of this name, `NAME:N` at the N-th time that it comes there. A release build knows neither
//! the points nor the variable.
//!
//! `tests/crash_points.rs` goes through all of them: each kills the whole program under load, twice
//! in a row.

macro_rules! points {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal,)+) => {
        /// A point between two steps.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Point {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Point {
            /// Every point.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// Its name in the environment.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }
        }
    };
}

points! {
    // The queue, of a collector or of an agent's outbox.
    /// A group of batches has its offsets, nothing of it is written.
    GroupUnwritten = "group-unwritten",
    /// It is written, not synced.
    GroupWritten = "group-written",
    /// It is synced, neither readers nor senders know.
    GroupSynced = "group-synced",
    /// Readers see it, senders are not answered.
    GroupPublished = "group-published",
    /// The recovery point speaks of what was synced; it is itself not synced.
    RecoveryPointWritten = "recovery-point-written",
    /// The recovery point is synced.
    RecoveryPointSynced = "recovery-point-synced",
    /// A new segment's file is there, empty.
    SegmentCreated = "segment-created",
    /// It has its header, not synced.
    SegmentHeaderWritten = "segment-header-written",
    /// It is synced, its name is not.
    SegmentSynced = "segment-synced",
    /// It is durable, the one before it is not sealed.
    SegmentMade = "segment-made",
    /// A segment without erased records is durable beside the one with them.
    SegmentRewritten = "segment-rewritten",
    /// It has that one's name, not durably.
    SegmentReplaced = "segment-replaced",
    /// The one before it is sealed, without an index.
    SegmentSealed = "segment-sealed",
    /// The index of a sealed segment is there, empty.
    IndexCreated = "index-created",
    /// It is written.
    IndexWritten = "index-written",
    /// `meta.tmp` is synced, not renamed.
    MetaSynced = "meta-synced",
    /// `meta` is renamed, its directory is not synced.
    MetaRenamed = "meta-renamed",
    /// `topic.tmp` is synced, not renamed.
    TopicSynced = "topic-synced",
    /// `topic` is renamed, its directory is not synced.
    TopicRenamed = "topic-renamed",
    /// `partition.tmp` is synced, not renamed.
    PartitionSynced = "partition-synced",
    /// `partition` is renamed, its directory is not synced.
    PartitionRenamed = "partition-renamed",
    /// `ends.tmp` is synced, not renamed.
    EndsSynced = "ends-synced",
    /// `ends` is renamed, its directory is not synced.
    EndsRenamed = "ends-renamed",
    /// `positions.tmp` is synced, not renamed.
    PositionsSynced = "positions-synced",
    /// `positions` is renamed, its directory is not synced.
    PositionsRenamed = "positions-renamed",
    /// A queue is closed; `clean.tmp` is synced, not renamed.
    CleanSynced = "clean-synced",
    /// `clean` is renamed, its directory is not synced.
    CleanRenamed = "clean-renamed",
    /// A start has removed `clean` and looked at nothing else.
    CleanRemoved = "clean-removed",
    /// The new start of the log is durable, no segment is deleted.
    DeletionNoted = "deletion-noted",
    /// A segment's file is gone, its index is there.
    LogRemoved = "log-removed",
    /// Both are gone, their directory is not synced.
    IndexRemoved = "index-removed",

    // The agent.
    /// The registry's new state is synced, not renamed.
    RegistrySynced = "registry-synced",
    /// It is renamed, its directory is not synced.
    RegistryRenamed = "registry-renamed",
    /// A batch is acked, no checkpoint knows.
    BatchAcked = "batch-acked",
    /// A refused batch is kept, its reason is not.
    DeadLetterKept = "dead-letter-kept",
    /// Both are kept, the marker in its place is not sent.
    DeadLetterNoted = "dead-letter-noted",
    /// What a listener or the journal gave is durable, nobody was told.
    ReceivedAppended = "received-appended",
    /// A batch of the outbox is acked, its position is not saved.
    OutboxAcked = "outbox-acked",
    /// The position is saved.
    OutboxSaved = "outbox-saved",

    // The collector.
    /// `fleet.state.tmp` is synced, not renamed.
    FleetSynced = "fleet-synced",
    /// `fleet.state` is renamed, its directory is not synced.
    FleetRenamed = "fleet-renamed",

    // Enrolling.
    /// The key is kept, the collector knows nothing.
    EnrollKeyWritten = "enroll-key-written",
    /// The collector is connected to and asked nothing.
    EnrollConnected = "enroll-connected",
    /// It has answered, nothing of that is kept.
    EnrollAnswered = "enroll-answered",
    /// The authorities are kept.
    EnrollAuthoritiesWritten = "enroll-authorities-written",
    /// Where the collector is, too.
    EnrollCollectorWritten = "enroll-collector-written",
    /// The identity, too; the pending key is still there.
    EnrollIdentityWritten = "enroll-identity-written",

    // A pushed configuration.
    /// The trial is kept, the agent runs what it ran before.
    PushedTrialKept = "pushed-trial-kept",

    // The store.
    /// A split's file is synced, its directory is not.
    SplitUnsynced = "split-unsynced",
    /// The splits of a flush are durable, the catalog does not know them.
    SplitsWritten = "splits-written",
    /// The catalog knows them, their rows are still live and the queue was not told.
    Published = "published",
    /// Their rows are not live any more, the queue was not told.
    Dropped = "dropped",
    /// The queue was told.
    Told = "told",
    /// A merged split is durable, the catalog has its inputs.
    MergeWritten = "merge-written",
    /// The catalog has the merged split, its inputs' files are there.
    MergeReplaced = "merge-replaced",
    /// The catalog has forgotten what retention deletes, the files are there.
    RetentionDeleted = "retention-deleted",
    /// Of the files that go, the first is gone.
    FileRemoved = "file-removed",

    // Erasure.
    /// A split without the erased records is durable, the catalog has the one with them.
    ErasureWritten = "erasure-written",
    /// The catalog has the new split, the old one's file is there.
    ErasureReplaced = "erasure-replaced",
    /// What goes from the queue is on record, and still there.
    ErasureQueueNoted = "erasure-queue-noted",
    /// It is gone from the queue, too.
    ErasureQueueDone = "erasure-queue-done",
    /// The text of the request is forgotten, freed pages of the catalog may hold it.
    ErasureWiped = "erasure-wiped",
    /// They hold nothing any more, there is no receipt.
    ErasureScrubbed = "erasure-scrubbed",
}

/// Dies here if the environment says so.
#[cfg(debug_assertions)]
pub fn reached(point: Point) {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    static ARMED: OnceLock<Option<(Point, AtomicU64)>> = OnceLock::new();
    let armed = ARMED.get_or_init(|| {
        let text = std::env::var("TIMBERLINE_CRASH_AT").ok()?;
        let (name, times) = text.split_once(':').unwrap_or((&text, "1"));
        let point = Point::ALL.iter().copied().find(|point| point.name() == name);
        let (Some(point), Ok(times)) = (point, times.parse()) else {
            panic!("TIMBERLINE_CRASH_AT={text:?} is not the name of a point, or NAME:N");
        };
        Some((point, AtomicU64::new(times)))
    });
    if let Some((at, left)) = armed
        && *at == point
        && left.fetch_sub(1, Ordering::Relaxed) == 1
    {
        // Nothing runs after this, no destructor and no other thread.
        rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL).ok();
    }
}

/// In a release build a process does not die of it.
#[cfg(not(debug_assertions))]
#[inline(always)]
pub fn reached(_: Point) {}
