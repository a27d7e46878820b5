//! Finds the record's own time in its line, so that it need not be stored twice.

use jiff::tz::{Offset, TimeZone};
use timberline_proto::line::{TimeForm, TimeHints, TimeReader, describe};

/// No zone is further from UTC, in nanoseconds.
const OFFSET_NANOS_MAX: i64 = 18 * 3_600 * 1_000_000_000;

const SECOND_NANOS: i64 = 1_000_000_000;

/// Remembers where and how the last line had its time: neighbours mostly have it there too. What is
/// found does not depend on it: a line's template must not depend on its neighbours.
#[derive(Debug)]
pub(crate) struct TimeFinder {
    reader: TimeReader,
    hints: TimeHints,
    last: Option<TimeForm>,
    /// What stood before it.
    before: Vec<u8>,
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
            before: Vec::new(),
            written: Vec::new(),
        }
    }

    /// Where `nanos` stands in the line, and in which form: writing it gives the very bytes.
    pub(crate) fn find(&mut self, line: &[u8], nanos: i64) -> Option<(usize, usize, TimeForm)> {
        // Behind the same text, a time in the same form that nothing makes longer is the one that a
        // search would find.
        let start = self.before.len();
        if let Some(form) = self.last
            && nanos % form.step_nanos() == 0
            && line.starts_with(&self.before)
            && let Some(end) = self.stands_at(line, start, form, nanos)
            && !may_go_on(line, end)
        {
            return Some((start, end, form));
        }
        let (start, form) = self.search(line, nanos)?;
        let end = self.stands_at(line, start, form, nanos)?;
        // In an object the time's name decides, which may come later.
        self.last = (!line[..start].contains(&b'{')).then_some(form);
        self.before.clear();
        self.before.extend_from_slice(&line[..start]);
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

/// Whether a time that ends at `end` may be read as a longer one: with a fraction, a zone, a clock.
fn may_go_on(line: &[u8], end: usize) -> bool {
    let rest = &line[end..];
    let digit = |at: usize| rest.get(at).is_some_and(u8::is_ascii_digit);
    match rest.first() {
        None => false,
        Some(b'.' | b',' | b':' | b'+' | b'-') => digit(1),
        Some(b' ') => match rest.get(1) {
            Some(b'+' | b'-') => digit(2),
            Some(b'U' | b'G') => rest.starts_with(b" UTC") || rest.starts_with(b" GMT"),
            Some(b'0'..=b'9') => digit(2) && rest.get(3) == Some(&b':'),
            _ => false,
        },
        Some(byte) => byte.is_ascii_alphanumeric() || *byte == b'_',
    }
}
