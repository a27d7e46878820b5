//! Events out of lines, and where it is safe to stop.
//!
//! An event has the lines of one output: pieces of a line that a container runtime cut, and lines
//! that a rule for multi-line joins. Lines of two outputs may stand between each other; so there
//! may be several events that still go on. Events come out in the order of their first lines, and
//! only those before which, and within which, nothing is left that goes on: reading can begin
//! behind them, and finds what it would have found. The bytes of an event are those up to the next
//! one's, so that all together cover the file, each byte once.
//!
//! An event ends with the first line of its output that does not continue it; at its limits in
//! lines and bytes; when twice as much waits in all; where a line of another output is later by
//! `timeout`; before a hole or a part of a longer line; and with a flush. What
//! comes behind a limit is an event of its own.

mod open;

use std::borrow::Cow;
use std::collections::VecDeque;

use timberline_proto::batch::AttributeValue;

use self::open::{Open, PARTIAL, partial, text};
use super::container::{Format, OUTPUTS, Unwrapped};
use super::cut::{Cutter, Limits, Line, Piece, Place};
use super::encoding::Encoding;
use super::multiline::{Multiline, MultilineLimits};

/// What waits, of one or two outputs, is bounded by so many times the limits of one event.
pub(crate) const SPAN_LIMITS: u64 = 2;

/// How a file is read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reading<'r> {
    pub(crate) encoding: Encoding,
    pub(crate) format: Format,
    pub(crate) multiline: Option<&'r Multiline>,
    /// Of one event.
    pub(crate) limits: MultilineLimits,
    /// Nanoseconds by which a line of another output is later than an event that has ended.
    pub(crate) timeout_nanos: i64,
}

/// What to cut though it may go on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Flush {
    #[default]
    No,
    /// Events that wait for more lines.
    Events,
    /// And a last line without its end.
    All,
}

/// What was found between two places.
#[derive(Debug)]
pub(crate) enum Found<'a> {
    Event(Event<'a>),
    /// NULs that are no line.
    Hole {
        start: u64,
        end: u64,
    },
}

/// What becomes one record.
#[derive(Debug)]
pub(crate) struct Event<'a> {
    pub(crate) bytes: Cow<'a, [u8]>,
    /// Offset in the file.
    pub(crate) start: u64,
    /// Bytes in the file.
    pub(crate) source_len: u32,
    /// Index, and whether it is the last.
    pub(crate) part: Option<(u32, bool)>,
    /// What a container's runtime says, nanoseconds since the epoch.
    pub(crate) time: Option<i64>,
    /// What is known of it besides.
    pub(crate) attributes: Vec<(String, AttributeValue)>,
    /// Its lines and the next event's lie between each other: reading cannot begin behind it.
    pub(crate) with_next: bool,
}

impl<'a> From<&Line<'a>> for Event<'a> {
    fn from(line: &Line<'a>) -> Self {
        Self {
            bytes: line.bytes.into(),
            start: line.start,
            source_len: line.source_len,
            part: line.part,
            time: None,
            attributes: if line.partial { vec![partial()] } else { Vec::new() },
            with_next: false,
        }
    }
}

/// How a cut ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stopped {
    pub(crate) place: Place,
    /// More bytes are needed; else it was a limit.
    pub(crate) needs_more: bool,
    /// Whole lines wait for others.
    pub(crate) waiting: bool,
}

/// As [`cut`](super::cut), for files whose lines are no events by themselves.
pub(crate) fn cut_events<'a>(
    bytes: &'a [u8],
    from: Place,
    flush: Flush,
    limits: Limits,
    reading: Reading<'_>,
    mut sink: impl FnMut(Found<'a>),
) -> Stopped {
    let mut cutter = Cutter::new(bytes, from, limits, reading.encoding.wide());
    let mut groups = Groups {
        reading,
        events: VecDeque::new(),
        lines: 0,
    };
    let mut out = Out {
        place: from,
        count: 0,
        bytes: 0,
        limits,
        sink: &mut sink,
    };
    let stopped = |place, needs_more, waiting| Stopped {
        place,
        needs_more,
        waiting,
    };
    while let Some((piece, next)) = cutter.next_piece(flush == Flush::All) {
        let before = cutter.place();
        cutter.pass(&piece, next);
        match piece {
            Piece::Line(line) if line.part.is_none() => groups.add(&line, &cutter),
            other => {
                groups.end_all();
                let alone = groups.alone(other);
                if !out.give(groups.take_ended(before)) || !out.give((vec![alone], cutter.place())) {
                    return stopped(out.place, false, false);
                }
                continue;
            }
        }
        if !out.give(groups.take_ended(cutter.place())) {
            return stopped(out.place, false, false);
        }
    }
    let waiting = !groups.events.is_empty();
    if flush != Flush::No {
        groups.end_all();
        if !out.give(groups.take_ended(cutter.place())) {
            return stopped(out.place, false, false);
        }
    }
    stopped(out.place, true, waiting && flush == Flush::No)
}

/// Gives events out while the limits of a batch allow.
struct Out<'s, S> {
    place: Place,
    count: usize,
    bytes: usize,
    limits: Limits,
    sink: &'s mut S,
}

impl<'a, S: FnMut(Found<'a>)> Out<'_, S> {
    /// Gives all of them or none. False at a limit.
    fn give(&mut self, (found, place): (Vec<Found<'a>>, Place)) -> bool {
        let bytes: usize = found
            .iter()
            .map(|found| match found {
                Found::Event(event) => event.bytes.len(),
                Found::Hole { .. } => 0,
            })
            .sum();
        let fits = self.count + found.len() <= self.limits.pieces_max && self.bytes + bytes <= self.limits.bytes_max;
        if !found.is_empty() {
            if self.count > 0 && !fits {
                return false;
            }
            self.place = place;
        }
        self.count += found.len();
        self.bytes += bytes;
        found.into_iter().for_each(&mut self.sink);
        true
    }
}

struct Groups<'a, 'r> {
    reading: Reading<'r>,
    /// In the order of their first lines.
    events: VecDeque<Open<'a>>,
    lines: u64,
}

impl<'a> Groups<'a, '_> {
    fn add(&mut self, line: &Line<'a>, cutter: &Cutter<'a>) {
        self.lines += 1;
        let (unwrapped, strange) = self.unwrap(line);
        self.end_overdue(line, &unwrapped, strange);
        let end = line.start + u64::from(line.source_len);
        let own = self
            .events
            .iter_mut()
            .rev()
            .find(|open| open.goes_on && open.output == unwrapped.output);
        let limits = self.reading.limits;
        if let Some(open) = own {
            let joined = usize::from(!open.amid_line);
            let fits = open.event.bytes.len() + joined + unwrapped.text.len() <= limits.bytes_max
                && open.lines + joined <= limits.lines_max;
            let continues = open.amid_line
                || self
                    .reading
                    .multiline
                    .is_some_and(|rule| rule.continues(&mut open.memory, &unwrapped.text));
            if continues && fits && !strange {
                let verbatim = self.reading.encoding.is_plain() && self.reading.format.is_plain();
                open.append(line, &unwrapped, verbatim.then_some(cutter));
                open.last_line = (line.start, end);
                open.goes_on &= open.amid_line || self.reading.multiline.is_some();
                return;
            }
            if continues && !strange {
                open.end_at_limit(if open.lines + joined > limits.lines_max {
                    "lines"
                } else {
                    "bytes"
                });
            }
            open.goes_on = false;
        }
        self.begin(line, unwrapped, strange, end);
    }

    /// A line as text, and whether it is not of the file's format.
    fn unwrap(&self, line: &Line<'a>) -> (Unwrapped<'a>, bool) {
        let raw = |text| Unwrapped {
            text,
            output: 0,
            time: 0,
            goes_on: false,
            attributes: Vec::new(),
        };
        let text = self.reading.encoding.decode(line.bytes, line.start == 0);
        if self.reading.format.is_plain() {
            return (raw(text), false);
        }
        let unwrapped = match &text {
            Cow::Borrowed(text) => self.reading.format.unwrap(text),
            Cow::Owned(text) => self.reading.format.unwrap(text).map(|unwrapped| Unwrapped {
                text: Cow::Owned(unwrapped.text.into_owned()),
                ..unwrapped
            }),
        };
        match unwrapped {
            Some(unwrapped) => (unwrapped, false),
            None => (raw(text), true),
        }
    }

    /// Ends events that this line is too far behind. What is not given out yet is bounded in all,
    /// for events of two outputs may overlap without end.
    fn end_overdue(&mut self, line: &Line<'_>, unwrapped: &Unwrapped<'_>, strange: bool) {
        let Some(first) = self.events.front() else { return };
        let end = line.start + u64::from(line.source_len);
        let lines_max = SPAN_LIMITS * self.reading.limits.lines_max as u64;
        let far = self.lines - first.first > lines_max
            || end - first.event.start > SPAN_LIMITS * self.reading.limits.bytes_max as u64;
        let timeout = self.reading.timeout_nanos;
        for open in self.events.iter_mut().filter(|open| open.goes_on) {
            let late = open.output != unwrapped.output
                && open
                    .last_time
                    .is_some_and(|last| unwrapped.time.saturating_sub(last) > timeout);
            if late || strange {
                open.goes_on = false;
            } else if far {
                open.end_at_limit("span");
            }
        }
    }

    fn begin(&mut self, line: &Line<'a>, unwrapped: Unwrapped<'a>, strange: bool, end: u64) {
        let wrapped = !self.reading.format.is_plain();
        let mut attributes = unwrapped.attributes;
        if strange {
            attributes.push(text("log.parse_error", self.reading.format.name()));
        } else if wrapped {
            attributes.push(text("log.iostream", OUTPUTS[usize::from(unwrapped.output)]));
        }
        if line.partial {
            attributes.push(partial());
        }
        let rule = self.reading.multiline.filter(|_| !strange && !line.partial);
        let time = (wrapped && !strange).then_some(unwrapped.time);
        self.events.push_back(Open {
            memory: rule.map(|rule| rule.begin(&unwrapped.text)).unwrap_or_default(),
            event: Event {
                bytes: unwrapped.text,
                start: line.start,
                source_len: 0,
                part: None,
                time,
                attributes,
                with_next: false,
            },
            output: unwrapped.output,
            last_line: (line.start, end),
            first: self.lines - 1,
            lines: 1,
            last_time: time,
            amid_line: unwrapped.goes_on,
            goes_on: unwrapped.goes_on || rule.is_some(),
        });
    }

    fn end_all(&mut self) {
        self.events.iter_mut().for_each(|open| open.goes_on = false);
    }

    /// A hole or a part of a long line, which no event holds.
    fn alone(&self, piece: Piece<'a>) -> Found<'a> {
        let line = match piece {
            Piece::Hole { start, end } => return Found::Hole { start, end },
            Piece::Line(line) => line,
        };
        Found::Event(Event {
            bytes: self.reading.encoding.decode(line.bytes, line.start == 0),
            ..Event::from(&line)
        })
    }

    /// The events that can be given out, and the place behind them; `at` is where reading is.
    fn take_ended(&mut self, at: Place) -> (Vec<Found<'a>>, Place) {
        let (mut ready, mut end) = (0, 0);
        for (n, open) in self.events.iter().enumerate() {
            if open.goes_on {
                break;
            }
            end = end.max(open.last_line.1);
            let next = self.events.get(n + 1).map_or(at.offset, |next| next.event.start);
            if end <= next {
                ready = n + 1;
            }
        }
        let place = match self.events.get(ready) {
            Some(next) => Place {
                offset: next.event.start,
                part: 0,
            },
            None => at,
        };
        let mut found = Vec::with_capacity(ready);
        for left in (0..ready).rev() {
            let Some(mut open) = self.events.pop_front() else { break };
            let next = self.events.front().map_or(place.offset, |next| next.event.start);
            open.event.source_len = (next - open.event.start) as u32;
            open.event.with_next = left > 0;
            if open.amid_line && !open.event.attributes.iter().any(|(name, _)| name == PARTIAL) {
                open.event.attributes.push(partial());
            }
            found.push(Found::Event(open.event));
        }
        (found, place)
    }
}

#[cfg(test)]
mod tests;
