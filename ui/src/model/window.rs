//! The lines held of an answer: a window that moves over any number of them.
//!
//! Every line has an index that it keeps while the window moves: lines appended at the end count
//! up, lines put before the front count down. A line that leaves the window and comes back has its
//! old index again, so a list that places lines by index never jumps.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::Arc,
};

use timberline_proto::api::Record;

use crate::text::time;

/// Lines kept; those farthest from where one looks are let go.
pub(crate) const LINES_MAX: usize = 6_000;
/// A template is common from this share of the lines on …
const COMMON_SHARE: f64 = 0.01;
/// … and from so many lines on.
const COMMON_LINES_MIN: u32 = 4;

/// A record as the list needs it.
#[derive(Debug)]
pub(crate) struct Line {
    /// The record.
    pub record: Record,
    /// Its time in milliseconds.
    pub time_ms: i64,
    /// Its severity.
    pub level: Level,
}

/// Severity, in the order of the histogram's counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Level {
    /// Not known.
    #[default]
    None,
    /// Trace.
    Trace,
    /// Debug.
    Debug,
    /// Info.
    Info,
    /// Warn.
    Warn,
    /// Error.
    Error,
    /// Fatal.
    Fatal,
}

impl Level {
    /// All of them, in order.
    pub(crate) const ALL: [Level; 7] = [
        Level::None,
        Level::Trace,
        Level::Debug,
        Level::Info,
        Level::Warn,
        Level::Error,
        Level::Fatal,
    ];

    /// Of the API's word.
    pub(crate) fn of(word: Option<&str>) -> Level {
        Level::ALL
            .into_iter()
            .skip(1)
            .find(|level| Some(level.word()) == word)
            .unwrap_or_default()
    }

    /// The API's word, which is also the style sheets' class.
    pub(crate) fn word(self) -> &'static str {
        ["none", "trace", "debug", "info", "warn", "error", "fatal"][self as usize]
    }

    /// The letter beside the bar, from warn up.
    pub(crate) fn letter(self) -> &'static str {
        match self {
            Level::Warn => "W",
            Level::Error => "E",
            Level::Fatal => "F",
            _ => "",
        }
    }
}

impl Line {
    /// Of a record.
    pub(crate) fn new(record: Record) -> Line {
        Line {
            time_ms: time::millis(&record.timestamp).unwrap_or(0),
            level: Level::of(record.severity.as_deref()),
            record,
        }
    }

    /// A rare line, or one that reports an error, is drawn bright as a whole.
    pub(crate) fn always_bright(&self) -> bool {
        self.level >= Level::Error || self.record.template.is_none()
    }
}

/// The window.
#[derive(Clone, Debug, Default)]
pub(crate) struct Window {
    lines: VecDeque<Arc<Line>>,
    /// Index of the front line.
    first: i64,
    /// The lowest index that the list has room for.
    origin: i64,
    /// Counts answers, so that equal indices of two answers are told apart.
    epoch: u64,
    templates: HashMap<String, u32>,
}

impl Window {
    /// An empty window for a new answer, with room for `room_before` lines before the first.
    pub(crate) fn next(&self, room_before: i64) -> Window {
        Window {
            epoch: self.epoch + 1,
            origin: -room_before,
            ..Window::default()
        }
    }

    pub(crate) fn epoch(&self) -> u64 {
        self.epoch
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.lines.len()
    }

    /// Index of the first line.
    pub(crate) fn first(&self) -> i64 {
        self.first
    }

    /// One past the last index.
    pub(crate) fn end(&self) -> i64 {
        self.first + self.lines.len() as i64
    }

    pub(crate) fn origin(&self) -> i64 {
        self.origin
    }

    pub(crate) fn get(&self, index: i64) -> Option<&Arc<Line>> {
        self.lines.get(usize::try_from(index - self.first).ok()?)
    }

    pub(crate) fn front(&self) -> Option<&Arc<Line>> {
        self.lines.front()
    }

    pub(crate) fn back(&self) -> Option<&Arc<Line>> {
        self.lines.back()
    }

    /// The index of the record `id`.
    pub(crate) fn index_of(&self, id: &str) -> Option<i64> {
        self.lines
            .iter()
            .position(|line| line.record.id == id)
            .map(|at| self.first + at as i64)
    }

    /// Whether many lines here have this template.
    pub(crate) fn is_common(&self, template: &str) -> bool {
        let count = self.templates.get(template).copied().unwrap_or(0);
        count >= COMMON_LINES_MIN && f64::from(count) >= COMMON_SHARE * self.lines.len() as f64
    }

    /// Adds lines at the end, lets lines go at the front; says whether it let any go.
    pub(crate) fn append(&mut self, lines: impl IntoIterator<Item = Line>) -> bool {
        for line in lines {
            self.count_template(&line);
            self.lines.push_back(Arc::new(line));
        }
        let surplus = self.lines.len().saturating_sub(LINES_MAX);
        for _ in 0..surplus {
            if let Some(line) = self.lines.pop_front() {
                self.forget_template(&line);
                self.first += 1;
            }
        }
        surplus > 0
    }

    /// Adds lines before the front, nearest first; lets lines go at the end; says whether it let any go.
    pub(crate) fn prepend(&mut self, lines: impl IntoIterator<Item = Line>) -> bool {
        for line in lines {
            self.count_template(&line);
            self.lines.push_front(Arc::new(line));
            self.first -= 1;
        }
        self.origin = self.origin.min(self.first);
        let surplus = self.lines.len().saturating_sub(LINES_MAX);
        for _ in 0..surplus {
            if let Some(line) = self.lines.pop_back() {
                self.forget_template(&line);
            }
        }
        surplus > 0
    }

    /// Gives up the room before the first line; says how many lines' room that was.
    pub(crate) fn close_front(&mut self) -> i64 {
        let room = self.first - self.origin;
        self.origin = self.first;
        room
    }

    /// `records` without those that are here already, as lines.
    pub(crate) fn unknown(&self, records: Vec<Record>) -> Vec<Line> {
        let known: HashSet<&str> = self.lines.iter().map(|line| line.record.id.as_str()).collect();
        records
            .into_iter()
            .filter(|record| !known.contains(record.id.as_str()))
            .map(Line::new)
            .collect()
    }

    fn count_template(&mut self, line: &Line) {
        if let Some(template) = &line.record.template {
            *self.templates.entry(template.clone()).or_default() += 1;
        }
    }

    fn forget_template(&mut self, line: &Line) {
        let Some(template) = &line.record.template else { return };
        if let Some(count) = self.templates.get_mut(template) {
            *count -= 1;
            if *count == 0 {
                self.templates.remove(template);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(id: usize) -> Line {
        Line::new(Record {
            id: format!("logs-0-{id}"),
            template: Some(format!("{:x}", id % 2)),
            ..Record::default()
        })
    }

    #[test]
    fn a_line_keeps_its_index_while_the_window_moves() {
        let mut window = Window::default().next(0);
        assert!(!window.append((0..LINES_MAX).map(line)));
        assert_eq!(window.index_of("logs-0-5000"), Some(5_000));
        assert!(window.append((LINES_MAX..LINES_MAX + 1_000).map(line)));
        assert_eq!(window.index_of("logs-0-5000"), Some(5_000));
        assert_eq!((window.first(), window.len()), (1_000, LINES_MAX));

        // Back up: the lines that were let go have their indices again.
        assert!(window.prepend((500..1_000).rev().map(line)));
        assert_eq!(window.index_of("logs-0-500"), Some(500));
        assert_eq!(window.index_of("logs-0-5000"), Some(5_000));
        assert_eq!(window.len(), LINES_MAX);
        assert_eq!(window.origin(), 0);
    }

    #[test]
    fn lines_before_the_room_make_room() {
        let mut window = Window::default().next(2);
        window.append([line(10)]);
        window.prepend([line(9)]);
        assert_eq!((window.first(), window.origin()), (-1, -2));
        window.prepend([line(8), line(7)]);
        assert_eq!((window.first(), window.origin()), (-3, -3));
        assert_eq!(window.close_front(), 0);
    }

    #[test]
    fn records_that_are_here_come_no_second_time() {
        let mut window = Window::default();
        window.append([line(1), line(2)]);
        let records = vec![line(2).record, line(3).record];
        let ids: Vec<String> = window.unknown(records).into_iter().map(|line| line.record.id).collect();
        assert_eq!(ids, ["logs-0-3"]);
    }

    #[test]
    fn templates_of_lines_that_left_do_not_count() {
        let mut window = Window::default();
        window.append((0..8).map(line));
        assert!(window.is_common("0") && !window.is_common("2"));
        window.append((0..LINES_MAX).map(|_| Line::new(Record::default())));
        assert!(!window.is_common("0"));
    }
}
