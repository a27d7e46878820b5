use proptest::prelude::*;

use crate::query::ast::{
    Aggregate, AggregateFunction, BinWidth, Bound, CompareOp, Explain, Field, Filter, GroupKey, Leaf, Literal, Pipe,
    PipeKind, Query, Search, SortKey, Span, Stats, Test, Timechart,
};
use crate::query::parse;

const NOWHERE: Span = Span { start: 0, end: 0 };

/// Texts of characters that mean something, and of others.
fn text() -> impl Strategy<Value = String> {
    let special = prop::sample::select(vec![
        "a", "b", "AND", "OR", "NOT", "TO", "select", "SELECT", "from", "explain", "analyze", "-", "+", "!", "*", "/",
        "\\", "\"", "(", ")", "|", "&", ":", "::", "//", " ", "\t", ">", "<", "=", "[", "]", "{", "}", "é", "5", ".",
        "_",
    ]);
    prop::collection::vec(special, 1..5).prop_map(|parts| parts.concat())
}

fn field() -> impl Strategy<Value = Field> {
    prop_oneof!["[a-z@_][a-z0-9._-]{0,4}", text(), Just("by".to_owned())].prop_map(|name| Field { name, span: NOWHERE })
}

fn literal() -> impl Strategy<Value = Literal> {
    prop_oneof![text(), Just(String::new()), Just("500".to_owned())].prop_map(|text| Literal { text, span: NOWHERE })
}

fn bound() -> impl Strategy<Value = Bound> {
    prop_oneof![
        Just(Bound::Open),
        literal().prop_map(Bound::Included),
        literal().prop_map(Bound::Excluded)
    ]
}

fn word_or_phrase() -> impl Strategy<Value = Test> {
    (text(), any::<bool>()).prop_map(|(text, quoted)| Test::Text { text, quoted })
}

fn wildcard() -> impl Strategy<Value = Test> {
    let end = || prop_oneof![Just(String::new()), text()];
    let middle = prop::collection::vec(text(), 0..2);
    (end(), middle, end()).prop_filter_map("something besides stars", |(first, middle, last)| {
        let pieces: Vec<String> = [vec![first], middle, vec![last]].concat();
        pieces
            .iter()
            .any(|piece| !piece.is_empty())
            .then_some(Test::Wildcard(pieces))
    })
}

/// A pattern as the parser makes it: no `\/`, no lone backslash at its end, no white space first.
fn regex() -> impl Strategy<Value = Test> {
    text().prop_filter_map("a pattern", |pattern| {
        let pattern = pattern.replace('\\', "\\d");
        (!pattern.starts_with(char::is_whitespace)).then_some(Test::Regex(pattern))
    })
}

fn op() -> impl Strategy<Value = CompareOp> {
    use CompareOp::{Eq, Ge, Gt, Le, Lt};
    prop::sample::select(vec![Eq, Ge, Gt, Le, Lt])
}

fn leaf() -> impl Strategy<Value = Filter> {
    let with_field = prop_oneof![
        word_or_phrase(),
        wildcard(),
        regex(),
        Just(Test::Exists),
        (op(), literal()).prop_map(|(op, literal)| Test::Compare(op, literal)),
        (bound(), bound()).prop_map(|(low, high)| Test::Range { low, high }),
    ];
    let without = prop_oneof![word_or_phrase(), wildcard(), regex()];
    let of = |field: Option<Field>, test| {
        Filter::Leaf(Leaf {
            field,
            test,
            span: NOWHERE,
        })
    };
    prop_oneof![
        (field(), with_field).prop_map(move |(field, test)| of(Some(field), test)),
        without.prop_map(move |test| of(None, test)),
    ]
}

fn filter() -> impl Strategy<Value = Filter> {
    let leaf = prop_oneof![1 => Just(Filter::All), 20 => leaf()];
    leaf.prop_recursive(4, 16, 4, |inner| {
        let some = || prop::collection::vec(inner.clone(), 1..4);
        prop_oneof![
            some().prop_map(Filter::and),
            some().prop_map(Filter::or),
            inner.clone().prop_map(|f| Filter::Not(Box::new(f))),
        ]
    })
}

fn aggregate() -> impl Strategy<Value = Aggregate> {
    use AggregateFunction::{Avg, Count, CountDistinct, First, Last, Max, Min, Percentile, Sum};
    let function = prop::sample::select(vec![
        Count,
        CountDistinct,
        Sum,
        Avg,
        Min,
        Max,
        First,
        Last,
        Percentile(50.0),
        Percentile(99.9),
    ]);
    (function, field(), text()).prop_map(|(function, field, name)| Aggregate {
        function,
        field: Some(field),
        name,
        span: NOWHERE,
    })
}

fn group_key() -> impl Strategy<Value = GroupKey> {
    let width = prop_oneof![
        (1..i64::MAX).prop_map(BinWidth::Nanos),
        (0.25..1e6).prop_map(BinWidth::Number)
    ];
    prop_oneof![
        field().prop_map(GroupKey::Field),
        (text(), width, text()).prop_map(|(column, width, name)| GroupKey::Bin {
            field: Field {
                name: format!("{column}?"),
                span: NOWHERE
            },
            width,
            name,
            span: NOWHERE,
        }),
    ]
}

fn pipe() -> impl Strategy<Value = PipeKind> {
    let fields = || prop::collection::vec(field(), 1..3);
    let aggregates = || prop::collection::vec(aggregate(), 1..3);
    let key = (field(), any::<bool>()).prop_map(|(field, descending)| SortKey { field, descending });
    prop_oneof![
        filter().prop_map(PipeKind::Where),
        (aggregates(), prop::collection::vec(group_key(), 0..3))
            .prop_map(|(aggregates, by)| PipeKind::Stats(Stats { aggregates, by })),
        (
            prop::option::of(1..i64::MAX),
            aggregates(),
            prop::collection::vec(field(), 0..2)
        )
            .prop_map(|(span_nanos, aggregates, by)| PipeKind::Timechart(Timechart {
                span_nanos,
                aggregates,
                by
            })),
        (1..u64::MAX, fields()).prop_map(|(limit, fields)| PipeKind::Top { limit, fields }),
        prop::collection::vec(key, 1..3).prop_map(PipeKind::Sort),
        (1..u64::MAX).prop_map(PipeKind::Head),
        (fields(), any::<bool>()).prop_map(|(fields, keep)| PipeKind::Fields { fields, keep }),
    ]
}

fn search() -> impl Strategy<Value = Search> {
    let explain = prop::sample::select(vec![Explain::No, Explain::Plan, Explain::Analyze]);
    let pipes = prop::collection::vec(pipe().prop_map(|kind| Pipe { kind, span: NOWHERE }), 0..3);
    (explain, filter(), pipes).prop_map(|(explain, filter, pipes)| Search { explain, filter, pipes })
}

/// The tree as `{:?}` shows it, with every span set to nothing.
fn without_spans(query: &Query) -> String {
    let shown = format!("{query:?}");
    let mut out = String::with_capacity(shown.len());
    let mut rest = shown.as_str();
    while let Some(at) = rest.find("Span { start: ") {
        let (before, span) = rest.split_at(at);
        out.push_str(before);
        out.push_str("Span");
        rest = &span[span.find('}').expect("a span's end") + 1..];
    }
    out + rest
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]
    #[test]
    fn a_tree_written_and_read_is_the_same_tree(search in search()) {
        let query = Query::Search(search);
        let written = query.to_string();
        match parse(&written) {
            Ok(read) => prop_assert_eq!(without_spans(&read), without_spans(&query), "{}", written),
            // Two columns of one name cannot be written, only made by hand.
            Err(error) => prop_assert!(error.message.starts_with("two columns"), "{}: {}", written, error),
        }
    }
}

#[test]
fn a_median_keeps_its_name() {
    assert_eq!(
        parse("* | stats median(a)").expect("it parses").to_string(),
        "* | stats median(a)"
    );
}
