//! What is known of sources when rules are evaluated, from the reader.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use timberline_collector::fleet::Fleet;
use timberline_proto::id::GenerationId;

use super::marks::{Mark, Marks};
use super::silence::{Reported, World};
use crate::catalog::{CatalogError, LedgerFilter};
use crate::read::{Reader, RowView};
use crate::rows::Stream;

/// Files of which it is remembered when their last line came.
const PLACES_MAX: usize = 100_000;
/// Agents that are known by their lines alone.
const TRACES_MAX: usize = 10_000;
/// How often the ledger is asked for them.
const TRACE_INTERVAL: i64 = 10_000_000_000;
/// Ranges of a file that are looked at for what rules dropped.
const GAPS_MAX: usize = 100;

/// What was seen of sources since the start.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    /// When the last line of a host's file came.
    lines: BTreeMap<(String, String), i64>,
    /// The stream of the last line, and when it came: most lines are of the stream of the one before.
    last: Option<(Arc<Stream>, i64)>,
    /// Agents of which lines were published, with their hosts, until they report: since the start, or
    /// at all.
    traces: BTreeMap<String, String>,
    traced_at: i64,
    /// Hosts of agents that were revoked, as long as they are.
    revoked_hosts: BTreeSet<String>,
    pub(crate) decommissioned: BTreeSet<String>,
    since: i64,
}

impl Watch {
    /// What the ledger knows.
    pub(crate) fn begin(reader: &Reader, now: i64) -> Self {
        let mut watch = Self {
            since: now,
            ..Self::default()
        };
        if let Err(error) = watch.load(reader) {
            tracing::warn!(%error, "what the ledger says of sources cannot be read: rules wait for those alone that report");
        }
        watch.look_again(reader);
        watch
    }

    fn load(&mut self, reader: &Reader) -> Result<(), CatalogError> {
        let view = reader.catalog_of().ledger()?;
        for (host, path, at) in view.places(PLACES_MAX)? {
            let last = self.lines.entry((host, path)).or_insert(at);
            *last = at.max(*last);
        }
        Ok(())
    }

    /// Lines were published before they were looked at: the ledger knows when the last of each file came.
    pub(crate) fn load_again(&mut self, reader: &Reader) {
        if let Err(error) = self.load(reader) {
            tracing::warn!(%error, "what the ledger says of sources cannot be read: a file may be called silent for too long");
        }
    }

    /// Looks again whose lines the ledger has, of those that may never have reported.
    fn look_at_ledger(&mut self, reader: &Reader, now: i64) -> Result<(), CatalogError> {
        let Some(fleet) = reader.fleet() else { return Ok(()) };
        let forgotten = i64::try_from(fleet.forget_after().as_nanos()).unwrap_or(i64::MAX);
        let view = reader.catalog_of().ledger()?;
        self.traces.clear();
        for trace in view.agents_since(now.saturating_sub(forgotten), TRACES_MAX)? {
            self.traces.insert(trace.agent.to_string(), trace.host);
        }
        self.revoked_hosts.clear();
        let revoked = fleet.revoked();
        if !revoked.is_empty() {
            let all = view.agents_since(i64::MIN, TRACES_MAX)?;
            let of_revoked = all.into_iter().filter(|trace| revoked.contains(&trace.agent));
            self.revoked_hosts.extend(of_revoked.map(|trace| trace.host));
        }
        Ok(())
    }

    /// Reads anew which hosts are gone for good.
    pub(crate) fn look_again(&mut self, reader: &Reader) {
        match reader.catalog_of().decommissioned_hosts() {
            Ok(hosts) => self.decommissioned = hosts.into_iter().collect(),
            Err(error) => tracing::warn!(%error, "which hosts were decommissioned cannot be read"),
        }
    }

    /// Takes note of a line that came.
    pub(crate) fn line(&mut self, view: &RowView<'_>) {
        let at = view.row.observed_nanos;
        if let Some((stream, noted)) = &self.last
            && Arc::ptr_eq(stream, view.row.stream)
            && at <= *noted
        {
            return;
        }
        self.last = Some((Arc::clone(view.row.stream), at));
        let attribute = |name: &str| view.row.stream.attributes.get(name).map_or("", String::as_str);
        let (host, path) = (attribute("host.name"), attribute("log.file.path"));
        if host.is_empty() {
            return;
        }
        let key = (host.to_owned(), path.to_owned());
        if let Some(last) = self.lines.get_mut(&key) {
            *last = (*last).max(at);
        } else if self.lines.len() < PLACES_MAX {
            self.lines.insert(key, at);
        }
    }

    /// How far the sources have told.
    pub(crate) fn marks(&mut self, reader: &Reader, now: i64) -> Marks {
        if now.saturating_sub(self.traced_at) >= TRACE_INTERVAL {
            self.traced_at = now;
            if let Err(error) = self.look_at_ledger(reader, now) {
                tracing::warn!(%error, "whose lines the ledger has cannot be read");
            }
        }
        let (sources, taken_to) = reader.settled_sources();
        let revoked = reader.fleet().map(Fleet::revoked).unwrap_or_default();
        let counts = |host: &String| !self.decommissioned.contains(host);
        let mut marks: Vec<Mark> = Vec::new();
        for source in sources.iter() {
            if !self.traces.is_empty() {
                self.traces.remove(&source.agent.to_string());
            }
            // One that cannot be read is told by a rule about silence; nobody waits for it.
            if source.error.is_some() || !counts(&source.host) || revoked.contains(&source.agent) {
                continue;
            }
            marks.push(Mark {
                host: source.host.clone(),
                path: source.path.clone(),
                complete_to: (source.complete_to_nanos > 0).then_some(source.complete_to_nanos),
            });
        }
        // All reports are copied for it.
        if !self.traces.is_empty() {
            for report in reader.reports() {
                self.traces.remove(&report.agent);
            }
        }
        let is_revoked = |agent: &str| agent.parse().is_ok_and(|id| revoked.contains(&id));
        let expected = self
            .traces
            .iter()
            .filter(|(agent, host)| counts(host) && !is_revoked(agent));
        marks.extend(expected.map(|(_, host)| Mark {
            host: host.clone(),
            path: String::new(),
            complete_to: None,
        }));
        Marks::new(taken_to, marks)
    }

    /// What rules about silence look at.
    pub(crate) fn world(&self, reader: &Reader) -> World {
        let connected: BTreeSet<String> = match reader.fleet() {
            Some(fleet) => {
                let agents = fleet.agents().into_iter();
                agents
                    .filter(|(_, agent)| fleet.is_connected(agent))
                    .map(|(id, _)| id.to_string())
                    .collect()
            }
            None => BTreeSet::new(),
        };
        // A machine that was revoked is as good as gone: what is left of a host are its other agents.
        let revoked = reader.fleet().map(Fleet::revoked).unwrap_or_default();
        let is_revoked = |agent: &str| agent.parse().is_ok_and(|id| revoked.contains(&id));
        let reports = reader.reports().into_iter().filter(|file| !is_revoked(&file.agent));
        let reports: Vec<Reported> = reports
            .map(|file| Reported {
                connected: connected.contains(&file.agent),
                agent: file.agent,
                host: file.host,
                path: file.path,
                generation: file.generation,
                reported_at: file.reported_at_nanos,
                size: file.size,
                acked: file.acked,
                error: file.error,
            })
            .collect();
        let is_left = |host: &str| {
            let mut traces = self.traces.iter().filter(|(agent, _)| !is_revoked(agent));
            reports.iter().any(|report| report.host == host) || traces.any(|(_, of)| of == host)
        };
        let mut decommissioned = self.decommissioned.clone();
        decommissioned.extend(self.revoked_hosts.iter().filter(|host| !is_left(host)).cloned());
        World {
            reports,
            lines: self.lines.clone(),
            traces: self
                .traces
                .iter()
                .filter(|(agent, _)| !is_revoked(agent))
                .map(|(agent, host)| (host.clone(), agent.clone()))
                .collect(),
            decommissioned,
            since: self.since,
        }
    }
}

/// The agent's rule that dropped what was read of a generation since an instant, if one did.
pub(crate) fn dropped(reader: &Reader, generation: &str, since: i64) -> Option<String> {
    let generation: GenerationId = generation.parse().ok()?;
    let filter = LedgerFilter {
        generation: Some(generation),
        ..LedgerFilter::default()
    };
    let view = reader.catalog_of().ledger().ok()?;
    let accounts = view.accounts(&filter, None, 1, GAPS_MAX).ok()?;
    let gaps = accounts.into_iter().flat_map(|account| account.gaps);
    let mut by_rule = gaps.filter(|gap| gap.noted_at_nanos >= since);
    by_rule.find_map(|gap| gap.reason.strip_prefix("rule:").map(str::to_owned))
}
