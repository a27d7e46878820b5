//! Collects the terms of pages: of lines and values not row by row but by what templates and columns
//! know already, so that what comes often is looked at once.

use std::borrow::Cow;

use timberline_proto::batch::AttributeValue;
use timberline_proto::line::{FieldValue, LeafKind, fields, leaf_value};
use timberline_proto::token::{lower_into, tokens};

use super::super::page::PageRows;
use super::super::template::{LeafField, Shape, SlotKind};
use super::held::{HELD, put_offsets, ranges};
use super::table::TermTable;
use super::terms::{
    FIELDS_CUT, HAS_FRACTIONS, HAS_IDS, TOKEN_BYTES_MAX, TOKENS_CUT, VALUE_BYTES_MAX, cut, each_leaf, field_equals,
    field_exists, has_own_term, id_term, is_fraction, lower, template,
};

/// Bytes of a page's tokens, and of its fields, at most. A page beyond is flagged and matches always.
const PAGE_TERM_BYTES_MAX: usize = 32 << 20;

/// Ids of a page that are indexed whole; if it has more, all are by their beginnings.
///
/// An id of a page that has more costs a twentieth of it here; but a fragment of an id then takes reading
/// the page. Where few lines have one, they are indexed for next to nothing.
const IDS_WHOLE_MAX: usize = 128;

/// Numbers of so many digits are remembered by page in a table of bits: most tokens are such.
const SMALL_DIGITS_MAX: usize = 5;
/// Numbers of one to five digits, zeros before them told apart.
const SMALL_NUMBERS: usize = 111_110;

/// The terms of a page, added to those of the pages before it.
#[derive(Debug, Default)]
pub(crate) struct PageTerms {
    table: TermTable,
    page: u32,
    /// Small numbers that the page has.
    small: Vec<u64>,
    lower: Vec<u8>,
    scratch: String,
    token_bytes: usize,
    field_bytes: usize,
    /// Ids that the page has, as long as they are few.
    ids: Vec<Vec<u8>>,
    /// Whether it has more.
    has_ids: bool,
    has_fractions: bool,
}

impl PageTerms {
    pub(crate) fn table(&self) -> &TermTable {
        &self.table
    }

    /// Begins a page. Pages come in ascending order.
    pub(crate) fn begin(&mut self, page: u32) {
        self.page = page;
        self.small.clear();
        self.small.resize(SMALL_NUMBERS.div_ceil(64), 0);
        (self.token_bytes, self.field_bytes) = (0, 0);
        self.ids.clear();
        (self.has_ids, self.has_fractions) = (false, false);
    }

    /// Ends it.
    pub(crate) fn end(&mut self) {
        if self.has_ids {
            self.put(HAS_IDS);
        }
        for id in std::mem::take(&mut self.ids) {
            self.table.add(&id, self.page);
        }
        if self.has_fractions {
            self.put(HAS_FRACTIONS);
        }
    }

    /// What rows have beside their lines: attributes, places, offsets.
    pub(crate) fn rows(&mut self, page: &PageRows<'_>) {
        let mut before: &[(String, AttributeValue)] = &[];
        for row in page.range() {
            let attributes = page.rows.attributes(row);
            if attributes != before {
                attributes.iter().for_each(|(name, value)| self.attribute(name, value));
            }
            before = attributes;
        }
        if page.range().any(|row| page.rows.part(row).is_some()) {
            // A token or a field can begin in one part and end in the next.
            self.put(TOKENS_CUT);
            self.put(FIELDS_CUT);
        }
        self.put(HELD);
        let mut term = String::new();
        for range in ranges(page.range().filter_map(|row| page.rows.place(row))) {
            term.clear();
            range.put_term(&mut term);
            self.put(&term);
        }
        for (partition, first, last) in offset_ranges(page) {
            term.clear();
            put_offsets(partition, first, last, &mut term);
            self.put(&term);
        }
    }

    /// A template of lines, by its number in the stripe, and its rows in the page: what is fixed.
    pub(crate) fn template(&mut self, page: &PageRows<'_>, number: u32, rows: &[u32]) {
        self.put(&template(page.stripe.ids[number as usize]));
        let (row, lines) = (rows[0] as usize, &page.stripe.lines);
        self.fixed(page.line(row), lines.slots_of(page.first + row));
        if page.stripe.shapes[number as usize] == Shape::Unread {
            rows.iter().for_each(|&row| self.fields_of(page.line(row as usize)));
        }
    }

    /// The tokens of a text around its slots, which cut none.
    pub(crate) fn fixed(&mut self, text: &[u8], slots: impl Iterator<Item = (usize, usize)>) {
        let mut from = 0;
        for (start, end) in slots {
            self.tokens(&text[from..start]);
            from = end;
        }
        self.tokens(&text[from..]);
    }

    /// The fields of a line whose template does not say them.
    fn fields_of(&mut self, line: &[u8]) {
        fields(line, &mut |name, value| {
            self.field(name, value.as_text());
            // Unescaped, a value has other words than its line shows.
            if let FieldValue::Text(Cow::Owned(text)) = &value {
                self.tokens(text.as_bytes());
            }
            true
        });
    }

    /// A value of a slot that is no time.
    #[inline]
    pub(crate) fn value(&mut self, kind: SlotKind, field: Option<&LeafField>, value: &[u8]) {
        if kind == SlotKind::Variable {
            // One token.
            return self.token(value);
        }
        self.tokens(value);
        if let Some(field) = field {
            self.leaf_field(field, value);
        }
    }

    /// What is asked for by the name of a leaf, beside its tokens.
    pub(crate) fn leaf_field(&mut self, field: &LeafField, value: &[u8]) {
        let may_be_escaped = matches!(field.kind, LeafKind::JsonText | LeafKind::LogfmtText);
        let is_escaped = may_be_escaped && memchr::memchr(b'\\', value).is_some();
        if !is_escaped && value.is_ascii() && !has_own_term(value) {
            return;
        }
        let value = leaf_value(value, field.kind);
        self.field_value(&field.name, value.as_text());
        if let FieldValue::Text(Cow::Owned(text)) = &value {
            self.tokens(text.as_bytes());
        }
    }

    /// A field is there.
    pub(crate) fn field_exists(&mut self, name: &str) {
        self.put_field(|out| {
            field_exists(name, out);
            Some(())
        });
    }

    /// Times of records, as they stand in their lines. Neighbours share most tokens.
    pub(crate) fn times<'t>(&mut self, times: impl Iterator<Item = &'t [u8]>) {
        let mut before: &[u8] = &[];
        for time in times {
            let shared = shared_bytes(before, time);
            let separates = |b: &u8| !b.is_ascii_alphanumeric() && *b != b'_' && b.is_ascii();
            let from = time[..shared].iter().rposition(separates).map_or(0, |at| at + 1);
            let rest = &time[from..];
            tokens(rest).for_each(|t| self.time_token(&rest[t.start..t.end]));
            before = time;
        }
    }

    /// A token of the record's own time.
    fn time_token(&mut self, token: &[u8]) {
        if is_fraction(token) {
            self.has_fractions = true;
        } else {
            self.token(token);
        }
    }

    /// The tokens of a text.
    pub(crate) fn tokens(&mut self, text: &[u8]) {
        tokens(text).for_each(|t| self.token(&text[t.start..t.end]));
    }

    #[inline]
    fn token(&mut self, token: &[u8]) {
        if self.token_bytes > PAGE_TERM_BYTES_MAX {
            return;
        }
        if let Some(place) = small_number(token) {
            let (word, bit) = (&mut self.small[place / 64], 1 << (place % 64));
            if *word & bit != 0 {
                return;
            }
            *word |= bit;
        }
        self.put_token(token);
    }

    fn put_token(&mut self, token: &[u8]) {
        self.lower.clear();
        lower_into(token, &mut self.lower);
        let length = if self.lower.len() <= TOKEN_BYTES_MAX {
            self.lower.len()
        } else if self.lower.is_ascii() {
            TOKEN_BYTES_MAX
        } else {
            // A token is valid UTF-8; were it not, no query could name it either.
            let Ok(lower) = std::str::from_utf8(&self.lower) else {
                return;
            };
            cut(lower, TOKEN_BYTES_MAX).len()
        };
        let is_new = match id_term(&self.lower) {
            Some(term) => self.put_id(&term),
            None => self.table.add(&self.lower[..length], self.page),
        };
        if is_new {
            self.token_bytes += length;
            if self.token_bytes > PAGE_TERM_BYTES_MAX {
                self.put(TOKENS_CUT);
            }
        }
    }

    /// Puts the id in `lower`: whole once the page ends, if it has few; else its beginning.
    fn put_id(&mut self, term: &[u8]) -> bool {
        if !self.has_ids {
            if self.ids.contains(&self.lower) {
                return false;
            }
            if self.ids.len() < IDS_WHOLE_MAX {
                self.ids.push(self.lower.clone());
                return true;
            }
            self.has_ids = true;
            for id in std::mem::take(&mut self.ids) {
                let term = id_term(&id).expect("it was one");
                self.table.add(&term, self.page);
            }
        }
        self.table.add(term, self.page)
    }

    /// The tokens of an attribute and its field terms.
    fn attribute(&mut self, name: &str, value: &AttributeValue) {
        each_leaf(name, value, &mut |name, text| {
            self.tokens(text.as_bytes());
            self.field(name, text);
        });
    }

    fn field(&mut self, name: &str, value: &str) {
        self.field_value(name, value);
        self.field_exists(name);
    }

    fn field_value(&mut self, name: &str, value: &str) {
        if value.len() <= 4 * VALUE_BYTES_MAX {
            let lower = lower(value);
            self.put_field(|out| field_equals(name, &lower, out));
        }
    }

    fn put_field(&mut self, make: impl FnOnce(&mut String) -> Option<()>) {
        if self.field_bytes > PAGE_TERM_BYTES_MAX {
            return;
        }
        let mut term = std::mem::take(&mut self.scratch);
        term.clear();
        if make(&mut term).is_some() && self.table.add(term.as_bytes(), self.page) {
            self.field_bytes += term.len();
            if self.field_bytes > PAGE_TERM_BYTES_MAX {
                self.put(FIELDS_CUT);
            }
        }
        self.scratch = term;
    }

    fn put(&mut self, term: &str) {
        self.table.add(term.as_bytes(), self.page);
    }
}

/// Bytes with which both texts begin.
#[inline]
fn shared_bytes(a: &[u8], b: &[u8]) -> usize {
    let words = a.chunks_exact(8).zip(b.chunks_exact(8)).take_while(|(a, b)| a == b);
    let whole = words.count() * 8;
    whole + a[whole..].iter().zip(&b[whole..]).take_while(|(a, b)| a == b).count()
}

/// The place of a number of few digits among all of them.
#[inline]
fn small_number(token: &[u8]) -> Option<usize> {
    if token.len() > SMALL_DIGITS_MAX {
        return None;
    }
    let (mut number, mut before, mut power) = (0, 0, 1);
    for &byte in token {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        number = number * 10 + usize::from(digit);
        before += power;
        power *= 10;
    }
    // `before` counts one for the empty number, which is no token.
    Some(usize::checked_sub(before, 1)? + number)
}

/// Per partition, the first and the last offset of a page.
fn offset_ranges(page: &PageRows<'_>) -> Vec<(u32, u64, u64)> {
    let mut ranges: Vec<(u32, u64, u64)> = Vec::new();
    for row in page.range() {
        let (partition, offset) = (page.rows.partitions()[row], page.rows.offsets()[row]);
        match ranges.iter_mut().find(|range| range.0 == partition) {
            Some((_, first, last)) => (*first, *last) = ((*first).min(offset), (*last).max(offset)),
            None => ranges.push((partition, offset, offset)),
        }
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_small_number_has_a_place_of_its_own() {
        let mut seen = vec![false; SMALL_NUMBERS];
        for digits in 1..=SMALL_DIGITS_MAX {
            for number in 0..10_usize.pow(digits as u32) {
                let place = small_number(format!("{number:0digits$}").as_bytes()).unwrap();
                assert!(!std::mem::replace(&mut seen[place], true));
            }
        }
        assert!(seen.iter().all(|&seen| seen));
        for other in ["123456", "12a", "", "a"] {
            assert_eq!(small_number(other.as_bytes()), None, "{other:?}");
        }
    }
}
