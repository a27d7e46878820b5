//! What can stand at the cursor.

use super::ast::Span;
use super::highlight::{Painter, Place, has_values};
use super::lexer::ends_word;

/// What can stand at a place of a query, and what it would replace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    /// What.
    pub wanted: Wanted,
    /// What is written of it before the cursor, unquoted.
    pub prefix: String,
    /// The bytes that the completion replaces: the prefix, and the rest of its word.
    pub replace: Span,
}

/// What can stand at a place of a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// A field's name with a colon, or a word.
    Field,
    /// A value of the field, as [`quote_value`](super::quote_value) writes it.
    Value {
        /// Which.
        field: String,
    },
    /// A pipe's name: [`PIPES`](super::pipes::PIPES).
    Pipe,
    /// A function: [`FUNCTIONS`](super::pipes::FUNCTIONS).
    Function,
    /// A column's name: of a field, or of what the pipe before made.
    Column,
    /// A column's name, or a function of expressions: [`SCALARS`](super::expr::SCALARS).
    Expression,
    /// Something that only the person knows.
    Nothing,
}

/// What can stand in `text` at byte `cursor` (the nearest character's beginning before it, if it
/// is within one; the end, if it is beyond).
pub fn complete(text: &str, cursor: usize) -> Completion {
    let cursor = text.floor_char_boundary(cursor);
    let painter = Painter::paint(&text[..cursor]);
    let last = painter.parts.last().map_or(cursor, |(span, class)| {
        let is_word = !matches!(
            class,
            super::TokenClass::Space | super::TokenClass::Punctuation | super::TokenClass::Operator
        );
        if is_word { span.start } else { cursor }
    });
    // A sign alone is a word until something follows it.
    let last = if matches!(&text[last..cursor], "-" | "+" | "!") {
        cursor
    } else {
        last
    };
    let (wanted, start) = match painter.place {
        Place::Sql | Place::Literal => (Wanted::Nothing, cursor),
        Place::Test => (Wanted::Field, last),
        Place::Value { field, .. } if !has_values(&field) => (Wanted::Nothing, cursor),
        Place::Value { field, start } => (Wanted::Value { field }, start.min(cursor)),
        Place::PipeName => (Wanted::Pipe, last),
        Place::Arguments { pipe, in_call, keyword } => (argument(pipe, in_call, keyword), last),
    };
    if wanted == Wanted::Nothing {
        let replace = Span {
            start: cursor,
            end: cursor,
        };
        return Completion {
            wanted,
            prefix: String::new(),
            replace,
        };
    }
    let rest = &text[cursor..];
    let in_pipe = matches!(
        wanted,
        Wanted::Pipe | Wanted::Function | Wanted::Column | Wanted::Expression
    );
    let ends = |at: usize, c: char| ends_word(&rest[at..]) || c == ':' || (in_pipe && matches!(c, ',' | '='));
    let end = rest
        .char_indices()
        .find(|(at, c)| ends(*at, *c))
        .map_or(rest.len(), |(at, _)| at);
    let written = &text[start..cursor];
    Completion {
        wanted,
        prefix: written.strip_prefix('"').unwrap_or(written).to_owned(),
        replace: Span {
            start,
            end: cursor + end,
        },
    }
}

fn argument(pipe: &str, in_call: bool, keyword: Option<&str>) -> Wanted {
    match (pipe, in_call, keyword) {
        (_, _, Some("as" | "span" | "tz" | "limit" | "keep" | "compare")) => Wanted::Nothing,
        ("head" | "tail" | "patterns" | "variables" | "", ..) => Wanted::Nothing,
        (_, _, Some("=" | "if")) => Wanted::Expression,
        (_, true, _) => Wanted::Column,
        ("extend", ..) | ("lookup" | "json", _, None) | ("parse", _, Some("grok")) => Wanted::Nothing,
        ("stats" | "timechart", _, None) => Wanted::Function,
        _ => Wanted::Column,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// `|` bars stand in queries, so the cursor is `^`.
    #[track_caller]
    fn check(marked: &str, wanted: &Wanted, replaced: &str) {
        let cursor = marked.find('^').expect("a cursor");
        let text = marked.replace('^', "");
        let completion = complete(&text, cursor);
        let span = completion.replace;
        assert_eq!(
            (&completion.wanted, &text[span.start..span.end]),
            (wanted, replaced),
            "{marked}"
        );
    }

    fn value(field: &str) -> Wanted {
        Wanted::Value {
            field: field.to_owned(),
        }
    }

    #[test]
    fn a_search_wants_fields_and_values() {
        check("^", &Wanted::Field, "");
        check("er^", &Wanted::Field, "er");
        check("er^ror x", &Wanted::Field, "error");
        check("a -^", &Wanted::Field, "");
        check("a AND ser^", &Wanted::Field, "ser");
        check("a (ser^", &Wanted::Field, "ser");
        check("ho^st:x", &Wanted::Field, "host");
        check("host:^", &value("host"), "");
        check("host:we^", &value("host"), "we");
        check("host:we^b x", &value("host"), "web");
        check("host:\"we^", &value("host"), "\"we");
        check("host:=we^", &value("host"), "we");
        check("host:(a OR we^", &value("host"), "we");
        check("host:(a OR ^", &value("host"), "");
        check("host:web ^", &Wanted::Field, "");
        check("timestamp:>^", &Wanted::Nothing, "");
        check("\"conn^", &Wanted::Nothing, "");
    }

    #[test]
    fn pipes_want_names_functions_and_columns() {
        check("a | ^", &Wanted::Pipe, "");
        check("a |^", &Wanted::Pipe, "");
        check("a | st^", &Wanted::Pipe, "st");
        check("a | stats ^", &Wanted::Function, "");
        check("a | stats cou^", &Wanted::Function, "cou");
        check("a | stats count(), p^", &Wanted::Function, "p");
        check("a | stats sum(^", &Wanted::Column, "");
        check("a | stats sum(ms^) by x", &Wanted::Column, "ms");
        check("a | stats sum(ms) by ho^", &Wanted::Column, "ho");
        check("a | stats sum(ms) by host, ^", &Wanted::Column, "");
        check("a | stats sum(ms) as n^", &Wanted::Nothing, "");
        check("a | sort -^", &Wanted::Column, "");
        check("a | top 5 ho^", &Wanted::Column, "ho");
        check("a | head ^", &Wanted::Nothing, "");
        check("a | where ho^", &Wanted::Field, "ho");
        check("a | tail ^", &Wanted::Nothing, "");
        check("a | rare ho^", &Wanted::Column, "ho");
        check("a | dedup keep=^", &Wanted::Nothing, "");
        check("a | dedup ho^", &Wanted::Column, "ho");
        check("a | rename ho^", &Wanted::Column, "ho");
        check("a | extend x^", &Wanted::Nothing, "");
        check("a | extend x = le^", &Wanted::Expression, "le");
        check("a | extend x = length(ho^)", &Wanted::Expression, "ho");
        check("a | extend x = 1, y^", &Wanted::Nothing, "");
        check("a | stats count(if st^", &Wanted::Expression, "st");
        check("a | stats count(if a > 1) by ho^", &Wanted::Column, "ho");
        check("a | parse ms^", &Wanted::Column, "ms");
        check("a | json from pay^", &Wanted::Column, "pay");
        check("a | lookup ho^", &Wanted::Nothing, "");
        check("a | lookup hosts on ho^", &Wanted::Column, "ho");
        check("a | timechart tz=^", &Wanted::Nothing, "");
        check("SELECT ho^", &Wanted::Nothing, "");
    }

    proptest! {
        #[test]
        fn fuzz_any_text_has_a_completion(text in crate::query::parser::tests::parts(), cursor in 0usize..80) {
            let completion = complete(&text, cursor);
            prop_assert!(text.get(completion.replace.start..completion.replace.end).is_some());
        }
    }
}
