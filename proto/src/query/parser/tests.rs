use proptest::prelude::*;

use super::*;
use crate::query::ast::{Bound, CompareOp};

fn search(text: &str) -> Search {
    match parse(text) {
        Ok(Query::Search(search)) => search,
        other => panic!("{text}: {other:?}"),
    }
}

/// The filter of `text`, written canonically.
#[track_caller]
fn check(text: &str, expected: &str) {
    assert_eq!(search(text).filter.to_string(), expected, "{text}");
}

#[track_caller]
fn leaf(text: &str) -> Leaf {
    match search(text).filter {
        Filter::Leaf(leaf) => leaf,
        other => panic!("{text}: {other:?}"),
    }
}

/// The bytes at fault and the suggestion.
#[track_caller]
fn fails(text: &str, at: &str, suggestion: Option<&str>) {
    let error = parse(text).expect_err(text);
    assert_eq!(&text[error.span.start..error.span.end], at, "{error}");
    assert_eq!(error.suggestion.as_deref(), suggestion, "{error}");
}

fn is_word(text: &str) {
    let leaf = leaf(text);
    assert_eq!(leaf.field, None, "{text}");
    let expected = Test::Text {
        text: text.to_owned(),
        quoted: false,
    };
    assert_eq!(leaf.test, expected, "{text}");
}

#[test]
fn words_keep_their_characters() {
    for text in [
        "error",
        "10.251.39.242",
        "/api/v1",
        "user-agent",
        "a=b",
        "http://x/y?a=1&b=2",
        "12:03:11",
        "std::vec",
        "[error]",
        "--verbose",
        "->",
        "-",
        "+",
        "!",
        "blk_-98708",
        "it's",
        "50%",
        "and",
        "or",
        "not",
        "//",
        "/",
        "{a}",
        "a,b;c",
        "größe",
        "!=",
        "<init>",
        "ANDROID",
        "NOTE",
        "#5",
        "$x",
        "::1",
        "a/b/",
        "~`^&",
    ] {
        is_word(text);
    }
}

#[test]
fn an_empty_query_is_every_record() {
    for text in ["", "  \n", "*", "**", "(*)", "* *", "+*"] {
        assert_eq!(search(text).filter, Filter::All, "{text}");
    }
    assert_eq!(search("| head 5").filter, Filter::All);
}

#[test]
fn operators_bind_as_usual() {
    check("a b", "a b");
    check("a AND b && c", "a b c");
    check("a OR b || c", "a OR b OR c");
    check("a OR b c", "a OR b c");
    check("(a OR b) c", "(a OR b) c");
    check("NOT a b", "NOT a b");
    check("NOT (a b)", "NOT (a b)");
    check("-a +b !c", "NOT a b NOT c");
    check("NOT NOT a", "NOT NOT a");
    check("-(a OR b)", "NOT (a OR b)");
    check("((a))", "a");
    check("a&&b", "a b");
    check("a||b", "a OR b");
    check("(a b) c", "a b c");
    check("a*b\"c d\"", "a*b \"c d\"");
}

#[test]
fn fields_have_tests() {
    check("service.name:checkout", "service.name:checkout");
    check("status:>=500", "status:>=500");
    check("status:>500 a:<5 b:<=5 c:=x", "status:>500 a:<5 b:<=5 c:=x");
    check("status:!=500", "NOT status:=500");
    check("a:=\"x y\"", "a:=\"x y\"");
    check("host:web-*", "host:web-*");
    check("host:*", "host:*");
    check("user:/adm.n/", "user:/adm.n/");
    check("a:10:20:30", "a:10:20:30");
    check("path:/api/v1", "path:/api/v1");
    check("n:-5", "n:-5");
    check("field:AND", "field:AND");
    check("@timestamp:>now-15m", "@timestamp:>now-15m");
    check("\"odd name\":x", "\"odd name\":x");
    check("{\"status\":500}", "{ status:500}");
    check("status:(404 OR >=500)", "status:404 OR status:>=500");
    check("status:(-404 500)", "NOT status:404 status:500");
    check("a:([1 TO 2] OR \"x y\")", "a:[1 TO 2] OR a:\"x y\"");
    check("addr:(x:80 OR y)", "addr:x:80 OR addr:y");
    check("field\\:value", "field\\:value");
    check("a:\"\"", "a:\"\"");
}

#[test]
fn ranges_have_four_kinds_of_ends() {
    for text in [
        "a:[1 TO 2]",
        "a:{1 TO 2}",
        "a:[1 TO 2}",
        "a:{1 TO 2]",
        "a:[* TO 2]",
        "a:[1 TO *]",
        "a:[* TO *]",
    ] {
        check(text, text);
    }
    check(
        "t:[now-1h TO \"2026-11-20 10:00\"}",
        "t:[now-1h TO \"2026-11-20 10:00\"}",
    );
    check("t:[ 1 TO 2 ]", "t:[1 TO 2]");
    let Test::Range { low, high } = leaf("a:{1 TO *}").test else {
        panic!("no range")
    };
    assert!(matches!(low, Bound::Excluded(literal) if literal.number() == Some(1.0)));
    assert_eq!(high, Bound::Open);
}

#[test]
fn phrases_wildcards_and_regexes_are_told_apart() {
    let text = |text: &str, quoted| Test::Text {
        text: text.to_owned(),
        quoted,
    };
    assert_eq!(leaf("\"connection reset\"").test, text("connection reset", true));
    assert_eq!(
        leaf(r#""say \"hi\" C:\dir \\""#).test,
        text(r#"say "hi" C:\dir \"#, true)
    );
    assert_eq!(leaf(r"a\ b\*").test, text("a b*", false));
    assert_eq!(leaf(r"end\").test, text(r"end\", false));
    let wildcard = |pieces: &[&str]| Test::Wildcard(pieces.iter().map(|p| (*p).to_owned()).collect());
    assert_eq!(leaf("web-*").test, wildcard(&["web-", ""]));
    assert_eq!(leaf("*frag*").test, wildcard(&["", "frag", ""]));
    assert_eq!(leaf("a**b*c").test, wildcard(&["a", "b", "c"]));
    assert_eq!(leaf("/a b|(c)\\/d\\.e/").test, Test::Regex("a b|(c)/d\\.e".to_owned()));
    assert_eq!(leaf("/a/").test, Test::Regex("a".to_owned()));
    check("/var and /tmp", "\\/var and \\/tmp");
    check("x /re/|head", "x /re/");
}

#[test]
fn explain_is_a_flag_and_sql_is_kept() {
    assert_eq!(search("explain error").explain, Explain::Plan);
    assert_eq!(search("explain analyze error | head").explain, Explain::Analyze);
    assert_eq!(search("explain").explain, Explain::No);
    assert_eq!(parse(" SELECT 1 "), Ok(Query::Sql("SELECT 1".to_owned())));
}

#[test]
fn spans_are_bytes_of_the_text() {
    let Filter::And(all) = search("ä host:(x OR y) \"p q\"").filter else {
        panic!("no and")
    };
    let Filter::Or(any) = &all[1] else { panic!("no or") };
    let spans: Vec<_> = [&all[0], &any[1], &all[2]]
        .iter()
        .map(|f| match f {
            Filter::Leaf(leaf) => (leaf.span.start, leaf.span.end),
            _ => panic!("no leaf"),
        })
        .collect();
    assert_eq!(spans, [(0, 2), (3, 15), (17, 22)]);
    let leaf = leaf("status:>=500");
    let Test::Compare(CompareOp::Ge, literal) = leaf.test else {
        panic!("no comparison")
    };
    assert_eq!((literal.span.start, literal.span.end), (9, 12));
    let pipe = &search("a | head 5 | sort -n").pipes[0];
    assert_eq!((pipe.span.start, pipe.span.end), (4, 10));
}

#[test]
fn what_is_missing_is_pointed_at() {
    fails("\"abc", "", Some("\""));
    fails("(a b", "", Some(")"));
    fails("(a | head", "", Some(")"));
    fails("error AND (", "(", Some("\"(\""));
    fails("error AND ( | head", "(", Some("\"(\""));
    fails("(", "(", Some("\"(\""));
    fails("a)", ")", Some(""));
    fails(")", ")", Some(""));
    fails("main()", "()", Some("\"()\""));
    fails("a AND", "AND", Some(""));
    fails("a && )", "&&", Some(""));
    fails("a OR | head", "OR", Some(""));
    fails("OR a", "OR", Some("\"OR\""));
    fails("a AND OR b", "AND", Some(""));
    fails("NOT", "NOT", Some(""));
    fails("status:", "status:", Some("status:*"));
    fails("status: 200", "status: ", Some("status:"));
    fails("(status:)", "status:", Some("status:*"));
    fails("a:>", ">", None);
    fails("a:> 5", "> ", Some(">"));
    fails("a:[1 TO 2", "", Some("]"));
    fails("a:[1 to 2]", "to", Some("TO"));
    fails("a:[1]", "", None);
    fails("a:[", "", None);
    fails("\"\"", "\"\"", Some("*"));
}

#[test]
fn query_of_death_is_refused_quickly() {
    for text in [
        "(".repeat(10_000),
        "NOT ".repeat(10_000),
        "-a ".repeat(10_000),
        "a:(".repeat(5_000),
        "x".repeat(QUERY_BYTES_MAX + 1),
        "| head ".repeat(1_000),
        "!".repeat(200) + "a",
    ] {
        let shown: String = text.chars().take(20).collect();
        assert!(parse(&text).is_err() || shown.starts_with("!!"), "{shown}");
    }
    assert!(parse(&format!("{}a{}", "(".repeat(DEPTH_MAX), ")".repeat(DEPTH_MAX))).is_ok());
}

proptest! {
    #[test]
    fn fuzz_no_text_panics_and_every_error_lies_within(text in ".{0,60}") {
        if let Err(error) = parse(&text) {
            prop_assert!(text.get(error.span.start..error.span.end).is_some());
        }
    }

    #[test]
    fn fuzz_no_text_of_syntax_panics(text in parts()) {
        match parse(&text) {
            Err(error) => prop_assert!(text.get(error.span.start..error.span.end).is_some()),
            Ok(query) => {
                let written = query.to_string();
                let again = parse(&written);
                prop_assert!(again.is_ok(), "{} became {}: {:?}", text, written, again);
                prop_assert_eq!(again.map(|q| q.to_string()), Ok(written));
            }
        }
    }
}

#[test]
fn a_query_may_stand_on_several_lines() {
    let one = "error host:web-* | where n:>5 | extend s = ms / 1000 | stats count(), p99(s) by host | sort -s | head 3";
    for layout in [
        one.replace(" | ", "\n| "),
        one.replace(" | ", "\r\n  | "),
        one.replace(" | ", " |\n\t"),
        format!("\n{}\n", one.replace(", ", ",\n    ")),
    ] {
        assert_eq!(
            parse(&layout).expect(&layout).to_string(),
            parse(one).expect(one).to_string()
        );
    }
}

/// Texts made of what means something.
pub(in crate::query) fn parts() -> impl Strategy<Value = String> {
    prop::collection::vec(part(), 0..12).prop_map(|parts| parts.concat())
}

fn part() -> impl Strategy<Value = String> {
    let parts = [
        " ",
        " ",
        "a",
        "b:",
        "c.d",
        "\"",
        "(",
        ")",
        "|",
        "||",
        "&&",
        "&",
        "AND",
        "OR",
        "NOT",
        "-",
        "+",
        "!",
        "*",
        "/",
        "\\",
        "[",
        "]",
        "{",
        "}",
        " TO ",
        ">",
        "=",
        "<",
        "5",
        "5m",
        ",",
        "| stats ",
        "count()",
        " by ",
        "bin(",
        " as ",
        "| head ",
        "| where ",
        "| sort ",
        "| top ",
        "| fields ",
        "| timechart ",
        "span=",
        "tz=",
        "limit=",
        "| extend ",
        "x = ",
        "if(",
        " if ",
        "'",
        "`",
        "%",
        "| parse ",
        "grok ",
        "| json ",
        " from ",
        "| dedup ",
        "keep=first ",
        "| tail ",
        "| rare ",
        "| rename ",
        "| patterns ",
        "compare=-",
        "| variables ",
        "| lookup ",
        " on ",
        "histogram(",
        "rate()",
        "ü",
        "::",
        "//",
        "explain ",
        "select ",
        "SELECT ",
        "analyze ",
        "\n",
    ];
    prop::sample::select(parts.to_vec()).prop_map(str::to_owned)
}
