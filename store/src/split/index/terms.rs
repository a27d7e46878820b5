//! The terms of a page.

use std::borrow::Cow;

use timberline_proto::batch::AttributeValue;
use timberline_proto::line::{FieldValue, fields, leaf_value};
use timberline_proto::token::{lower_into, tokens};

use super::super::hash::FastSet;
use super::super::page::{Groups, PageRows};
use super::super::template::{LeafField, Shape, SlotKind};
use super::held::{HELD, put_offsets, ranges};
use super::table::TermTable;

/// Bytes of a token at most; longer ones are indexed by so much of their beginning.
pub(crate) const TOKEN_BYTES_MAX: usize = 256;

/// Bytes of a field's name at most, likewise.
pub(crate) const FIELD_BYTES_MAX: usize = 64;

/// A longer value has no term of its own with its field, nor one with more digits: there would be
/// nearly as many as rows, and its words find it as well.
const VALUE_BYTES_MAX: usize = 32;
const VALUE_DIGITS_MAX: usize = 5;

/// Bytes of a page's tokens, and of its fields, at most. A page beyond is flagged and matches always.
const PAGE_TERM_BYTES_MAX: usize = 32 << 20;

/// A token of so many hexadecimal digits and nothing else is an id that hardly comes again: so much
/// of its beginning finds it, and the whole would take most of the index.
const ID_BYTES_MIN: usize = 24;
const ID_BYTES_KEPT: usize = 10;

/// The page has ids.
pub(crate) const HAS_IDS: &str = "\u{5}i";

/// The page has fractions of seconds of its records' times with so many digits and a `z` that are not
/// indexed: nearly every record has another.
pub(crate) const HAS_FRACTIONS: &str = "\u{5}z";
const FRACTION_DIGITS: std::ops::RangeInclusive<usize> = 4..=9;

/// The term that stands for an id; `None` if the token (lower case) is none.
pub(crate) fn id_term(token: &[u8]) -> Option<[u8; 1 + ID_BYTES_KEPT]> {
    if token.len() < ID_BYTES_MIN || token.len() > TOKEN_BYTES_MAX || !token.iter().all(|&b| is_hex(b)) {
        return None;
    }
    id_prefix_term(std::str::from_utf8(token).ok()?)
}

/// The term of all ids that begin so; `None` if they have more than one.
pub(crate) fn id_prefix_term(prefix: &str) -> Option<[u8; 1 + ID_BYTES_KEPT]> {
    let mut term = [8; 1 + ID_BYTES_KEPT];
    term[1..].copy_from_slice(prefix.as_bytes().get(..ID_BYTES_KEPT)?);
    Some(term)
}

fn is_hex(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

/// Whether the token (lower case) may be a fraction that is not indexed.
pub(crate) fn is_fraction(token: &[u8]) -> bool {
    matches!(token, [digits @ .., b'z'] if FRACTION_DIGITS.contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit))
}

/// Whether an id may be made of the pieces with anything between them.
pub(crate) fn may_be_id(pieces: &[String]) -> bool {
    pieces.iter().all(|piece| piece.bytes().all(is_hex))
}

/// Whether a fraction may be made of the pieces with anything between them.
pub(crate) fn may_be_fraction(pieces: &[String]) -> bool {
    let length: usize = pieces.iter().map(String::len).sum();
    let byte = |b: u8| b.is_ascii_digit() || b == b'z';
    length <= 1 + FRACTION_DIGITS.end() && pieces.iter().all(|piece| piece.bytes().all(byte))
}

pub(crate) const TOKENS_CUT: &str = "\u{5}t";
pub(crate) const FIELDS_CUT: &str = "\u{5}f";

/// The term of a field and its value in lower case; `None` if values like this have none.
pub(crate) fn field_equals(name: &str, lower_value: &str, out: &mut String) -> Option<()> {
    let digits = lower_value.bytes().filter(u8::is_ascii_digit).count();
    if lower_value.len() > VALUE_BYTES_MAX || digits > VALUE_DIGITS_MAX {
        return None;
    }
    out.push('\u{1}');
    put_clean(cut(name, FIELD_BYTES_MAX), out);
    out.push('\u{2}');
    put_clean(lower_value, out);
    Some(())
}

/// Text in the form that index and queries compare.
pub(crate) fn lower(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    lower_into(text.as_bytes(), &mut bytes);
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}

pub(crate) fn field_exists(name: &str, out: &mut String) {
    out.push('\u{3}');
    put_clean(cut(name, FIELD_BYTES_MAX), out);
}

pub(crate) fn template(id: u64) -> String {
    format!("\u{4}{id:016x}")
}

/// At most `bytes_max` bytes of the text, whole characters.
pub(crate) fn cut(text: &str, bytes_max: usize) -> &str {
    &text[..text.floor_char_boundary(bytes_max)]
}

fn put_clean(text: &str, out: &mut String) {
    if text.contains('\0') {
        out.push_str(&text.replace('\0', " "))
    } else {
        out.push_str(text)
    }
}

/// Collects the terms of pages.
#[derive(Debug, Default)]
pub(crate) struct PageTerms {
    terms: Terms,
}

impl PageTerms {
    /// Adds the terms of a page. Pages are added in ascending order.
    pub(crate) fn add(&mut self, page: &PageRows<'_>, groups: &Groups, number: u32) {
        let terms = &mut self.terms;
        terms.begin(number);
        let mut seen: FastSet<&[u8]> = FastSet::default();
        for group in 0..groups.len() {
            let number = groups.numbers[group] as usize;
            let rows = groups.rows_of(group);
            terms.put(&template(page.stripe.ids[number]));
            match &page.stripe.shapes[number] {
                Shape::Plain => plain_terms(page, rows, terms, &mut seen),
                Shape::Fields(fields) => leaf_terms(page, number, rows, fields, terms, &mut seen),
                Shape::Unread => {
                    plain_terms(page, rows, terms, &mut seen);
                    field_terms(page, rows, terms);
                }
            }
        }
        let mut has_parts = false;
        for at in 0..page.len() {
            let row = page.row(at);
            has_parts |= row.part.is_some();
            row.attributes
                .iter()
                .for_each(|(name, value)| terms.attribute(name, value));
        }
        if terms.has_ids {
            terms.put(HAS_IDS);
        }
        if terms.has_fractions {
            terms.put(HAS_FRACTIONS);
        }
        if has_parts {
            // A token or a field can begin in one part and end in the next.
            terms.put(TOKENS_CUT);
            terms.put(FIELDS_CUT);
        }
        terms.held(page);
    }

    pub(crate) fn table(&self) -> &TermTable {
        &self.terms.table
    }
}

/// The tokens of lines of one template: the fixed ones once, what fills slots row by row.
fn plain_terms<'a>(page: &PageRows<'a>, rows: &[u32], terms: &mut Terms, seen: &mut FastSet<&'a [u8]>) {
    let line = page.line(rows[0] as usize);
    tokens(line)
        .filter(|t| !t.has_digit)
        .for_each(|t| terms.token(&line[t.start..t.end], seen));
    let lines = &page.stripe.lines;
    for &row in rows {
        let (at, line) = (page.first + row as usize, page.line(row as usize));
        // A variable is one token.
        lines.words_of(at, line).for_each(|word| terms.token(word, seen));
        if let Some(time) = lines.time_of(at, line) {
            tokens(time).for_each(|t| terms.time_token(&time[t.start..t.end], seen));
        }
    }
}

/// The fields of lines whose shape does not say them.
fn field_terms(page: &PageRows<'_>, rows: &[u32], terms: &mut Terms) {
    for &row in rows {
        fields(page.line(row as usize), &mut |name, value| {
            terms.field(name, value.as_text());
            // Unescaped, a value has other words than its line shows.
            if let FieldValue::Text(Cow::Owned(text)) = &value {
                terms.words(text);
            }
            true
        });
    }
}

/// The tokens and fields of lines of one shape, slot by slot: a value's are looked for once.
fn leaf_terms<'a>(
    page: &PageRows<'a>,
    number: usize,
    rows: &[u32],
    fields: &[LeafField],
    terms: &mut Terms,
    seen: &mut FastSet<&'a [u8]>,
) {
    // Names of fields, and what stands before a JSON object: in between values, which are cut off
    // from them by more than letters and digits.
    let line = page.line(rows[0] as usize);
    let mut fixed_from = 0;
    for (start, end) in page.stripe.lines.slots_of(page.first + rows[0] as usize) {
        let fixed = &line[fixed_from..start];
        tokens(fixed).for_each(|t| terms.token(&fixed[t.start..t.end], seen));
        fixed_from = end;
    }
    let fixed = &line[fixed_from..];
    tokens(fixed).for_each(|t| terms.token(&fixed[t.start..t.end], seen));
    let lines = &page.stripe.lines;
    let mut values: FastSet<&[u8]> = FastSet::default();
    for (slot, kind) in page.stripe.kinds[number].iter().enumerate() {
        let mut of_slot = fields.iter().filter(|f| f.slot == slot);
        let field = of_slot.next();
        values.clear();
        let mut before: &[u8] = &[];
        for (&row, is_first) in rows.iter().zip(std::iter::once(true).chain(std::iter::repeat(false))) {
            let (at, line) = (page.first + row as usize, page.line(row as usize));
            let value = match kind {
                SlotKind::Time => lines.time_of(at, line).unwrap_or_default(),
                _ => lines.variable(at, slot, line),
            };
            if !is_first && value == before {
                continue;
            }
            before = value;
            if !values.insert(value) {
                continue;
            }
            match kind {
                SlotKind::Time => tokens(value).for_each(|t| terms.time_token(&value[t.start..t.end], seen)),
                _ => tokens(value).for_each(|t| terms.token(&value[t.start..t.end], seen)),
            }
            let Some(field) = field else { continue };
            let value = leaf_value(value, field.kind);
            terms.field(&field.name, value.as_text());
            if let FieldValue::Text(Cow::Owned(text)) = &value {
                terms.words(text);
            }
        }
    }
}

/// Per partition, the first and the last offset of a page.
fn offset_ranges(page: &PageRows<'_>) -> Vec<(u32, u64, u64)> {
    let mut ranges: Vec<(u32, u64, u64)> = Vec::new();
    for &row in page.order {
        let (partition, offset) = (page.rows.partitions()[row as usize], page.rows.offsets()[row as usize]);
        match ranges.iter_mut().find(|range| range.0 == partition) {
            Some((_, first, last)) => (*first, *last) = ((*first).min(offset), (*last).max(offset)),
            None => ranges.push((partition, offset, offset)),
        }
    }
    ranges
}

#[derive(Debug, Default)]
struct Terms {
    table: TermTable,
    page: u32,
    /// Tokens of attributes, and fields: what is not borrowed from lines.
    seen: FastSet<String>,
    lower: Vec<u8>,
    scratch: String,
    token_bytes: usize,
    field_bytes: usize,
    has_ids: bool,
    has_fractions: bool,
}

impl Terms {
    fn begin(&mut self, page: u32) {
        self.page = page;
        self.seen.clear();
        (self.token_bytes, self.field_bytes) = (0, 0);
        (self.has_ids, self.has_fractions) = (false, false);
    }

    fn put(&mut self, term: &str) {
        self.table.add(term.as_bytes(), self.page);
    }

    /// Which bytes of which files the page holds, and which offsets.
    fn held(&mut self, page: &PageRows<'_>) {
        self.put(HELD);
        let mut term = String::new();
        for range in ranges((0..page.len()).filter_map(|at| page.row(at).place)) {
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

    fn token<'a>(&mut self, token: &'a [u8], seen: &mut FastSet<&'a [u8]>) {
        if self.token_bytes <= PAGE_TERM_BYTES_MAX && seen.insert(token) {
            self.put_token(token);
        }
    }

    /// A token of the record's own time.
    fn time_token<'a>(&mut self, token: &'a [u8], seen: &mut FastSet<&'a [u8]>) {
        if token.last().is_some_and(|last| last.eq_ignore_ascii_case(&b'z')) && is_fraction(&token.to_ascii_lowercase())
        {
            self.has_fractions = true;
        } else {
            self.token(token, seen);
        }
    }

    fn put_token(&mut self, token: &[u8]) {
        self.lower.clear();
        lower_into(token, &mut self.lower);
        let length = if self.lower.is_ascii() {
            self.lower.len().min(TOKEN_BYTES_MAX)
        } else {
            // A token is valid UTF-8; were it not, no query could name it either.
            let Ok(lower) = std::str::from_utf8(&self.lower) else {
                return;
            };
            cut(lower, TOKEN_BYTES_MAX).len()
        };
        match id_term(&self.lower) {
            Some(term) => {
                self.table.add(&term, self.page);
                self.has_ids = true;
            }
            None => self.table.add(&self.lower[..length], self.page),
        }
        self.token_bytes += length;
        if self.token_bytes > PAGE_TERM_BYTES_MAX {
            self.put(TOKENS_CUT);
        }
    }

    /// The tokens of an attribute and its field terms.
    fn attribute(&mut self, name: &str, value: &AttributeValue) {
        each_leaf(name, value, &mut |name, text| {
            self.words(text);
            self.field(name, text);
        });
    }

    /// The tokens of a text that stands in no line as such.
    fn words(&mut self, text: &str) {
        for token in tokens(text.as_bytes()) {
            let token = &text[token.start..token.end];
            if self.token_bytes <= PAGE_TERM_BYTES_MAX && !self.seen.contains(token) {
                self.seen.insert(token.to_owned());
                self.put_token(token.as_bytes());
            }
        }
    }

    fn field(&mut self, name: &str, value: &str) {
        if value.len() <= 4 * VALUE_BYTES_MAX {
            let lower = lower(value);
            self.put_field(|out| field_equals(name, &lower, out));
        }
        self.put_field(|out| {
            field_exists(name, out);
            Some(())
        });
    }

    fn put_field(&mut self, make: impl FnOnce(&mut String) -> Option<()>) {
        if self.field_bytes > PAGE_TERM_BYTES_MAX {
            return;
        }
        let mut term = std::mem::take(&mut self.scratch);
        term.clear();
        if make(&mut term).is_some() && !self.seen.contains(&term) {
            self.seen.insert(term.clone());
            self.field_bytes += term.len();
            self.put(&term);
            if self.field_bytes > PAGE_TERM_BYTES_MAX {
                self.put(FIELDS_CUT);
            }
        }
        self.scratch = term;
    }
}

/// Calls `each` with every field of an attribute and its value as text: the attribute as a whole,
/// and what is inside JSON, names dotted, array elements under the array's name.
pub(crate) fn each_leaf(name: &str, value: &AttributeValue, each: &mut dyn FnMut(&str, &str)) {
    match value {
        AttributeValue::Bool(value) => each(name, if *value { "true" } else { "false" }),
        AttributeValue::Integer(number) => each(name, &number.to_string()),
        AttributeValue::Number(number) => {
            // As people write it (1) and as JSON does (1.0).
            each(name, &number.to_string());
            each(name, &format!("{number:?}"));
        }
        AttributeValue::Text(text) => each(name, text),
        AttributeValue::Json(json) => {
            each(name, &json.to_string());
            each_json_leaf(name, json, each);
        }
    }
}

fn each_json_leaf(name: &str, json: &serde_json::Value, each: &mut dyn FnMut(&str, &str)) {
    use serde_json::Value;
    match json {
        Value::Object(fields) => {
            fields
                .iter()
                .for_each(|(key, value)| each_json_leaf(&format!("{name}.{key}"), value, each));
        }
        Value::Array(values) => values.iter().for_each(|value| each_json_leaf(name, value, each)),
        Value::String(text) => each(name, text),
        other => each(name, &other.to_string()),
    }
}
