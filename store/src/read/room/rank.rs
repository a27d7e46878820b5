//! What was measured of splits, joined: those that take most first.

use std::collections::HashMap;
use std::sync::Arc;

use timberline_proto::api::room::{RoomPattern, RoomStream, RoomSums};

use super::Room;
use super::split::{Failed, Pattern, SplitRoom, most};
use crate::catalog::CatalogSplit;
use crate::read::ReadError;
use crate::read::cache::CacheKey;
use crate::read::per_split::summary_of;
use crate::read::running::Running;
use crate::read::view::View;
use crate::rows::{Stream, StreamId};
use crate::split::pattern_of_template;

/// Bytes of a pattern that are shown.
const PATTERN_BYTES_MAX: usize = 2_000;

/// A pattern, and the split that holds its text.
type Place = (Arc<str>, Pattern);

/// All splits together.
#[derive(Debug, Default)]
pub(super) struct Ranking {
    pub(super) parts: Vec<(&'static str, u64)>,
    pub(super) shared_bytes: u64,
    topics: Vec<Arc<str>>,
    /// By topic, a number among `topics`, and stream.
    streams: HashMap<(usize, StreamId), (Arc<Stream>, RoomSums)>,
    streams_others: RoomSums,
    patterns: HashMap<u64, (Place, RoomSums)>,
    patterns_others: RoomSums,
}

impl Room<'_> {
    /// A split's room, kept if it was measured before; `None` if it cannot be read, which the answer then
    /// says.
    pub(super) fn of_split(&self, entry: &CatalogSplit) -> Result<Option<Arc<SplitRoom>>, ReadError> {
        let (view, running) = (self.view, self.running);
        let key = CacheKey {
            split: entry.meta.id.clone(),
            question: format!("room of {}", self.kept_max),
        };
        if entry.quarantined.is_none()
            && let Some(held) = view.cache.get::<SplitRoom>(&key)
        {
            return Ok(Some(held));
        }
        let Some(split) = view.open(entry, running) else {
            return Ok(None);
        };
        let measured = summary_of(&view.cache, &split)
            .map_err(Failed::Split)
            .and_then(|summary| SplitRoom::of(&split, summary.as_deref(), self.kept_max, || running.check()));
        match measured {
            Ok(room) => {
                let room = Arc::new(room);
                view.cache.put(key, &room, room.bytes());
                Ok(Some(room))
            }
            Err(Failed::Stopped(error)) => Err(error),
            Err(Failed::Split(error)) => {
                view.failed(&entry.meta.id, entry.meta.rows, &error, running);
                Ok(None)
            }
        }
    }
}

impl Ranking {
    /// Adds a split.
    pub(super) fn add(&mut self, entry: &CatalogSplit, room: &SplitRoom) {
        for &(name, bytes) in &room.parts {
            match self.parts.iter_mut().find(|(known, _)| *known == name) {
                Some((_, sum)) => *sum += bytes,
                None => self.parts.push((name, bytes)),
            }
        }
        self.shared_bytes += room.shared_bytes;
        let known = self.topics.iter().position(|topic| **topic == *entry.topic);
        let topic = known.unwrap_or_else(|| {
            self.topics.push(Arc::from(entry.topic.as_str()));
            self.topics.len() - 1
        });
        for (stream, sums) in &room.streams {
            let known = self.streams.entry((topic, stream.id));
            known.or_insert_with(|| (Arc::clone(stream), RoomSums::default())).1 += *sums;
        }
        let split: Arc<str> = Arc::from(entry.meta.id.as_str());
        for (pattern, sums) in &room.patterns {
            let known = self.patterns.entry(pattern.id);
            known
                .or_insert_with(|| ((Arc::clone(&split), *pattern), RoomSums::default()))
                .1 += *sums;
        }
        self.streams_others += room.streams_others;
        self.patterns_others += room.patterns_others;
    }

    /// The streams that take most, and what the others take.
    pub(super) fn streams(&mut self, rows: usize) -> (Vec<RoomStream>, RoomSums) {
        let all = std::mem::take(&mut self.streams).into_iter();
        let all = all
            .map(|((topic, _), (stream, sums))| ((topic, stream), sums))
            .collect();
        let (named, others) = most(all, rows, self.streams_others);
        let row = |((topic, stream), sums): ((usize, Arc<Stream>), RoomSums)| RoomStream {
            topic: self.topics[topic].to_string(),
            attributes: stream.attributes.clone(),
            sums,
        };
        (named.into_iter().map(row).collect(), others)
    }

    /// The patterns that take most with their texts, and what the others take. Blocks.
    pub(super) fn patterns(
        &mut self,
        rows: usize,
        view: &View,
        running: &Arc<Running>,
    ) -> Result<(Vec<RoomPattern>, RoomSums), ReadError> {
        let all = std::mem::take(&mut self.patterns).into_values().collect();
        let (named, others) = most(all, rows, self.patterns_others);
        let mut patterns = Vec::with_capacity(named.len());
        for ((split, pattern), sums) in named {
            running.check()?;
            patterns.push(RoomPattern {
                template: format!("{:016x}", pattern.id),
                pattern: text_of(view, running, &split, pattern).unwrap_or_default(),
                sums,
            });
        }
        Ok((patterns, others))
    }
}

fn text_of(view: &View, running: &Arc<Running>, split: &str, pattern: Pattern) -> Option<String> {
    let entry = view.snapshot.split(split)?;
    let open = view.open(entry, running)?;
    match open.templates(pattern.page) {
        Ok(templates) => {
            let mut text = pattern_of_template(templates.bytes(pattern.number));
            if text.len() > PATTERN_BYTES_MAX {
                text.truncate(text.floor_char_boundary(PATTERN_BYTES_MAX));
                text.push('…');
            }
            Some(text)
        }
        Err(error) => {
            view.failed(split, entry.meta.rows, &error, running);
            None
        }
    }
}
