//! The queue as others use it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant, SystemTime};

use parking_lot::{Condvar, Mutex, MutexGuard, RwLock};
use timberline_proto::batch::BatchHeader;
use timberline_proto::crash::{Point, reached};
use timberline_proto::id::{GenerationId, IncarnationId};

use crate::append::{Append, AppendError, Appended};
use crate::copy::DeletionHold;
use crate::disk::{Disk, RealDisk};
use crate::error::{At, QueueError, is_retryable};
use crate::inbox::{Done, Request};
use crate::info::{Fetched, PartitionInfo, SegmentInfo};
use crate::options::QueueOptions;
use crate::partition::{Clock, Common, Partition, unix_ms};
use crate::retention;
use crate::segment::SEGMENT_HEADER_BYTES;
use crate::small_file::{self, Content};
use crate::topic::{Topic, is_topic_name};
use crate::usage::Usage;

const LOCK_NAME: &str = "queue.lock";
const META_NAME: &str = "meta";
const CLEAN_NAME: &str = "clean";
const TOPICS_NAME: &str = "topics";
/// Each topic costs threads; more are refused.
const TOPICS_MAX: usize = 1024;
const PID_BYTES_MAX: usize = 32;

/// An open queue. Cheap to clone; the directory stays locked until the last clone is gone.
#[derive(Clone, Debug)]
pub struct Queue {
    inner: Arc<Inner>,
}

struct Inner {
    topics: RwLock<BTreeMap<String, Arc<Topic>>>,
    common: Common,
    dir: PathBuf,
    /// One creation of a topic at a time.
    creating: Mutex<()>,
    /// Told when a topic is there.
    created: Condvar,
    closed: AtomicBool,
    clean_at_open: bool,
    retaining: Mutex<()>,
    /// One erasure at a time. Locked after `retaining`, where both are.
    erasing: Mutex<()>,
    /// Who holds deletions back.
    deletions_held: Arc<AtomicUsize>,
}

impl Queue {
    /// Opens or creates the queue in `dir`, recovering torn tails.
    ///
    /// # Errors
    /// [`QueueError`]
    pub fn open(dir: &Path, options: QueueOptions) -> Result<Self, QueueError> {
        std::fs::create_dir_all(dir).at(dir)?;
        Self::open_on(Arc::new(RealDisk), dir, options, Arc::new(SystemTime::now))
    }

    /// Appends and waits for the group commit: when this returns, the batch is durable. Blocks;
    /// call it off the async threads. Many callers share one fsync.
    ///
    /// # Errors
    /// [`AppendError`]
    pub fn append(&self, topic: &str, append: Append) -> Result<Appended, AppendError> {
        let (sender, receiver) = mpsc::sync_channel(1);
        let done = move |answer| {
            // The receiver below waits for as long as the sender lives.
            if sender.send(answer).is_err() {
                tracing::debug!("nobody waits for an append");
            }
        };
        self.append_then(topic, append, Box::new(done));
        receiver
            .recv()
            .unwrap_or_else(|_| Err(AppendError::Failed("its writer is gone".to_owned())))
    }

    /// Writes, and calls `done` from the commit thread once durable (or at once if refused). Appends of one
    /// generation keep the order of the calls. Waits for room while the partition's inbox is full, and
    /// `done` must not block: the partition's appends wait for it.
    pub fn append_then(
        &self,
        topic: &str,
        append: Append,
        done: Box<dyn FnOnce(Result<Appended, AppendError>) + Send>,
    ) {
        match self.inner.admit(topic, append, done) {
            Ok((partition, request)) => {
                if let Err(request) = partition.inbox.put(request) {
                    (request.done)(Err(AppendError::Failed("the queue is closed".to_owned())));
                }
            }
            Err((done, error)) => done(Err(error)),
        }
    }

    /// To where the queue holds a generation, durable.
    pub fn generation_end(&self, topic: &str, generation: GenerationId) -> Option<u64> {
        self.inner
            .topic(topic)?
            .partition_of(&generation.0)
            .generation_end(generation)
    }

    /// Partition and offset of a generation's last batch, of which the log may hold nothing any more.
    pub fn generation_last(&self, topic: &str, generation: GenerationId) -> Option<(u32, u64)> {
        let topic = self.inner.topic(topic)?;
        let partition = topic.partition_of(&generation.0);
        Some((partition.number, partition.generation_last(generation)?))
    }

    /// Bytes of all segments, to hold against [`QueueOptions::bytes_max`].
    pub fn bytes(&self) -> u64 {
        self.inner.common.usage.bytes()
    }

    /// An encoded batch may be so large: it must fit into a segment, too.
    pub fn batch_bytes_max(&self) -> u64 {
        self.inner.batch_bytes_max()
    }

    /// Why appends are slowed, if they are: the queue is above its high-water mark.
    pub fn pressure(&self) -> Option<String> {
        self.inner.common.usage.pressure()
    }

    /// Whether the last user of the directory closed it.
    pub fn was_clean(&self) -> bool {
        self.inner.clean_at_open
    }

    /// Whether there is a topic of this name.
    pub fn has_topic(&self, name: &str) -> bool {
        self.inner.topic(name).is_some()
    }

    /// The names of the topics.
    pub fn topics(&self) -> Vec<String> {
        self.inner.topics.read().keys().cloned().collect()
    }

    /// Every partition of every topic.
    pub fn partitions(&self) -> Vec<PartitionInfo> {
        self.inner
            .partitions()
            .iter()
            .map(|partition| partition.info())
            .collect()
    }

    /// Durable batches from `offset` on, about `bytes_max` of them but at least one if there is one.
    ///
    /// # Errors
    /// [`QueueError::NoPartition`], [`QueueError::OutOfRange`], [`QueueError::Io`]
    pub fn read(&self, topic: &str, partition: u32, offset: u64, bytes_max: u64) -> Result<Fetched, QueueError> {
        self.inner.partition(topic, partition)?.read(offset, bytes_max)
    }

    /// Waits until the partition's durable end is beyond `offset`, or the time is over; for a topic that
    /// is not there yet, too.
    pub fn wait(&self, topic: &str, partition: u32, offset: u64, timeout: Duration) {
        let deadline = Instant::now() + timeout;
        let found = || self.inner.partition(topic, partition);
        let mut creating = self.inner.creating.lock();
        while found().is_err() && !self.inner.created.wait_until(&mut creating, deadline).timed_out() {}
        drop(creating);
        if let Ok(partition) = found() {
            partition.wait(offset, deadline);
        }
    }

    /// The group has taken everything before `offset`. Durable on return. A position never moves
    /// back: a lower offset changes nothing.
    ///
    /// # Errors
    /// [`QueueError::NoPartition`], [`QueueError::OtherIncarnation`], [`QueueError::OutOfRange`] beyond
    /// the end, [`QueueError::Io`]
    pub fn commit(
        &self,
        group: &str,
        topic: &str,
        partition: u32,
        incarnation: IncarnationId,
        offset: u64,
    ) -> Result<(), QueueError> {
        self.inner
            .partition(topic, partition)?
            .commit(group, incarnation, offset)
    }

    /// Where the group stands.
    pub fn position(&self, group: &str, topic: &str, partition: u32) -> Option<u64> {
        self.inner.partition(topic, partition).ok()?.positions.get(group)
    }

    /// Where every group stands that has taken something of the partition.
    pub fn groups(&self, topic: &str, partition: u32) -> BTreeMap<String, u64> {
        let partition = self.inner.partition(topic, partition);
        partition.map_or_else(|_| BTreeMap::new(), |partition| partition.positions.all())
    }

    /// The group reads on from `offset`: it has everything before, whether or not it has committed it.
    /// Known until the queue is closed.
    pub fn note_read(&self, group: &str, topic: &str, partition: u32, offset: u64) {
        if let Ok(partition) = self.inner.partition(topic, partition) {
            partition.positions.note_read(group, offset);
        }
    }

    /// Where every group reads on that has asked since the queue was opened.
    pub fn groups_read(&self, topic: &str, partition: u32) -> BTreeMap<String, u64> {
        let partition = self.inner.partition(topic, partition);
        partition.map_or_else(|_| BTreeMap::new(), |partition| partition.positions.all_read())
    }

    /// The partition's segments, oldest first; the last is written to.
    pub fn segments(&self, topic: &str, partition: u32) -> Vec<SegmentInfo> {
        let Ok(partition) = self.inner.partition(topic, partition) else {
            return Vec::new();
        };
        let log = partition.log.lock();
        let segments = log.segments.iter().map(|segment| SegmentInfo {
            base_offset: segment.base,
            bytes: segment.bytes,
        });
        segments.collect()
    }

    /// Its limits.
    pub fn options(&self) -> &QueueOptions {
        &self.inner.common.options
    }

    /// Deletes what retention allows, and gives the bytes freed. Called every so often by the owner.
    ///
    /// # Errors
    /// [`QueueError::Io`]
    pub fn enforce_retention(&self, now: SystemTime) -> Result<u64, QueueError> {
        let _one = self.inner.retaining.lock();
        if self.inner.deletions_held.load(Ordering::SeqCst) > 0 {
            return Ok(0);
        }
        retention::enforce(&self.inner.partitions(), unix_ms(now))
    }

    /// From now on nothing is deleted and nothing erased, until what is given back is dropped. One that is under way is waited for.
    pub fn hold_deletions(&self) -> DeletionHold {
        let _none = self.inner.retaining.lock();
        let _neither = self.inner.erasing.lock();
        DeletionHold::new(&self.inner.deletions_held)
    }

    pub(crate) fn partition(&self, topic: &str, partition: u32) -> Result<Arc<Partition>, QueueError> {
        self.inner.partition(topic, partition)
    }

    /// As long as this is held nobody else erases.
    pub(crate) fn erasing(&self) -> MutexGuard<'_, ()> {
        self.inner.erasing.lock()
    }

    /// How many hold deletions back.
    pub(crate) fn deletions_held(&self) -> &AtomicUsize {
        &self.inner.deletions_held
    }

    pub(crate) fn all_partitions(&self) -> Vec<Arc<Partition>> {
        self.inner.partitions()
    }

    /// Commits what is written and marks a clean shutdown.
    ///
    /// # Errors
    /// [`QueueError::Io`]
    pub fn close(&self) -> Result<(), QueueError> {
        if self.inner.closed.swap(true, Ordering::SeqCst) {
            return Ok(());
        }
        let _none_is_being_made = self.inner.creating.lock();
        let topics: Vec<_> = self.inner.topics.read().values().cloned().collect();
        // All are closed, also behind one that fails.
        let results: Vec<_> = topics.iter().map(|topic| topic.close()).collect();
        results.into_iter().collect::<Result<(), QueueError>>()?;
        small_file::replace(&*self.inner.common.disk, &self.inner.dir, CLEAN_NAME, b"")
    }

    pub(crate) fn open_on(
        disk: Arc<dyn Disk>,
        dir: &Path,
        options: QueueOptions,
        clock: Clock,
    ) -> Result<Self, QueueError> {
        disk.create_dir(dir).at(dir)?;
        let parent = dir
            .parent()
            .filter(|parent| !parent.as_os_str().is_empty())
            .unwrap_or(Path::new("."));
        disk.sync_dir(parent).at(parent)?;
        let Some(lock) = disk.lock(&dir.join(LOCK_NAME)).at(dir)? else {
            return Err(QueueError::Locked {
                path: dir.to_owned(),
                holder: holder(&*disk, dir),
            });
        };
        // Nothing is touched before the version is known to be ours.
        if small_file::read(&*disk, &dir.join(META_NAME))? != Content::Payload(Vec::new()) {
            small_file::replace(&*disk, dir, META_NAME, b"")?;
        }
        // Gone before anything is read: a crash while starting is no clean end.
        let clean_at_open = small_file::read(&*disk, &dir.join(CLEAN_NAME))? != Content::Missing;
        if clean_at_open {
            disk.remove(&dir.join(CLEAN_NAME)).at(dir)?;
            reached(Point::CleanRemoved);
        }
        let topics_dir = dir.join(TOPICS_NAME);
        disk.create_dir(&topics_dir).at(&topics_dir)?;
        disk.sync_dir(dir).at(dir)?;

        let usage = Arc::new(Usage::new(options.bytes_max, options.high_water_percent));
        let common = Common {
            disk,
            options: Arc::new(options),
            usage,
            clock,
            _lock: Arc::new(lock),
        };
        let mut topics = BTreeMap::new();
        for name in common
            .disk
            .list(&topics_dir)
            .at(&topics_dir)?
            .into_iter()
            .filter(|name| is_topic_name(name))
        {
            let topic = Arc::new(Topic::open(&common, &topics_dir, &name)?);
            topics.insert(name, topic);
        }
        let inner = Inner {
            topics: RwLock::new(topics),
            common,
            dir: dir.to_owned(),
            creating: Mutex::new(()),
            created: Condvar::new(),
            closed: AtomicBool::new(false),
            clean_at_open,
            retaining: Mutex::new(()),
            erasing: Mutex::new(()),
            deletions_held: Arc::default(),
        };
        Ok(Self { inner: Arc::new(inner) })
    }
}

/// Who has the lock, as its file says.
fn holder(disk: &dyn Disk, dir: &Path) -> String {
    let mut bytes = [0; PID_BYTES_MAX];
    let read = disk
        .open(&dir.join(LOCK_NAME))
        .and_then(|file| file.read_at(&mut bytes, 0))
        .unwrap_or(0);
    let text = String::from_utf8_lossy(&bytes[..read]);
    text.trim()
        .parse::<u32>()
        .map_or(String::new(), |pid| format!(" (pid {pid})"))
}

impl Inner {
    /// Checks an append and finds its partition; makes the topic if it is new.
    fn admit(&self, topic: &str, append: Append, done: Done) -> Result<(Arc<Partition>, Request), (Done, AppendError)> {
        let checked = self
            .check(&append)
            .and_then(|header| Ok((header, self.topic_or_new(topic)?)));
        let (header, topic) = match checked {
            Ok(checked) => checked,
            Err(error) => return Err((done, error)),
        };
        let partition = match &append.origin {
            Some((generation, ..)) => topic.partition_of(&generation.0),
            None => topic.partition_of(&append.key),
        };
        let Append { batch, origin, .. } = append;
        Ok((
            partition.clone(),
            Request {
                batch,
                record_count: header.record_count,
                origin,
                done,
            },
        ))
    }

    fn batch_bytes_max(&self) -> u64 {
        let options = &self.common.options;
        let segment = options.segment_bytes_max.saturating_sub(SEGMENT_HEADER_BYTES);
        options.batch_bytes_max.min(segment)
    }

    fn check(&self, append: &Append) -> Result<BatchHeader, AppendError> {
        let rejected = |why: String| Err(AppendError::Rejected(why));
        let bytes = append.batch.len() as u64;
        let bytes_max = self.batch_bytes_max();
        if bytes > bytes_max {
            return rejected(format!(
                "{bytes} bytes are more than batch_bytes_max or a segment takes ({bytes_max})"
            ));
        }
        if append.origin.is_some_and(|(_, start, end)| start > end) {
            return rejected("its range ends before it starts".to_owned());
        }
        BatchHeader::parse_checked(&append.batch).or_else(|error| rejected(error.to_string()))
    }

    fn topic(&self, name: &str) -> Option<Arc<Topic>> {
        self.topics.read().get(name).cloned()
    }

    fn topic_or_new(&self, name: &str) -> Result<Arc<Topic>, AppendError> {
        if let Some(topic) = self.topic(name) {
            return Ok(topic);
        }
        if !is_topic_name(name) {
            return Err(AppendError::Rejected(format!(
                "{name:?} is no name for a topic ([a-zA-Z0-9._-], 1 to 127)"
            )));
        }
        let _one = self.creating.lock();
        if self.closed.load(Ordering::SeqCst) {
            return Err(AppendError::Failed("the queue is closed".to_owned()));
        }
        if let Some(topic) = self.topic(name) {
            return Ok(topic);
        }
        if self.topics.read().len() >= TOPICS_MAX {
            return Err(AppendError::Rejected(format!(
                "there are {TOPICS_MAX} topics, no more are made"
            )));
        }
        let topic = Topic::open(&self.common, &self.dir.join(TOPICS_NAME), name).map_err(|error| match &error {
            QueueError::Io { source, .. } if is_retryable(source) => AppendError::Full(error.to_string()),
            _ => AppendError::Failed(error.to_string()),
        })?;
        let topic = Arc::new(topic);
        self.topics.write().insert(name.to_owned(), topic.clone());
        self.created.notify_all();
        Ok(topic)
    }

    fn partition(&self, topic: &str, number: u32) -> Result<Arc<Partition>, QueueError> {
        let found = self
            .topic(topic)
            .and_then(|topic| topic.partitions.get(number as usize).cloned());
        found.ok_or_else(|| QueueError::NoPartition {
            topic: topic.to_owned(),
            partition: number,
        })
    }

    fn partitions(&self) -> Vec<Arc<Partition>> {
        self.topics
            .read()
            .values()
            .flat_map(|topic| topic.partitions.iter().cloned())
            .collect()
    }
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Queue").field("dir", &self.dir).finish_non_exhaustive()
    }
}
