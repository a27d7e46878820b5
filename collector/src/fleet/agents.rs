//! How each agent is, from its last reports.

use std::cmp::Reverse;
use std::time::Duration;

use timberline_proto::api::{AgentFile, AgentHealth, AgentMachine, AgentState};
use timberline_proto::id::{AgentId, GenerationId};
use timberline_proto::query::time_range::format_rfc3339_nanos;
use timberline_proto::wire::v1::{FileStatus, ReportRequest};

use super::{Fleet, Key, Known, nanos, now_nanos};

/// An agent with its files, and those that it leaves out.
#[derive(Clone, Debug)]
pub struct AgentFiles {
    /// The agent.
    pub state: AgentState,
    /// Its files, in no order.
    pub files: Vec<AgentFile>,
    /// Those left out on purpose, with the reason as `error`.
    pub left_out: Vec<AgentFile>,
}

/// A file as its agent last reported it.
#[derive(Clone, Debug)]
pub struct ReportedFile {
    /// The agent.
    pub agent: AgentId,
    /// Its host.
    pub host: String,
    /// The file's path.
    pub path: String,
    /// Its generation.
    pub generation: GenerationId,
    /// The first byte asked for.
    pub start: u64,
    /// One past the last byte read.
    pub read: u64,
    /// One past the last byte acked.
    pub acked: u64,
    /// Bytes in the file.
    pub size: u64,
}

impl Fleet {
    /// Every agent, without its files.
    pub fn states(&self, lag_tolerance: Duration) -> Vec<AgentState> {
        let now = now_nanos();
        let agents = self.agents.read();
        let states = agents
            .iter()
            .map(|(id, known)| self.state(*id, known, lag_tolerance, now));
        states.collect()
    }

    /// One agent with its files; `None` if it is not known.
    pub fn agent_files(&self, id: AgentId, lag_tolerance: Duration) -> Option<AgentFiles> {
        let now = now_nanos();
        let agents = self.agents.read();
        let known = agents.get(&id)?;
        Some(AgentFiles {
            state: self.state(id, known, lag_tolerance, now),
            files: known
                .agent
                .report
                .files
                .iter()
                .map(|file| known.file(file, now))
                .collect(),
            left_out: known
                .agent
                .report
                .left_out
                .iter()
                .map(|file| known.file(file, now))
                .collect(),
        })
    }

    /// Every file that has a generation, as last reported.
    pub fn reported_files(&self) -> Vec<ReportedFile> {
        let agents = self.agents.read();
        let files = agents.iter().flat_map(|(id, known)| {
            let report = &known.agent.report;
            report.files.iter().filter_map(|file| {
                Some(ReportedFile {
                    agent: *id,
                    host: report.host.clone(),
                    path: file.path.clone(),
                    generation: GenerationId::try_from(&file.generation_id[..]).ok()?,
                    start: file.start,
                    read: file.read,
                    acked: file.acked,
                    size: file.size,
                })
            })
        });
        files.collect()
    }

    fn is_lately_lost(&self, known: &Known, now: i64) -> bool {
        let within = |at: i64| now.saturating_sub(at) <= nanos(self.limits.loss_error_for);
        known.losses.at.is_some_and(within)
    }

    fn state(&self, id: AgentId, known: &Known, lag_tolerance: Duration, now: i64) -> AgentState {
        let report = &known.agent.report;
        let work = report.work.clone().unwrap_or_default();
        let tolerance = lag_tolerance.as_secs_f64();
        let mut state = AgentState {
            agent: id.to_string(),
            host: report.host.clone(),
            version: report.version.clone(),
            machine: report.machine.as_ref().map(|machine| AgentMachine {
                os: machine.os.clone(),
                arch: machine.arch.clone(),
                kernel: machine.kernel.clone(),
                cpus: machine.cpus,
            }),
            started_at: instant(report.started_at_unix_nanos),
            last_seen: format_rfc3339_nanos(known.agent.received_at_nanos),
            files: report.files.len() as u64,
            files_left_out: report.left_out_total,
            records_read: work.records_read,
            records_acked: work.records_acked,
            batches_pending: work.batches_pending,
            lost_bytes: work.lost_bytes,
            dead_letter_records: work.dead_letter_records,
            open_files: work.open_files,
            ..AgentState::default()
        };
        let mut worst: Option<(f64, &FileStatus)> = None;
        for file in &report.files {
            let (lag_bytes, lag_seconds) = known.lag(file, now);
            state.lag_bytes += lag_bytes;
            state.lag_seconds = state.lag_seconds.max(lag_seconds);
            state.rate_bytes_per_second += known.rate(file);
            state.files_failed += u64::from(!file.error.is_empty());
            if lag_seconds > tolerance {
                state.files_behind += 1;
                if worst.is_none_or(|(seconds, _)| lag_seconds > seconds) {
                    worst = Some((lag_seconds, file));
                }
            }
        }
        let silent_for = now.saturating_sub(known.agent.received_at_nanos);
        (state.health, state.reason) = if silent_for > nanos(self.limits.agent_timeout) {
            (
                AgentHealth::Silent,
                Some(format!("no report for {}", time(silent_for as f64 / 1e9))),
            )
        } else if let Some(why) = error(report, &state, &work.registry_error, self.is_lately_lost(known, now)) {
            (AgentHealth::Error, Some(why))
        } else if let Some((seconds, file)) = worst {
            let why = format!(
                "{} of {} files are behind, {} the most: by {} bytes, for {}",
                state.files_behind,
                state.files,
                file.path,
                file.size.saturating_sub(file.acked),
                time(seconds)
            );
            (AgentHealth::Lagging, Some(why))
        } else {
            (AgentHealth::Ok, None)
        };
        state
    }
}

impl Known {
    fn file(&self, file: &FileStatus, now: i64) -> AgentFile {
        let (lag_bytes, lag_seconds) = self.lag(file, now);
        AgentFile {
            path: file.path.clone(),
            generation: GenerationId::try_from(&file.generation_id[..])
                .ok()
                .map(|id| id.to_string()),
            read: file.read,
            acked: file.acked,
            end: file.size,
            read_to_end_at: instant(file.read_to_end_at_unix_nanos),
            lag_bytes,
            lag_seconds,
            rate_bytes_per_second: self.rate(file),
            lost_bytes: file.lost_bytes,
            error: (!file.error.is_empty()).then(|| file.error.clone()),
        }
    }

    /// Bytes that are not acked, and since how many seconds there are such.
    fn lag(&self, file: &FileStatus, now: i64) -> (u64, f64) {
        let bytes = file.size.saturating_sub(file.acked);
        if bytes == 0 {
            return (0, 0.0);
        }
        let seen = self.files.get(&Key::of(file)).copied().unwrap_or_default();
        let skew = match self.agent.report.sent_at_unix_nanos {
            0 => 0,
            sent => self.agent.received_at_nanos.saturating_sub(sent),
        };
        let since = match seen.complete_to {
            0 => seen.first_at,
            at => at.saturating_add(skew),
        };
        (bytes, (now.saturating_sub(since) as f64 / 1e9).max(0.0))
    }

    fn rate(&self, file: &FileStatus) -> f64 {
        self.files.get(&Key::of(file)).map_or(0.0, |seen| seen.rate)
    }
}

/// What keeps an agent from its work, or what it has lost lately. What it lost before is in its totals
/// and in the ledger.
fn error(report: &ReportRequest, state: &AgentState, registry_error: &str, lately_lost: bool) -> Option<String> {
    if !registry_error.is_empty() {
        return Some(format!("checkpoints cannot be written: {registry_error}"));
    }
    if lately_lost && state.lost_bytes > 0 {
        return Some(format!(
            "{} bytes were gone before they were read, since its start: the ledger names them",
            state.lost_bytes
        ));
    }
    if lately_lost && state.dead_letter_records > 0 {
        return Some(format!(
            "{} records were refused for good: they are under dead-letter in its data directory",
            state.dead_letter_records
        ));
    }
    let failed = report.files.iter().find(|file| !file.error.is_empty())?;
    Some(format!(
        "{} of {} files cannot be read: {}: {}",
        state.files_failed, state.files, failed.path, failed.error
    ))
}

/// The files most behind first, at most so many.
pub fn files_most_behind(files: &[AgentFile], limit: usize) -> Vec<AgentFile> {
    let mut behind: Vec<&AgentFile> = files
        .iter()
        .filter(|file| file.lag_bytes > 0 || file.error.is_some())
        .collect();
    let millis = |file: &AgentFile| (file.lag_seconds * 1e3) as u64;
    behind.sort_by_key(|file| {
        (
            Reverse(file.error.is_some()),
            Reverse((millis(file), file.lag_bytes)),
            &file.path,
        )
    });
    behind.into_iter().take(limit).cloned().collect()
}

fn instant(nanos: i64) -> Option<String> {
    (nanos > 0).then(|| format_rfc3339_nanos(nanos))
}

/// A time for people.
fn time(seconds: f64) -> String {
    match seconds {
        s if s < 120.0 => format!("{s:.0} s"),
        s if s < 7200.0 => format!("{:.0} min", s / 60.0),
        s if s < 172_800.0 => format!("{:.0} h", s / 3600.0),
        s => format!("{:.0} d", s / 86_400.0),
    }
}
