//! `GET /api/v1/topics`: topics, their partitions, how fast they grow and who has taken how much.
//! `GET /api/v1/topics/{topic}/{partition}/messages?from=&at=&limit=`: what is in one.
//!
//! Messages are lines: where the page stands beside, whoever may ask it may read them here too; a
//! collector by itself, whose other port asks stores for a certificate, shows them to its own machine
//! only (see [`Operator`]).

use axum::extract::{FromRequestParts, Path, Query, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::routing::get;
use axum::{Extension, Json, Router};
use serde::Deserialize;
use timberline_proto::api::topics::{
    GroupState, Message, MessageHeader, MessagesAnswer, PartitionState, QueueState, SegmentState, Shown, TopicState,
    TopicsAnswer,
};
use timberline_proto::batch::{BatchHeader, LogBatch, RawMessage};
use timberline_proto::query::time_range::{format_rfc3339_nanos, parse_time};
use timberline_queue::{PartitionInfo, Queue, QueueError};

use super::agents::{Operator, Refused, answer_error};
use crate::Collector;
use crate::options::MessageLimits;
use crate::topics::LOOK_INTERVAL;

/// Segments of a partition that are listed.
const SEGMENTS_MAX: usize = 50;
/// Messages of a page, where the request names no number.
const MESSAGES_DEFAULT: usize = 50;
/// Read at once.
const READ_BYTES: u64 = 256 << 10;

/// Who may read messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageReaders {
    /// Whoever may ask.
    Anybody,
    /// This machine only.
    ThisMachine,
}

/// The routes.
pub(super) fn router(readers: MessageReaders) -> Router<Collector> {
    Router::new()
        .route("/api/v1/topics", get(list))
        .route("/api/v1/topics/{topic}/{partition}/messages", get(messages))
        .layer(Extension(readers))
}

async fn list(State(collector): State<Collector>) -> Result<Json<TopicsAnswer>, Refused> {
    blocking(move || Ok(Json(all(&collector)))).await
}

fn all(collector: &Collector) -> TopicsAnswer {
    let queue = collector.queue();
    let options = queue.options();
    let mut topics: Vec<TopicState> = Vec::new();
    let mut held = queue.partitions();
    held.sort_by(|a, b| (&a.topic, a.partition).cmp(&(&b.topic, b.partition)));
    for held in held {
        if topics.last().is_none_or(|topic| topic.name != held.topic) {
            topics.push(TopicState {
                name: held.topic.clone(),
                partitions: Vec::new(),
            });
        }
        let state = partition(collector, held);
        topics.last_mut().expect("one was pushed").partitions.push(state);
    }
    TopicsAnswer {
        queue: QueueState {
            bytes: queue.bytes(),
            bytes_max: options.bytes_max,
            high_water_percent: options.high_water_percent,
            retention_bytes: options.retention_bytes,
            retention_seconds: options.retention_age.as_secs(),
            segment_bytes_max: options.segment_bytes_max,
            required_groups: options.required_groups.clone(),
            pressure: queue.pressure(),
            not_ready: collector.not_ready(),
            disk_free_bytes: rustix::fs::statvfs(&collector.options().queue_dir)
                .ok()
                .map(|disk| disk.f_bavail.saturating_mul(disk.f_frsize)),
        },
        topics,
    }
}

fn partition(collector: &Collector, held: PartitionInfo) -> PartitionState {
    let queue = collector.queue();
    let segments = queue.segments(&held.topic, held.partition);
    let rate = collector.growth().rate(&held.topic, held.partition);
    let listed = segments.len().saturating_sub(SEGMENTS_MAX);
    let last = segments.len().saturating_sub(1);
    PartitionState {
        partition: held.partition,
        incarnation: held.incarnation.to_string(),
        start_offset: held.start_offset,
        end_offset: held.end_offset,
        bytes: held.bytes,
        segments: segments.len() as u64,
        newest_segments: segments
            .iter()
            .enumerate()
            .skip(listed)
            .map(|(at, segment)| SegmentState {
                base_offset: segment.base_offset,
                bytes: segment.bytes,
                active: at == last,
            })
            .collect(),
        records_per_second: rate.records_per_second,
        bytes_per_second: rate.bytes_per_second,
        course: rate.course,
        course_seconds: LOOK_INTERVAL.as_secs(),
        groups: groups(queue, &held),
        damaged_batches: held.damaged_batches,
        failed: held.failed,
    }
}

/// Who has read or taken something, and who must before anything is deleted.
fn groups(queue: &Queue, held: &PartitionInfo) -> Vec<GroupState> {
    let required = &queue.options().required_groups;
    let taken = queue.groups(&held.topic, held.partition);
    let read = queue.groups_read(&held.topic, held.partition);
    let known = taken.keys().chain(read.keys()).chain(required);
    let names: std::collections::BTreeSet<&String> = known.collect();
    let group = |name: &String| {
        let (position, read) = (taken.get(name).copied(), read.get(name).copied());
        let within = |offset: u64| offset.clamp(held.start_offset, held.end_offset);
        let taken = within(position.unwrap_or(0));
        let reached = within(read.unwrap_or(0)).max(taken);
        GroupState {
            position,
            read,
            lag: held.end_offset - reached,
            untaken: reached - taken,
            required: required.contains(name),
            group: name.clone(),
        }
    };
    names.into_iter().map(group).collect()
}

/// Lets through whoever may read messages.
struct Reader;

impl<S: Send + Sync> FromRequestParts<S> for Reader {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refused> {
        match parts.extensions.get::<MessageReaders>() {
            Some(MessageReaders::Anybody) => Ok(Self),
            _ => Operator::from_request_parts(parts, state).await.map(|_| Self),
        }
    }
}

#[derive(Debug, Deserialize)]
struct Asked {
    from: Option<u64>,
    at: Option<String>,
    limit: Option<usize>,
}

async fn messages(
    State(collector): State<Collector>,
    Path((topic, partition)): Path<(String, u32)>,
    asked: Result<Query<Asked>, axum::extract::rejection::QueryRejection>,
    _reader: Reader,
) -> Result<Json<MessagesAnswer>, Refused> {
    let bad = |message: String| answer_error(StatusCode::BAD_REQUEST, "bad_request", message);
    let Query(asked) = asked.map_err(|error| bad(error.body_text()))?;
    let at_nanos = match asked.at.filter(|at| !at.is_empty()) {
        Some(at) => Some(parse_time(&at, crate::fleet::now_nanos()).map_err(|error| bad(format!("at: {error}")))?),
        None => None,
    };
    let limits = collector.options().messages;
    let limit = asked
        .limit
        .unwrap_or(MESSAGES_DEFAULT)
        .clamp(1, limits.messages_max.max(1));
    blocking(move || {
        let place = Place {
            queue: collector.queue(),
            topic: &topic,
            partition,
            unpacked_bytes_max: collector.queue().options().unpacked_bytes_max,
            limits,
        };
        let from = match at_nanos {
            Some(nanos) => place.offset_at(nanos / 1_000_000)?,
            None => asked.from.unwrap_or(0),
        };
        place.page(from, limit).map(Json)
    })
    .await
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Refused> + Send + 'static) -> Result<T, Refused> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => Err(answer_error(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            error.to_string(),
        )),
    }
}

fn refused(error: &QueueError) -> Refused {
    let (status, code) = match error {
        QueueError::NoPartition { .. } => (StatusCode::NOT_FOUND, "not_found"),
        _ => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
    };
    answer_error(status, code, error.to_string())
}

/// A partition that is read.
struct Place<'a> {
    queue: &'a Queue,
    topic: &'a str,
    partition: u32,
    unpacked_bytes_max: u64,
    limits: MessageLimits,
}

impl Place<'_> {
    fn held(&self) -> Result<PartitionInfo, Refused> {
        let held = self.queue.partitions().into_iter();
        held.filter(|held| held.topic == self.topic)
            .find(|held| held.partition == self.partition)
            .ok_or_else(|| {
                refused(&QueueError::NoPartition {
                    topic: self.topic.to_owned(),
                    partition: self.partition,
                })
            })
    }

    fn page(&self, from: u64, limit: usize) -> Result<MessagesAnswer, Refused> {
        let held = self.held()?;
        let from = from.clamp(held.start_offset, held.end_offset);
        let mut answer = MessagesAnswer {
            start_offset: held.start_offset,
            end_offset: held.end_offset,
            from,
            next: from,
            messages: Vec::new(),
        };
        let mut shown_bytes = 0;
        while answer.next < held.end_offset {
            let fetched = match self.queue.read(self.topic, self.partition, answer.next, READ_BYTES) {
                Ok(fetched) => fetched,
                // Retention was quicker.
                Err(QueueError::OutOfRange { start, .. }) if start > answer.next => {
                    (answer.start_offset, answer.next) = (start, start);
                    continue;
                }
                Err(error) => return Err(refused(&error)),
            };
            for bytes in &fetched.batches {
                // What was damaged after it was taken is passed over, as by all who read.
                let Ok(batch) = LogBatch::parse(bytes, self.unpacked_bytes_max) else {
                    continue;
                };
                for message in batch.messages().filter(|message| message.offset >= from) {
                    if message.offset < answer.next {
                        continue;
                    }
                    if answer.messages.len() >= limit || shown_bytes >= self.limits.page_bytes_max {
                        return Ok(answer);
                    }
                    answer.next = message.offset + 1;
                    let (message, bytes) = shown(&message, self.limits);
                    shown_bytes += bytes;
                    answer.messages.push(message);
                }
            }
            if fetched.next_offset <= answer.next && fetched.batches.is_empty() {
                break;
            }
            answer.next = answer.next.max(fetched.next_offset);
        }
        Ok(answer)
    }

    /// The first offset of about this time: the batches are in the order in which they came, not of
    /// their times, so the search by halves finds a place and not the only one.
    fn offset_at(&self, ms: i64) -> Result<u64, Refused> {
        let held = self.held()?;
        let (mut low, mut high) = (held.start_offset, held.end_offset);
        while low < high {
            let middle = low + (high - low) / 2;
            let fetched = self
                .queue
                .read(self.topic, self.partition, middle, 1)
                .map_err(|error| refused(&error))?;
            let header = fetched.batches.first().and_then(|batch| BatchHeader::parse(batch).ok());
            let Some(header) = header else {
                high = middle;
                continue;
            };
            let base = header.base_offset.max(0) as u64;
            if header.max_timestamp_ms < ms {
                low = (base + u64::from(header.record_count)).max(middle + 1);
            } else {
                high = base.clamp(low, middle);
                if base <= low {
                    break;
                }
            }
        }
        Ok(low)
    }
}

/// A message as it is shown, and how many bytes that takes.
fn shown(raw: &RawMessage<'_>, limits: MessageLimits) -> (Message, usize) {
    let bytes_max = limits.shown_bytes_max;
    let one = |bytes: &[u8]| Shown::of(bytes, bytes_max);
    let headers: Vec<MessageHeader> = raw
        .headers
        .iter()
        .take(limits.headers_max)
        .map(|(name, value)| MessageHeader {
            name: String::from_utf8_lossy(&name[..name.len().min(bytes_max)]).into_owned(),
            value: one(value),
        })
        .collect();
    let all = raw.headers.iter().map(|(_, value)| value.len());
    let bytes = all
        .chain([raw.value.map_or(0, <[u8]>::len)])
        .map(|bytes| bytes.min(bytes_max))
        .sum();
    let message = Message {
        offset: raw.offset,
        timestamp: format_rfc3339_nanos(raw.timestamp_ms.saturating_mul(1_000_000)),
        key: raw.key.map(one),
        value: raw.value.map(one),
        headers,
    };
    (message, bytes)
}
