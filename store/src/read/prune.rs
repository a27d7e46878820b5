//! From a filter to what the splits' indexes are asked. Too many pages cost time, one too few
//! would lose a record: whatever is not certain asks for every page.
//!
//! The index knows of each page: the tokens of its lines, of its records' attributes and of the
//! unescaped values of structured lines; its fields with their values; its streams; its
//! severities. A stream's attributes are known here, so a test that they may pass adds the streams.

use std::sync::Arc;

use timberline_proto::query::ast::{CompareOp, Field, Filter, Leaf, Literal, Span, Test};
use timberline_proto::query::fields::{is_severity_field, is_time_field, severity_rank};
use timberline_proto::token::{lower_into, tokens};

use crate::catalog::Streams;
use crate::rows::Stream;
use crate::split::{PageQuery, StreamSet};

use super::literals;
use super::row::{aliased, column_name};
use super::test::{TableRow, Tester};

/// Pages that may hold rows that a filter keeps.
pub(crate) fn page_query(filter: &Filter, streams: &Streams) -> PageQuery {
    match filter {
        Filter::All => PageQuery::All,
        Filter::And(all) => and(all.iter().map(|f| page_query(f, streams))),
        Filter::Or(any) => or(any.iter().map(|f| page_query(f, streams))),
        Filter::Not(inner) if **inner == Filter::All => PageQuery::None,
        Filter::Not(_) => PageQuery::All,
        Filter::Leaf(leaf) => leaf_query(leaf, streams),
    }
}

/// Pages that may hold rows where a field has a value.
pub(crate) fn field_exists(name: &str, streams: &Streams) -> PageQuery {
    leaf_query(&leaf(name, Test::Exists), streams)
}

/// Pages that may hold rows where a field's value is exactly `text`.
pub(crate) fn field_equals(name: &str, text: &str, streams: &Streams) -> PageQuery {
    let equal = |stream: &Stream| {
        [name, aliased(name)]
            .iter()
            .any(|name| stream.attributes.get(*name).is_some_and(|value| value == text))
    };
    let ids: StreamSet = streams
        .values()
        .filter(|stream| equal(stream))
        .map(|stream| stream.id)
        .collect();
    or([
        PageQuery::Streams(ids),
        PageQuery::FieldEquals(name.to_owned(), lower(text)),
    ])
}

fn leaf(name: &str, test: Test) -> Leaf {
    let span = Span::default();
    Leaf {
        field: Some(Field {
            name: name.to_owned(),
            span,
        }),
        test,
        span,
    }
}

fn leaf_query(leaf: &Leaf, streams: &Streams) -> PageQuery {
    let Some(field) = &leaf.field else {
        return or([test_query(&leaf.test), PageQuery::Streams(matching(leaf, streams))]);
    };
    let name = field.name.as_str();
    if name == "body" {
        return test_query(&leaf.test);
    }
    if is_severity_field(name) {
        return severity_query(name, &leaf.test);
    }
    if is_time_field(name) || is_of_the_record(name) {
        return PageQuery::All;
    }
    let of_rows = match &leaf.test {
        Test::Exists => PageQuery::FieldExists(name.to_owned()),
        Test::Compare(CompareOp::Eq, Literal { text, .. }) if leaf_is_text(text) => {
            PageQuery::FieldEquals(name.to_owned(), lower(text))
        }
        test => and([PageQuery::FieldExists(name.to_owned()), test_query(test)]),
    };
    or([PageQuery::Streams(matching(leaf, streams)), of_rows])
}

/// Columns that the index does not know, or knows under another form.
fn is_of_the_record(name: &str) -> bool {
    matches!(
        column_name(name),
        "template" | "id" | "topic" | "partition" | "offset" | "stream" | "fields"
    )
}

/// Whether a literal is compared as text with every value; numbers equal other spellings too.
fn leaf_is_text(text: &str) -> bool {
    text.trim().parse::<f64>().is_err()
}

/// A severity is the record's own, or what a field of that name says.
fn severity_query(name: &str, test: &Test) -> PageQuery {
    let rank = |text: &str| severity_rank(text.as_bytes());
    let ranks = match test {
        Test::Text { text, .. } => rank(text).map(|r| (r, r)),
        Test::Compare(op, literal) => rank(&literal.text).map(|r| match op {
            CompareOp::Eq => (r, r),
            CompareOp::Gt | CompareOp::Ge => (r, 6),
            CompareOp::Lt | CompareOp::Le => (0, r),
        }),
        _ => None,
    };
    match ranks {
        Some((low, high)) => or([PageQuery::Severity(low, high), PageQuery::FieldExists(name.to_owned())]),
        None => PageQuery::All,
    }
}

/// Streams of which an attribute passes the test.
fn matching(leaf: &Leaf, streams: &Streams) -> StreamSet {
    let filter = Filter::Leaf(leaf.clone());
    let Ok(tester) = Tester::new(&filter) else {
        return streams.values().map(|stream| stream.id).collect();
    };
    let asked = leaf.field.as_ref().map(|field| field.name.as_str());
    let matches = |stream: &&Arc<Stream>| {
        stream.attributes.iter().any(|(name, value)| {
            let known_as = match asked {
                None => name.as_str(),
                Some(asked) if asked == name || aliased(asked) == name => asked,
                Some(_) => return false,
            };
            tester.matches_table(&TableRow::columns(vec![(known_as, value)]))
        })
    };
    streams.values().filter(matches).map(|stream| stream.id).collect()
}

/// Pages of which a line or value may pass the test, whatever the field.
pub(super) fn test_query(test: &Test) -> PageQuery {
    match test {
        Test::Text { text, .. } => words_of(text),
        Test::Wildcard(pieces) => wildcard(pieces),
        Test::Regex(pattern) => literals::required(pattern),
        Test::Exists | Test::Compare(..) | Test::Range { .. } => PageQuery::All,
    }
}

/// Pages that have every word of `text`.
pub(super) fn words_of(text: &str) -> PageQuery {
    and(words(text).into_iter().map(PageQuery::Token))
}

fn words(text: &str) -> Vec<String> {
    tokens(text.as_bytes())
        .map(|token| lower(&text[token.start..token.end]))
        .collect()
}

fn wildcard(pieces: &[String]) -> PageQuery {
    let last = pieces.len().saturating_sub(1);
    let constraint = |(at, piece): (usize, &String)| fragment(piece, at > 0, at < last);
    and(pieces.iter().enumerate().map(constraint))
}

/// Pages that may hold `text`, which may continue to the left or right where that end is open.
pub(super) fn fragment(text: &str, open_left: bool, open_right: bool) -> PageQuery {
    let constraint = |token: timberline_proto::token::Token| {
        let word = lower(&text[token.start..token.end]);
        match (open_left && token.start == 0, open_right && token.end == text.len()) {
            (false, false) => PageQuery::Token(word),
            (false, true) => PageQuery::TokenPrefix(word),
            (true, false) => PageQuery::TokenWildcard(vec![String::new(), word]),
            (true, true) => PageQuery::TokenWildcard(vec![String::new(), word, String::new()]),
        }
    };
    and(tokens(text.as_bytes()).map(constraint))
}

/// As the index writes it.
pub(super) fn lower(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    lower_into(text.as_bytes(), &mut out);
    String::from_utf8_lossy(&out).into_owned()
}

pub(super) fn and(queries: impl IntoIterator<Item = PageQuery>) -> PageQuery {
    let mut kept = Vec::new();
    for query in queries {
        match query {
            PageQuery::All => {}
            PageQuery::None => return PageQuery::None,
            PageQuery::And(inner) => kept.extend(inner),
            other if kept.contains(&other) => {}
            other => kept.push(other),
        }
    }
    match kept.len() {
        0 => PageQuery::All,
        1 => kept.remove(0),
        _ => PageQuery::And(kept),
    }
}

pub(super) fn or(queries: impl IntoIterator<Item = PageQuery>) -> PageQuery {
    let mut kept = Vec::new();
    for query in queries {
        match query {
            PageQuery::All => return PageQuery::All,
            PageQuery::None => {}
            PageQuery::Streams(ids) if ids.is_empty() => {}
            PageQuery::Or(inner) => kept.extend(inner),
            other => kept.push(other),
        }
    }
    match kept.len() {
        0 => PageQuery::None,
        1 => kept.remove(0),
        _ => PageQuery::Or(kept),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::rows::StreamId;
    use PageQuery::{All, And, FieldEquals, FieldExists, Or, Token, TokenPrefix, TokenWildcard};

    #[track_caller]
    fn check(query: &str, expected: &PageQuery) {
        let filter = crate::read::histogram::filter_of(query).unwrap();
        let id = StreamId(7);
        let attributes = BTreeMap::from([("host.name".to_owned(), "web-1".to_owned())]);
        let streams = Streams::from_iter([Arc::new(Stream { id, attributes })]);
        assert_eq!(page_query(&filter, &streams), *expected, "{query}");
    }

    fn token(text: &str) -> PageQuery {
        Token(text.to_owned())
    }

    #[test]
    fn words_become_tokens() {
        check("", &All);
        check("Error", &token("error"));
        check("10.251", &And(vec![token("10"), token("251")]));
        check("a b -c", &And(vec![token("a"), token("b")]));
        check("a OR b", &Or(vec![token("a"), token("b")]));
        check("a OR NOT b", &All);
        check(
            "web",
            &Or(vec![
                token("web"),
                PageQuery::Streams(StreamSet::from_iter([StreamId(7)])),
            ]),
        );
    }

    #[test]
    fn wildcards_bind_the_ends_that_are_closed() {
        check("conn*", &TokenPrefix("conn".into()));
        check("*conn", &TokenWildcard(vec!["".into(), "conn".into()]));
        check("*conn*", &TokenWildcard(vec!["".into(), "conn".into(), "".into()]));
        check(
            "a-b*d",
            &And(vec![
                token("a"),
                TokenPrefix("b".into()),
                TokenWildcard(vec!["".into(), "d".into()]),
            ]),
        );
    }

    #[test]
    fn fields_ask_for_their_streams_too() {
        check("user:*", &FieldExists("user".into()));
        check("user:=Bob", &FieldEquals("user".into(), "bob".into()));
        check("status:=500", &FieldExists("status".into()));
        check("status:>=500", &FieldExists("status".into()));
        check("user:bob", &And(vec![FieldExists("user".into()), token("bob")]));
        check(
            "host:web-*",
            &Or(vec![
                PageQuery::Streams(StreamSet::from_iter([StreamId(7)])),
                And(vec![FieldExists("host".into()), token("web")]),
            ]),
        );
    }
}
