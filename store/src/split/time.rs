//! Finds the record's own time in its line, so that it need not be stored twice.

use jiff::tz::{Offset, TimeZone};
use timberline_proto::line::{TimeForm, TimeHints, TimeReader, describe};

/// No zone is further from UTC, in nanoseconds.
const OFFSET_NANOS_MAX: i64 = 18 * 3_600 * 1_000_000_000;

const SECOND_NANOS: i64 = 1_000_000_000;

/// Remembers where and how the last line had its time: neighbours mostly have it there too.
#[derive(Debug)]
pub(crate) struct TimeFinder {
    reader: TimeReader,
    hints: TimeHints,
    last: Option<(usize, TimeForm)>,
    written: Vec<u8>,
}

impl TimeFinder {
    pub(crate) fn new() -> Self {
        let hints = TimeHints {
            reference_nanos: 0,
            zone: TimeZone::UTC,
        };
        Self {
            reader: TimeReader::new(),
            hints,
            last: None,
            written: Vec::new(),
        }
    }

    /// Where `nanos` stands in the line, and in which form: writing it gives the very bytes.
    pub(crate) fn find(&mut self, line: &[u8], nanos: i64) -> Option<(usize, usize, TimeForm)> {
        if let Some((start, form)) = self.last
            && let Some(end) = self.stands_at(line, start, form, nanos)
        {
            return Some((start, end, form));
        }
        let (start, form) = self.search(line, nanos)?;
        let end = self.stands_at(line, start, form, nanos)?;
        self.last = Some((start, form));
        Some((start, end, form))
    }

    fn stands_at(&mut self, line: &[u8], start: usize, form: TimeForm, nanos: i64) -> Option<usize> {
        self.written.clear();
        form.write(nanos, &mut self.written);
        let stands = !self.written.is_empty() && line.get(start..)?.starts_with(&self.written);
        stands.then_some(start + self.written.len())
    }

    /// Times that name no zone were read in one that is not known here: it is what makes them equal.
    fn search(&mut self, line: &[u8], nanos: i64) -> Option<(usize, TimeForm)> {
        self.hints.reference_nanos = nanos;
        self.hints.zone = TimeZone::UTC;
        let mut found = self.reader.find(line, &self.hints)?;
        let ahead = found.nanos.checked_sub(nanos)?;
        if ahead != 0 {
            if ahead % SECOND_NANOS != 0 || ahead.checked_abs()? > OFFSET_NANOS_MAX {
                return None;
            }
            let offset = Offset::from_seconds((ahead / SECOND_NANOS) as i32).ok()?;
            self.hints.zone = TimeZone::fixed(offset);
            found = TimeReader::new().find(line, &self.hints)?;
            if found.nanos != nanos {
                return None;
            }
        }
        Some((found.start, describe(line, &found, &self.hints)?))
    }
}
