//! What every agent last said of its files, and up to when each file is complete in the queue.
//!
//! A file is complete to T when its end was seen at T and every byte before that end is acked. A
//! report says when the end was last seen and how far reading and acks are; a busy file is rarely
//! seen with all of it acked, so the end seen is remembered until the acks have reached it.
//!
//! In memory: an agent says it again within seconds. An agent that has fallen silent holds back
//! what is complete until it is forgotten ([`CollectorOptions::agent_forget_after`]).

mod agents;
#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use parking_lot::RwLock;
use timberline_proto::api::{Completeness, SourceLag};
use timberline_proto::id::{AgentId, GenerationId};
use timberline_proto::query::time_range::format_rfc3339_nanos;
use timberline_proto::wire::v1::{FileStatus, ReportRequest};

use crate::CollectorOptions;

pub use agents::{AgentFiles, ReportedFile, files_most_behind};

/// Sources named in an answer at most.
const BEHIND_MAX: usize = 10;

/// Every agent's last report.
#[derive(Debug)]
pub struct Fleet {
    agents: RwLock<HashMap<AgentId, Known>>,
    revoked: RwLock<Arc<BTreeSet<AgentId>>>,
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
    /// After a loss its health is an error for so long.
    pub loss_error_for: Duration,
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
    losses: Losses,
    files: HashMap<Key, Seen>,
}

/// When something was lost last.
#[derive(Clone, Copy, Debug, Default)]
struct Losses {
    /// Bytes that were gone before they were read, and records that were refused for good, since the
    /// agent's start.
    counts: (u64, u64),
    /// When they grew last, by our clock: it may have been earlier, if the agent was not known here.
    at: Option<i64>,
}

impl Losses {
    fn after(self, counts: (u64, u64), received_at_nanos: i64) -> Self {
        let grew = counts.0 > self.counts.0 || counts.1 > self.counts.1;
        // An agent that was started anew counts from nothing.
        let anew = counts.0 < self.counts.0 || counts.1 < self.counts.1;
        let lost = grew || anew && counts != (0, 0);
        Self {
            counts,
            at: if lost { Some(received_at_nanos) } else { self.at },
        }
    }
}

/// A file's generation, or its path while it has none.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Key {
    Generation(Vec<u8>),
    Path(String),
}

/// How complete a file is and how fast it is read, over several reports.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    /// When it was first reported, by our clock.
    first_at: i64,
    /// Bytes read a second, lately.
    rate: f64,
    /// What was read when, by the agent's clock.
    last_read: Option<(u64, i64)>,
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
            loss_error_for: options.loss_error_for,
        })
    }

    /// Nobody there yet, within these limits.
    pub fn with(limits: FleetLimits) -> Self {
        Self {
            agents: RwLock::default(),
            revoked: RwLock::default(),
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
        let (files, losses) = before.map(|known| (known.files, known.losses)).unwrap_or_default();
        let lost = report
            .work
            .as_ref()
            .map(|work| (work.lost_bytes, work.dead_letter_records));
        let losses = losses.after(lost.unwrap_or_default(), received_at_nanos);
        let files = report.files.iter().map(|file| {
            let key = Key::of(file);
            let first = Seen {
                first_at: received_at_nanos,
                ..Seen::default()
            };
            let seen = files.get(&key).copied().unwrap_or(first);
            (key, seen.after(file).at_rate(file.read, report.sent_at_unix_nanos))
        });
        let known = Known {
            losses,
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

    /// Agents that may not ship any more, because somebody said so.
    pub fn revoked(&self) -> Arc<BTreeSet<AgentId>> {
        Arc::clone(&self.revoked.read())
    }

    /// From now on it is these.
    pub fn set_revoked(&self, revoked: BTreeSet<AgentId>) {
        *self.revoked.write() = Arc::new(revoked);
    }

    /// After how long of silence an agent counts as not connected.
    pub(crate) fn agent_timeout(&self) -> Duration {
        self.limits.agent_timeout
    }

    /// After how long of silence an agent is forgotten.
    pub fn forget_after(&self) -> Duration {
        self.limits.agent_forget_after
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

/// About so long ago counts "lately", in seconds.
const RATE_SECONDS: f64 = 10.0;

impl Seen {
    /// The rate after a report of an agent's time. A report that comes twice changes nothing.
    fn at_rate(mut self, read: u64, sent_at: i64) -> Self {
        let Some((before, at)) = self.last_read else {
            self.last_read = Some((read, sent_at));
            return self;
        };
        let seconds = sent_at.saturating_sub(at) as f64 / 1e9;
        if sent_at == at {
            return self;
        }
        self.last_read = Some((read, sent_at));
        if seconds < 0.0 {
            return self;
        }
        let now = read.saturating_sub(before) as f64 / seconds;
        let weight = 1.0 - (-seconds / RATE_SECONDS).exp();
        self.rate += weight * (now - self.rate);
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
