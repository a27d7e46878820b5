//! The status.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Tailer;
use super::file::Standing;
use crate::scan::OWN_LOG;
use crate::status::{AgentStatus, FileState};

/// Why a file is left out that was not written for long before the agent first saw it.
const TOO_OLD: &str = "not written for longer than ignore_older when the agent first saw it";

impl Tailer {
    pub(super) fn publish_if_due(&mut self, now: Instant) {
        if now < self.pulse.next_publish {
            return;
        }
        // Of the outbox nothing is heard here.
        if self.pulse.is_news || self.outbox.is_some() {
            return self.publish();
        }
        self.pulse.next_publish = now + self.publish_pause();
    }

    fn publish_pause(&self) -> Duration {
        (self.config.report_interval / 2).clamp(Duration::from_millis(50), Duration::from_secs(1))
    }

    pub(super) fn publish(&mut self) {
        let begin = Instant::now();
        let status = AgentStatus {
            agent: self.agent,
            started_at_nanos: self.started_at_nanos,
            connected: self.counts.connected,
            collector_error: self.counts.collector_error.clone(),
            walks: self.counts.walks,
            batches_pending: self.counts.pending as u64,
            records_read: self.counts.records_read,
            records_acked: self.counts.records_acked,
            lost_bytes: self.counts.lost_bytes,
            dead_letter_records: self.counts.dead_letter_records,
            open_files: self.open.len() as u64,
            registry_error: self.counts.registry_error.clone(),
            files: self.files(),
        };
        self.status.send_replace(Arc::new(status));
        self.pulse.is_news = false;
        // Making it takes its part of the time, whatever else the turn took.
        self.pulse.next_publish = begin + self.publish_pause().max(begin.elapsed() * 20);
    }

    fn files(&self) -> Vec<FileState> {
        let mut lost: HashMap<&PathBuf, u64> = self
            .troubles
            .iter()
            .map(|(path, trouble)| (path, trouble.lost_bytes))
            .collect();
        let mut files: Vec<FileState> = self
            .tails
            .values()
            .filter(|tail| {
                !matches!(tail.standing, Standing::Replaced { .. })
                    || tail.size > tail.cut.offset
                    || !tail.cuts.is_empty()
            })
            .map(|tail| FileState {
                path: tail.path.clone(),
                generation: tail.durable.then_some(tail.generation),
                start: tail.start,
                read: tail.cut.offset,
                acked: tail.acked.offset,
                size: tail.size,
                read_to_end_at_nanos: tail.read_to_end_at,
                lost_bytes: lost.remove(&tail.path).unwrap_or(0),
                error: tail.error.clone(),
                left_out: false,
            })
            .collect();
        let only = |path: &PathBuf, why: &str| FileState {
            path: path.clone(),
            error: Some(why.to_owned()),
            ..FileState::default()
        };
        files.extend(self.refused.values().map(|refused| FileState {
            left_out: true,
            ..only(&refused.path, refused.why)
        }));
        for (path, trouble) in &self.troubles {
            if trouble.lost_bytes == 0 || lost.contains_key(path) {
                files.push(FileState {
                    lost_bytes: trouble.lost_bytes,
                    left_out: trouble.why == OWN_LOG,
                    ..only(path, &trouble.why)
                });
            }
        }
        files.extend(self.old.iter().map(|(path, size)| FileState {
            size: *size,
            left_out: true,
            ..only(path, TOO_OLD)
        }));
        let now = super::now_nanos();
        files.extend(self.empty.iter().map(|path| FileState {
            path: path.clone(),
            read_to_end_at_nanos: now,
            ..FileState::default()
        }));
        files.extend(self.outbox.iter().flat_map(|outbox| outbox.sources(now)));
        // By bytes: by the parts of paths takes ten times as long, and there may be 10,000.
        files.sort_by(|a, b| a.path.as_os_str().cmp(b.path.as_os_str()));
        files
    }
}
