//! The thread that owns all state of files.
//!
//! One turn: take the mail (verdicts, hints), walk if it is time, read what is new, save
//! checkpoints. Everything blocking on the network is elsewhere; everything here blocks on the
//! local filesystem only.
//!
//! | file | what it does |
//! |---|---|
//! | `file` | the state of one generation |
//! | `turn` | one turn of the thread |
//! | `rounds` | whose turn it is to be read |
//! | `held` | files that are held open |
//! | `save` | checkpoints on their way to the disk |
//! | `pace` | how often is walked |
//! | `read` | cuts one batch of one file |
//! | `push` | one event on its way into a batch, past the rules |
//! | `paths` | which generations go by a path |
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
mod held;
mod news;
mod pace;
mod packed;
mod paths;
mod place;
mod pod;
mod push;
mod read;
mod replace;
mod report;
mod restore;
mod rounds;
mod save;
#[cfg(test)]
mod tests;
mod turn;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use timberline_proto::id::{AgentId, GenerationId};
use tokio::sync::{mpsc, watch};

use self::file::Tail;
use self::paths::Paths;
use self::read::Reader;
use crate::config::AgentConfig;
use crate::identity::Inode;
use crate::inbox::Inbox;
use crate::input::Input;
use crate::kubernetes::Pods;
use crate::outbox::OutboxState;
use crate::process::Rules;
use crate::registry::{Entry, Registry, Store};
use crate::scan::{Walker, Watch};
use crate::ship::ToShip;
use crate::status::SharedStatus;

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
    /// Made when it is first asked after a walk.
    paths: Option<Paths>,
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
    /// How long the last walk took.
    walk_took: Duration,
    /// Of what it found, every change is told.
    is_told: bool,
    /// Something happened since the status was published.
    is_news: bool,
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
            paths: None,
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
                walk_took: Duration::ZERO,
                is_told: false,
                is_news: true,
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
}

/// Now, nanoseconds since the epoch.
pub(crate) fn now_nanos() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_nanos() as i64)
}
