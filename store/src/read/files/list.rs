//! The generations that are held: where they come from, and which of their bytes are here.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use timberline_proto::api::{ByteRange, FileGeneration, FilesAnswer};
use timberline_proto::id::{AgentId, GenerationId};

use crate::catalog::{Hole, Streams};
use crate::rows::{Stream, StreamId};
use crate::split::{Columns, HeldRange, Split};

use super::super::ReadError;
use super::super::running::Running;
use super::super::time::rfc3339;
use super::super::view::View;
use super::pieces::{Member, pieces};
use super::reader::FileRequest;
use super::rebuild::{known_holes, spans_held};
use super::spans::Spans;

/// Generations in one answer at most.
pub(super) const FILES_MAX: usize = 10_000;
/// Gaps of one generation named at most.
const GAPS_MAX: usize = 100;

const PROVENANCE: Columns = Columns {
    line: false,
    provenance: true,
    attributes: false,
};

#[derive(Debug)]
struct Held {
    agent: AgentId,
    topic: Arc<str>,
    stream: Option<Arc<Stream>>,
    spans: Vec<(u64, u64)>,
    /// Whether the spans are exactly what is held.
    exact: bool,
    rows: u64,
    time_min: i64,
    time_max: i64,
}

/// The generations that the request asks for, by host and path, the latest first.
pub(super) fn list(
    view: &View,
    holes: &[Hole],
    request: &FileRequest,
    running: &Running,
) -> Result<FilesAnswer, ReadError> {
    let wanted = request.streams(&view.snapshot.streams);
    let mut all: HashMap<GenerationId, Held> = HashMap::new();
    for entry in &view.snapshot.splits {
        running.check()?;
        if wanted
            .as_ref()
            .is_some_and(|ids| !entry.meta.streams.iter().any(|id| ids.contains(id)))
        {
            continue;
        }
        let Some(split) = view.open(entry, running) else {
            continue;
        };
        let topic: Arc<str> = Arc::from(entry.topic.as_str());
        if let Err(error) = add_split(&mut all, &split, &topic, request, running) {
            view.failed(&entry.meta.id, entry.meta.rows, &error, running);
        }
        if all.len() > 10 * FILES_MAX {
            return Err(ReadError::BadRequest(format!(
                "more than {} generations are held: name a host, a path or a generation",
                10 * FILES_MAX
            )));
        }
    }
    add_live(&mut all, view, request);
    let is_wanted = |held: &Held| match (&wanted, &held.stream) {
        (None, _) => true,
        (Some(ids), Some(stream)) => ids.contains(&stream.id),
        (Some(_), None) => false,
    };
    all.retain(|_, held| is_wanted(held));
    let mut files: Vec<FileGeneration> = all
        .into_iter()
        .map(|(generation, held)| describe(generation, &held, holes))
        .collect();
    files.sort_by(|a, b| (&a.host, &a.path, &b.newest).cmp(&(&b.host, &b.path, &a.newest)));
    let limit = request.limit.unwrap_or(1000).min(FILES_MAX);
    let truncated = files.len() > limit;
    files.truncate(limit);
    if request.generation.is_some() {
        files
            .iter_mut()
            .try_for_each(|file| name_gaps(view, holes, file, running))?;
    }
    Ok(FilesAnswer {
        files,
        truncated,
        partial: running.partial(),
    })
}

fn add_split(
    all: &mut HashMap<GenerationId, Held>,
    split: &Split,
    topic: &Arc<str>,
    request: &FileRequest,
    running: &Running,
) -> Result<(), crate::split::SplitError> {
    let mut streams_of_pages = StreamsOfPages::default();
    for range in split.held(request.generation)? {
        if running.check().is_err() {
            break;
        }
        let held = all
            .entry(range.generation)
            .or_insert_with(|| Held::new(range.agent, topic));
        if held.stream.is_none() {
            held.stream = streams_of_pages.find(split, &range)?;
        }
        let info = split.pages()[range.page as usize];
        held.spans.push((range.start, range.end));
        held.exact &= range.dense;
        held.rows += u64::from(range.rows);
        held.time_min = held.time_min.min(info.time_min);
        held.time_max = held.time_max.max(info.time_max);
    }
    // Pages come by generation, not by byte: neighbours are joined so that a long file takes no more than a few ranges.
    for held in all.values_mut().filter(|held| held.spans.len() > 1) {
        held.spans = Spans::of(std::mem::take(&mut held.spans)).into_ranges();
    }
    Ok(())
}

/// Which stream a generation of a page belongs to. A page of one stream tells without being read.
#[derive(Default)]
struct StreamsOfPages {
    read: BTreeMap<u32, HashMap<GenerationId, Arc<Stream>>>,
}

impl StreamsOfPages {
    fn find(&mut self, split: &Split, range: &HeldRange) -> Result<Option<Arc<Stream>>, crate::split::SplitError> {
        if let [only] = split.page_streams(range.page) {
            return Ok(split.streams().get(*only as usize).cloned());
        }
        let streams = match self.read.entry(range.page) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unread) => {
                let rows = split.read_page(range.page, PROVENANCE)?;
                let streams = rows
                    .rows()
                    .filter_map(|row| Some((row.place?.generation, Arc::clone(row.stream))));
                unread.insert(streams.collect())
            }
        };
        Ok(streams.get(&range.generation).cloned())
    }
}

fn add_live(all: &mut HashMap<GenerationId, Held>, view: &View, request: &FileRequest) {
    for part in view.live.iter() {
        for at in part.first..part.rows.len() {
            let row = part.rows.row(at);
            let Some(place) = row.place else { continue };
            if request.generation.is_some_and(|one| one != place.generation) {
                continue;
            }
            let held = all
                .entry(place.generation)
                .or_insert_with(|| Held::new(place.agent, &part.topic));
            held.stream.get_or_insert_with(|| Arc::clone(row.stream));
            held.add(place.start, place.start.saturating_add(place.source_bytes.into()));
            held.rows += 1;
            held.time_min = held.time_min.min(row.time_nanos);
            held.time_max = held.time_max.max(row.time_nanos);
        }
    }
}

impl Held {
    fn new(agent: AgentId, topic: &Arc<str>) -> Self {
        Self {
            agent,
            topic: Arc::clone(topic),
            stream: None,
            spans: Vec::new(),
            exact: true,
            rows: 0,
            time_min: i64::MAX,
            time_max: i64::MIN,
        }
    }

    fn add(&mut self, start: u64, end: u64) {
        match self.spans.last_mut().filter(|last| last.1 == start) {
            Some(last) => last.1 = end,
            None => self.spans.push((start, end)),
        }
    }
}

fn describe(generation: GenerationId, held: &Held, holes: &[Hole]) -> FileGeneration {
    let attribute = |name: &str| {
        let stream = held.stream.as_ref();
        stream.and_then(|stream| stream.attributes.get(name)).cloned()
    };
    let own_holes = known_holes(holes, generation);
    let mut ranges = held.spans.clone();
    let bytes = Spans::of(ranges.clone()).bytes();
    ranges.extend(own_holes);
    let first = ranges.iter().map(|range| range.0).min().unwrap_or(0);
    let end = ranges.iter().map(|range| range.1).max().unwrap_or(0);
    let missing = Spans::of(ranges).missing(first, end);
    FileGeneration {
        generation: generation.to_string(),
        agent: held.agent.to_string(),
        topic: held.topic.to_string(),
        host: attribute("host.name").unwrap_or_default(),
        path: attribute("log.file.path").unwrap_or_default(),
        first_byte: first,
        end,
        bytes,
        records: held.rows,
        oldest: rfc3339(held.time_min),
        newest: rfc3339(held.time_max),
        gaps: held.exact.then(|| named(&missing)),
    }
}

/// Reads the places of pages that hold their bytes with others between.
fn name_gaps(view: &View, holes: &[Hole], file: &mut FileGeneration, running: &Running) -> Result<(), ReadError> {
    let Ok(generation) = file.generation.parse::<GenerationId>() else {
        return Ok(());
    };
    let member = Member::Generation(generation);
    let pieces = pieces(view, &member, None, running)?;
    let held = spans_held(view, &member, &pieces, (file.first_byte, file.end), running)?;
    let mut ranges = held.into_ranges();
    file.bytes = ranges.iter().map(|(start, end)| end - start).sum();
    ranges.extend(known_holes(holes, generation));
    file.gaps = Some(named(&Spans::of(ranges).missing(file.first_byte, file.end)));
    Ok(())
}

fn named(missing: &[(u64, u64)]) -> Vec<ByteRange> {
    let ranges = missing.iter().take(GAPS_MAX);
    ranges.map(|&(from, to)| ByteRange { from, to }).collect()
}

impl FileRequest {
    /// The streams whose host and path are as asked; none if neither was asked for.
    fn streams(&self, known: &Streams) -> Option<BTreeSet<StreamId>> {
        if self.host.is_none() && self.path.is_none() {
            return None;
        }
        let is = |stream: &Stream, name: &str, asked: &Option<String>| {
            asked
                .as_ref()
                .is_none_or(|asked| stream.attributes.get(name).is_some_and(|value| value == asked))
        };
        let wanted = known
            .values()
            .filter(|stream| is(stream, "host.name", &self.host) && is(stream, "log.file.path", &self.path));
        Some(wanted.map(|stream| stream.id).collect())
    }
}
