//! Which lines belong together.
//!
//! A rule says of a line whether it continues the event before it. It knows that event only by a
//! small state, which it makes from the event's lines one after the other; so reading can begin at
//! the first line of any event, and finds the same ones.

mod python;
mod ready;

use regex::bytes::Regex;

use python::Python;
use ready::{READY_NAMES, Ready};

/// What bounds an event of several lines.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MultilineLimits {
    /// Lines of an event.
    pub(crate) lines_max: usize,
    /// Bytes of an event, line ends between its lines included.
    pub(crate) bytes_max: usize,
}

/// A rule, compiled.
#[derive(Debug)]
pub(crate) struct Multiline {
    start: Option<Regex>,
    continuation: Option<Regex>,
    indent: bool,
    ready: Vec<Ready>,
    python: bool,
}

/// What a rule remembers of an event that may go on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Memory {
    /// By ready-made rule, a bit: amid a trace.
    in_trace: u16,
    /// The first line begins a trace itself.
    began_with_trace: bool,
    /// The first line speaks of an error, so a trace may follow it.
    complains: bool,
    python: Python,
}

impl Multiline {
    /// # Errors
    /// Why the rule cannot be read, with its key.
    pub(crate) fn new(
        start: Option<&str>,
        continuation: Option<&str>,
        indent: bool,
        names: &[String],
    ) -> Result<Self, String> {
        let compile = |key: &str, pattern: Option<&str>| {
            pattern
                .map(Regex::new)
                .transpose()
                .map_err(|error| format!("{key}: {error}"))
        };
        let (start, continuation) = (compile("start", start)?, compile("continuation", continuation)?);
        let mut rule = Self {
            start,
            continuation,
            indent,
            ready: Vec::new(),
            python: false,
        };
        for name in names {
            match name.as_str() {
                "python" => rule.python = true,
                name => rule.ready.push(Ready::named(name).ok_or_else(|| {
                    format!("rules: there is no rule {name:?}; there are {}", READY_NAMES.join(", "))
                })?),
            }
        }
        if rule.start.is_none() && !rule.continues_by_itself() {
            return Err("it says neither start, continuation, indent nor rules".into());
        }
        Ok(rule)
    }

    /// Whether something besides `start` says what goes on.
    fn continues_by_itself(&self) -> bool {
        self.continuation.is_some() || self.indent || !self.ready.is_empty() || self.python
    }

    /// What is remembered of an event with this first line.
    pub(super) fn begin(&self, line: &[u8]) -> Memory {
        let mut memory = Memory {
            complains: ready::complains(line),
            ..Memory::default()
        };
        for (bit, ready) in self.ready.iter().enumerate() {
            if ready.begins(line) {
                memory.in_trace |= 1 << bit;
            }
        }
        if self.python {
            memory.python = Python::begin(line);
        }
        memory.began_with_trace = memory.in_trace != 0 || memory.python != Python::default();
        memory
    }

    /// Whether `line` continues the event that `memory` is of, which then remembers it.
    pub(super) fn continues(&self, memory: &mut Memory, line: &[u8]) -> bool {
        if let Some(start) = &self.start {
            if start.is_match(line) {
                return false;
            }
            if !self.continues_by_itself() {
                return true;
            }
        }
        if self.indent && matches!(line.first(), Some(b' ' | b'\t')) {
            return true;
        }
        if self.continuation.as_ref().is_some_and(|pattern| pattern.is_match(line)) {
            return true;
        }
        self.trace_continues(memory, line)
    }

    /// Every ready-made rule looks at the line, so that each remembers it.
    fn trace_continues(&self, memory: &mut Memory, line: &[u8]) -> bool {
        let may_follow = memory.complains && !memory.began_with_trace;
        let mut continues = false;
        for (bit, ready) in self.ready.iter().enumerate() {
            let mut in_trace = memory.in_trace & (1 << bit) != 0;
            continues |= ready.continues(&mut in_trace, may_follow, line);
            memory.in_trace |= u16::from(in_trace) << bit;
        }
        if self.python {
            continues |= memory.python.continues(may_follow, line);
        }
        continues
    }
}

#[cfg(test)]
mod tests;
