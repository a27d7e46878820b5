//! The thread that owns all state of files.
//!
//! One turn: take the mail (verdicts, hints), walk if it is time, read what is new, save
//! checkpoints. Everything blocking on the network is elsewhere; everything here blocks on the
//! local filesystem only.
//!
//! | file | what it does |
//! |---|---|
//! | `file` | the state of one generation |
//! | `read` | cuts one batch of one file |
//! | `push` | one event on its way into a batch, past the rules |
//! | `place` | where an offset stands among a file's lines |
//! | `discover` | what a walk's findings mean: new, renamed, gone, the same as before |
//! | `restore` | what a start makes of the registry |
//! | `packed` | files packed with gzip |
//! | `pod` | what the Kubernetes API says of a file's pod |
//! | `replace` | truncation, copies, files that are no longer named |
//! | `gone` | bytes that will never be read, and telling the collector of them |
//! | `news` | verdicts move checkpoints or rewind |
//! | `report` | the status |

mod discover;
mod file;
mod gone;
mod news;
mod packed;
mod place;
mod pod;
mod push;
mod read;
mod replace;
mod report;
mod restore;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use timberline_proto::id::{AgentId, GenerationId};
use tokio::sync::{mpsc, watch};

use self::file::{End, Origin, Standing, Tail};
use self::read::{Outcome, Reader};
use crate::config::AgentConfig;
use crate::identity::{Inode, Stat};
use crate::inbox::Inbox;
use crate::input::Input;
use crate::kubernetes::Pods;
use crate::lines::Flush;
use crate::outbox::OutboxState;
use crate::process::Rules;
use crate::registry::{Entry, Registry, Store};
use crate::scan::{Walker, Watch};
use crate::ship::{Batch, ToShip};
use crate::status::SharedStatus;
use crate::stream;

/// Hints are gathered for so long, so that a busy file does not keep the thread awake.
const HINT_PAUSE: Duration = Duration::from_millis(20);
/// Sizes are what a loss is counted from: where nothing else changes, they are saved every so many
/// `checkpoint_interval`.
const SIZE_SAVES: u32 = 20;

/// Follows files. Runs on its own thread until told to drain.
pub(crate) struct Tailer {
    config: Arc<AgentConfig>,
    /// The last is what is set for all files.
    inputs: Vec<Arc<Input>>,
    agent: AgentId,
    inbox: Arc<Inbox>,
    to_ship: mpsc::Sender<ToShip>,
    status: watch::Sender<SharedStatus>,
    outbox: Option<Arc<OutboxState>>,
    /// What the Kubernetes API says, if it is asked.
    pods: Option<Arc<Pods>>,
    store: Store,
    walker: Walker,
    watch: Option<Watch>,
    reader: Reader,
    tails: BTreeMap<GenerationId, Tail>,
    /// The generation that now lives in a file.
    live: HashMap<Inode, GenerationId>,
    /// Generations without a file, kept in case it comes back.
    dormant: Vec<Entry>,
    /// Generations whose file is held open.
    open: BTreeSet<GenerationId>,
    /// Generations with bytes to cut, in turn.
    ready: VecDeque<GenerationId>,
    /// Generations to ask the collector for, with their topics.
    to_ask: Vec<(Arc<str>, GenerationId)>,
    troubles: HashMap<PathBuf, Trouble>,
    refused: HashMap<Inode, Refused>,
    /// Packed files that wait: to be whole, or for a plain file to go.
    packed_wait: HashMap<Inode, PackedWait>,
    /// Packed files of the first walk that are begun at their end, if nothing is known of them.
    packed_before: HashSet<Inode>,
    /// Empty files of the last walk; a generation begins with its first byte.
    empty: Vec<PathBuf>,
    /// Files of the last walk that are too old to be begun, and their sizes.
    old: Vec<(PathBuf, u64)>,
    started_at_nanos: i64,
    pulse: Pulse,
    counts: Counts,
}

/// A path that cannot be read.
#[derive(Debug)]
struct Trouble {
    why: String,
    retry_at: Instant,
    delay: Duration,
    lost_bytes: u64,
}

/// A file that is no text.
#[derive(Debug)]
struct Refused {
    path: PathBuf,
    why: &'static str,
    btime: i64,
    /// Looked at again when it grew, while it was shorter than a prefix.
    size: u64,
}

/// A packed file that waits.
#[derive(Debug)]
struct PackedWait {
    /// Its size; another one is another wait.
    bytes: u64,
    until: Instant,
    /// The generation of which it is a copy, which is read from a plain file.
    owner: Option<GenerationId>,
}

/// When to do what.
#[derive(Debug)]
struct Pulse {
    first_scan: bool,
    first_start: bool,
    /// It has run before and did not follow packed files then.
    first_packed: bool,
    next_scan: Instant,
    hints_from: Instant,
    next_save: Instant,
    next_publish: Instant,
    /// From then on sizes that grew are reason enough to save.
    next_size_save: Instant,
    /// A ready file's batch is old enough then.
    next_read: Option<Instant>,
    /// The registry differs from the one on disk.
    dirty: bool,
    drain_until: Option<Instant>,
}

#[derive(Debug, Default)]
struct Counts {
    /// Batches without a verdict.
    pending: usize,
    reads: u64,
    walks: u64,
    records_read: u64,
    records_acked: u64,
    lost_bytes: u64,
    dead_letter_records: u64,
    connected: bool,
    collector_error: Option<String>,
    registry_error: Option<String>,
}

/// What a tailer is made of.
pub(crate) struct Parts {
    pub(crate) config: Arc<AgentConfig>,
    pub(crate) inputs: Vec<Arc<Input>>,
    pub(crate) registry: Registry,
    pub(crate) first_start: bool,
    pub(crate) store: Store,
    pub(crate) walker: Walker,
    pub(crate) watch: Option<Watch>,
    pub(crate) zone: jiff::tz::TimeZone,
    pub(crate) rules: Rules,
    pub(crate) inbox: Arc<Inbox>,
    pub(crate) to_ship: mpsc::Sender<ToShip>,
    pub(crate) status: watch::Sender<SharedStatus>,
    pub(crate) outbox: Option<Arc<OutboxState>>,
    pub(crate) pods: Option<Arc<Pods>>,
}

impl Tailer {
    pub(crate) fn new(parts: Parts) -> Self {
        let now = Instant::now();
        let agent = parts.registry.agent;
        Self {
            reader: Reader::new(&parts.config, agent, parts.zone, parts.rules),
            config: parts.config,
            inputs: parts.inputs,
            agent,
            inbox: parts.inbox,
            to_ship: parts.to_ship,
            status: parts.status,
            outbox: parts.outbox,
            pods: parts.pods,
            store: parts.store,
            walker: parts.walker,
            watch: parts.watch,
            tails: BTreeMap::new(),
            live: HashMap::new(),
            dormant: parts.registry.generations,
            open: BTreeSet::new(),
            ready: VecDeque::new(),
            to_ask: Vec::new(),
            troubles: HashMap::new(),
            refused: HashMap::new(),
            packed_wait: HashMap::new(),
            packed_before: HashSet::new(),
            empty: Vec::new(),
            old: Vec::new(),
            started_at_nanos: now_nanos(),
            pulse: Pulse {
                first_scan: true,
                first_start: parts.first_start,
                first_packed: !parts.first_start && !parts.registry.packed,
                next_scan: now,
                hints_from: now,
                next_save: now,
                next_size_save: now,
                next_publish: now,
                next_read: None,
                dirty: true,
                drain_until: None,
            },
            counts: Counts::default(),
        }
    }

    /// Runs until drained, or at once to the end if abandoned.
    pub(crate) fn run(mut self) {
        loop {
            let mail = self.inbox.wait(
                self.next_turn(),
                self.pulse.hints_from,
                self.pulse.drain_until.is_some(),
            );
            if mail.abandoned {
                return;
            }
            let now = Instant::now();
            for news in mail.news {
                self.news(news, now);
            }
            if mail.shutdown && self.drained(now) {
                return;
            }
            if !mail.shutdown {
                self.look(&mail.hints, mail.hint_all, now);
                self.read_round(now);
            }
            self.send_questions();
            if self.pulse.dirty && now >= self.pulse.next_save {
                self.save(now);
            }
            self.publish_if_due(now);
        }
    }

    /// The moment by which something is to be done even without news.
    fn next_turn(&self) -> Instant {
        let mut next = self.pulse.next_publish;
        if self.pulse.dirty {
            next = next.min(self.pulse.next_save);
        }
        if let Some(until) = self.pulse.drain_until {
            return next.min(until);
        }
        next = next.min(self.pulse.next_scan);
        match self.pulse.next_read {
            Some(at) if !self.window_full() => next.min(at),
            _ => next,
        }
    }

    /// Begins to drain; true when everything is acked or the deadline is over.
    fn drained(&mut self, now: Instant) -> bool {
        let until = *self.pulse.drain_until.get_or_insert(now + self.config.drain_deadline);
        if self.counts.pending > 0 && now < until {
            return false;
        }
        if self.counts.pending > 0 {
            tracing::warn!(
                batches = self.counts.pending,
                "not acked within drain_deadline; sent again at the next start"
            );
        }
        self.save(now);
        self.publish(now);
        true
    }

    fn look(&mut self, hints: &std::collections::HashSet<PathBuf>, hint_all: bool, now: Instant) {
        let unknown = || {
            hints
                .iter()
                .any(|path| !self.tails.values().any(|tail| tail.path == *path))
        };
        if now >= self.pulse.next_scan || hint_all || (!hints.is_empty() && (hints.len() > 64 || unknown())) {
            self.scan(now);
            let took = now.elapsed();
            self.pulse.next_scan = now + self.config.scan_interval.max(took * 4);
            self.pulse.hints_from = now + HINT_PAUSE.max(took * 8);
        } else if !hints.is_empty() {
            self.look_at(hints);
            self.pulse.hints_from = now + HINT_PAUSE;
        }
    }

    /// Looks at these files only.
    fn look_at(&mut self, hints: &std::collections::HashSet<PathBuf>) {
        let now = Instant::now();
        let hinted: Vec<GenerationId> = self
            .tails
            .values()
            .filter(|tail| hints.contains(&tail.path) && !matches!(tail.standing, Standing::Replaced { .. }))
            .map(|tail| tail.generation)
            .collect();
        for generation in hinted {
            let Some(tail) = self.tails.get(&generation) else {
                continue;
            };
            let meta = match &tail.file {
                Some(file) => file.metadata(),
                None => std::fs::metadata(&tail.path),
            };
            if let Ok(meta) = meta {
                let stat = Stat::from(&meta);
                if stat.same_inode(tail.inode, tail.btime) {
                    self.observe(generation, &stat, now);
                }
            }
        }
    }

    /// Takes a file's present size, and queues it if there is something to cut.
    fn observe(&mut self, generation: GenerationId, stat: &Stat, now: Instant) {
        let Some(tail) = self.tails.get_mut(&generation) else {
            return;
        };
        if let Some(packed) = tail.packed {
            return self.observe_packed(generation, packed, stat, now);
        }
        tail.links = stat.links;
        let changed = stat.size != tail.size || stat.mtime != tail.mtime;
        if stat.size > tail.size {
            tail.grew_at = now;
        }
        let shrunk = stat.size < tail.size.max(tail.looked);
        let rewritten = changed && stat.size == tail.size && tail.mtime != 0;
        // What grew may be another life already, whose bytes would be counted to this one.
        let grew = stat.size > tail.size && tail.prefix.len > 0;
        if shrunk || rewritten || grew {
            return self.check_replaced(generation, stat, now);
        }
        (tail.size, tail.mtime) = (stat.size, stat.mtime);
        if tail.at_end() {
            tail.read_to_end_at = now_nanos();
        }
        self.queue(generation, now);
    }

    /// What is set for a file of this name.
    fn input_of(&self, path: &Path) -> &Arc<Input> {
        let at = self.walker.input_of(path).unwrap_or(self.inputs.len() - 1);
        &self.inputs[at]
    }

    fn origin(&self, path: &Path) -> Origin {
        let input = self.input_of(path);
        Origin {
            stream: Arc::new(stream::attributes(&self.config, input, path)),
            input: input.clone(),
        }
    }

    fn queue(&mut self, generation: GenerationId, now: Instant) {
        let Some(tail) = self.tails.get_mut(&generation) else {
            return;
        };
        if !tail.unread() || tail.maybe_copy_since.is_some() {
            return;
        }
        match tail.end {
            End::Known => {
                tail.ready_since.get_or_insert(now);
                if !std::mem::replace(&mut tail.queued, true) {
                    self.ready.push_back(generation);
                }
            }
            End::ToAsk => {
                tail.end = End::Asked;
                let topic = self.reader.topic(&tail.topic);
                self.to_ask.push((topic, generation));
            }
            End::Asked => {}
        }
        self.pulse.next_read = Some(self.pulse.next_read.map_or(now, |at| at.min(now)));
    }

    fn send_questions(&mut self) {
        if self.to_ask.is_empty() {
            return;
        }
        match self.to_ship.try_send(ToShip::AskEnds(std::mem::take(&mut self.to_ask))) {
            Ok(()) => {}
            Err(
                mpsc::error::TrySendError::Full(ToShip::AskEnds(ask))
                | mpsc::error::TrySendError::Closed(ToShip::AskEnds(ask)),
            ) => {
                self.to_ask = ask;
            }
            Err(_) => {}
        }
    }

    fn window_full(&self) -> bool {
        self.counts.pending >= self.config.in_flight_max * 2 || self.to_ship.capacity() == 0
    }

    /// One batch of every file whose turn it is, while there is room.
    fn read_round(&mut self, now: Instant) {
        self.pulse.next_read = None;
        for _ in 0..self.ready.len() {
            if self.window_full() {
                self.pulse.next_read = Some(now);
                return;
            }
            let Some(generation) = self.ready.pop_front() else {
                return;
            };
            if let Some(again) = self.read_turn(generation, now) {
                self.ready.push_back(generation);
                self.pulse.next_read = Some(self.pulse.next_read.map_or(again, |at| at.min(again)));
            }
        }
    }

    /// Reads one file in its turn; gives back when it is to be read again.
    fn read_turn(&mut self, generation: GenerationId, now: Instant) -> Option<Instant> {
        let tail = self.tails.get_mut(&generation)?;
        if !tail.unread() || tail.end != End::Known || tail.maybe_copy_since.is_some() {
            (tail.queued, tail.ready_since) = (false, None);
            return None;
        }
        let due = tail.ready_since.map_or(now, |since| since + self.config.batch_age_max);
        let due = if tail.size - tail.cut.offset >= self.reader.bytes_max() || tail.flush != Flush::No {
            now
        } else {
            due
        };
        let due = tail.retry_at.map_or(due, |at| due.max(at));
        if due > now {
            return Some(due);
        }
        // Before it is durable: its topic may go by what is said of its pod.
        if let Some(due) = self.waits_for_pod(generation, now) {
            return Some(due);
        }
        let is_durable = self.tails.get(&generation)?.durable;
        if !is_durable && !self.make_durable(now) {
            return Some(self.pulse.next_save);
        }
        if let Err(error) = self.open(generation) {
            return self.could_not_read(generation, &error, now);
        }
        let tail = self.tails.get_mut(&generation)?;
        self.counts.reads += 1;
        tail.used = self.counts.reads;
        match self.reader.read(tail, now, now_nanos()) {
            Outcome::Batch(batch) => {
                tail.recovered();
                let more = tail.unread();
                (tail.queued, tail.ready_since) = (more, more.then_some(now));
                self.send(batch);
                more.then_some(now)
            }
            Outcome::AtEnd => {
                tail.recovered();
                (tail.queued, tail.ready_since) = (false, None);
                None
            }
            Outcome::Replaced => {
                (tail.queued, tail.ready_since) = (false, None);
                self.seems_replaced(generation, now);
                None
            }
            Outcome::Failed(error) => self.could_not_read(generation, &error, now),
        }
    }

    fn could_not_read(&mut self, generation: GenerationId, error: &std::io::Error, now: Instant) -> Option<Instant> {
        let tail = self.tails.get_mut(&generation)?;
        self.open.remove(&generation);
        tail.failed(error.to_string(), now);
        tail.retry_at
    }

    fn send(&mut self, batch: Box<Batch>) {
        self.counts.pending += 1;
        self.counts.records_read += u64::from(batch.records);
        if self.to_ship.try_send(ToShip::Batch(batch)).is_err() {
            // Room was there before reading, so the shipper is gone and the agent is ending.
            tracing::debug!("the shipper has ended");
        }
    }

    /// Opens a generation's file if it is not, closing another if too many are.
    fn open(&mut self, generation: GenerationId) -> std::io::Result<()> {
        let Some(tail) = self.tails.get(&generation) else {
            return Ok(());
        };
        if tail.file.is_some() {
            return Ok(());
        }
        let file = File::open(&tail.path)?;
        let stat = Stat::from(&file.metadata()?);
        if !stat.same_inode(tail.inode, tail.btime) {
            self.inbox.hint_all();
            return Err(std::io::Error::other("another file has its name now; looking for it"));
        }
        let file = match tail.packed {
            Some(_) => self.unpack(&file)?.file,
            None => file,
        };
        self.make_room();
        self.hold_open(generation, file);
        Ok(())
    }

    pub(super) fn hold_open(&mut self, generation: GenerationId, file: File) {
        if let Some(tail) = self.tails.get_mut(&generation) {
            tail.file = Some(file);
            self.open.insert(generation);
        }
    }

    /// Closes the least recently read file that is read to its end, if too many are open.
    fn make_room(&mut self) {
        while self.open.len() >= self.config.open_files_max {
            let idle = self
                .open
                .iter()
                .filter_map(|generation| self.tails.get(generation))
                .filter(|tail| tail.standing == Standing::Named);
            // An unread file may be closed too: its name leads back to it.
            let Some(tail) = idle.min_by_key(|tail| (!tail.idle(), tail.used)) else {
                return;
            };
            self.close(tail.generation);
        }
    }

    fn close(&mut self, generation: GenerationId) {
        self.open.remove(&generation);
        if let Some(tail) = self.tails.get_mut(&generation) {
            tail.file = None;
        }
    }

    /// New generations stand in the registry before their first batch is cut.
    fn make_durable(&mut self, now: Instant) -> bool {
        if self.counts.registry_error.is_some() && now < self.pulse.next_save {
            return false;
        }
        self.save(now)
    }

    /// Writes the registry; true when it is durable.
    fn save(&mut self, now: Instant) -> bool {
        let seconds = (now_nanos() / 1_000_000_000) as u64;
        let clean_before = seconds.saturating_sub(self.config.clean_after.as_secs());
        self.dormant
            .retain(|entry| entry.seen >= clean_before || entry.size > entry.acked);
        let saved = |tail: &&mut Tail| tail.prefix.len > 0 && tail.maybe_copy_since.is_none();
        for tail in self.tails.values_mut().filter(|tail| !tail.durable) {
            tail.topic = self.reader.route(&tail.stream);
        }
        let live = &self.live;
        let generations = self.tails.values_mut().filter(saved).map(|tail| {
            let mut entry = tail.entry(seconds);
            // One that is gone may come back, as long as nothing else stands in its place.
            if !live.contains_key(&tail.inode) && !entry.truncated {
                entry.inode = tail.inode;
            }
            entry
        });
        let generations = generations.chain(self.dormant.iter().cloned()).collect();
        let result = self.store.save(&Registry {
            agent: self.agent,
            generations,
            // One that is still to be unpacked is one of before at the next start, too.
            packed: self.config.gzip && self.packed_before.is_empty(),
        });
        let took = now.elapsed();
        match result {
            Ok(()) => {
                for tail in self.tails.values_mut().filter(saved) {
                    (tail.durable, tail.saved_size) = (true, tail.size);
                }
                self.pulse.dirty = false;
                self.pulse.next_size_save = now + self.config.checkpoint_interval * SIZE_SAVES;
                self.pulse.next_save = now + self.config.checkpoint_interval.max(took * 20);
                if self.counts.registry_error.take().is_some() {
                    tracing::info!("checkpoints can be written again");
                }
                true
            }
            Err(error) => {
                self.pulse.next_save = now + Duration::from_secs(1);
                let dir = self.store.dir().display().to_string();
                if self.counts.registry_error.is_none() {
                    tracing::error!(dir, %error, "checkpoints cannot be written; no new file is begun until they can");
                }
                self.counts.registry_error = Some(format!("{dir}: {error}"));
                false
            }
        }
    }
}

/// Now, nanoseconds since the epoch.
pub(crate) fn now_nanos() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_nanos() as i64)
}
