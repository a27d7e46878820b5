use proptest::prelude::*;

use crate::query::ast::{
    Aggregate, AggregateFunction, Assignment, BinWidth, Bound, CompareOp, Explain, Field, Filter, GroupKey, Keep, Leaf,
    Literal, LookupKey, Parse, Patterns, Pipe, PipeKind, Query, Renaming, Search, SortKey, Span, Stats, Test,
    Timechart, Zone,
};
use crate::query::expr::{BinaryOp, Expr, ExprKind, SCALARS};
use crate::query::pipes::COUNT_MAX;
use crate::query::{parse, quote_value};

const NOWHERE: Span = Span { start: 0, end: 0 };

/// Texts of characters that mean something, and of others.
fn text() -> impl Strategy<Value = String> {
    let special = prop::sample::select(vec![
        "a", "b", "AND", "OR", "NOT", "TO", "select", "SELECT", "from", "explain", "analyze", "-", "+", "!", "*", "/",
        "\\", "\"", "(", ")", "|", "&", ":", "::", "//", " ", "\t", ">", "<", "=", "[", "]", "{", "}", "é", "5", ".",
        "_", "in", "IN", "not", ",",
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

fn expr() -> impl Strategy<Value = Expr> {
    use BinaryOp::{Add, And, Divide, Eq, Ge, Gt, Le, Lt, Modulo, Multiply, Ne, Or, Subtract};
    let of = |kind| Expr { kind, span: NOWHERE };
    let leaf = prop_oneof![
        Just(ExprKind::Null),
        any::<bool>().prop_map(ExprKind::Boolean),
        prop_oneof![(0.0..1e9), Just(0.0), Just(1e300), Just(5e-7)].prop_map(ExprKind::Number),
        (1..i64::MAX).prop_map(ExprKind::Duration),
        text().prop_map(ExprKind::Text),
        field().prop_map(ExprKind::Field),
        prop::sample::select(vec!["if", "IN", "true", "a`b"]).prop_map(|name| ExprKind::Field(Field {
            name: name.to_owned(),
            span: NOWHERE
        })),
    ];
    let op = prop::sample::select(vec![
        Or, And, Eq, Ne, Lt, Le, Gt, Ge, Add, Subtract, Multiply, Divide, Modulo,
    ]);
    leaf.prop_map(of).prop_recursive(4, 16, 3, move |inner| {
        let call = (prop::sample::select(SCALARS), prop::collection::vec(inner.clone(), 64));
        prop_oneof![
            inner.clone().prop_map(move |e| of(ExprKind::Negate(Box::new(e)))),
            inner.clone().prop_map(move |e| of(ExprKind::Not(Box::new(e)))),
            (op.clone(), inner.clone(), inner.clone()).prop_map(move |(op, a, b)| of(ExprKind::Binary(
                op,
                Box::new(a),
                Box::new(b)
            ))),
            call.prop_map(move |(info, mut arguments)| {
                arguments.truncate(info.arguments_min.max(2).min(info.arguments_max));
                of(ExprKind::Call(info.name, arguments))
            }),
        ]
    })
}

fn aggregate() -> impl Strategy<Value = Aggregate> {
    use AggregateFunction::{
        ApproxDistinct, ApproxPercentile, Avg, Count, CountDistinct, First, Histogram, Last, Max, Min, Percentile,
        Rate, Stddev, Sum, Variance,
    };
    let function = prop::sample::select(vec![
        Count,
        CountDistinct,
        ApproxDistinct,
        Sum,
        Avg,
        Min,
        Max,
        First,
        Last,
        Stddev,
        Variance,
        Percentile(50.0),
        Percentile(99.9),
        ApproxPercentile(50.0),
        Rate(1_000_000_000),
        Rate(3_600_000_000_000),
        Histogram(None),
        Histogram(Some(0.5)),
    ]);
    (function, field(), prop::option::of(expr()), text()).prop_map(|(function, field, condition, name)| Aggregate {
        function,
        field: Some(field),
        condition,
        name,
        span: NOWHERE,
    })
}

fn zone() -> impl Strategy<Value = Option<Zone>> {
    let name = prop_oneof![Just("Europe/Berlin".to_owned()), text()];
    prop::option::of(name.prop_map(|name| Zone { name, span: NOWHERE }))
}

fn time_width() -> impl Strategy<Value = BinWidth> {
    prop_oneof![
        (1..i64::MAX).prop_map(BinWidth::Nanos),
        (1..u32::MAX).prop_map(BinWidth::Months)
    ]
}

fn group_key() -> impl Strategy<Value = GroupKey> {
    let width = prop_oneof![
        (time_width(), zone()),
        (0.25..1e6).prop_map(|width| (BinWidth::Number(width), None))
    ];
    prop_oneof![
        field().prop_map(GroupKey::Field),
        (text(), width, text()).prop_map(|(column, (width, zone), name)| GroupKey::Bin {
            field: Field {
                name: format!("{column}?"),
                span: NOWHERE
            },
            width,
            zone,
            name,
            span: NOWHERE,
        }),
    ]
}

fn pipe() -> impl Strategy<Value = PipeKind> {
    prop_oneof![pipe_of_rows(), pipe_of_columns()]
}

/// Those that choose, count or order rows.
fn pipe_of_rows() -> impl Strategy<Value = PipeKind> {
    let fields = || prop::collection::vec(field(), 1..3);
    let aggregates = || prop::collection::vec(aggregate(), 1..3);
    let key = (field(), any::<bool>()).prop_map(|(field, descending)| SortKey { field, descending });
    let chart = (
        prop::option::of(time_width()),
        zone(),
        prop::option::of(1..u64::MAX),
        aggregates(),
        prop::collection::vec(field(), 0..2),
    );
    prop_oneof![
        filter().prop_map(PipeKind::Where),
        (aggregates(), prop::collection::vec(group_key(), 0..3))
            .prop_map(|(aggregates, by)| PipeKind::Stats(Stats { aggregates, by })),
        chart.prop_map(|(width, zone, limit, aggregates, by)| PipeKind::Timechart(Timechart {
            width,
            zone,
            limit,
            aggregates,
            by
        })),
        (1..=COUNT_MAX, fields()).prop_map(|(limit, fields)| PipeKind::Top { limit, fields }),
        (1..=COUNT_MAX, fields()).prop_map(|(limit, fields)| PipeKind::Rare { limit, fields }),
        (prop::collection::vec(key, 1..3), prop::option::of(1..=COUNT_MAX))
            .prop_map(|(keys, limit)| PipeKind::Sort { keys, limit }),
        (1..=COUNT_MAX).prop_map(PipeKind::Head),
        (1..=COUNT_MAX).prop_map(PipeKind::Tail),
        (
            1..=COUNT_MAX,
            prop::sample::select(vec![None, Some(Keep::First), Some(Keep::Last)]),
            fields()
        )
            .prop_map(|(rows, keep, fields)| PipeKind::Dedup { rows, keep, fields }),
        (
            prop::option::of(1..=COUNT_MAX),
            any::<bool>(),
            prop::option::of(1..=500_u64),
            prop::option::of(1..i64::MAX)
        )
            .prop_map(
                |(limit, by_template, points, compare_nanos)| PipeKind::Patterns(Patterns {
                    limit,
                    by_template,
                    points,
                    compare_nanos
                })
            ),
        (prop::collection::vec(any::<u64>(), 1..4), 1..=COUNT_MAX).prop_map(|(ids, limit)| PipeKind::Variables {
            templates: ids
                .into_iter()
                .map(|id| Literal {
                    text: format!("{id:016x}"),
                    span: NOWHERE
                })
                .collect(),
            limit
        }),
    ]
}

/// Those that make or choose columns.
fn pipe_of_columns() -> impl Strategy<Value = PipeKind> {
    let fields = || prop::collection::vec(field(), 1..3);
    let renaming = || (field(), field()).prop_map(|(from, to)| Renaming { from, to });
    let assignment = (field(), expr()).prop_map(|(name, value)| Assignment { name, value });
    let key = (field(), field()).prop_map(|(field, column)| LookupKey { field, column });
    prop_oneof![
        (fields(), any::<bool>()).prop_map(|(fields, keep)| PipeKind::Fields { fields, keep }),
        prop::collection::vec(renaming(), 1..3).prop_map(PipeKind::Rename),
        prop::collection::vec(assignment, 1..3).prop_map(PipeKind::Extend),
        (prop::option::of(field()), text(), any::<bool>()).prop_map(|(from, pattern, grok)| PipeKind::Parse(Parse {
            from,
            pattern,
            grok,
            span: NOWHERE
        })),
        (prop::collection::vec(renaming(), 0..3), prop::option::of(field()))
            .prop_map(|(paths, from)| PipeKind::Json { paths, from }),
        (field(), prop::collection::vec(key, 1..3)).prop_map(|(table, on)| PipeKind::Lookup { table, on }),
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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn a_value_behind_its_field_is_read_back_as_itself(value in prop_oneof![text(), any::<String>()]) {
        let read = |written: &str| match parse(written) {
            Ok(Query::Search(Search { filter: Filter::Leaf(leaf), pipes, .. })) if pipes.is_empty() => Some(leaf),
            _ => None,
        };
        let quoted = quote_value(&value);
        for written in [format!("host:{quoted}"), format!("host:{quoted} | head 1")] {
            let Ok(Query::Search(Search { filter: Filter::Leaf(leaf), .. })) = parse(&written) else {
                panic!("{written}");
            };
            let name = leaf.field.map(|field| field.name);
            prop_assert_eq!(name.as_deref(), Some("host"));
            let Test::Text { text, .. } = leaf.test else { panic!("{written}: {:?}", leaf.test) };
            prop_assert_eq!(text, value.clone(), "{}", written);
        }
        let leaf = read(&format!("host:>={quoted}")).expect("a comparison");
        prop_assert!(matches!(leaf.test, Test::Compare(CompareOp::Ge, literal) if literal.text == value));
        let leaf = read(&format!("host:[{quoted} TO {quoted}}}")).expect("a range");
        let Test::Range { low: Bound::Included(low), high: Bound::Excluded(high) } = leaf.test else {
            panic!("{:?}", leaf.test);
        };
        prop_assert_eq!((&low.text, &high.text), (&value, &value));
    }
}

#[test]
fn paths_and_times_need_no_quotes_and_a_colon_first_does() {
    for plain in [
        "/var/log/app.log",
        "2026-11-20T10:00:00Z",
        "web-1",
        "a,b",
        "10.0.0.1:22",
    ] {
        assert_eq!(quote_value(plain), plain);
    }
    for value in [":", "::1", "//host", "/x/", "TO", ""] {
        assert_eq!(quote_value(value), format!("\"{value}\""));
    }
}

#[test]
fn a_median_keeps_its_name() {
    assert_eq!(
        parse("* | stats median(a)").expect("it parses").to_string(),
        "* | stats median(a)"
    );
}
