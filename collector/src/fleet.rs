//! What every agent last said of its files, and up to when each file is complete in the queue.
//!
//! A file is complete to T when its end was seen at T and every byte before that end is acked. A
//! report says when the end was last seen and how far reading and acks are; a busy file is rarely
//! seen with all of it acked, so the end seen is remembered until the acks have reached it.
//!
//! In memory: an agent says it again within seconds. An agent that has fallen silent holds back
//! what is complete until it is forgotten ([`CollectorOptions::agent_forget_after`]).

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use parking_lot::RwLock;
use timberline_proto::api::{Completeness, SourceLag};
use timberline_proto::id::{AgentId, GenerationId};
use timberline_proto::query::time_range::format_rfc3339_nanos;
use timberline_proto::wire::v1::{FileStatus, ReportRequest};

use crate::CollectorOptions;

/// Sources named in an answer at most.
const BEHIND_MAX: usize = 10;

/// Every agent's last report.
#[derive(Debug)]
pub struct Fleet {
    agents: RwLock<HashMap<AgentId, Known>>,
    limits: FleetLimits,
}

/// What bounds a fleet.
#[derive(Clone, Copy, Debug)]
pub struct FleetLimits {
    /// Agents remembered at most; the one that has been silent longest is forgotten first.
    pub agents_max: usize,
    /// An agent that has not reported for so long counts as not connected.
    pub agent_timeout: Duration,
    /// One that has not for so long is forgotten with its sources.
    pub agent_forget_after: Duration,
}

/// One agent.
#[derive(Clone, Debug)]
pub struct Agent {
    /// Its last report.
    pub report: ReportRequest,
    /// When it came, nanoseconds since the epoch.
    pub received_at_nanos: i64,
}

/// A file that an agent follows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Source {
    /// The agent.
    pub agent: AgentId,
    /// Its host.
    pub host: String,
    /// The path.
    pub path: String,
    /// The file's present life; none while it is empty or unread.
    pub generation: Option<GenerationId>,
    /// Everything in the file at this instant is acked, nanoseconds since the epoch by the agent's
    /// clock; 0: never yet.
    pub complete_to_nanos: i64,
    /// How far the agent's clock is behind ours.
    pub skew_nanos: i64,
    /// Bytes in the file that are not acked.
    pub lag_bytes: u64,
    /// Bytes known never to have been read.
    pub lost_bytes: u64,
    /// Whether the agent has reported lately.
    pub connected: bool,
    /// Why it is not read, if so.
    pub error: Option<String>,
}

#[derive(Debug)]
struct Known {
    agent: Agent,
    files: HashMap<Key, Seen>,
}

/// A file's generation, or its path while it has none.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Key {
    Generation(Vec<u8>),
    Path(String),
}

/// How complete a file is, over several reports.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    complete_to: i64,
    /// An end seen whose acks are still out: to which byte, and when.
    waiting: Option<(u64, i64)>,
}

impl Fleet {
    /// Nobody there yet.
    pub fn new(options: &CollectorOptions) -> Self {
        Self::with(FleetLimits {
            agents_max: options.agents_max,
            agent_timeout: options.agent_timeout,
            agent_forget_after: options.agent_forget_after,
        })
    }

    /// Nobody there yet, within these limits.
    pub fn with(limits: FleetLimits) -> Self {
        Self {
            agents: RwLock::default(),
            limits,
        }
    }

    /// Takes a report; it replaces the agent's earlier one.
    pub fn report(&self, agent: AgentId, report: ReportRequest) {
        self.report_at(agent, report, now_nanos());
    }

    /// Takes a report that came at this time. One that was taken already changes nothing.
    pub fn report_at(&self, agent: AgentId, report: ReportRequest, received_at_nanos: i64) {
        let mut agents = self.agents.write();
        let before = agents.remove(&agent);
        if agents.len() >= self.limits.agents_max
            && let Some(silent) = agents
                .iter()
                .min_by_key(|(_, known)| known.agent.received_at_nanos)
                .map(|(id, _)| *id)
        {
            agents.remove(&silent);
        }
        let files = before.map(|known| known.files).unwrap_or_default();
        let files = report.files.iter().map(|file| {
            let key = Key::of(file);
            let seen = files.get(&key).copied().unwrap_or_default().after(file);
            (key, seen)
        });
        let known = Known {
            files: files.collect(),
            agent: Agent {
                report,
                received_at_nanos,
            },
        };
        agents.insert(agent, known);
    }

    /// All of them.
    pub fn agents(&self) -> Vec<(AgentId, Agent)> {
        self.agents
            .read()
            .iter()
            .map(|(id, known)| (*id, known.agent.clone()))
            .collect()
    }

    /// Whether the agent has reported lately.
    pub fn is_connected(&self, agent: &Agent) -> bool {
        self.is_within(agent, self.limits.agent_timeout, now_nanos())
    }

    /// Every file that an agent follows.
    pub fn sources(&self) -> Arc<[Source]> {
        self.sources_at(now_nanos())
    }

    fn sources_at(&self, now_nanos: i64) -> Arc<[Source]> {
        self.agents
            .write()
            .retain(|_, known| self.is_within(&known.agent, self.limits.agent_forget_after, now_nanos));
        let agents = self.agents.read();
        let sources = agents.iter().flat_map(|(id, known)| {
            let connected = self.is_within(&known.agent, self.limits.agent_timeout, now_nanos);
            let files = known.agent.report.files.iter();
            files.map(move |file| known.source(*id, file, connected))
        });
        sources.collect()
    }

    fn is_within(&self, agent: &Agent, time: Duration, now_nanos: i64) -> bool {
        now_nanos.saturating_sub(agent.received_at_nanos) <= nanos(time)
    }
}

impl Known {
    fn source(&self, agent: AgentId, file: &FileStatus, connected: bool) -> Source {
        let Agent {
            report,
            received_at_nanos,
        } = &self.agent;
        let seen = self.files.get(&Key::of(file)).copied().unwrap_or_default();
        Source {
            agent,
            host: report.host.clone(),
            path: file.path.clone(),
            generation: GenerationId::try_from(&file.generation_id[..]).ok(),
            complete_to_nanos: seen.complete_to,
            skew_nanos: match report.sent_at_unix_nanos {
                0 => 0,
                sent => received_at_nanos.saturating_sub(sent),
            },
            lag_bytes: file.size.saturating_sub(file.acked),
            lost_bytes: file.lost_bytes,
            connected,
            error: (!file.error.is_empty()).then(|| file.error.clone()),
        }
    }
}

impl Key {
    fn of(file: &FileStatus) -> Self {
        match file.generation_id.is_empty() {
            true => Self::Path(file.path.clone()),
            false => Self::Generation(file.generation_id.to_vec()),
        }
    }
}

impl Seen {
    /// What the next report makes of it.
    fn after(mut self, file: &FileStatus) -> Self {
        if let Some((read, at)) = self.waiting
            && file.acked >= read
        {
            self.complete_to = self.complete_to.max(at);
            self.waiting = None;
        }
        let at = file.read_to_end_at_unix_nanos;
        if file.acked >= file.read {
            self.complete_to = self.complete_to.max(at);
        } else if self.waiting.is_none() && at > self.complete_to {
            self.waiting = Some((file.read, at));
        }
        self
    }
}

/// How complete an answer over these sources is, seen at `now_nanos`.
pub fn completeness(sources: &[Source], now_nanos: i64, lag_tolerance: Duration) -> Completeness {
    let is_current = |source: &&Source| {
        let age = now_nanos.saturating_sub(source.seen_at());
        source.connected && source.complete_to_nanos > 0 && age <= nanos(lag_tolerance)
    };
    let least = |to: Option<i64>| to.filter(|&to| to > 0).map(format_rfc3339_nanos);
    let current_to = sources
        .iter()
        .filter(is_current)
        .map(|source| source.complete_to_nanos)
        .min();
    let complete_to = sources.iter().map(|source| source.complete_to_nanos).min();
    let mut silent: Vec<AgentId> = sources.iter().filter(|s| !s.connected).map(|s| s.agent).collect();
    silent.sort_unstable();
    silent.dedup();
    let mut answer = Completeness {
        sources: sources.len() as u64,
        sources_current: sources.iter().filter(is_current).count() as u64,
        complete_to: least(complete_to),
        current_to: least(current_to),
        lag_bytes: sources.iter().map(|source| source.lag_bytes).sum(),
        lost_bytes: sources.iter().map(|source| source.lost_bytes).sum(),
        agents_silent: silent.len() as u64,
        ..Completeness::default()
    };
    let behind: Vec<&Source> = sources.iter().filter(|source| !is_current(source)).collect();
    answer.behind = most_behind(behind, BEHIND_MAX);
    answer.summary = summary(&answer);
    answer
}

/// The sources that are complete to the earliest times, in this order.
pub fn most_behind<'a>(sources: impl IntoIterator<Item = &'a Source>, limit: usize) -> Vec<SourceLag> {
    let mut sources: Vec<&Source> = sources.into_iter().collect();
    let order = |a: &&Source, b: &&Source| {
        let key = |source: &Source| (source.complete_to_nanos, std::cmp::Reverse(source.lag_bytes));
        key(a)
            .cmp(&key(b))
            .then_with(|| (&a.host, &a.path).cmp(&(&b.host, &b.path)))
    };
    if sources.len() > limit && limit > 0 {
        sources.select_nth_unstable_by(limit - 1, order);
    }
    sources.truncate(limit);
    sources.sort_by(order);
    sources.into_iter().map(lag).collect()
}

fn summary(answer: &Completeness) -> String {
    let sources = answer.sources;
    match (sources, &answer.current_to) {
        (0, _) => String::new(),
        (_, None) => format!("none of {sources} sources is complete to about now"),
        (_, Some(to)) if answer.sources_current == sources => format!("complete to {to} for all {sources} sources"),
        (_, Some(to)) => format!("complete to {to} for {} of {sources} sources", answer.sources_current),
    }
}

fn lag(source: &Source) -> SourceLag {
    SourceLag {
        agent: source.agent.to_string(),
        host: source.host.clone(),
        path: source.path.clone(),
        bytes: source.lag_bytes,
        read_to_end_at: (source.complete_to_nanos > 0).then(|| format_rfc3339_nanos(source.complete_to_nanos)),
        lost_bytes: source.lost_bytes,
        connected: source.connected,
        generation: source.generation.map(|generation| generation.to_string()),
        error: source.error.clone(),
    }
}

impl Source {
    /// To when it is complete, by our clock.
    fn seen_at(&self) -> i64 {
        self.complete_to_nanos.saturating_add(self.skew_nanos)
    }
}

fn nanos(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

/// Now, in nanoseconds since the epoch.
pub fn now_nanos() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, nanos)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;
    const TOLERANCE: Duration = Duration::from_secs(5);

    fn fleet() -> Fleet {
        Fleet::with(FleetLimits {
            agents_max: 2,
            agent_timeout: Duration::from_secs(30),
            agent_forget_after: Duration::from_secs(1000),
        })
    }

    /// Seen at its end at `to` seconds, of `size` bytes, so many read and acked.
    fn file(path: &str, to: i64, size: u64, read: u64, acked: u64) -> FileStatus {
        FileStatus {
            path: path.into(),
            generation_id: path.as_bytes().to_vec().into(),
            read_to_end_at_unix_nanos: to * SECOND,
            size,
            read,
            acked,
            ..FileStatus::default()
        }
    }

    fn report(fleet: &Fleet, agent: u8, at: i64, files: Vec<FileStatus>) {
        let report = ReportRequest {
            host: format!("web-{agent}"),
            files,
            sent_at_unix_nanos: at * SECOND,
            ..ReportRequest::default()
        };
        fleet.report_at(AgentId([agent; 16]), report, at * SECOND);
    }

    fn seen(fleet: &Fleet, at: i64) -> Completeness {
        completeness(&fleet.sources_at(at * SECOND), at * SECOND, TOLERANCE)
    }

    #[test]
    fn the_slowest_source_bounds_what_is_complete_and_the_others_are_counted() {
        let fleet = fleet();
        report(&fleet, 7, 101, vec![file("/a", 100, 5, 5, 5), file("/b", 40, 9, 2, 2)]);
        let found = seen(&fleet, 101);
        assert_eq!((found.sources, found.sources_current, found.lag_bytes), (2, 1, 7));
        assert_eq!(found.complete_to.as_deref(), Some("1970-01-01T00:00:40.000000000Z"));
        assert_eq!(found.current_to.as_deref(), Some("1970-01-01T00:01:40.000000000Z"));
        assert_eq!(
            found.summary,
            "complete to 1970-01-01T00:01:40.000000000Z for 1 of 2 sources"
        );
        assert_eq!((found.behind[0].path.as_str(), found.behind[0].bytes), ("/b", 7));
    }

    #[test]
    fn a_source_never_read_to_its_end_makes_nothing_complete() {
        let fleet = fleet();
        report(&fleet, 1, 1, vec![file("/a", 0, 5, 0, 0)]);
        let found = seen(&fleet, 1);
        assert_eq!((found.complete_to, found.sources_current), (None, 0));
    }

    #[test]
    fn an_end_that_was_seen_counts_only_once_its_bytes_are_acked() {
        let fleet = fleet();
        let to = |fleet: &Fleet| fleet.sources_at(20 * SECOND)[0].complete_to_nanos / SECOND;
        report(&fleet, 1, 10, vec![file("/a", 10, 50, 50, 20)]);
        assert_eq!(to(&fleet), 0);
        // The file grows on, always a little ahead of the acks: the end seen at 10 is acked now.
        report(&fleet, 1, 11, vec![file("/a", 11, 90, 90, 60)]);
        assert_eq!(to(&fleet), 10);
        report(&fleet, 1, 12, vec![file("/a", 12, 120, 120, 100)]);
        assert_eq!(to(&fleet), 11);
        // A report that comes twice, and one without news, change nothing.
        report(&fleet, 1, 12, vec![file("/a", 12, 120, 120, 100)]);
        assert_eq!(to(&fleet), 11);
    }

    #[test]
    fn a_file_without_news_is_complete_to_its_last_look() {
        let fleet = fleet();
        for at in [10, 11, 300] {
            report(&fleet, 1, at, vec![file("/a", at, 50, 50, 50)]);
            assert_eq!(fleet.sources_at(at * SECOND)[0].complete_to_nanos, at * SECOND);
        }
    }

    #[test]
    fn a_silent_agent_holds_back_what_is_complete_until_it_is_forgotten() {
        let fleet = fleet();
        report(&fleet, 1, 10, vec![file("/dead", 10, 5, 5, 5)]);
        report(&fleet, 2, 200, vec![file("/alive", 200, 5, 5, 5)]);
        let found = seen(&fleet, 200);
        assert_eq!((found.sources, found.sources_current, found.agents_silent), (2, 1, 1));
        assert_eq!(found.complete_to.as_deref(), Some("1970-01-01T00:00:10.000000000Z"));
        assert!(!found.behind[0].connected);
        report(&fleet, 2, 1100, vec![file("/alive", 1100, 5, 5, 5)]);
        let found = seen(&fleet, 1100);
        assert_eq!((found.sources, found.sources_current, found.agents_silent), (1, 1, 0));
    }

    #[test]
    fn a_file_rotated_away_and_sent_holds_nothing_back() {
        let fleet = fleet();
        report(&fleet, 1, 10, vec![file("/a", 10, 5, 5, 5), file("/a.1", 9, 9, 9, 9)]);
        report(&fleet, 1, 20, vec![file("/a", 20, 5, 5, 5)]);
        assert_eq!(seen(&fleet, 20).sources, 1);
    }

    #[test]
    fn a_clock_that_is_wrong_makes_no_source_late() {
        let fleet = fleet();
        let report = ReportRequest {
            files: vec![file("/a", 100, 5, 5, 5)],
            sent_at_unix_nanos: 101 * SECOND,
            ..ReportRequest::default()
        };
        fleet.report_at(AgentId([1; 16]), report, 4000 * SECOND);
        assert_eq!(seen(&fleet, 4000).sources_current, 1);
    }

    #[test]
    fn more_agents_than_are_remembered_push_out_the_most_silent_and_answers_stay_small() {
        let fleet = fleet();
        for agent in 1..=3u8 {
            let files = (0..50).map(|n| file(&format!("/{n}"), 0, 9, 0, 0)).collect();
            report(&fleet, agent, i64::from(agent), files);
        }
        let found = seen(&fleet, 3);
        assert_eq!((found.sources, found.behind.len()), (100, BEHIND_MAX));
        assert!(found.behind.iter().all(|lag| lag.host != "web-1"));
    }
}
