//! Which bytes of which file generations a page holds, and which offsets: one term per page and
//! generation, one per page and partition.
//!
//! `06` generation `.` agent `.` first byte (16 digits) `.` length `.` rows `.` `d` or `s`, numbers
//! in hexadecimal. The length reaches to the end of the last row; `d` (dense) says that the rows
//! cover every byte of it exactly once. A page also has the term `06` alone, whether or not it has
//! such rows: an index without it was written before there were these terms.
//!
//! Likewise one term per page and partition of the queue: `07` partition (8 digits) `.` first offset
//! (16 digits) `.` last − first.
//!
//! The dictionary is sorted, so the ranges of one generation stand together in the order of the
//! file, and a walk over them reads no page.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::str::FromStr;

use timberline_proto::id::{AgentId, GenerationId};

use crate::rows::Place;

/// Begins these terms, and is one.
pub(crate) const HELD: &str = "\u{6}";

/// The bytes of one generation that one page holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeldRange {
    /// The generation.
    pub generation: GenerationId,
    /// Its agent.
    pub agent: AgentId,
    /// The page.
    pub page: u32,
    /// First byte of the first row.
    pub start: u64,
    /// One past the last byte of the last row.
    pub end: u64,
    /// Rows.
    pub rows: u32,
    /// Whether every byte between start and end belongs to exactly one row.
    pub dense: bool,
}

/// Begins the terms of offsets.
const OFFSETS: &str = "\u{7}";

/// The offsets of one partition between which a page's rows stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OffsetRange {
    /// The page.
    pub page: u32,
    /// The first.
    pub first: u64,
    /// The last.
    pub last: u64,
}

/// The first part of the terms of a partition.
pub(crate) fn partition_prefix(partition: u32) -> String {
    format!("{OFFSETS}{partition:08x}.")
}

/// Appends the term of a page's rows of one partition.
pub(crate) fn put_offsets(partition: u32, first: u64, last: u64, out: &mut String) {
    let length = last.saturating_sub(first);
    write!(out, "{}{first:016x}.{length:x}", partition_prefix(partition)).expect("writing to a string does not fail");
}

/// A term of [`put_offsets`] read back, without its partition.
pub(crate) fn offsets_of_term(term: &str, page: u32) -> Option<OffsetRange> {
    let mut parts = term.strip_prefix(OFFSETS)?.split('.').skip(1);
    let mut number = || u64::from_str_radix(parts.next()?, 16).ok();
    let (first, length) = (number()?, number()?);
    Some(OffsetRange {
        page,
        first,
        last: first.checked_add(length)?,
    })
}

/// The first part of the terms of a generation, or of all.
pub(crate) fn prefix(generation: Option<GenerationId>) -> String {
    generation.map_or_else(|| HELD.to_owned(), |generation| format!("{HELD}{generation}."))
}

/// The ranges of a page's places, in the order of generations; `page` is left at 0.
pub(crate) fn ranges(places: impl Iterator<Item = Place>) -> Vec<HeldRange> {
    type Spans = Vec<(u64, u64)>;
    let mut spans: BTreeMap<(GenerationId, AgentId), Spans> = BTreeMap::new();
    let mut last: Option<((GenerationId, AgentId), Spans)> = None;
    for place in places {
        let key = (place.generation, place.agent);
        let span = (place.start, place.start.saturating_add(place.source_bytes.into()));
        match &mut last {
            Some((of, list)) if *of == key => list.push(span),
            _ => {
                if let Some((of, list)) = last.take() {
                    spans.entry(of).or_default().extend(list);
                }
                last = Some((key, vec![span]));
            }
        }
    }
    if let Some((of, list)) = last {
        spans.entry(of).or_default().extend(list);
    }
    let ranges = spans.into_iter().map(|((generation, agent), mut spans)| {
        spans.sort_unstable();
        HeldRange {
            generation,
            agent,
            page: 0,
            start: spans.first().map_or(0, |span| span.0),
            end: spans.iter().map(|span| span.1).max().unwrap_or(0),
            rows: u32::try_from(spans.len()).unwrap_or(u32::MAX),
            dense: spans.windows(2).all(|two| two[0].1 == two[1].0),
        }
    });
    ranges.collect()
}

impl HeldRange {
    pub(crate) fn put_term(&self, out: &mut String) {
        let density = if self.dense { 'd' } else { 's' };
        let length = self.end.saturating_sub(self.start);
        write!(
            out,
            "{HELD}{}.{}.{:016x}.{length:x}.{:x}.{density}",
            self.generation, self.agent, self.start, self.rows
        )
        .expect("writing to a string does not fail");
    }

    /// A term read back; `None` if it is none of these.
    pub(crate) fn of_term(term: &str, page: u32) -> Option<Self> {
        let mut parts = term.strip_prefix(HELD)?.split('.');
        let generation = GenerationId::from_str(parts.next()?).ok()?;
        let agent = AgentId::from_str(parts.next()?).ok()?;
        let mut number = || u64::from_str_radix(parts.next()?, 16).ok();
        let (start, length, rows) = (number()?, number()?, number()?);
        Some(Self {
            generation,
            agent,
            page,
            start,
            end: start.checked_add(length)?,
            rows: u32::try_from(rows).ok()?,
            dense: parts.next()? == "d",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(generation: u8, start: u64, source_bytes: u32) -> Place {
        Place {
            agent: AgentId([7; 16]),
            generation: GenerationId([generation; 16]),
            start,
            source_bytes,
        }
    }

    #[track_caller]
    fn check(places: &[Place], expected: &[(u8, u64, u64, u32, bool)]) {
        let found = ranges(places.iter().copied());
        let short: Vec<_> = found
            .iter()
            .map(|range| (range.generation.0[0], range.start, range.end, range.rows, range.dense))
            .collect();
        assert_eq!(short, expected);
        for range in found {
            let mut term = String::new();
            range.put_term(&mut term);
            assert!(term.starts_with(&prefix(Some(range.generation))));
            assert_eq!(HeldRange::of_term(&term, 0), Some(range));
        }
    }

    #[test]
    fn a_page_is_dense_only_where_its_rows_cover_every_byte_once() {
        check(&[], &[]);
        check(&[place(1, 5, 3), place(1, 8, 2)], &[(1, 5, 10, 2, true)]);
        check(&[place(1, 8, 2), place(1, 5, 3)], &[(1, 5, 10, 2, true)]);
        check(&[place(1, 5, 3), place(1, 9, 2)], &[(1, 5, 11, 2, false)]);
        check(
            &[place(1, 5, 3), place(1, 5, 3), place(1, 8, 1)],
            &[(1, 5, 9, 3, false)],
        );
        check(&[place(1, 0, 9), place(1, 3, 1)], &[(1, 0, 9, 2, false)]);
    }

    #[test]
    fn generations_of_a_page_are_told_apart() {
        check(
            &[place(2, 0, 4), place(1, 7, 1), place(2, 4, 4)],
            &[(1, 7, 8, 1, true), (2, 0, 8, 2, true)],
        );
    }

    #[test]
    fn offsets_are_read_back() {
        let mut term = String::new();
        put_offsets(3, 10, 300, &mut term);
        let expected = OffsetRange {
            page: 7,
            first: 10,
            last: 300,
        };
        assert!(term.starts_with(&partition_prefix(3)));
        assert_eq!(offsets_of_term(&term, 7), Some(expected));
        assert_eq!(offsets_of_term("error", 7), None);
    }

    #[test]
    fn other_terms_are_none_of_these() {
        for term in ["", HELD, "\u{6}xyz", "error", "\u{4}0123456789abcdef"] {
            assert_eq!(HeldRange::of_term(term, 0), None, "{term:?}");
        }
    }
}
