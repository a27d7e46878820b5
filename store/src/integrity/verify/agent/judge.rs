//! Whether the links of a file are its whole chain.

use std::collections::HashMap;

use timberline_proto::batch::ChainValue;
use timberline_proto::id::GenerationId;

use super::super::input::ListedHole;
use super::super::report::{ChainReport, ChainStanding, Report, Verdict};
use super::tracks::{Track, Tracked, Tracks};
use super::{AgentHead, AgentOptions, Removals};

/// Ranges that are named of a link whose lines are missing.
const RANGES_MAX: usize = 20;

pub(super) struct Judge<'a> {
    options: &'a AgentOptions,
    removed: &'a Removals,
    heads: HashMap<GenerationId, &'a AgentHead>,
    holes: HashMap<Vec<u8>, Vec<ListedHole>>,
}

/// A file while it is looked at.
struct Case<'r> {
    name: String,
    standing: ChainStanding,
    report: &'r mut Report,
}

impl Case<'_> {
    fn find(&mut self, verdict: Verdict, standing: ChainStanding, what: &str) {
        self.standing = self.standing.max(standing);
        self.report.find(verdict, format!("{}: {what}", self.name));
    }

    fn remark(&mut self, what: &str) {
        self.report.remark(format!("{}: {what}", self.name));
    }
}

impl<'a> Judge<'a> {
    pub(super) fn new(options: &'a AgentOptions, removed: &'a Removals, holes: Vec<ListedHole>) -> Self {
        let heads = options.heads.iter().map(|head| (head.generation, head));
        let mut by_file: HashMap<Vec<u8>, Vec<ListedHole>> = HashMap::new();
        for hole in holes {
            by_file.entry(hole.generation.clone()).or_default().push(hole);
        }
        Self {
            options,
            removed,
            heads: heads.collect(),
            holes: by_file,
        }
    }

    /// Looks at every file, in the order of hosts and paths.
    pub(super) fn all(&mut self, tracks: &Tracks, report: &mut Report) {
        let mut files: Vec<(&GenerationId, &Track)> = tracks.files.iter().collect();
        files.sort_by_cached_key(|(generation, track)| {
            let source = track.source.as_ref();
            let name = source.map(|source| (source.host.clone(), source.path.clone()));
            (name, generation.0)
        });
        let mut open = Vec::new();
        for (generation, track) in files {
            self.file(*generation, track, &mut open, report);
        }
        for head in &self.options.heads {
            let is_asked = self.options.generation.is_none_or(|asked| asked == head.generation);
            if !tracks.files.contains_key(&head.generation) && head.acked > head.start && is_asked {
                report.find(
                    Verdict::CutShort,
                    format!(
                        "{} (generation {}): its agent was told that bytes {} to {} are safe, and none of them is on record here",
                        head.path, head.generation, head.start, head.acked
                    ),
                );
            }
        }
        if tracks.files.is_empty() {
            let who = self.options.who.as_deref().unwrap_or("any agent");
            report.find(Verdict::Incomplete, format!("no file of {who} is on record here"));
        }
        if tracks.forgotten > 0 {
            report.remark(format!(
                "{} files that were read long ago are forgotten (store.ledger_sources_max): they are not among these",
                tracks.forgotten
            ));
        }
        if let Some(first) = open.first() {
            report.find(
                Verdict::Incomplete,
                format!(
                    "{} files are still open, such as {first}: whether their agents have read on cannot be told without the word of these (--agent-data), or take them as they are (--so-far)",
                    open.len()
                ),
            );
        }
    }

    fn file(&self, generation: GenerationId, track: &Track, open: &mut Vec<String>, report: &mut Report) {
        let source = track.source.as_ref();
        let name = source.map_or_else(
            || format!("generation {generation}"),
            |source| format!("{} of {} (generation {generation})", source.path, source.host),
        );
        let mut case = Case {
            name: name.clone(),
            standing: ChainStanding::Whole,
            report,
        };
        let is_chained = track.links.iter().any(|tracked| tracked.link.chain.is_some());
        if !is_chained {
            case.standing = ChainStanding::NotChained;
        }
        self.links(track, generation, &mut case);
        if is_chained && track.unchained > 0 {
            case.remark(&format!(
                "{} of its lines are of before chains were put on record",
                track.unchained
            ));
        }
        let end = track.links.iter().map(|tracked| tracked.link.end).max();
        let end = end.max(source.map(|source| source.end)).unwrap_or(0);
        let is_open = self.end(track, generation, end, is_chained, &mut case);
        if is_open {
            open.push(name);
        }
        let links = track.links.iter();
        let summed = |of: &dyn Fn(&Tracked) -> u64| links.clone().map(of).sum::<u64>();
        let (published, found) = (summed(&|t| t.link.records), summed(&|t| t.found));
        let chain = ChainReport {
            agent: track.agent.to_string(),
            host: source.map(|source| source.host.clone()).unwrap_or_default(),
            path: source.map(|source| source.path.clone()).unwrap_or_default(),
            generation: generation.to_string(),
            standing: case.standing,
            start: track.links.first().map_or(0, |tracked| tracked.link.start),
            end,
            lines: summed(&|t| t.link.chain.map_or(0, |chain| chain.lines)),
            found: found + track.unchained,
            removed: published.saturating_sub(found),
            begun: links
                .filter(|t| t.link.chain.is_some_and(|chain| chain.begins()))
                .count() as u64,
            closed: is_closed(track),
        };
        case.report.chain(chain);
    }

    /// Whether the links adjoin, and their lines are there.
    fn links(&self, track: &Track, generation: GenerationId, case: &mut Case<'_>) {
        let mut before: Option<&Tracked> = None;
        for tracked in &track.links {
            match before {
                None => begins(track, tracked, case),
                Some(before) => adjoins(before, tracked, case),
            }
            if tracked.link.chain.is_some_and(|chain| chain.broken) {
                case.find(
                    Verdict::Altered,
                    ChainStanding::Altered,
                    &format!(
                        "{} are not what the agent shipped: they were changed before they were published, on offsets {} to {} of {}-{}",
                        lines_of(tracked), tracked.link.offsets.0, tracked.link.offsets.1, tracked.topic, tracked.partition
                    ),
                );
            } else if tracked.link.chain.is_some_and(|chain| chain.partial) {
                case.remark(&format!(
                    "{} came in parts, because the collector refused some (the agent keeps these as dead letters), or some were erased before they were published: that they are as the agent read them is not proven",
                    lines_of(tracked)
                ));
            }
            self.rows(tracked, generation, case);
            if before.is_none_or(|before| tracked.link.end >= before.link.end) {
                before = Some(tracked);
            }
        }
    }

    fn rows(&self, tracked: &Tracked, generation: GenerationId, case: &mut Case<'_>) {
        let (published, found) = (tracked.link.records, tracked.found);
        if found > published {
            let what = format!(
                "{} have {found} rows where {published} were published",
                lines_of(tracked)
            );
            case.find(Verdict::Altered, ChainStanding::Altered, &what);
        } else if tracked.is_short {
            let ranges = self.missing(tracked, generation);
            let what = format!(
                "{} of {published} lines are missing, bytes {}; nothing says that they were removed",
                published - found,
                ranges.join(", ")
            );
            case.find(Verdict::Missing, ChainStanding::Missing, &what);
        } else if found < published {
            debug_assert!(
                self.removed
                    .touch(&tracked.topic, tracked.partition, tracked.link.offsets)
            );
            case.standing = case.standing.max(ChainStanding::Removed);
        }
    }

    /// The bytes of a link that neither a row nor a hole accounts for.
    fn missing(&self, tracked: &Tracked, generation: GenerationId) -> Vec<String> {
        let mut there: Vec<(u64, u64)> = tracked
            .places
            .iter()
            .map(|&(start, len)| (start, start + u64::from(len)))
            .collect();
        let holes = self.holes.get(&generation.0[..]).into_iter().flatten();
        there.extend(holes.map(|hole| (hole.start, hole.end)));
        there.sort_unstable();
        let mut ranges = Vec::new();
        let mut at = tracked.link.start;
        for (start, end) in there.into_iter().chain([(tracked.link.end, tracked.link.end)]) {
            let start = start.min(tracked.link.end);
            if start > at && ranges.len() < RANGES_MAX {
                ranges.push(format!("{at} to {start}"));
            }
            at = at.max(end);
        }
        ranges
    }

    /// What is behind the last link; whether it is open, and nobody's word says to where it goes.
    fn end(&self, track: &Track, generation: GenerationId, end: u64, is_chained: bool, case: &mut Case<'_>) -> bool {
        let Some(head) = self.heads.get(&generation) else {
            let is_open = is_chained && !is_closed(track);
            if is_open {
                case.standing = case.standing.max(ChainStanding::Open);
            }
            return is_open && !self.options.so_far;
        };
        let last = track.links.iter().rev().find(|tracked| tracked.link.end == end);
        let value = last.and_then(|last| last.link.chain).map(|chain| chain.value);
        if head.acked > end {
            let what = format!(
                "its agent was told that it is safe up to byte {}, and here it ends at byte {end}: its end was cut off, or is still in the queue",
                head.acked
            );
            case.find(Verdict::CutShort, ChainStanding::CutShort, &what);
        } else if head.acked == end
            && head.value != ChainValue::default()
            && value.is_some_and(|value| value != head.value)
        {
            let what = format!(
                "up to byte {end} the chain that its agent knows has another value: lines before it are not those that were shipped"
            );
            case.find(Verdict::Altered, ChainStanding::Altered, &what);
        }
        false
    }
}

fn is_closed(track: &Track) -> bool {
    let last = track.links.last().and_then(|tracked| tracked.link.chain);
    last.is_some_and(|chain| chain.closes)
}

/// A link's lines and bytes, for people.
fn lines_of(tracked: &Tracked) -> String {
    let link = &tracked.link;
    match &link.chain {
        Some(chain) => format!(
            "lines {} to {} (bytes {} to {})",
            chain.first + 1,
            chain.end(),
            link.start,
            link.end
        ),
        None => format!("bytes {} to {}", link.start, link.end),
    }
}

/// The first link on record.
fn begins(track: &Track, tracked: &Tracked, case: &mut Case<'_>) {
    let Some(chain) = tracked.link.chain.filter(|chain| !chain.begins()) else {
        return;
    };
    let first = track.source.as_ref().map(|source| source.first);
    if first == Some(tracked.link.start) && chain.first > 0 {
        let what = format!(
            "the first {} lines that its agent shipped, before byte {}, were never published",
            chain.first, tracked.link.start
        );
        case.find(Verdict::Missing, ChainStanding::Missing, &what);
    } else if chain.first > 0 {
        case.remark(&format!(
            "what its agent shipped before byte {} is of before chains were put on record, or is forgotten",
            tracked.link.start
        ));
    }
}

/// Whether a link goes on where the one before ends.
fn adjoins(before: &Tracked, tracked: &Tracked, case: &mut Case<'_>) {
    let (last, link) = (&before.link, &tracked.link);
    if link.start > last.end {
        let lines = match (&last.chain, &link.chain) {
            (Some(last), Some(next)) if !next.begins() && next.first >= last.end() => {
                format!("{} lines, ", next.first - last.end())
            }
            _ => String::new(),
        };
        let what = format!(
            "{lines}bytes {} to {}, were shipped and were never published: the queue lost them, or they were taken out of it",
            last.end, link.start
        );
        return case.find(Verdict::Missing, ChainStanding::Missing, &what);
    }
    if link.start < last.end {
        return case.remark(&format!(
            "bytes {} to {} were published twice, from a queue that had lost its end",
            link.start,
            link.end.min(last.end)
        ));
    }
    let is_torn = match (&last.chain, &link.chain) {
        (Some(last), Some(next)) => !next.begins() && !last.leads_to(next),
        // An agent that does not chain, and one that goes on: it would have begun.
        (None, Some(next)) => !next.begins() && next.first > 0,
        _ => false,
    };
    if is_torn {
        let what = format!(
            "what stands before byte {} is not what its agent shipped before it: the chain does not go on there",
            link.start
        );
        case.find(Verdict::Altered, ChainStanding::Altered, &what);
    }
}
