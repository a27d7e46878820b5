//! What every agent last said of its files. In memory: an agent says it again within seconds.

use std::collections::HashMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use parking_lot::RwLock;
use timberline_proto::api::{Completeness, SourceLag};
use timberline_proto::id::AgentId;
use timberline_proto::query::time_range::format_rfc3339_nanos;
use timberline_proto::wire::v1::{FileStatus, ReportRequest};

use crate::CollectorOptions;

/// Sources named in an answer at most.
const BEHIND_MAX: usize = 10;

/// Every agent's last report.
#[derive(Debug)]
pub struct Fleet {
    agents: RwLock<HashMap<AgentId, Agent>>,
    agents_max: usize,
    agent_timeout: Duration,
    lag_tolerance: Duration,
}

/// One agent.
#[derive(Clone, Debug)]
pub struct Agent {
    /// Its last report.
    pub report: ReportRequest,
    /// When it came, nanoseconds since the epoch.
    pub received_at_nanos: i64,
}

impl Fleet {
    /// Nobody there yet.
    pub fn new(options: &CollectorOptions) -> Self {
        Self {
            agents: RwLock::default(),
            agents_max: options.agents_max,
            agent_timeout: options.agent_timeout,
            lag_tolerance: options.lag_tolerance,
        }
    }

    /// Takes a report; it replaces the agent's earlier one.
    pub fn report(&self, agent: AgentId, report: ReportRequest) {
        let mut agents = self.agents.write();
        if agents.len() >= self.agents_max
            && !agents.contains_key(&agent)
            && let Some(silent) = agents
                .iter()
                .min_by_key(|(_, agent)| agent.received_at_nanos)
                .map(|(id, _)| *id)
        {
            agents.remove(&silent);
        }
        agents.insert(
            agent,
            Agent {
                report,
                received_at_nanos: now_nanos(),
            },
        );
    }

    /// All of them.
    pub fn agents(&self) -> Vec<(AgentId, Agent)> {
        self.agents
            .read()
            .iter()
            .map(|(id, agent)| (*id, agent.clone()))
            .collect()
    }

    /// Whether the agent has reported lately.
    pub fn is_connected(&self, agent: &Agent) -> bool {
        now_nanos().saturating_sub(agent.received_at_nanos) <= nanos(self.agent_timeout)
    }

    /// How far all sources are: the earliest "read to the end at" of those with unread or unacked
    /// bytes bounds what is complete.
    pub fn completeness(&self) -> Completeness {
        completeness(
            self.agents()
                .iter()
                .map(|(_, agent)| (&agent.report, agent.received_at_nanos)),
            now_nanos(),
            self.lag_tolerance,
        )
    }
}

/// How far the sources in `reports` (each with the time it was received) are, seen at `now_nanos`.
pub fn completeness<'a>(
    reports: impl Iterator<Item = (&'a ReportRequest, i64)>,
    now_nanos: i64,
    lag_tolerance: Duration,
) -> Completeness {
    let mut answer = Completeness::default();
    let mut complete_to: Option<i64> = None;
    let mut behind = Vec::new();
    for (report, _) in reports {
        for file in &report.files {
            answer.sources += 1;
            let to = file.read_to_end_at_unix_nanos;
            complete_to = Some(complete_to.map_or(to, |least| least.min(to)));
            if now_nanos.saturating_sub(to) <= nanos(lag_tolerance) {
                answer.sources_current += 1;
            } else {
                behind.push((to, lag(report, file)));
            }
        }
    }
    behind.sort_by_key(|(to, _)| *to);
    answer.behind = behind.into_iter().take(BEHIND_MAX).map(|(_, lag)| lag).collect();
    answer.complete_to = complete_to.filter(|&to| to > 0).map(format_rfc3339_nanos);
    answer
}

fn lag(report: &ReportRequest, file: &FileStatus) -> SourceLag {
    SourceLag {
        host: report.host.clone(),
        path: file.path.clone(),
        bytes: file.size.saturating_sub(file.acked),
        read_to_end_at: (file.read_to_end_at_unix_nanos > 0)
            .then(|| format_rfc3339_nanos(file.read_to_end_at_unix_nanos)),
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

    fn file(path: &str, to: i64, size: u64, acked: u64) -> FileStatus {
        FileStatus {
            path: path.into(),
            read_to_end_at_unix_nanos: to,
            size,
            acked,
            ..FileStatus::default()
        }
    }

    #[test]
    fn the_slowest_source_bounds_what_is_complete() {
        let second = 1_000_000_000;
        let report = ReportRequest {
            host: "web-7".into(),
            files: vec![file("/a", 100 * second, 5, 5), file("/b", 40 * second, 9, 2)],
            ..ReportRequest::default()
        };
        let found = completeness([(&report, 0)].into_iter(), 101 * second, Duration::from_secs(5));
        assert_eq!((found.sources, found.sources_current), (2, 1));
        assert_eq!(found.complete_to.as_deref(), Some("1970-01-01T00:00:40.000000000Z"));
        assert_eq!((found.behind[0].path.as_str(), found.behind[0].bytes), ("/b", 7));
    }

    #[test]
    fn a_source_never_read_to_its_end_makes_nothing_complete() {
        let report = ReportRequest {
            files: vec![file("/a", 0, 5, 0)],
            ..ReportRequest::default()
        };
        let found = completeness([(&report, 0)].into_iter(), 1, Duration::ZERO);
        assert_eq!(found.complete_to, None);
    }
}
