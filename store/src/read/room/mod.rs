//! What takes the room: bytes of lines and of disk by part of the split, topic, merges, stream, pattern
//! and field.
//!
//! Parts, topics, merges and all sums are what catalog and footers say. The bytes of a page belong to
//! the streams and patterns that stand in it; how they are divided is an estimate ([`divide`]) whose sum
//! is the page's. What was found of a split is kept ([`split`]): splits never change. Fields are those of
//! a sample of pages ([`fields`]).
//!
//! | module | what it does |
//! |---|---|
//! | [`divide`] | a number divided in proportion, to the last one |
//! | [`split`] | one split by stream and pattern |
//! | [`rank`] | splits joined, those that take most first |
//! | [`sample`] | which pages are read |
//! | [`fields`] | what is in them |

mod divide;
mod fields;
mod rank;
mod sample;
mod split;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};

use timberline_proto::api::room::{RoomAnswer, RoomLevel, RoomPart, RoomSums, RoomTopic};

use self::rank::Ranking;
use super::reader::blocking;
use super::running::Running;
use super::time::rfc3339;
use super::topics::Topics;
use super::turns::Task;
use super::view::View;
use super::{ReadError, Reader};
use crate::catalog::{CatalogSplit, Snapshot};

/// Streams, patterns and fields each that are named, where the request says nothing.
const ROWS_DEFAULT: usize = 50;

/// What is asked.
#[derive(Clone, Debug, Default)]
pub struct RoomRequest {
    /// Streams, patterns and fields each that are named; [`ReadOptions::room_rows_max`](super::ReadOptions::room_rows_max) at most.
    pub rows: Option<usize>,
    /// The name by which it is cancelled.
    pub query_id: Option<String>,
}

/// An answer, of which snapshot, with how many rows.
pub(super) type Known = (Weak<Snapshot>, usize, Arc<RoomAnswer>);

impl Reader {
    /// What takes the room of the store.
    ///
    /// # Errors
    /// [`ReadError`]
    pub async fn room(&self, request: RoomRequest) -> Result<RoomAnswer, ReadError> {
        let most = self.options().room_rows_max.max(1);
        let rows = request.rows.unwrap_or(ROWS_DEFAULT).clamp(1, most);
        if let Some(known) = self.known_room(rows) {
            return Ok(RoomAnswer {
                elapsed_ms: 0.0,
                ..known
            });
        }
        // Whoever asked holds the guard: when that is gone, the work stops.
        let Task {
            running,
            guard: _guard,
            turn,
            ..
        } = self.begin(request.query_id).await?;
        let reader = self.clone();
        blocking(move || {
            let view = reader.view_of(&Topics::All);
            let answer = Room {
                view: &view,
                running: &running,
                kept_max: reader.options().room_kept_max.max(1),
                sample_pages: reader.options().room_sample_pages,
            }
            .measure(rows)?;
            if answer.partial.is_empty() {
                let known = (Arc::downgrade(&view.snapshot), rows, Arc::new(answer.clone()));
                *reader.inner.room.lock() = Some(known);
            }
            drop(turn);
            Ok(answer)
        })
        .await
    }

    fn known_room(&self, rows: usize) -> Option<RoomAnswer> {
        let snapshot = self.catalog().snapshot();
        let known = self.inner.room.lock();
        let (of, named, answer) = known.as_ref()?;
        (*named == rows && of.ptr_eq(&Arc::downgrade(&snapshot))).then(|| (**answer).clone())
    }
}

/// What measuring works with.
struct Room<'a> {
    view: &'a View,
    running: &'a Arc<Running>,
    kept_max: usize,
    sample_pages: usize,
}

impl Room<'_> {
    /// Blocks.
    fn measure(&self, rows: usize) -> Result<RoomAnswer, ReadError> {
        let splits = &self.view.snapshot.splits;
        let mut answer = RoomAnswer {
            splits: splits.len() as u64,
            topics: topics(splits),
            levels: levels(splits),
            ..RoomAnswer::default()
        };
        let mut ranking = Ranking::default();
        let mut readable = Vec::with_capacity(splits.len());
        for entry in splits {
            self.running.check()?;
            answer.total += sums_of(entry);
            match self.of_split(entry)? {
                Some(room) => {
                    ranking.add(entry, &room);
                    readable.push(Arc::clone(entry));
                }
                None => answer.unread += sums_of(entry),
            }
        }
        answer.parts = ranking
            .parts
            .iter()
            .map(|&(name, file_bytes)| RoomPart {
                name: name.to_owned(),
                file_bytes,
            })
            .collect();
        answer.shared_file_bytes = ranking.shared_bytes;
        (answer.streams, answer.streams_others) = ranking.streams(rows);
        (answer.patterns, answer.patterns_others) = ranking.patterns(rows, self.view, self.running)?;
        answer.fields = fields::measure(self, &readable, rows)?;
        answer.partial = self.running.partial();
        answer.elapsed_ms = self.running.progress().elapsed_ms;
        Ok(answer)
    }
}

fn sums_of(entry: &CatalogSplit) -> RoomSums {
    RoomSums {
        records: entry.meta.rows,
        raw_bytes: entry.meta.raw_bytes,
        file_bytes: entry.meta.file_bytes,
    }
}

fn topics(splits: &[Arc<CatalogSplit>]) -> Vec<RoomTopic> {
    let mut topics: BTreeMap<&str, (RoomTopic, i64, i64)> = BTreeMap::new();
    for split in splits {
        let (topic, oldest, newest) = topics
            .entry(&split.topic)
            .or_insert_with(|| (RoomTopic::default(), i64::MAX, i64::MIN));
        topic.splits += 1;
        topic.sums += sums_of(split);
        *oldest = (*oldest).min(split.meta.time_min);
        *newest = (*newest).max(split.meta.time_max);
    }
    let named = |(name, (topic, oldest, newest)): (&str, (RoomTopic, i64, i64))| RoomTopic {
        name: name.to_owned(),
        oldest: rfc3339(oldest),
        newest: rfc3339(newest),
        ..topic
    };
    topics.into_iter().map(named).collect()
}

fn levels(splits: &[Arc<CatalogSplit>]) -> Vec<RoomLevel> {
    let mut levels: BTreeMap<u32, RoomLevel> = BTreeMap::new();
    for split in splits {
        let level = levels.entry(split.meta.level).or_default();
        level.level = split.meta.level;
        level.splits += 1;
        level.sums += sums_of(split);
    }
    levels.into_values().collect()
}
