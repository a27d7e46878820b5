//! One event on its way into a batch, past the rules.

use std::fs::File;

use timberline_proto::batch::{BatchBuilder, Dropped, NewRecord};
use timberline_proto::gap::{NUL_HOLE, RULE_PREFIX};
use timberline_proto::line::TimeHints;

use super::file::Tail;
use crate::identity::{Print, read_marker};
use crate::lines::{self, HOLE_BYTES_MIN, Place};
use crate::process::{Event, Origin, Rules, Verdict};

/// What a cut adds up to.
#[derive(Default)]
pub(super) struct Tally {
    pub(super) records: u32,
    pub(super) lf: u32,
    pub(super) crlf: u32,
    pub(super) dropped: Vec<Dropped>,
    /// Ends of events behind which reading cannot begin, ascending.
    pub(super) bound: Vec<u64>,
    pub(super) last_was_hole: bool,
}

impl Tally {
    /// Bytes that become no record. Those of one reason that lie side by side are one range.
    fn drop(&mut self, start: u64, end: u64, reason: String) {
        let side_by_side = |last: &&mut Dropped| last.end == start && last.reason == reason;
        match self.dropped.last_mut().filter(side_by_side) {
            Some(last) => last.end = end,
            None => self.dropped.push(Dropped { start, end, reason }),
        }
    }

    pub(super) fn hole(&mut self, start: u64, end: u64) {
        self.drop(start, end, NUL_HOLE.into());
        self.last_was_hole = true;
    }

    /// A hole that goes on beyond the buffer is skipped at once where the filesystem knows it. Where its
    /// end cannot be read, nothing is skipped: what was cut before it stands, and the next read fails.
    pub(super) fn skip_hole(&mut self, file: &File, to: Place, size: u64) -> Option<(Place, Print)> {
        let data = match rustix::fs::seek(file, rustix::fs::SeekFrom::Data(to.offset)) {
            Ok(data) => data,
            Err(rustix::io::Errno::NXIO) => size,
            Err(_) => to.offset,
        };
        let offset = to.offset.max(data.min(size).saturating_sub(HOLE_BYTES_MIN as u64));
        let marker = read_marker(file, offset).ok()?;
        self.hole(to.offset, offset);
        Some((Place { offset, part: 0 }, marker))
    }
}

/// Where events go.
pub(super) struct Out<'a> {
    pub(super) builder: &'a mut BatchBuilder,
    pub(super) rules: &'a mut Rules,
    pub(super) hints: &'a TimeHints,
    pub(super) now_nanos: i64,
    pub(super) tally: &'a mut Tally,
}

/// Makes one record of what was found in `tail`'s file, or none if a rule drops it.
pub(super) fn push(out: &mut Out<'_>, tail: &mut Tail, found: lines::Event<'_>) {
    let continued = found.part.is_some_and(|(index, _)| index > 0);
    let time = match (found.time, tail.long_line_time) {
        (Some(time), _) => (time, true),
        (None, Some(time)) if continued => time,
        _ if continued => (out.now_nanos, false),
        _ => tail
            .time
            .find(&found.bytes, out.hints)
            .map_or((out.now_nanos, false), |time| (time.nanos, true)),
    };
    tail.long_line_time = matches!(found.part, Some((_, false))).then_some(time);
    match (found.source_len as usize).checked_sub(found.bytes.len()) {
        Some(1) => out.tally.lf += 1,
        Some(2) => out.tally.crlf += 1,
        _ => {}
    }
    out.tally.last_was_hole = false;
    if found.with_next {
        out.tally.bound.push(found.start + u64::from(found.source_len));
    }
    if tail.rules.as_ref().is_some_and(Option::is_some) {
        return push_processed(out, tail, time, found);
    }
    out.tally.records += 1;
    out.builder.push(&NewRecord {
        time_nanos: time.0,
        time_parsed: time.1,
        observed_nanos: None,
        line: &found.bytes,
        place: Some((found.start, found.source_len)),
        part: found.part,
        attributes: &found.attributes,
    });
}

/// As [`push`], by way of the rules.
fn push_processed(out: &mut Out<'_>, tail: &mut Tail, time: (i64, bool), found: lines::Event<'_>) {
    let Some(selection) = tail.rules.as_mut().and_then(Option::as_mut) else {
        return;
    };
    let (start, source_len, part) = (found.start, found.source_len, found.part);
    let mut event = Event {
        origin: Origin {
            stream: &tail.stream,
            generation: tail.generation,
            start,
        },
        line: found.bytes,
        time,
        attributes: found.attributes,
    };
    // A long line is dropped whole, as its first part says.
    let continued = part.is_some_and(|(index, _)| index > 0);
    let dropped_before = selection.long_line_dropped.filter(|_| continued);
    let verdict = match dropped_before {
        Some(rule) => Verdict::Drop(rule),
        None => out.rules.apply(selection, &mut event, &mut |_| {}),
    };
    selection.long_line_dropped = match verdict {
        Verdict::Drop(rule) if matches!(part, Some((index, false)) if index == 0 || dropped_before.is_some()) => {
            Some(rule)
        }
        _ => None,
    };
    match verdict {
        Verdict::Keep => {
            out.tally.records += 1;
            out.builder.push(&NewRecord {
                time_nanos: event.time.0,
                time_parsed: event.time.1,
                observed_nanos: None,
                line: &event.line,
                place: Some((start, source_len)),
                part,
                attributes: &event.attributes,
            });
        }
        Verdict::Drop(rule) => {
            let reason = format!("{RULE_PREFIX}{}", out.rules.name(rule));
            out.tally.drop(start, start + u64::from(source_len), reason);
        }
    }
}
