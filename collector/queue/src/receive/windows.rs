//! Records that can be read again, appended a window at a time: each batch says of which window it is
//! and the how manyeth. So after a crash the queue itself tells what of the last window it holds.

use std::collections::{BTreeSet, HashMap};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use serde_json::Value;
use timberline_proto::batch::{BatchBuilder, LogBatch};

use super::counts::{Counts, Seen, add};
use super::intake::Intake;
use super::options::{Listener, ReceiveOptions};
use super::pieces::record_bytes_max;
use super::reading::{Item, Received, Shared};
use super::streams::{Process, Streams};
use super::writer::{Pending, Window, Writer};
use crate::{Queue, QueueError};

/// Taken from the queue at once when it is asked for windows.
const READ_BYTES: u64 = 4 << 20;
/// A batch unpacks to no more.
const UNPACKED_BYTES_MAX: u64 = 256 << 20;

/// A record of a window.
#[derive(Clone, Debug, PartialEq)]
pub struct WindowRecord {
    /// Its `host.name`; this machine's if none.
    pub host: Option<String>,
    /// Its `service.name`.
    pub service: String,
    /// The record.
    pub record: Received,
}

/// What the queue holds of a window.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WindowHeld {
    /// Its batches that are there.
    pub batches: BTreeSet<u64>,
    /// The number of the last one, if that is there.
    pub last: Option<u64>,
}

impl WindowHeld {
    /// Whether all of it is there.
    pub fn is_whole(&self) -> bool {
        self.last.is_some_and(|last| self.batches.len() as u64 == last + 1)
    }
}

/// Appends windows to a queue, from one thread.
pub struct Windows {
    writer: Writer,
    shared: Arc<Shared>,
}

/// Ends the waiting of [`Windows::append`].
#[derive(Clone, Debug)]
pub struct WindowsStop(Arc<Intake>);

impl WindowsStop {
    /// What the queue does not take by then is given up; it is read again.
    pub fn stop(&self, deadline: Instant) {
        self.0.close(deadline);
    }
}

impl Windows {
    /// Windows of an input without a socket.
    pub fn new(queue: Queue, input: &Listener, options: ReceiveOptions, process: Option<Box<dyn Process>>) -> Self {
        let intake = Arc::new(Intake::new(usize::MAX));
        let shared = Arc::new(Shared {
            number: 0,
            protocol: input.protocol,
            message_bytes_max: input.message_bytes_max,
            host: options.host.clone(),
            zone: options.zone.clone(),
            counts: Counts::new(input.name(), SocketAddr::from(([0, 0, 0, 0], 0))),
            intake: intake.clone(),
        });
        let writer = Writer {
            record_bytes_max: record_bytes_max(queue.batch_bytes_max()),
            intake,
            queue,
            streams: Streams::new(Arc::from([input.clone()]), &options),
            options,
            process,
            counts: Arc::from([shared.clone()]),
            builder: BatchBuilder::new(),
            origins: HashMap::new(),
            refused: None,
            window: None,
            in_hand: Vec::new(),
        };
        Self { writer, shared }
    }

    /// What ends a wait.
    pub fn stopper(&self) -> WindowsStop {
        WindowsStop(self.shared.intake.clone())
    }

    /// What it has appended, for others.
    pub fn watch(&self) -> impl Fn() -> Vec<Seen> + Clone + Send + Sync + use<> {
        let shared = self.shared.clone();
        move || vec![shared.counts.seen()]
    }

    /// Appends a window but for those of its batches that are `held`. The same records give the same
    /// batches. When this returns true, all of it is durable. Waits while the queue is full.
    pub fn append(&mut self, tag: &Value, records: Vec<WindowRecord>, held: &BTreeSet<u64>) -> bool {
        let items = records.into_iter().filter_map(|record| self.item(record)).collect();
        let groups = self.writer.group(items);
        let (mut pending, last) = (Vec::new(), groups.len().saturating_sub(1));
        for (at, group) in groups.into_iter().enumerate() {
            let batch = self.writer.window.as_ref().map_or(0, |window| window.batch);
            self.writer.window = Some(Window {
                tag: tag.clone(),
                batch,
                is_last_group: at == last,
            });
            self.writer.encode(group, &mut pending);
        }
        self.writer.window = None;
        // A generation may begin anywhere but has no gap: what is held is left out only before the first
        // batch of its topic, which is where a crash leaves it.
        let mut going = BTreeSet::new();
        let is_missing = |(number, batch): (u64, Pending)| {
            let topic = batch.topic.clone();
            let missing = going.contains(&topic) || !held.contains(&number);
            missing.then(|| {
                going.insert(topic);
                batch
            })
        };
        let pending = (0..).zip(pending).filter_map(is_missing).collect();
        let appended = self.writer.append(pending);
        (self.writer.options.committed)();
        appended
    }

    fn item(&self, record: WindowRecord) -> Option<Item> {
        let WindowRecord { host, service, record } = record;
        let cost = record.cost();
        add(&self.shared.counts.messages, 1);
        add(&self.shared.counts.bytes, record.line.len() as u64);
        Some(Item {
            listener: 0,
            host: host.unwrap_or_else(|| self.shared.host.clone()),
            service,
            cost,
            _room: self.shared.intake.try_room(cost)?,
            record,
        })
    }
}

/// What the queue holds of windows, by their tags, of those that `is_wanted`.
///
/// # Errors
/// [`QueueError`] if it cannot be read.
pub fn windows_held(
    queue: &Queue,
    is_wanted: impl Fn(&Value) -> bool,
) -> Result<HashMap<String, WindowHeld>, QueueError> {
    let mut all: HashMap<String, WindowHeld> = HashMap::new();
    for partition in queue.partitions() {
        let mut offset = partition.start_offset;
        while offset < partition.end_offset {
            let fetched = queue.read(&partition.topic, partition.partition, offset, READ_BYTES)?;
            offset = fetched.next_offset;
            for bytes in &fetched.batches {
                let Ok(batch) = LogBatch::parse(bytes, UNPACKED_BYTES_MAX) else {
                    continue;
                };
                let Some(file) = batch.meta.file.filter(|file| is_wanted(&file["window"])) else {
                    continue;
                };
                let held = all.entry(file["window"].to_string()).or_default();
                if let Some(number) = file["batch"].as_u64() {
                    held.batches.insert(number);
                    if file["last"] == Value::Bool(true) {
                        held.last = Some(number);
                    }
                }
            }
        }
    }
    Ok(all)
}
