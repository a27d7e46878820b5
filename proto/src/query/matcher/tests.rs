use proptest::prelude::*;

use super::*;
use crate::query::ast::{Leaf, Query, Span, Test};
use crate::query::parse;
use crate::token::{fold_char, is_token_char, lower_into, tokens};

/// 2026-11-20T14:31:57Z.
const NOW: i64 = 1_795_185_117_000_000_000;

/// A row of a line, fields, and attributes outside the line.
struct TestRow {
    line: &'static str,
    fields: &'static [(&'static str, &'static str)],
    attributes: &'static [&'static str],
}

impl Row for TestRow {
    fn line(&self) -> &[u8] {
        self.line.as_bytes()
    }
    fn any_value(&self, test: &mut dyn FnMut(&[u8]) -> bool) -> bool {
        self.attributes.iter().any(|value| test(value.as_bytes()))
    }
    fn field(&self, name: &str, test: &mut dyn FnMut(FieldRef<'_>) -> bool) -> bool {
        let values = self.fields.iter().filter(|(field, _)| *field == name);
        values
            .map(|(_, value)| value.as_bytes())
            .any(|text| test(FieldRef::text(text)))
    }
}

const ROW: TestRow = TestRow {
    line: "Failed password for Root from 183.62.140.253 port 50348 ssh2 user-agent=/api/v1",
    fields: &[
        ("status", "200"),
        ("status", "OK"),
        ("big", "9007199254740993"),
        ("ratio", "0.25"),
        ("level", "WARNING"),
        ("odd", "loud error"),
        ("timestamp", "2026-11-20T14:20:00.5Z"),
        ("empty", ""),
        ("version", "v1.2"),
        ("unknown", "none"),
    ],
    attributes: &["web-01.example.org"],
};

fn compile(text: &str) -> CompiledFilter {
    let Query::Search(search) = parse(text).expect(text) else {
        panic!("{text} is SQL")
    };
    CompiledFilter::compile(&search.filter, NOW, &Contains::new).expect(text)
}

/// Stands in for a regex: finds its pattern as bytes.
#[derive(Debug)]
struct Contains(Vec<u8>);

impl Contains {
    #[allow(
        clippy::new_ret_no_self,
        clippy::unnecessary_wraps,
        reason = "it has a factory's signature"
    )]
    fn new(pattern: &str) -> Result<Box<dyn RegexMatch>, String> {
        if pattern == "(" {
            Err("unclosed group".to_owned())
        } else {
            Ok(Box::new(Contains(pattern.into())))
        }
    }
}

impl RegexMatch for Contains {
    fn find_at(&self, value: &[u8], from: usize) -> Option<(usize, usize)> {
        (from..value.len())
            .find(|at| value[*at..].starts_with(&self.0))
            .map(|at| (at, at + self.0.len()))
    }
}

#[test]
fn rows_that_match() {
    for text in [
        "",
        "*",
        "failed",
        "FAILED password",
        "\"failed   PASSWORD\"",
        "183.62.140.253",
        "user-agent",
        "/api/v1",
        "web-01",
        "web-*",
        "*40.2*",
        "pass*d",
        "*word",
        "/Failed/",
        "/ssh2/",
        "nothing OR root",
        "-nothing",
        "NOT nothing:x",
        "status:200",
        "status:ok",
        "status:=Ok",
        "status:>=200",
        "status:>199.5 status:<=200",
        "status:[200 TO 300}",
        "status:{100 TO 200]",
        "status:=200.0",
        "status:=2e2",
        "big:=9007199254740993",
        "big:>9007199254740992",
        "ratio:<1",
        "ratio:>.2",
        "ratio:>-1",
        "level:warn",
        "level:>=warn",
        "level:<error",
        "level:[info TO error]",
        "level:warning",
        "level:WARN*",
        "odd:error",
        "timestamp:2026-11-20",
        "timestamp:>now-15m",
        "timestamp:[2026-11-20T14:20 TO now]",
        "timestamp:2026-11-20T14:20",
        "timestamp:2026-11-20T14:20:00.5Z",
        "empty:\"\"",
        "empty:*",
        "version:>=v1",
        "version:{v1 TO v2}",
        "status:(404 OR ok)",
        "status:/O/",
        "-unknown:>5",
        "status:!=404",
    ] {
        assert!(compile(text).matches(&ROW), "{text}");
    }
}

#[test]
fn rows_that_do_not_match() {
    for text in [
        "fail",
        "-failed",
        "\"password failed\"",
        "183.62.14",
        "83.62.140.253",
        "we",
        "pass*x",
        "ssh*port",
        "/failed/",
        "absent:*",
        "absent:>5",
        "status:201",
        "status:>200",
        "status:{200 TO 300]",
        "status:=20",
        "ratio:>1",
        "big:=9007199254740992",
        "big:<9007199254740993",
        "level:error",
        "level:>warn",
        "timestamp:2026-11-19",
        "timestamp:<now-15m",
        "timestamp:2026-11-20T14:20:00.6Z",
        "empty:x",
        "status:\"\"",
        "version:>=v2",
        "unknown:>=5",
        "unknown:[0 TO 9]",
        "NOT status:200",
        "root AND nothing",
    ] {
        assert!(!compile(text).matches(&ROW), "{text}");
    }
}

#[test]
fn what_does_not_compile_is_pointed_at() {
    let error = |text: &str| {
        let Ok(Query::Search(search)) = parse(text) else {
            panic!("{text} does not parse")
        };
        let error = CompiledFilter::compile(&search.filter, NOW, &Contains::new).expect_err(text);
        text[error.span.start..error.span.end].to_owned()
    };
    assert_eq!(error("a timestamp:>soon"), "soon");
    assert_eq!(error("a b:/(/"), "b:/(/");
}

#[test]
fn hits_are_marked_where_they_stand() {
    let filter = compile("failed pass* -root \"for root\" OR /port/ status:200 *6*");
    let line = ROW.line.as_bytes();
    let marked: Vec<_> = filter
        .line_spans(line)
        .iter()
        .map(|(start, end)| &ROW.line[*start..*end])
        .collect();
    assert_eq!(marked, ["Failed", "pass", "for Root", "6", "port"]);
    assert_eq!(filter.field_spans("status", b"a 200"), [(2, 5)]);
    let spaces = CompiledText::text(" a ", true).find_spans(b"a a  a b");
    assert_eq!(spaces, [(1, 5)]);
}

#[test]
fn edges_of_tokens_are_those_of_the_bytes() {
    let is = |test: &str, value: &[u8]| CompiledText::text(test, false).matches(value);
    assert!(is("b", b"\xffb\xc3"));
    assert!(!is("b", "äb".as_bytes()));
    assert!(!is("b", "bä".as_bytes()));
    assert!(is("ÄB", "x äb".as_bytes()));
    assert!(is("οδος", "ΟΔΟΣ".as_bytes()));
    assert!(!is("k", "\u{212a}".as_bytes()));
    assert!(is("é", b"\xe2\xc3\xa9"));
}

#[test]
fn needs_name_tokens_by_how_much_is_known() {
    use TokenNeed::{Exact, Infix, Prefix, Suffix};
    let needs = |text: &str| {
        let Ok(Query::Search(search)) = parse(text) else {
            panic!("{text} does not parse")
        };
        let crate::query::ast::Filter::Leaf(leaf) = search.filter else {
            panic!("{text} is no leaf")
        };
        required_tokens(&leaf)
    };
    let s = str::to_owned;
    assert_eq!(needs("/api/V1"), [Exact(s("api")), Exact(s("v1"))]);
    assert_eq!(
        needs("\"Connection reset\""),
        [Exact(s("connection")), Exact(s("reset"))]
    );
    assert_eq!(needs("web-*"), [Exact(s("web"))]);
    assert_eq!(needs("web*"), [Prefix(s("web"))]);
    assert_eq!(needs("*web"), [Suffix(s("web"))]);
    assert_eq!(needs("*frag*"), [Infix(s("frag"))]);
    assert_eq!(
        needs("a*b-c*d"),
        [Prefix(s("a")), Prefix(s("c")), Suffix(s("b")), Suffix(s("d"))]
    );
    assert_eq!(needs("host:=Web-1"), [Exact(s("1")), Exact(s("web"))]);
    assert_eq!(needs("status:=200"), []);
    assert_eq!(needs("level:warn"), []);
    assert_eq!(needs("/re/"), []);
    assert_eq!(needs("--"), []);
}

/// The slow way: over decoded characters, `None` for a byte that is none, trying every place.
mod reference {
    use super::*;

    pub(super) fn chars(value: &[u8]) -> Vec<Option<char>> {
        let mut chars = Vec::new();
        for chunk in value.utf8_chunks() {
            chars.extend(chunk.valid().chars().map(|c| Some(fold_char(c))));
            chars.extend(chunk.invalid().iter().map(|_| None));
        }
        chars
    }

    fn is_token(c: Option<&Option<char>>) -> bool {
        matches!(c, Some(Some(c)) if is_token_char(*c))
    }

    fn is_space(c: Option<char>) -> bool {
        c.is_some_and(char::is_whitespace)
    }

    #[derive(Clone, Copy, Debug)]
    pub(super) enum Item {
        Char(char),
        Spaces,
        Star,
    }

    /// Every end of `items` from `at` on.
    fn ends(items: &[Item], value: &[Option<char>], at: usize, out: &mut Vec<usize>) {
        let Some((first, rest)) = items.split_first() else {
            out.push(at);
            return;
        };
        let run = |in_run: &dyn Fn(Option<char>) -> bool| value[at..].iter().take_while(|c| in_run(**c)).count();
        match first {
            Item::Char(c) if value.get(at) == Some(&Some(*c)) => ends(rest, value, at + 1, out),
            Item::Char(_) => {}
            Item::Spaces => (1..=run(&is_space)).for_each(|n| ends(rest, value, at + n, out)),
            Item::Star => (0..=run(&|c| !is_space(c))).for_each(|n| ends(rest, value, at + n, out)),
        }
    }

    pub(super) fn matches(items: &[Item], value: &[u8]) -> bool {
        let value = chars(value);
        let token_item = |item: Option<&Item>| matches!(item, Some(Item::Char(c)) if is_token_char(*c));
        (0..=value.len()).any(|start| {
            if token_item(items.first()) && start > 0 && is_token(value.get(start - 1)) {
                return false;
            }
            let mut found = Vec::new();
            ends(items, &value, start, &mut found);
            found
                .into_iter()
                .any(|end| !(token_item(items.last()) && is_token(value.get(end))))
        })
    }

    pub(super) fn items(test: &Test) -> Vec<Item> {
        match test {
            Test::Text { text, quoted } => {
                let mut items: Vec<Item> = Vec::new();
                for c in text.chars() {
                    if !(*quoted && c.is_whitespace()) {
                        items.push(Item::Char(fold_char(c)));
                    } else if !matches!(items.last(), Some(Item::Spaces)) {
                        items.push(Item::Spaces);
                    }
                }
                items
            }
            Test::Wildcard(pieces) => {
                let mut items = Vec::new();
                for (at, piece) in pieces.iter().enumerate() {
                    items.extend((at > 0).then_some(Item::Star));
                    items.extend(piece.chars().map(|c| Item::Char(fold_char(c))));
                }
                items
            }
            other => panic!("{other:?} has no items"),
        }
    }
}

/// Few different characters, so that tests do match.
const ALPHABET: [&str; 12] = ["a", "A", "b", "_", "-", "/", " ", "\t", "é", "É", "Σ", "ς"];

fn text(length: std::ops::Range<usize>) -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(ALPHABET.to_vec()), length).prop_map(|parts| parts.concat())
}

fn value() -> impl Strategy<Value = Vec<u8>> {
    let part = prop_oneof![
        8 => prop::sample::select(ALPHABET.to_vec()).prop_map(|part| part.as_bytes().to_vec()),
        1 => prop::sample::select(vec![b"\xff".to_vec(), b"\xc3".to_vec(), b"\xe2\x82".to_vec(), b"\xa9".to_vec()]),
    ];
    // Longer than the places that are compared at once.
    prop::collection::vec(part, 0..80).prop_map(|parts| parts.concat())
}

fn test() -> impl Strategy<Value = Test> {
    let wildcard = (text(0..3), prop::collection::vec(text(1..3), 0..2), text(0..3)).prop_filter_map(
        "something besides stars",
        |(first, middle, last)| {
            let pieces: Vec<String> = [vec![first], middle, vec![last]].concat();
            pieces
                .iter()
                .any(|piece| !piece.is_empty())
                .then_some(Test::Wildcard(pieces))
        },
    );
    prop_oneof![
        (text(1..5), any::<bool>()).prop_map(|(text, quoted)| Test::Text { text, quoted }),
        wildcard,
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn matching_agrees_with_the_slow_way(test in test(), value in value()) {
        let compiled = CompiledText::new(&test).expect("a text test");
        prop_assert_eq!(compiled.matches(&value), reference::matches(&reference::items(&test), &value));
    }

    #[test]
    fn spans_are_in_order_and_each_is_a_match(test in test(), value in value()) {
        let compiled = CompiledText::new(&test).expect("a text test");
        let spans = compiled.find_spans(&value);
        prop_assert_eq!(spans.is_empty(), !compiled.matches(&value));
        let mut last = 0;
        for (start, end) in spans {
            prop_assert!(last <= start && start < end && end <= value.len());
            prop_assert!(compiled.matches(&value[start..end]));
            last = end;
        }
    }

    #[test]
    fn a_value_that_matches_has_the_tokens_needed(test in test(), value in value()) {
        let compiled = CompiledText::new(&test).expect("a text test");
        let leaf = Leaf { field: None, test, span: Span::default() };
        if compiled.matches(&value) {
            let folded: Vec<String> = tokens(&value)
                .map(|token| {
                    let mut out = Vec::new();
                    lower_into(&value[token.start..token.end], &mut out);
                    String::from_utf8(out).expect("a token is text")
                })
                .collect();
            for need in required_tokens(&leaf) {
                let found = folded.iter().any(|token| match &need {
                    TokenNeed::Exact(text) => token == text,
                    TokenNeed::Prefix(text) => token.starts_with(text),
                    TokenNeed::Suffix(text) => token.ends_with(text),
                    TokenNeed::Infix(text) => token.contains(text),
                });
                prop_assert!(found, "{:?} in {:?}", need, folded);
            }
        }
    }

    #[test]
    fn fuzz_no_bytes_panic(test in test(), value in prop::collection::vec(any::<u8>(), 0..100)) {
        let compiled = CompiledText::new(&test).expect("a text test");
        compiled.find_spans(&value);
    }
}

#[test]
fn a_wildcard_takes_time_in_proportion_to_the_value() {
    let value = b"-a".repeat(200_000);
    assert!(!CompiledText::wildcard(&["a".to_owned(), "x".to_owned()]).matches(&value));
    assert!(!CompiledText::wildcard(&["a".to_owned(), "a".to_owned(), "b".to_owned()]).matches(&value));
}
