//! One line's template, cut as a split would cut it: its id before a split holds it, and what people
//! see of it.

use std::sync::Arc;

use timberline_proto::line::{Severity, TimeHints, TimeReader};

use super::stripe::StripeText;
use super::template::Pieces;
use crate::rows::{Row, RowBlock, Stream};

/// A time without a zone was read in the agent's, at most so far from ours.
const ZONES_NANOS: i128 = 15 * 3_600_000_000_000;

/// What a variable is shown as.
const SLOT: &str = "<*>";

/// The id of the template of a row.
pub(crate) fn template_id(row: &Row<'_>) -> u64 {
    let mut block = RowBlock::new();
    block.push(row);
    let cut = StripeText::cut(&block);
    cut.ids[cut.lines.templates[0] as usize]
}

/// The fixed text of a template's bytes, with `<*>` for each slot.
pub(crate) fn pattern_of_template(template: &[u8]) -> String {
    let pieces = Pieces::of(template).unwrap_or_default();
    let fixed: Vec<_> = pieces.fixed().map(String::from_utf8_lossy).collect();
    fixed.join(SLOT)
}

/// Whether a template is a shape: what is fixed of its lines are names of fields.
pub(crate) fn is_shape(template: &[u8]) -> bool {
    Pieces::of(template).is_ok_and(|pieces| pieces.has_leaves())
}

/// The bytes of the template of a row.
pub(crate) fn template_of_row(row: &Row<'_>) -> Vec<u8> {
    let mut block = RowBlock::new();
    block.push(row);
    let mut cut = StripeText::cut(&block);
    cut.templates.swap_remove(cut.lines.templates[0] as usize).into_vec()
}

/// Cuts lines that stand alone.
#[derive(Debug)]
pub(crate) struct LineCutter {
    reader: TimeReader,
    hints: TimeHints,
    stream: Arc<Stream>,
}

/// A line as its template shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CutLine {
    /// The fixed text, with `<*>` for each variable.
    pub(crate) pattern: String,
    /// What stands in the slots, in their order.
    pub(crate) variables: Vec<String>,
    /// Whether its template is a shape.
    pub(crate) is_shape: bool,
}

impl LineCutter {
    /// `reference_nanos` helps where a line's time names no year.
    pub(crate) fn new(reference_nanos: i64) -> Self {
        Self {
            reader: TimeReader::new(),
            hints: TimeHints {
                reference_nanos,
                zone: jiff::tz::TimeZone::UTC,
            },
            stream: Arc::new(Stream::new(Default::default())),
        }
    }

    /// Cuts one; its time is a variable of its own, as it is in a split.
    pub(crate) fn cut(&mut self, line: &str) -> CutLine {
        let found = self.reader.find(line.as_bytes(), &self.hints);
        self.cut_with(line, found.map(|time| time.nanos))
    }

    /// The same of a record's line: the time that stands in it is only that where it is the record's.
    pub(crate) fn cut_at(&mut self, line: &str, time_nanos: i64) -> CutLine {
        self.hints.reference_nanos = time_nanos;
        let found = self.reader.find(line.as_bytes(), &self.hints);
        let is_of_record = |found: i64| (i128::from(found) - i128::from(time_nanos)).abs() <= ZONES_NANOS;
        let taken = found.is_some_and(|found| is_of_record(found.nanos));
        self.cut_with(line, taken.then_some(time_nanos))
    }

    fn cut_with(&self, line: &str, time: Option<i64>) -> CutLine {
        let mut block = RowBlock::new();
        block.push(&Row {
            time_nanos: time.unwrap_or(0),
            time_parsed: time.is_some(),
            observed_nanos: 0,
            partition: 0,
            offset: 0,
            severity: Severity::None,
            template: 0,
            stream: &self.stream,
            line: line.as_bytes(),
            place: None,
            part: None,
            attributes: &[],
        });
        let cut = StripeText::cut(&block);
        let template = &cut.templates[cut.lines.templates[0] as usize];
        let variable =
            |(start, end): (usize, usize)| String::from_utf8_lossy(&line.as_bytes()[start..end]).into_owned();
        CutLine {
            variables: cut.lines.slots_of(0).map(variable).collect(),
            pattern: pattern_of_template(template),
            is_shape: is_shape(template),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, pattern: &str, variables: &[&str]) {
        let cut = LineCutter::new(0).cut(line);
        assert_eq!(
            (
                cut.pattern.as_str(),
                cut.variables.iter().map(String::as_str).collect::<Vec<_>>().as_slice()
            ),
            (pattern, variables)
        );
    }

    #[test]
    fn a_time_that_the_record_did_not_take_is_cut_into_numbers() {
        let line = "2099-11-24T14:00:00Z job7 done";
        let mut cutter = LineCutter::new(0);
        let own = cutter.cut(line).variables;
        assert_eq!(own, ["2099-11-24T14:00:00Z", "job7"]);
        let observed = cutter.cut_at(line, 1_700_000_000_000_000_000).variables;
        assert!(observed.len() > 2 && observed[0] != own[0], "{observed:?}");
        let of_record = cutter.cut_at("Nov 14 22:13:20 job7 done", 1_700_000_000_000_000_000);
        assert_eq!(of_record.variables, ["Nov 14 22:13:20", "job7"]);
    }

    #[test]
    fn variables_are_slots_and_the_time_is_one() {
        check("connection reset by peer", "connection reset by peer", &[]);
        check("took 5 ms, id a1", "took <*> ms, id <*>", &["5", "a1"]);
        check(
            "2026-11-24T14:00:00.123Z job7 done",
            "<*> <*> done",
            &["2026-11-24T14:00:00.123Z", "job7"],
        );
        check("[2026-11-24 14:00:00] ok", "[<*>] ok", &["2026-11-24 14:00:00"]);
        check("", "", &[]);
    }
}
