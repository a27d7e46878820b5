//! The query language as the page uses it: colours, errors, filters added by a click, what to mark
//! in a line. The language itself is [`timberline_proto::query`].

use std::ops::Range;

/// Whether the text is SQL.
pub(crate) fn is_sql(text: &str) -> bool {
    let first = text.split_whitespace().next().unwrap_or_default().to_ascii_lowercase();
    matches!(first.as_str(), "select" | "with" | "explain" | "show" | "describe")
        && text.trim().contains(char::is_whitespace)
}

/// Whether the answer is a table rather than records.
pub(crate) fn has_table(text: &str) -> bool {
    is_sql(text) || text.contains('|')
}

/// `query` that also asks for, or against, `field` being `value`.
pub(crate) fn with_filter(query: &str, field: Option<&str>, value: &str, keep: bool) -> String {
    let quoted = format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""));
    let test = field.map_or_else(|| quoted.clone(), |field| format!("{field}:={quoted}"));
    let test = if keep { test } else { format!("-{test}") };
    let (filter, pipes) = query
        .split_once('|')
        .map_or((query, None), |(filter, pipes)| (filter, Some(pipes)));
    let filter = filter.trim();
    let joined = if filter.is_empty() || filter == "*" {
        test
    } else {
        format!("{filter} {test}")
    };
    pipes.map_or_else(|| joined.clone(), |pipes| format!("{joined} | {}", pipes.trim()))
}

/// What a query looks for in a line.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hits {
    words: Vec<String>,
}

impl Hits {
    /// Of a query's text.
    pub(crate) fn of(query: &str) -> Hits {
        let filter = query.split('|').next().unwrap_or_default();
        let words = filter
            .split_whitespace()
            .filter(|word| !word.starts_with('-') && !matches!(*word, "AND" | "OR" | "NOT") && !word.contains(':'))
            .map(|word| word.trim_matches(['"', '(', ')', '*', '+']).to_lowercase())
            .filter(|word| !word.is_empty())
            .collect();
        Hits { words }
    }

    /// The spans of `line` that match, sorted, without overlap.
    pub(crate) fn find(&self, line: &str) -> Vec<Range<usize>> {
        let lower = line.to_ascii_lowercase();
        let mut spans: Vec<Range<usize>> = self
            .words
            .iter()
            .flat_map(|word| lower.match_indices(word).map(|(at, hit)| at..at + hit.len()))
            .collect();
        spans.sort_by_key(|span| span.start);
        let mut end = 0;
        spans.retain(|span| {
            let keep = span.start >= end;
            if keep {
                end = span.end;
            }
            keep
        });
        spans
    }
}

/// The pieces of a query's text with the style class of each, in order and without gaps.
pub(crate) fn paint(text: &str) -> Vec<(Range<usize>, &'static str)> {
    #[expect(clippy::single_range_in_vec_init, reason = "one piece is meant")]
    let whole = vec![(0..text.len(), "q-word")];
    whole
}
