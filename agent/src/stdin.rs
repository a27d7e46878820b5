//! Standard input: lines of a pipe, by way of the outbox.
//!
//! One thread reads, for a read of a pipe cannot be ended; another one cuts records as those of a file
//! are cut, and waits where the outbox has no room: then the pipe fills up, and its writer waits.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use timberline_proto::line::{TimeHints, TimeReader};
use timberline_queue::receive::{Feed, Listener, Protocol, Received, Transport};
use tokio_util::sync::CancellationToken;

use crate::config::AgentConfig;
use crate::error::AgentError;
use crate::input::{FileInput, Input, MultilineConfig};
use crate::lines::{Encoding, Flush, Format, Found, Limits, Place};
use crate::tail::now_nanos;

/// The name of the input.
pub(crate) const NAME: &str = "stdin";
/// A read takes so much.
const READ_BYTES: usize = 64 << 10;
/// Reads that wait to be cut.
const READS_MAX: usize = 4;
/// Pieces of one cut.
const PIECES_MAX: usize = 4096;
/// Looked at so often whether it is to stop.
const TURN: Duration = Duration::from_millis(50);

/// How standard input is read.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StdinConfig {
    /// `service.name` of its records.
    pub service: String,
    /// The queue's topic.
    pub topic: String,
    /// More attributes; they win over the agent's.
    pub attributes: BTreeMap<String, String>,
    /// As of files.
    pub encoding: String,
    /// What a container's runtime wrote around its lines.
    pub format: Format,
    /// Which lines belong together.
    pub multiline: Option<MultilineConfig>,
    /// Whether the agent ends once its end is reached and all of it is acked.
    pub exit_at_end: bool,
}

impl Default for StdinConfig {
    fn default() -> Self {
        Self {
            service: NAME.into(),
            topic: "logs".into(),
            attributes: BTreeMap::new(),
            encoding: String::new(),
            format: Format::Plain,
            multiline: None,
            exit_at_end: false,
        }
    }
}

impl StdinConfig {
    /// What receives its records.
    pub(crate) fn listener(&self) -> Listener {
        Listener {
            protocol: Protocol::Lines,
            transport: Transport::Feed,
            listen: NAME.into(),
            topic: self.topic.clone(),
            attributes: self.attributes.clone(),
            ..Listener::default()
        }
    }

    pub(crate) fn input(&self, config: &AgentConfig) -> Result<Input, AgentError> {
        let input = FileInput {
            tail: vec![NAME.into()],
            encoding: self.encoding.clone(),
            format: self.format,
            multiline: self.multiline.clone(),
            ..FileInput::default()
        };
        Input::new(&input, config)
    }
}

/// When to stop.
#[derive(Clone, Debug)]
pub(crate) struct Stop {
    /// Take what was read, and no more.
    pub(crate) token: CancellationToken,
    /// Take nothing more.
    pub(crate) now: CancellationToken,
}

/// Cuts what is read.
pub(crate) struct Stdin {
    service: String,
    input: Input,
    limits: Limits,
    partial_line_timeout: Duration,
    hints: TimeHints,
    feed: Feed,
    stop: Stop,
    times: TimeReader,
    /// The time of a long line's first part holds for the others.
    long_line_time: Option<(i64, bool)>,
    buffer: Vec<u8>,
    place: Place,
    read_as: Option<(Encoding, Format)>,
}

impl Stdin {
    pub(crate) fn new(config: &AgentConfig, set: &StdinConfig, feed: Feed, stop: Stop) -> Result<Self, AgentError> {
        Ok(Self {
            service: set.service.clone(),
            input: set.input(config)?,
            limits: Limits {
                // A part must fit into the outbox with what stands beside it.
                line_bytes_max: (config.part_bytes_max() as usize).min(feed.record_bytes_max() / 4 * 3),
                bytes_max: config.batch_bytes_max as usize,
                pieces_max: PIECES_MAX,
            },
            partial_line_timeout: config.partial_line_timeout,
            hints: TimeHints {
                reference_nanos: 0,
                zone: config.time_zone()?,
            },
            feed,
            stop,
            times: TimeReader::new(),
            long_line_time: None,
            buffer: Vec::new(),
            place: Place::default(),
            read_as: None,
        })
    }

    /// Runs to the end of `input`, or until told to stop. When this returns, all that was read is
    /// in the intake.
    pub(crate) fn run(mut self, input: impl Read + Send + 'static) {
        let (sender, reads) = mpsc::sync_channel(READS_MAX);
        let reading = std::thread::Builder::new()
            .name("timberline-stdin-read".into())
            .spawn(move || read(input, &sender));
        if let Err(error) = reading {
            tracing::error!(%error, "standard input cannot be read");
            return;
        }
        let mut came = Instant::now();
        loop {
            let flush = match reads.recv_timeout(TURN) {
                Ok(bytes) => {
                    self.buffer.extend_from_slice(&bytes);
                    came = Instant::now();
                    Flush::No
                }
                Err(RecvTimeoutError::Disconnected) => Flush::All,
                Err(RecvTimeoutError::Timeout) if self.stop.token.is_cancelled() => Flush::All,
                Err(RecvTimeoutError::Timeout) => self.waited(came.elapsed()),
            };
            self.cut(flush, flush == Flush::All);
            let at_end = flush == Flush::All && self.buffer.is_empty();
            if self.stop.now.is_cancelled() || (at_end && self.is_over(&reads)) {
                return;
            }
        }
    }

    /// Whether nothing more comes, or is asked for.
    fn is_over(&mut self, reads: &mpsc::Receiver<Vec<u8>>) -> bool {
        match reads.try_recv() {
            Ok(bytes) => {
                self.buffer.extend_from_slice(&bytes);
                false
            }
            Err(mpsc::TryRecvError::Disconnected) => true,
            Err(mpsc::TryRecvError::Empty) => self.stop.token.is_cancelled(),
        }
    }

    /// What a pause of this length ends.
    fn waited(&self, pause: Duration) -> Flush {
        if !self.partial_line_timeout.is_zero() && pause >= self.partial_line_timeout {
            Flush::All
        } else if pause >= self.input.timeout {
            Flush::Events
        } else {
            Flush::No
        }
    }

    fn cut(&mut self, flush: Flush, at_end: bool) {
        if self.read_as.is_none() && !self.buffer.is_empty() {
            self.read_as = self.input.read_as(self.buffer.clone(), at_end || flush != Flush::No);
        }
        let Some(read_as) = self.read_as else { return };
        let (limits, _) = self.input.limits_of(read_as, self.limits);
        self.hints.reference_nanos = now_nanos();
        while !self.buffer.is_empty() && !self.stop.now.is_cancelled() {
            let buffer = std::mem::take(&mut self.buffer);
            let mut records = Vec::new();
            let stopped = self.input.cut(read_as, &buffer, self.place, flush, limits, |found| {
                if let Found::Event(event) = found {
                    records.push(event);
                }
            });
            for event in records {
                let continued = event.part.is_some_and(|(index, _)| index > 0);
                let time = match (event.time, self.long_line_time) {
                    (Some(time), _) => (time, true),
                    (None, Some(time)) if continued => time,
                    _ => self
                        .times
                        .find(&event.bytes, &self.hints)
                        .map_or((self.hints.reference_nanos, false), |time| (time.nanos, true)),
                };
                self.long_line_time = matches!(event.part, Some((_, false))).then_some(time);
                let record = Received {
                    line: event.bytes.into_owned(),
                    time,
                    part: event.part,
                    attributes: event.attributes,
                };
                if !self.feed.put(&self.service, record, &self.stop.now) {
                    return;
                }
            }
            let used = (stopped.place.offset - self.place.offset) as usize;
            self.place = stopped.place;
            self.buffer = buffer;
            self.buffer.drain(..used);
            if used == 0 {
                return;
            }
        }
    }
}

/// Reads until the end, or until nobody takes it.
fn read(mut input: impl Read, sender: &mpsc::SyncSender<Vec<u8>>) {
    let mut buffer = vec![0; READ_BYTES];
    loop {
        match input.read(&mut buffer) {
            Ok(0) => return,
            Ok(len) if sender.send(buffer[..len].to_vec()).is_err() => return,
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => {
                tracing::error!(%error, "standard input cannot be read any further");
                return;
            }
        }
    }
}
