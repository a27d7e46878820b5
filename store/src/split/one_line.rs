//! One line's template, cut as a split would cut it: its id before a split holds it, and what people
//! see of it.

use std::sync::Arc;

use timberline_proto::line::{Severity, TimeHints, TimeReader};

use super::stripe::StripeText;
use super::template::Pieces;
use crate::rows::{Row, RowBlock, Stream};

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

/// The same of the template of a row.
pub(crate) fn pattern_of_row(row: &Row<'_>) -> String {
    let mut block = RowBlock::new();
    block.push(row);
    let cut = StripeText::cut(&block);
    pattern_of_template(&cut.templates[cut.lines.templates[0] as usize])
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
        let mut block = RowBlock::new();
        block.push(&Row {
            time_nanos: found.map_or(0, |time| time.nanos),
            time_parsed: found.is_some(),
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
