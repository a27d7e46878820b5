//! What the status says of the outbox and its listeners: each is a source beside the files.
//!
//! Of a listener, `read` is what it has taken in, and `acked` what of it is durable in the outbox. Of
//! the outbox, they are bytes of this run's generations; what an earlier run has left is a line of its own.

use std::collections::BTreeMap;
use std::path::PathBuf;

use parking_lot::Mutex;
use timberline_proto::id::GenerationId;
use timberline_queue::Queue;
use timberline_queue::receive::Seen;

use crate::status::FileState;

type Watch = Box<dyn Fn() -> Vec<Seen> + Send + Sync>;

pub(crate) struct OutboxState {
    queue: Queue,
    watches: Mutex<Vec<Watch>>,
    shipped: Mutex<BTreeMap<String, Shipped>>,
}

/// How far a topic of the outbox is shipped.
#[derive(Clone, Debug, Default)]
pub(super) struct Shipped {
    /// Where the position stood when the run began, and where the log ended then.
    pub(super) begun: (u64, u64),
    /// Bytes of segments then.
    pub(super) begun_bytes: u64,
    /// The position.
    pub(super) position: u64,
    /// The generation that is shipped now, and to where it is acked.
    pub(super) generation: Option<GenerationId>,
    pub(super) acked: u64,
    /// To where it was read from the outbox.
    pub(super) read: u64,
    /// When everything in the outbox was last seen to be read.
    pub(super) read_to_end_at_nanos: i64,
    /// Bytes that the collector did not take and that are gone.
    pub(super) lost_bytes: u64,
    pub(super) error: Option<String>,
}

impl OutboxState {
    pub(super) fn new(queue: Queue) -> Self {
        Self {
            queue,
            watches: Mutex::default(),
            shipped: Mutex::default(),
        }
    }

    pub(super) fn watch(&self, watch: impl Fn() -> Vec<Seen> + Send + Sync + 'static) {
        self.watches.lock().push(Box::new(watch));
    }

    pub(super) fn set(&self, topic: &str, shipped: Shipped) {
        self.shipped.lock().insert(topic.to_owned(), shipped);
    }

    /// Whether everything that was taken in is acked.
    pub(crate) fn is_shipped(&self) -> bool {
        let seen: Vec<Seen> = self.watches.lock().iter().flat_map(|watch| watch()).collect();
        let durable = seen
            .iter()
            .all(|seen| seen.durable_messages + seen.lost >= seen.messages);
        let shipped = self.shipped.lock();
        let is_taken = |topic: &str, end| shipped.get(topic).is_some_and(|shipped| shipped.position >= end);
        let partitions = self.queue.partitions();
        durable
            && partitions
                .iter()
                .all(|partition| is_taken(&partition.topic, partition.end_offset))
    }

    /// As sources.
    pub(crate) fn sources(&self, now_nanos: i64) -> Vec<FileState> {
        let seen: Vec<Seen> = self.watches.lock().iter().flat_map(|watch| watch()).collect();
        let mut sources: Vec<FileState> = seen.iter().map(|seen| listener(seen, now_nanos)).collect();
        let partitions = self.queue.partitions();
        for (topic, shipped) in &*self.shipped.lock() {
            let failed = partitions
                .iter()
                .find(|partition| partition.topic == *topic)
                .and_then(|partition| partition.failed.clone());
            let earlier = shipped.begun.1 > shipped.begun.0;
            if earlier && shipped.position < shipped.begun.1 {
                sources.push(left_over(topic, shipped));
            }
            sources.push(FileState {
                path: PathBuf::from(format!("outbox/{topic}")),
                generation: shipped.generation,
                start: 0,
                read: shipped.read,
                acked: shipped.acked,
                size: shipped.read,
                read_to_end_at_nanos: shipped.read_to_end_at_nanos,
                lost_bytes: shipped.lost_bytes,
                error: failed.or_else(|| shipped.error.clone()),
                left_out: false,
            });
        }
        sources
    }
}

fn listener(seen: &Seen, now_nanos: i64) -> FileState {
    FileState {
        path: match seen.address.port() {
            // It has no socket.
            0 => PathBuf::from(&seen.name),
            _ => PathBuf::from(format!("{}/{}", seen.name, seen.address)),
        },
        start: 0,
        read: seen.bytes,
        acked: seen.durable_bytes,
        size: seen.bytes,
        read_to_end_at_nanos: now_nanos,
        lost_bytes: seen.dropped_bytes,
        error: seen.trouble(),
        ..FileState::default()
    }
}

/// Bytes of an earlier run are known as they lie on disk; the part that is acked goes by records.
fn left_over(topic: &str, shipped: &Shipped) -> FileState {
    let (from, to) = shipped.begun;
    let part = shipped.position.saturating_sub(from) as f64 / (to - from).max(1) as f64;
    FileState {
        path: PathBuf::from(format!("outbox/{topic} (of an earlier run)")),
        start: 0,
        read: shipped.begun_bytes,
        acked: (shipped.begun_bytes as f64 * part) as u64,
        size: shipped.begun_bytes,
        ..FileState::default()
    }
}
