//! JSON and logfmt, by what reads them everywhere in the program.

use timberline_proto::line::{FieldValue, Structure, fields, structure};

use super::Fields;
use crate::process::event::attribute;

/// Whether the line's fields are found without a rule.
pub(super) fn is_read_anyway(line: &[u8]) -> bool {
    structure(line) != Structure::Plain
}

/// An object, perhaps behind other text.
pub(super) fn json(text: &str) -> Option<Fields> {
    let object = &text[text.find('{')?..];
    let end = object.rfind('}')?;
    let object = &object.as_bytes()[..=end];
    matches!(structure(object), Structure::Json { .. }).then(|| all(object))
}

/// Pairs, perhaps behind other text.
pub(super) fn logfmt(text: &str) -> Option<Fields> {
    let begins = |at: usize| at == 0 || text.as_bytes()[at - 1].is_ascii_whitespace();
    let starts = (0..text.len()).filter(|at| begins(*at) && text.is_char_boundary(*at));
    let pairs = starts
        .map(|at| &text.as_bytes()[at..])
        .find(|rest| matches!(structure(rest), Structure::Logfmt { .. }))?;
    Some(all(pairs))
}

fn all(text: &[u8]) -> Fields {
    let mut found = Fields::new();
    fields(text, &mut |name, value: FieldValue<'_>| {
        if let Some(value) = attribute(&value) {
            found.push((name.to_owned(), value));
        }
        true
    });
    found
}
