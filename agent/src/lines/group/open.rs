//! An event while its lines are found.

use std::borrow::Cow;

use timberline_proto::batch::AttributeValue;

use super::super::container::Unwrapped;
use super::super::cut::{Cutter, Line};
use super::super::multiline::Memory;
use super::Event;

/// An event that is not given out yet.
pub(super) struct Open<'a> {
    pub(super) event: Event<'a>,
    pub(super) output: u8,
    /// The first byte and the end of its last line.
    pub(super) last_line: (u64, u64),
    /// Lines of the file before it, and its own.
    pub(super) first: u64,
    pub(super) lines: usize,
    pub(super) memory: Memory,
    pub(super) last_time: Option<i64>,
    /// The runtime cut its last line.
    pub(super) amid_line: bool,
    /// Decided for a line that a runtime cut by its first piece, which is long.
    pub(super) goes_on: bool,
}

impl<'a> Open<'a> {
    /// Joins a line. `verbatim`: the event is the file's bytes from its first line to this one.
    pub(super) fn append(&mut self, line: &Line<'a>, unwrapped: &Unwrapped<'_>, verbatim: Option<&Cutter<'a>>) {
        match verbatim {
            Some(cutter) => {
                self.event.bytes =
                    Cow::Borrowed(cutter.between(self.event.start, line.start + line.bytes.len() as u64));
            }
            None => {
                let bytes = self.event.bytes.to_mut();
                if !self.amid_line {
                    bytes.push(b'\n');
                }
                bytes.extend_from_slice(&unwrapped.text);
            }
        }
        self.lines += usize::from(!self.amid_line);
        self.amid_line = unwrapped.goes_on;
        self.last_time = self.last_time.map(|_| unwrapped.time);
        if line.partial {
            self.event.attributes.push(partial());
            self.goes_on = false;
        }
    }

    pub(super) fn end_at_limit(&mut self, limit: &str) {
        self.goes_on = false;
        self.event.attributes.push(text("log.multiline.limit", limit));
    }
}

pub(super) const PARTIAL: &str = "log.partial";

pub(super) fn partial() -> (String, AttributeValue) {
    (PARTIAL.into(), AttributeValue::Bool(true))
}

pub(super) fn text(name: &str, value: &str) -> (String, AttributeValue) {
    (name.into(), AttributeValue::Text(value.into()))
}
