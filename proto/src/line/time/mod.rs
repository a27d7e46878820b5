//! The time that a line names.
//!
//! | module | writes it like |
//! |---|---|
//! | `iso8601` | `2026-11-01T10:00:00.123+01:00`, `2026-11-01 10:00:00,123`, `2026/11/01 10:00:00` |
//! | `compact` | `20261101T100000Z`, `20261101 10:00:00`, `20261101-10:0:0:12` |
//! | `short` | `26/11/01 10:00:00`, `261101 100000` |
//! | `monthname` | `Nov  1 10:00:00` (RFC 3164), `Sun Nov  1 10:00:00 2026` (ctime, Apache's error log) |
//! | `dayfirst` | `01/Nov/2026:10:00:00 +0000` (access logs), `01-Nov-2026 10:00:00`, `01 Nov 2026 10:00:00` |
//! | `klog` | `1101 10:00:00.123456` after the level's letter |
//! | `logcat` | `11-01 10:00:00.123` |
//! | `epoch` | seconds, milli-, micro-, nanoseconds since 1970 |
//!
//! Which time is found is decided by the line alone:
//! 1. A line that is a JSON object names its time in a member called `timestamp`, `time`, `ts`, …
//!    (`keys`), and nowhere else.
//! 2. Any other line names it in its first [`HEAD_BYTES_MAX`] bytes, before an object that follows a
//!    prefix: the leftmost time wins. A time after `key=` counts only under such a key.
//! 3. Formats that ordinary numbers could be taken for (`short`, `klog`, `logcat`, `epoch`) count only
//!    where the line begins (after brackets and a syslog priority) or under such a key.
//! 4. A line with an object after a prefix that names no time has its time in the object.
//!
//! Every module reads and writes its family, and [`describe`] compares the two, so that a time can be
//! left out of a line and put back byte for byte.

mod civil;
mod compact;
mod dayfirst;
mod epoch;
mod form;
mod iso8601;
mod keys;
mod klog;
mod locate;
mod logcat;
mod monthname;
mod short;
mod text;
mod zone;

pub use form::{TimeForm, describe};
pub(super) use locate::{lead, logcat_end};

/// A line's time is looked for where it begins within so many bytes.
const HEAD_BYTES_MAX: usize = 128;
/// A time that says too little is believed up to here beyond the reference.
const FUTURE_NANOS_MAX: i64 = 86_400 * 1_000_000_000;

/// What helps where a line's time leaves something out.
#[derive(Clone, Debug)]
pub struct TimeHints {
    /// Now (or the file's modification time), nanoseconds: the year nearest to it is taken where
    /// a line names none; a time more than a day in its future is not believed for such lines, nor
    /// for a bare number at a line's beginning.
    pub reference_nanos: i64,
    /// The zone of times that name none. A local time that a change of clocks skips counts as if the
    /// clocks had not changed yet; of two, the earlier is taken.
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

/// Recognises times. A format is told by a look at a few bytes, so what is worth remembering between
/// lines is the zone's offset. Stateless in its answers: the memory changes speed, never what is found.
#[derive(Clone, Debug, Default)]
pub struct TimeReader {
    offsets: zone::OffsetMemory,
}

impl TimeReader {
    /// A reader that has seen nothing.
    pub fn new() -> Self {
        Self::default()
    }
    /// The time that `line` names, if it names one in a known format within its first bytes.
    pub fn find(&mut self, line: &[u8], hints: &TimeHints) -> Option<TimeFound> {
        let (start, read) = locate::locate(line, hints.reference_nanos)?;
        let nanos = self.offsets.resolve(&read, hints)?;
        Some(TimeFound {
            nanos,
            start,
            end: read.end,
        })
    }
}

#[cfg(test)]
mod tests;
