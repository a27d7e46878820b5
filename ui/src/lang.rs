//! The query language as the page uses it: colours, filters added by a click, what to mark in a
//! line. The language itself is [`timberline_proto::query`].

use std::ops::Range;

use timberline_proto::{
    api::ApiError,
    query::{
        self, TokenClass,
        ast::Query,
        matcher::{CompiledFilter, NoRegex},
    },
};

pub(crate) use timberline_proto::query::is_sql;

/// Whether the answer is a table rather than records.
pub(crate) fn has_table(text: &str) -> bool {
    match query::parse(text) {
        Ok(Query::Sql(_)) => true,
        Ok(Query::Search(search)) => !search.pipes.is_empty(),
        Err(_) => false,
    }
}

/// What is wrong with the query, as far as the language alone tells.
pub(crate) fn mistake(text: &str) -> Option<ApiError> {
    let error = query::parse(text).err()?;
    Some(ApiError {
        code: "bad_query".into(),
        message: error.message,
        span: Some(error.span),
        suggestion: error.suggestion,
    })
}

/// Whether only the server can tell if the filter is right: the page knows no regular expressions.
pub(crate) fn has_regex(text: &str) -> bool {
    !is_sql(text)
        && query::classify(text)
            .into_iter()
            .any(|(_, class)| class == TokenClass::Regex)
}

/// `query` that also asks for, or against, `field` being `value`; without a field, for the phrase
/// anywhere.
pub(crate) fn with_filter(text: &str, field: Option<&str>, value: &str, keep: bool) -> String {
    match field {
        Some(field) => query::and_filter(text, field, value, !keep),
        None => query::and_text(text, value, !keep),
    }
}

/// `query` that also asks for records that have `field`, or have it not.
pub(crate) fn with_exists(text: &str, field: &str, keep: bool) -> String {
    query::and_exists(text, field, !keep)
}

/// `text` that also asks for `fragment`, wherever in a word it stands; the pipes stay. A fragment
/// with white space cannot be within a word: it is looked for as a phrase.
pub(crate) fn with_fragment(text: &str, fragment: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '/');
    if is_sql(text) || !fragment.chars().all(plain) {
        return with_filter(text, None, fragment, true);
    }
    let filter = filter_text(text);
    let rest = text.trim_start()[filter.len()..].trim_start();
    format!("{filter} *{fragment}* {rest}").trim().to_owned()
}

/// The part of `query` before its pipes; nothing of SQL.
pub(crate) fn filter_text(text: &str) -> &str {
    if is_sql(text) {
        return "";
    }
    let pipe = query::classify(text)
        .into_iter()
        .find(|(span, class)| &text[span.start..span.end] == "|" && *class != TokenClass::String);
    text[..pipe.map_or(text.len(), |(span, _)| span.start)].trim()
}

/// `query` that also asks for, or against, `field` being one of `values`.
pub(crate) fn with_one_of(text: &str, field: &str, values: &[String], keep: bool) -> String {
    query::and_one_of(text, field, values, !keep)
}

/// What a query looks for in a line.
#[derive(Debug, Default)]
pub(crate) struct Hits {
    filter: Option<CompiledFilter>,
    /// A text that is looked for as it is, in small letters if it has no capital.
    text: String,
}

impl Hits {
    /// Of a query's text. What a regex finds is not marked: the page carries none.
    pub(crate) fn of(text: &str) -> Hits {
        let filter = match query::parse(text) {
            Ok(Query::Search(search)) => CompiledFilter::compile(&search.filter, 0, &NoRegex).ok(),
            _ => None,
        };
        Hits {
            filter,
            text: String::new(),
        }
    }

    /// Of what is looked for in a file. What a regex finds is not marked.
    pub(crate) fn of_text(text: &str) -> Hits {
        let is_regex = text.len() > 2 && text.starts_with('/') && text.ends_with('/');
        Hits {
            filter: None,
            text: if is_regex { String::new() } else { text.to_owned() },
        }
    }

    /// The spans of `line` that match, sorted, without overlap.
    pub(crate) fn find(&self, line: &str) -> Vec<Range<usize>> {
        let Some(filter) = &self.filter else {
            return self.find_text(line);
        };
        filter
            .line_spans(line.as_bytes())
            .into_iter()
            .map(|(start, end)| start..end)
            .collect()
    }
}

impl Hits {
    fn find_text(&self, line: &str) -> Vec<Range<usize>> {
        if self.text.is_empty() {
            return Vec::new();
        }
        let any_case = !self.text.chars().any(char::is_uppercase);
        // Letters whose small form has another length would shift what follows.
        let line = if any_case {
            line.to_ascii_lowercase()
        } else {
            line.to_owned()
        };
        line.match_indices(&self.text)
            .map(|(at, text)| at..at + text.len())
            .collect()
    }
}

/// The pieces of a query's text with the style class of each, in order and without gaps.
pub(crate) fn paint(text: &str) -> Vec<(Range<usize>, &'static str)> {
    query::classify(text)
        .into_iter()
        .map(|(span, class)| (span.start..span.end, style(class)))
        .collect()
}

fn style(class: TokenClass) -> &'static str {
    match class {
        TokenClass::Space => "q-space",
        TokenClass::Word => "q-word",
        TokenClass::Field => "q-field",
        TokenClass::Operator => "q-operator",
        TokenClass::String => "q-string",
        TokenClass::Regex => "q-regex",
        TokenClass::Keyword => "q-keyword",
        TokenClass::Pipe => "q-pipe",
        TokenClass::Function => "q-function",
        TokenClass::Number => "q-number",
        TokenClass::Error => "q-error",
        TokenClass::Punctuation => "q-punctuation",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pipes_and_sql_make_tables() {
        assert!(has_table("error | stats count() by host"));
        assert!(has_table("SELECT 1"));
        assert!(!has_table("error \"a | b\""));
        assert!(!has_table(""));
    }

    #[test]
    fn a_mistake_is_known_before_anybody_is_asked() {
        let error = mistake("error AND (").unwrap();
        assert_eq!(error.span.map(|span| (span.start, span.end)), Some((10, 11)));
        assert!(error.suggestion.is_some() && error.code == "bad_query");
        assert!(mistake("error | stats count()").is_none() && mistake("").is_none());
        assert!(has_regex("a /b(/ | head 5") && !has_regex("/var/log | head 5") && !has_regex("SELECT 1"));
    }

    #[test]
    fn a_click_adds_to_the_filter_and_leaves_the_pipes() {
        let query = with_filter("error | head 5", Some("host"), "web 1", true);
        assert!(
            query.starts_with("error") && query.ends_with("| head 5") && query.contains("host"),
            "{query}"
        );
        assert!(query::parse(&query).is_ok());
        let has = with_exists("error | head 5", "user name", true);
        assert!(query::parse(&has).is_ok() && has.ends_with("| head 5"), "{has}");
        let without = with_filter("", None, "a\"b", false);
        assert!(query::parse(&without).is_ok(), "{without}");
    }

    #[test]
    fn the_filter_is_what_stands_before_the_pipes() {
        assert_eq!(filter_text("a \"|\" b | stats count() | head"), "a \"|\" b");
        assert_eq!(filter_text("a b"), "a b");
        assert_eq!(filter_text("SELECT 1"), "");
    }

    #[test]
    fn a_fragment_is_asked_for_before_the_pipes() {
        assert_eq!(with_fragment("a b | head 5", "rror"), "a b *rror* | head 5");
        assert_eq!(with_fragment("", "x-1"), "*x-1*");
        assert!(with_fragment("a", "two words").contains("\"two words\""));
        assert!(query::parse(&with_fragment("a | head 5", "10.0")).is_ok());
    }

    #[test]
    fn hits_are_what_the_query_matches() {
        let hits = Hits::of("Block -debug | head 5");
        #[expect(clippy::single_range_in_vec_init, reason = "one hit is meant")]
        let expected = [3..8];
        assert_eq!(hits.find("on block 7, blocks debug"), expected);
        assert!(Hits::of("SELECT 1").find("SELECT 1").is_empty());
    }

    #[test]
    fn a_text_in_a_file_is_marked_as_less_would() {
        assert_eq!(Hits::of_text("er").find("ERR: error"), [0..2, 5..7]);
        #[expect(clippy::single_range_in_vec_init, reason = "one hit is meant")]
        let expected = [0..2];
        assert_eq!(Hits::of_text("ER").find("ERR: error"), expected);
        assert!(Hits::of_text("").find("x").is_empty() && Hits::of_text("/x/").find("/x/").is_empty());
    }

    #[test]
    fn every_byte_is_painted_once() {
        for text in ["", "a AND (b", "status:>=500 | stats p99(x) by \"ü", "/[/ -x"] {
            let joined: String = paint(text).into_iter().map(|(range, _)| &text[range]).collect();
            assert_eq!(joined, text);
        }
    }
}
