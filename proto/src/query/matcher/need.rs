//! What an index of whole tokens must hold for a test to be able to match.

use crate::query::ast::{CompareOp, Leaf, Test};
use crate::query::fields::{is_severity_field, is_time_field};
use crate::token::{lower_into, tokens};

/// A token that a matching value has, in the form of [`lower_into`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TokenNeed {
    /// This token.
    Exact(String),
    /// One that begins so.
    Prefix(String),
    /// One that ends so.
    Suffix(String),
    /// One that holds this.
    Infix(String),
}

/// The tokens that a value must have for `leaf` to match it, all of them. None says nothing: any
/// value may match.
///
/// They are tokens of the value as it is compared. An index of the line's tokens serves a test of
/// a field taken from the line only where the value stands in the line as it is: an escape of
/// JSON (`"a\nb"`, `"\u00e4"`) cuts the line's tokens in other places than the value's.
pub fn required_tokens(leaf: &Leaf) -> Vec<TokenNeed> {
    let field = leaf.field.as_ref().map(|field| field.name.as_str());
    if field.is_some_and(|name| is_severity_field(name) || is_time_field(name)) {
        return Vec::new();
    }
    let mut needs = Vec::new();
    match &leaf.test {
        Test::Text { text, .. } => add(text, false, false, &mut needs),
        Test::Wildcard(pieces) => {
            let last = pieces.len().saturating_sub(1);
            for (at, piece) in pieces.iter().enumerate() {
                add(piece, at > 0, at < last, &mut needs);
            }
        }
        Test::Compare(CompareOp::Eq, literal) if literal.number().is_none() => {
            add(&literal.text, false, false, &mut needs);
        }
        Test::Regex(_) | Test::Exists | Test::Compare(..) | Test::Range { .. } => {}
    }
    needs.sort();
    needs.dedup();
    needs
}

/// The needs of a piece of text, with a star before and after it or not.
fn add(text: &str, star_before: bool, star_after: bool, needs: &mut Vec<TokenNeed>) {
    for token in tokens(text.as_bytes()) {
        let mut folded = Vec::new();
        lower_into(&text.as_bytes()[token.start..token.end], &mut folded);
        let folded = String::from_utf8(folded).expect("a token of a text is text");
        let open_before = star_before && token.start == 0;
        let open_after = star_after && token.end == text.len();
        needs.push(match (open_before, open_after) {
            (false, false) => TokenNeed::Exact(folded),
            (false, true) => TokenNeed::Prefix(folded),
            (true, false) => TokenNeed::Suffix(folded),
            (true, true) => TokenNeed::Infix(folded),
        });
    }
}
