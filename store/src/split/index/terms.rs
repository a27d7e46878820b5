//! The terms of a page.

use std::borrow::Cow;

use timberline_proto::batch::AttributeValue;
use timberline_proto::line::{FieldValue, fields};
use timberline_proto::token::{lower_into, tokens};

use super::super::hash::FastSet;
use super::super::page::PageRows;
use super::held::{HELD, put_offsets, ranges};

/// Bytes of a token at most; longer ones are indexed by so much of their beginning.
pub(crate) const TOKEN_BYTES_MAX: usize = 256;

/// Bytes of a field's name and of its value at most, likewise.
pub(crate) const FIELD_BYTES_MAX: usize = 64;

/// Bytes of a page's tokens, and of its fields, at most. A page beyond is flagged and matches always.
const PAGE_TERM_BYTES_MAX: usize = 32 << 20;

/// Ends each term in a page's text; no term holds it.
pub(crate) const TERM_END: char = '\0';

pub(crate) const TOKENS_CUT: &str = "\u{5}t";
pub(crate) const FIELDS_CUT: &str = "\u{5}f";

pub(crate) fn field_equals(name: &str, value: &str, out: &mut String) {
    out.push('\u{1}');
    put_clean(cut(name, FIELD_BYTES_MAX), out);
    out.push('\u{2}');
    // Lower case first: it can change the length.
    let head = cut(value, 4 * FIELD_BYTES_MAX);
    if head.is_ascii() {
        let start = out.len();
        put_clean(cut(head, FIELD_BYTES_MAX), out);
        out[start..].make_ascii_lowercase();
    } else {
        put_clean(cut(&lower(head), FIELD_BYTES_MAX), out);
    }
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
    if text.contains(TERM_END) {
        out.push_str(&text.replace(TERM_END, " "))
    } else {
        out.push_str(text)
    }
}

/// All terms of a page, each followed by `TERM_END`. A term may come more than once.
pub(crate) fn page_terms(page: &PageRows<'_>, templates: &[u32]) -> String {
    let mut terms = Terms::default();
    let mut seen_templates = vec![false; templates.len()];
    let mut seen: FastSet<&[u8]> = FastSet::default();
    let mut has_parts = false;
    for at in 0..page.len() {
        let which = templates.binary_search(&page.template(at)).unwrap_or(0);
        if !std::mem::replace(&mut seen_templates[which], true) {
            let line = page.line(at);
            tokens(line)
                .filter(|t| !t.has_digit)
                .for_each(|t| terms.token(&line[t.start..t.end], &mut seen));
            terms.put(&template(page.stripe.ids[templates[which] as usize]));
        }
        let line = page.line(at);
        page.stripe
            .words_of(page.first + at, line)
            .for_each(|word| terms.token(word, &mut seen));
        if let Some(time) = page.stripe.time_of(page.first + at, line) {
            tokens(time).for_each(|t| terms.token(&time[t.start..t.end], &mut seen));
        }
        fields(line, &mut |name, value| {
            terms.field(name, value.as_text());
            // Unescaped, a value has other words than its line shows.
            if let FieldValue::Text(Cow::Owned(text)) = &value {
                terms.words(text);
            }
            true
        });
        let row = page.rows.row(page.order[at] as usize);
        has_parts |= row.part.is_some();
        row.attributes
            .iter()
            .for_each(|(name, value)| terms.attribute(name, value));
    }
    if has_parts {
        // A token or a field can begin in one part and end in the next.
        terms.put(TOKENS_CUT);
        terms.put(FIELDS_CUT);
    }
    terms.held(page);
    terms.text
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

#[derive(Default)]
struct Terms {
    text: String,
    /// Tokens of attributes, and fields: what is not borrowed from lines.
    seen: FastSet<String>,
    lower: Vec<u8>,
    scratch: String,
    token_bytes: usize,
    field_bytes: usize,
}

impl Terms {
    fn put(&mut self, term: &str) {
        self.text.push_str(term);
        self.text.push(TERM_END);
    }

    /// Which bytes of which files the page holds.
    fn held(&mut self, page: &PageRows<'_>) {
        self.put(HELD);
        let places = page.order.iter().filter_map(|&row| page.rows.row(row as usize).place);
        for range in ranges(places) {
            range.put_term(&mut self.text);
            self.text.push(TERM_END);
        }
        for (partition, first, last) in offset_ranges(page) {
            put_offsets(partition, first, last, &mut self.text);
            self.text.push(TERM_END);
        }
    }

    fn token<'a>(&mut self, token: &'a [u8], seen: &mut FastSet<&'a [u8]>) {
        if self.token_bytes <= PAGE_TERM_BYTES_MAX && seen.insert(token) {
            self.put_token(token);
        }
    }

    fn put_token(&mut self, token: &[u8]) {
        self.lower.clear();
        lower_into(token, &mut self.lower);
        // A token is valid UTF-8; were it not, no query could name it either.
        let Ok(lower) = std::str::from_utf8(&self.lower) else {
            return;
        };
        let lower = cut(lower, TOKEN_BYTES_MAX);
        self.text.push_str(lower);
        self.text.push(TERM_END);
        self.token_bytes += lower.len();
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
        self.put_field(|out| field_equals(name, value, out));
        self.put_field(|out| field_exists(name, out));
    }

    fn put_field(&mut self, make: impl FnOnce(&mut String)) {
        if self.field_bytes > PAGE_TERM_BYTES_MAX {
            return;
        }
        let mut term = std::mem::take(&mut self.scratch);
        term.clear();
        make(&mut term);
        if !self.seen.contains(&term) {
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
