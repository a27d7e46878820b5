//! Records that match at another time: they were written at another time, or by a clock that is off.

use std::collections::BTreeSet;

use timberline_proto::api::{Cause, CauseCode, Direction, Way, WayRange};
use timberline_proto::query::ast::Search;

use super::probe::Probe;
use super::{cause, counted};
use crate::read::search::Hit;
use crate::read::time::{TimeRange, now_nanos, rfc3339_short};

const SECOND: i64 = 1_000_000_000;
/// A record's time and its arrival are this far apart before a clock is spoken of, at least; and at
/// most: beyond what zones and a forgotten summer time make, a line was just written long ago.
const SKEW_MIN: i64 = 5 * 60 * SECOND;
const SKEW_MAX: i64 = 26 * 3600 * SECOND;
/// Records on each side whose arrival is looked at.
const NEAREST_MAX: usize = 200;
/// Around the nearest record so much is shown.
const AROUND: i64 = 5 * 60 * SECOND;

pub(super) fn find(probe: &mut Probe<'_>, search: &Search, causes: &mut Vec<Cause>) {
    let range = probe.range;
    let before = TimeRange {
        first: i64::MIN,
        last: range.first.saturating_sub(1),
    };
    let after = TimeRange {
        first: range.last.saturating_add(1),
        last: i64::MAX,
    };
    let filter = &search.filter;
    let nearest_before = match range.first == i64::MIN {
        true => Vec::new(),
        false => probe.some(filter, before, Direction::Backward, NEAREST_MAX),
    };
    let nearest_after = match range.last == i64::MAX {
        true => Vec::new(),
        false => probe.some(filter, after, Direction::Forward, NEAREST_MAX),
    };
    for (hits, side) in [(&nearest_before, before), (&nearest_after, after)] {
        let Some(nearest) = hits.first() else { continue };
        if let Some(skewed) = skewed(hits, range) {
            causes.push(skewed);
            continue;
        }
        let is_before = side.last < range.first;
        let records = match hits.len() < NEAREST_MAX {
            true => Some(hits.len() as u64),
            false => probe.count(filter, side),
        };
        let at = nearest.key.time;
        let lines = records.map_or("Lines".to_owned(), |n| counted(n, "line", "lines"));
        let verb = if records == Some(1) { "matches" } else { "match" };
        let message = match is_before {
            true => format!("{lines} {verb} before this time, the last at {}.", rfc3339_short(at)),
            false => format!("{lines} {verb} after this time, the first at {}.", rfc3339_short(at)),
        };
        let label = match is_before {
            true => "Go to the last one before",
            false => "Go to the first one after",
        };
        causes.push(cause(
            CauseCode::OutsideRange,
            message,
            records,
            Some(around(label, at, at)),
        ));
    }
}

/// Records that arrived in the range, or whose time is yet to come.
fn skewed(hits: &[Hit], range: TimeRange) -> Option<Cause> {
    let now = now_nanos();
    let skew = |hit: &Hit| {
        let view = hit.view();
        let observed = view.row.observed_nanos;
        let off = view.row.time_nanos.saturating_sub(observed);
        let in_future = view.row.time_nanos > now.saturating_add(SKEW_MIN);
        let arrived = range.holds(observed) && (SKEW_MIN..=SKEW_MAX).contains(&off.saturating_abs());
        (in_future || arrived).then_some(off)
    };
    let offs: Vec<(&Hit, i64)> = hits.iter().filter_map(|hit| Some((hit, skew(hit)?))).collect();
    let (_, off) = offs.first()?;
    let hosts: BTreeSet<&str> = offs
        .iter()
        .filter_map(|(hit, _)| {
            hit.block
                .row(hit.row)
                .stream
                .attributes
                .get("host.name")
                .map(String::as_str)
        })
        .collect();
    let hosts: Vec<&str> = hosts.into_iter().take(3).collect();
    let of = match hosts.is_empty() {
        true => String::new(),
        false => format!(" of {}", hosts.join(", ")),
    };
    let times = || offs.iter().map(|(hit, _)| hit.key.time);
    let (first, last) = (times().min()?, times().max()?);
    let (lines, far) = (counted(offs.len() as u64, "line", "lines"), far(off.saturating_abs()));
    let message = match *off > 0 {
        true => format!(
            "{lines}{of} arrived with times about {far} ahead of their arrival ({}): a clock or a time zone there is off.",
            rfc3339_short(first)
        ),
        false => format!(
            "{lines}{of} arrived in this time with times about {far} before their arrival ({}): they were written earlier, or a clock or a time zone there is off.",
            rfc3339_short(first)
        ),
    };
    let way = around("Show them at their own times", first, last);
    Some(cause(CauseCode::ClockSkew, message, Some(offs.len() as u64), Some(way)))
}

fn far(nanos: i64) -> String {
    let minutes = (nanos / SECOND + 30) / 60;
    match minutes {
        ..120 => format!("{minutes} min"),
        _ => format!("{} h", (minutes + 30) / 60),
    }
}

fn around(label: &str, first: i64, last: i64) -> Way {
    Way {
        label: label.to_owned(),
        range: Some(WayRange {
            from: Some(rfc3339_short(first.saturating_sub(AROUND))),
            to: Some(rfc3339_short(last.saturating_add(AROUND))),
        }),
        ..Way::default()
    }
}
