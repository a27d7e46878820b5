//! What the store no longer holds, or cannot read.

use timberline_proto::api::{Cause, CauseCode, Way, WayRange};
use timberline_proto::query::ast::Search;

use super::probe::Probe;
use super::{cause, counted};
use crate::read::time::rfc3339_short;

pub(super) fn find(probe: &mut Probe<'_>, _: &Search, causes: &mut Vec<Cause>) {
    let range = probe.range;
    match probe.reader.catalog().deleted_between(range.first, range.last) {
        Ok(Some(deleted)) => {
            let message = format!(
                "{} of this time {} deleted by retention ({}), last on {}.",
                counted(deleted.rows, "line", "lines"),
                if deleted.rows == 1 { "was" } else { "were" },
                deleted.reason,
                rfc3339_short(deleted.deleted_at_nanos)
            );
            causes.push(cause(CauseCode::Expired, message, Some(deleted.rows), None));
        }
        Ok(None) => {}
        Err(error) => {
            tracing::warn!(%error, "what was deleted cannot be told");
            probe.complete = false;
        }
    }
    let damaged = probe
        .view
        .snapshot
        .splits
        .iter()
        .filter(|split| split.quarantined.is_some() && range.overlaps(split.meta.time_min, split.meta.time_max));
    let rows: u64 = damaged.map(|split| split.meta.rows).sum();
    if rows > 0 {
        let message = format!(
            "Up to {} of this time stand in damaged splits, which answers go without.",
            counted(rows, "line", "lines")
        );
        let way = Way {
            label: "See the store".to_owned(),
            page: Some("store".to_owned()),
            ..Way::default()
        };
        causes.push(cause(CauseCode::Damaged, message, Some(rows), Some(way)));
    }
    match probe.view.time_bounds() {
        None => causes.push(cause(
            CauseCode::NothingStored,
            "Nothing is stored yet.".to_owned(),
            Some(0),
            Some(Way {
                label: "See what comes in".to_owned(),
                page: Some("pipeline".to_owned()),
                ..Way::default()
            }),
        )),
        Some((first, last)) if !range.overlaps(first, last) && causes.is_empty() => {
            let message = format!(
                "What is stored lies between {} and {}.",
                rfc3339_short(first),
                rfc3339_short(last)
            );
            let way = Way {
                label: "Search all time".to_owned(),
                range: Some(WayRange::default()),
                ..Way::default()
            };
            causes.push(cause(CauseCode::OutsideRange, message, None, Some(way)));
        }
        Some(_) => {}
    }
}
