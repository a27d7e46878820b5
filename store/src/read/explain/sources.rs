//! What has not come as far as the store: in the queue, with agents, in files, refused, dropped, lost.

use timberline_proto::api::{Cause, CauseCode, Way};
use timberline_proto::gap::{GapClass, REJECTED};

use super::probe::Probe;
use super::{cause, counted, grouped};
use crate::read::Reader;

/// Files and hosts that a sentence names.
const NAMED_MAX: usize = 2;

pub(super) fn find(probe: &mut Probe<'_>, causes: &mut Vec<Cause>) {
    let completeness = probe.reader.status_completeness();
    let queued = completeness.queued_records;
    if queued > 0 {
        let message = format!(
            "{} {} in the queue and will be searchable shortly.",
            counted(queued, "line", "lines"),
            if queued == 1 { "waits" } else { "wait" }
        );
        let way = Way {
            label: "Ask again".to_owned(),
            query: None,
            ..Way::default()
        };
        causes.push(cause(CauseCode::Queued, message, Some(queued), Some(way)));
    }
    // The end of a line that is still written waits too: only who is behind is spoken of.
    files(probe, completeness.sources_current < completeness.sources, causes);
    gaps(probe, causes);
}

fn files(probe: &Probe<'_>, behind: bool, causes: &mut Vec<Cause>) {
    let sources = probe.reader.sources(usize::MAX).sources;
    let pipeline = |label: &str| {
        Some(Way {
            label: label.to_owned(),
            page: Some("pipeline".to_owned()),
            ..Way::default()
        })
    };
    let silent: Vec<_> = sources.iter().filter(|source| !source.connected).collect();
    if let Some(first) = silent.first() {
        let mut hosts: Vec<&str> = silent.iter().map(|source| source.host.as_str()).collect();
        hosts.sort_unstable();
        hosts.dedup();
        let since = silent
            .iter()
            .filter_map(|source| source.read_to_end_at.as_deref())
            .max();
        let since = since.map_or("nothing of it is complete".to_owned(), |at| format!("complete to {at}"));
        let message = match hosts.len() {
            1 => format!(
                "The agent of {} does not report ({}; {since}): what it follows is missing since.",
                first.host,
                counted(silent.len() as u64, "file", "files")
            ),
            n => format!(
                "{n} agents do not report ({} and others; {}): what they follow is missing since.",
                hosts[..NAMED_MAX].join(", "),
                counted(silent.len() as u64, "file", "files")
            ),
        };
        causes.push(cause(
            CauseCode::AgentOffline,
            message,
            None,
            pipeline("See the agents"),
        ));
    }
    let unread: Vec<_> = sources
        .iter()
        .filter(|source| source.connected && source.error.is_some())
        .collect();
    if let Some(first) = unread.first() {
        let more = match unread.len() - 1 {
            0 => String::new(),
            n => format!(" (and {} more)", grouped(n as u64)),
        };
        let message = format!(
            "{} on {} cannot be read{more}: {}.",
            first.path,
            first.host,
            first.error.as_deref().unwrap_or_default().trim_end_matches('.')
        );
        causes.push(cause(CauseCode::FileUnread, message, None, pipeline("See the files")));
    }
    let waiting: u64 = sources
        .iter()
        .filter(|source| source.connected)
        .map(|source| source.bytes)
        .sum();
    if behind && waiting > 0 {
        let message = format!(
            "Agents hold {} bytes that no collector has taken yet.",
            grouped(waiting)
        );
        causes.push(cause(
            CauseCode::Unshipped,
            message,
            None,
            pipeline("See how far they are"),
        ));
    }
}

fn gaps(probe: &mut Probe<'_>, causes: &mut Vec<Cause>) {
    let total = match probe.reader.ledger_total() {
        Ok(total) => total,
        Err(error) => {
            tracing::warn!(%error, "the ledger cannot be asked");
            probe.complete = false;
            return;
        }
    };
    let ledger = || {
        Some(Way {
            label: "See the ledger".to_owned(),
            page: Some("ledger".to_owned()),
            ..Way::default()
        })
    };
    for gap in total.gaps.iter().filter(|gap| gap.bytes > 0) {
        let ranges = counted(gap.ranges, "place", "places");
        let bytes = grouped(gap.bytes);
        let (code, message) = match (gap.reason.as_str(), gap.class) {
            (REJECTED, _) => (
                CauseCode::DeadLetters,
                format!(
                    "{bytes} bytes of files ({ranges}) were refused for good: they lie under dead-letter in their agents' data directories."
                ),
            ),
            (_, GapClass::Policy) => (
                CauseCode::DroppedByRule,
                format!("Rules of agents dropped {bytes} bytes of files before they were sent."),
            ),
            (reason, GapClass::Loss) => (
                CauseCode::Lost,
                format!("{bytes} bytes of files ({ranges}) are lost: {reason}."),
            ),
            (_, GapClass::Empty) => continue,
        };
        causes.push(cause(code, message, None, ledger()));
    }
    // What agents could not place in a file.
    let refused = refused_records(probe.reader);
    if refused > 0 && !causes.iter().any(|cause| cause.code == CauseCode::DeadLetters) {
        let message = format!(
            "{} refused for good: under dead-letter in the agents' data directories.",
            match refused {
                1 => "1 record was".to_owned(),
                n => format!("{} records were", grouped(n)),
            }
        );
        causes.push(cause(CauseCode::DeadLetters, message, Some(refused), ledger()));
    }
}

/// Records that agents put aside because the collector refused them for good, since their starts.
fn refused_records(reader: &Reader) -> u64 {
    let Some(fleet) = reader.inner.sources.fleet() else {
        return 0;
    };
    let states = fleet.states(reader.options().lag_tolerance);
    states.iter().map(|agent| agent.dead_letter_records).sum()
}
