//! The time that a line names.

/// What helps where a line's time leaves something out.
#[derive(Clone, Debug)]
pub struct TimeHints {
    /// Now (or the file's modification time), nanoseconds: the year nearest to it is taken where
    /// a line names none; a time more than a day in its future is not believed for such lines.
    pub reference_nanos: i64,
    /// The zone of times that name none.
    pub zone: jiff::tz::TimeZone,
}

/// A time found in a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeFound {
    /// Nanoseconds since the epoch.
    pub nanos: i64,
    /// Where it stands: bytes `start..end` of the line.
    pub start: usize,
    /// One past its last byte.
    pub end: usize,
}

/// Recognises times, remembering per stream which format the last line had, which is tried first.
/// Stateless in its answers: the memory changes speed, never what is found.
#[derive(Clone, Debug, Default)]
pub struct TimeReader {}

impl TimeReader {
    /// A reader that has seen nothing.
    pub fn new() -> Self {
        Self::default()
    }
    /// The time that `line` names, if it names one in a known format within its first bytes.
    pub fn find(&mut self, _line: &[u8], _hints: &TimeHints) -> Option<TimeFound> {
        todo!()
    }
}
