//! What the terms of a page look like.

use timberline_proto::batch::AttributeValue;
use timberline_proto::token::lower_into;

/// Bytes of a token at most; longer ones are indexed by so much of their beginning.
pub(crate) const TOKEN_BYTES_MAX: usize = 256;

/// Bytes of a field's name at most, likewise.
pub(crate) const FIELD_BYTES_MAX: usize = 64;

/// A longer value has no term of its own with its field, nor one with more digits: there would be
/// nearly as many as rows, and its words find it as well.
pub(crate) const VALUE_BYTES_MAX: usize = 32;
const VALUE_DIGITS_MAX: usize = 5;

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

/// Whether the token may be a fraction that is not indexed.
pub(crate) fn is_fraction(token: &[u8]) -> bool {
    matches!(token, [digits @ .., b'z' | b'Z'] if FRACTION_DIGITS.contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit))
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

/// Whether a value in ASCII has a term of its own with its field.
pub(crate) fn has_own_term(value: &[u8]) -> bool {
    value.len() <= VALUE_BYTES_MAX && value.iter().filter(|b| b.is_ascii_digit()).count() <= VALUE_DIGITS_MAX
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
