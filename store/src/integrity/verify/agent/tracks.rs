//! The links of each file, and the rows that were found of them.

use std::collections::HashMap;

use timberline_proto::id::{AgentId, GenerationId};

use super::super::input::ListedSource;
use super::{AgentOptions, Removals};
use crate::integrity::chains::{Block, Link};
use crate::integrity::entry::ChainsEntry;
use crate::rows::Row;

/// Places of rows that are kept to name what is missing among them.
const PLACES_MAX: usize = 50_000_000;

/// A link, and what was found of it.
#[derive(Debug)]
pub(super) struct Tracked {
    pub(super) topic: std::sync::Arc<str>,
    pub(super) partition: u32,
    pub(super) link: Link,
    /// Rows of it that are in splits.
    pub(super) found: u64,
    /// It has fewer rows than were published, and nothing says that some were removed.
    pub(super) is_short: bool,
    /// Start and source length of its rows, if it is short.
    pub(super) places: Vec<(u64, u32)>,
}

/// A file.
#[derive(Debug, Default)]
pub(super) struct Track {
    pub(super) agent: AgentId,
    pub(super) source: Option<ListedSource>,
    /// In their order.
    pub(super) links: Vec<Tracked>,
    /// Rows of it that no link speaks of.
    pub(super) unchained: u64,
}

/// All files that are asked for.
#[derive(Debug)]
pub(super) struct Tracks {
    agent: Option<AgentId>,
    host: Option<String>,
    generation: Option<GenerationId>,
    sources: HashMap<GenerationId, ListedSource>,
    pub(super) files: HashMap<GenerationId, Track>,
    pub(super) forgotten: u64,
    places: usize,
}

impl Tracks {
    pub(super) fn new(options: &AgentOptions, sources: Vec<ListedSource>) -> Self {
        let agent: Option<AgentId> = options.who.as_deref().and_then(|who| who.parse().ok());
        let host = options.who.clone().filter(|_| agent.is_none());
        let sources = sources.into_iter().filter_map(|source| {
            let generation = GenerationId::try_from(source.generation.as_slice()).ok()?;
            Some((generation, source))
        });
        Self {
            agent,
            host,
            generation: options.generation,
            sources: sources.collect(),
            files: HashMap::new(),
            forgotten: 0,
            places: 0,
        }
    }

    fn is_asked(&self, agent: AgentId, generation: GenerationId) -> bool {
        let is_host = |host: &String| {
            let source = self.sources.get(&generation);
            source.is_some_and(|source| source.host == *host)
        };
        self.agent.is_none_or(|asked| asked == agent)
            && self.generation.is_none_or(|asked| asked == generation)
            && self.host.as_ref().is_none_or(is_host)
    }

    fn track(&mut self, agent: AgentId, generation: GenerationId) -> Option<&mut Track> {
        if !self.files.contains_key(&generation) {
            if !self.is_asked(agent, generation) {
                return None;
            }
            let track = Track {
                agent,
                source: self.sources.get(&generation).cloned(),
                ..Track::default()
            };
            self.files.insert(generation, track);
        }
        self.files.get_mut(&generation)
    }

    /// Takes in a block.
    pub(super) fn take(&mut self, entry: &ChainsEntry, block: Block) {
        self.forgotten = self.forgotten.saturating_add(block.forgotten);
        let topic: std::sync::Arc<str> = entry.topic.as_str().into();
        for link in block.links {
            let Some(track) = self.track(link.agent, link.generation) else {
                continue;
            };
            track.links.push(Tracked {
                topic: topic.clone(),
                partition: entry.partition,
                link,
                found: 0,
                is_short: false,
                places: Vec::new(),
            });
        }
    }

    /// Counts a row of a split.
    pub(super) fn count(&mut self, topic: &str, row: &Row<'_>) {
        let Some(place) = row.place else { return };
        let Some(track) = self.track(place.agent, place.generation) else {
            return;
        };
        match track.link_of(topic, row, place.start) {
            Some(tracked) => tracked.found += 1,
            None => track.unchained += 1,
        }
    }

    /// Finds the links of which rows are missing though nothing says that they were removed.
    pub(super) fn find_short(&mut self, removed: &Removals) {
        for tracked in self.files.values_mut().flat_map(|track| &mut track.links) {
            let offsets = tracked.link.offsets;
            tracked.is_short =
                tracked.found < tracked.link.records && !removed.touch(&tracked.topic, tracked.partition, offsets);
        }
    }

    pub(super) fn has_short(&self) -> bool {
        self.files
            .values()
            .flat_map(|track| &track.links)
            .any(|tracked| tracked.is_short)
    }

    /// Notes where a row stands in its file, if others beside it are missing.
    pub(super) fn note_place(&mut self, topic: &str, row: &Row<'_>) {
        let Some(place) = row.place else { return };
        let Some(track) = self.files.get_mut(&place.generation) else {
            return;
        };
        if let Some(tracked) = track.link_of(topic, row, place.start)
            && tracked.is_short
            && self.places < PLACES_MAX
        {
            tracked.places.push((place.start, place.source_bytes));
            self.places += 1;
        }
    }
}

impl Track {
    /// The link of a row. What was taken twice, of a queue that came back older, is in two, which have
    /// their own offsets, mostly.
    fn link_of(&mut self, topic: &str, row: &Row<'_>, start: u64) -> Option<&mut Tracked> {
        let is_its = |tracked: &Tracked| {
            let link = &tracked.link;
            (link.offsets.0..link.offsets.1).contains(&row.offset)
                && (link.start..link.end).contains(&start)
                && tracked.partition == row.partition
                && *tracked.topic == *topic
        };
        // Mostly they are in the order of both; where they are not, each is looked at.
        let guess = self.links.partition_point(|tracked| tracked.link.end <= start);
        let at = match self.links.get(guess) {
            Some(tracked) if is_its(tracked) => guess,
            _ => self.links.iter().position(is_its)?,
        };
        self.links.get_mut(at)
    }
}
