use proptest::prelude::*;

use super::*;

/// Each part but white space, with the first letters of its class.
#[track_caller]
fn check(text: &str, expected: &[(&str, TokenClass)]) {
    let parts: Vec<_> = classify(text)
        .into_iter()
        .filter(|(_, class)| *class != TokenClass::Space)
        .map(|(span, class)| (&text[span.start..span.end], class))
        .collect();
    assert_eq!(parts, expected);
}

use TokenClass::{Error, Field, Function, Keyword, Number, Operator, Pipe, Punctuation as P, Regex, String as S, Word};

#[test]
fn a_search_is_painted() {
    check(
        "error AND -a.b:>=500 \"x y\" c:/re/ d:[1 TO *] e:(f OR 5)",
        &[
            ("error", Word),
            ("AND", Keyword),
            ("-", Keyword),
            ("a.b", Field),
            (":", P),
            (">=", Operator),
            ("500", Number),
            ("\"x y\"", S),
            ("c", Field),
            (":", P),
            ("/re/", Regex),
            ("d", Field),
            (":", P),
            ("[", P),
            ("1", Number),
            ("TO", Keyword),
            ("*", S),
            ("]", P),
            ("e", Field),
            (":", P),
            ("(", P),
            ("f", S),
            ("OR", Keyword),
            ("5", Number),
            (")", P),
        ],
    );
}

#[test]
fn pipes_are_painted() {
    check(
        "explain a | stats p99(ms) as x by bin(timestamp, 5m) | where x:>5 | sort -x | nope 5",
        &[
            ("explain", Keyword),
            ("a", Word),
            ("|", P),
            ("stats", Pipe),
            ("p99", Function),
            ("(", P),
            ("ms", Field),
            (")", P),
            ("as", Keyword),
            ("x", Field),
            ("by", Keyword),
            ("bin", Function),
            ("(", P),
            ("timestamp", Field),
            (",", P),
            ("5m", Number),
            (")", P),
            ("|", P),
            ("where", Pipe),
            ("x", Field),
            (":", P),
            (">", Operator),
            ("5", Number),
            ("|", P),
            ("sort", Pipe),
            ("-", Operator),
            ("x", Field),
            ("|", P),
            ("nope", Error),
            ("5", Number),
        ],
    );
}

#[test]
fn the_newer_pipes_are_painted() {
    check(
        "* | extend a = if(b>='x', `c d`, null) | parse m /(?<x>.|y)/ | timechart span=1d tz=Europe/Berlin count(if a < 1)",
        &[
            ("*", Word),
            ("|", P),
            ("extend", Pipe),
            ("a", Field),
            ("=", Operator),
            ("if", Function),
            ("(", P),
            ("b", Field),
            (">", Operator),
            ("=", Operator),
            ("'x'", S),
            (",", P),
            ("`c d`", Field),
            (",", P),
            ("null", Keyword),
            (")", P),
            ("|", P),
            ("parse", Pipe),
            ("m", Field),
            ("/(?<x>.|y)/", Regex),
            ("|", P),
            ("timechart", Pipe),
            ("span", Keyword),
            ("=", Operator),
            ("1d", Number),
            ("tz", Keyword),
            ("=", Operator),
            ("Europe/Berlin", S),
            ("count", Function),
            ("(", P),
            ("if", Keyword),
            ("a", Field),
            ("<", Operator),
            ("1", Number),
            (")", P),
        ],
    );
    check(
        "* | dedup keep=first host | lookup t on a = b | json x from y | parse grok \"%{IP:a}\"",
        &[
            ("*", Word),
            ("|", P),
            ("dedup", Pipe),
            ("keep", Keyword),
            ("=", Operator),
            ("first", Field),
            ("host", Field),
            ("|", P),
            ("lookup", Pipe),
            ("t", Field),
            ("on", Keyword),
            ("a", Field),
            ("=", Operator),
            ("b", Field),
            ("|", P),
            ("json", Pipe),
            ("x", Field),
            ("from", Keyword),
            ("y", Field),
            ("|", P),
            ("parse", Pipe),
            ("grok", Keyword),
            ("\"%{IP:a}\"", S),
        ],
    );
}

#[test]
fn what_is_wrong_is_painted_so() {
    check("a) \"b", &[("a", Word), (")", Error), ("\"b", Error)]);
    check("a | | ;", &[("a", Word), ("|", P), ("|", P), (";", Error)]);
}

#[test]
fn sql_is_painted() {
    check(
        "SELECT count(*) FROM logs WHERE a='x'",
        &[
            ("SELECT", Keyword),
            ("count", Function),
            ("(", P),
            ("*", Operator),
            (")", P),
            ("FROM", Keyword),
            ("logs", Field),
            ("WHERE", Keyword),
            ("a", Field),
            ("=", Operator),
            ("'x'", S),
        ],
    );
}

fn covers(text: &str) -> Result<(), TestCaseError> {
    let mut at = 0;
    for (span, _) in classify(text) {
        prop_assert_eq!(span.start, at);
        prop_assert!(span.end > at);
        prop_assert!(text.get(span.start..span.end).is_some());
        at = span.end;
    }
    prop_assert_eq!(at, text.len());
    Ok(())
}

proptest! {
    #[test]
    fn fuzz_every_byte_of_any_text_is_painted_once(text in ".{0,60}") {
        covers(&text)?;
    }

    #[test]
    fn every_byte_of_any_syntax_is_painted_once(parts in crate::query::parser::tests::parts()) {
        covers(&parts)?;
    }
}
