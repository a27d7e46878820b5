//! Whatever is passed over for a word that a line lacks, rules get the lines that fit them.

use std::time::Duration;

use proptest::prelude::*;
use timberline_proto::alert::Rule;
use timberline_proto::batch::AttributeValue;

use super::*;
use crate::read::fixture::{TOPIC, TestRow, block};

const QUERIES: &[&str] = &[
    "error",
    "timeout host:web-1",
    "service:checkout status:>=500",
    "user:alice",
    "user:\"müller\"",
    "msg:\"a b\"",
    "level:error",
    "severity:error checkout",
    "body:refused",
    "topic:logs",
    "id:*",
    "conn*",
    "NOT error",
    "error OR refused",
    "host:web-* -debug",
    "code:7",
    "trace:true",
    "/re[fg]used/",
    "path:/api/v1",
    "",
];

fn plan(query: &str) -> Plan {
    let rule = format!(r#"{{"name": "a", "window": "10s", "condition": {{"kind": "match", "query": {query:?}}}}}"#);
    let rule: Rule = serde_json::from_str(&rule).unwrap();
    Plan::new("r", 1, rule, &AlertOptions::default()).unwrap()
}

fn any_row() -> impl Strategy<Value = TestRow> {
    let words = prop::sample::select(vec![
        "error",
        "Timeout",
        "refused",
        "checkout",
        "alice",
        "müller",
        "debug",
        "connection",
        "500",
        "a",
        "b",
        "/api/v1",
        "true",
        "7",
    ]);
    let value = prop_oneof![
        words.clone().prop_map(|word| format!("{word:?}")),
        // Written so that no word of the value stands in the line.
        Just(r#""\u0061lice""#.to_owned()),
        Just(r#""m\u00fcller""#.to_owned()),
        Just(r#""a\nb""#.to_owned()),
        (490..510_u32).prop_map(|n| n.to_string()),
    ];
    let key = prop::sample::select(vec![
        "user", "status", "msg", "level", "code", "trace", "path", "service",
    ]);
    let line = prop_oneof![
        prop::collection::vec(words.clone(), 0..5).prop_map(|words| words.join(" ")),
        prop::collection::vec((key.clone(), value.clone()), 0..4).prop_map(|pairs| {
            let pairs: Vec<String> = pairs.iter().map(|(key, value)| format!("\"{key}\":{value}")).collect();
            format!("{{{}}}", pairs.join(","))
        }),
        prop::collection::vec((key.clone(), words.clone()), 2..4).prop_map(|pairs| {
            let pairs: Vec<String> = pairs.iter().map(|(key, value)| format!("{key}={value}")).collect();
            pairs.join(" ")
        }),
    ];
    let attribute = prop_oneof![
        words.prop_map(|word| AttributeValue::Text(word.to_owned())),
        Just(AttributeValue::Bool(true)),
        Just(AttributeValue::Integer(7)),
    ];
    let attributes = prop::collection::vec((key.prop_map(str::to_owned), attribute), 0..2);
    (line, 0..3_u8, attributes).prop_map(|(line, host, attributes)| TestRow {
        host,
        attributes,
        ..TestRow::new(1_000, &line)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn each_rule_gets_the_lines_that_fit_it_and_no_others(rows in prop::collection::vec(any_row(), 1..20)) {
        let plans: Vec<Plan> = QUERIES.iter().map(|query| plan(query)).collect();
        let mut router = Router::new(plans.iter().enumerate().map(|(at, plan)| (at, plan, None))).unwrap();
        let rows: Vec<&TestRow> = rows.iter().collect();
        let block = block(&rows, 0);
        for row in block.rows() {
            let view = RowView::new(row, TOPIC);
            let mut given = Vec::new();
            router.route(&view, &mut |rule, _, _| given.push(rule));
            given.sort_unstable();
            let fits = |plan: &Plan| Tester::new(&plan.searches[0]).unwrap().matches(&view);
            let expected: Vec<usize> = (0..plans.len()).filter(|rule| fits(&plans[*rule])).collect();
            prop_assert_eq!(given, expected, "{}", view.body());
        }
    }
}

#[test]
fn a_search_is_asked_only_of_lines_with_its_rarest_word() {
    let word = |query: &str| {
        need(&plan(query).searches[0]).map(|need| (String::from_utf8(need.token).unwrap(), need.of_value))
    };
    assert_eq!(word("error checkout"), Some(("checkout".into(), false)));
    assert_eq!(word("service:checkout status:>=500"), Some(("checkout".into(), true)));
    assert_eq!(word("body:refused"), Some(("refused".into(), false)));
    for nothing in [
        "status:>=500",
        "level:error",
        "topic:logs",
        "error OR refused",
        "NOT error",
        "conn*",
        "",
    ] {
        assert_eq!(word(nothing), None, "{nothing}");
    }
}

#[test]
fn what_testing_costs_is_told_by_rule_and_what_rules_share_is_divided() {
    let plans = [plan("/x.*y.*z/"), plan("/x.*y.*z/"), plan("never")];
    let mut router =
        Router::new([(5, &plans[0], None), (7, &plans[1], None), (9, &plans[2], None)].into_iter()).unwrap();
    let line = "xyz ".repeat(100);
    let rows: Vec<TestRow> = (0..TIMED_EVERY * 4).map(|_| TestRow::new(1, &line)).collect();
    let block = block(&rows.iter().collect::<Vec<_>>(), 0);
    for row in block.rows() {
        router.route(&RowView::new(row, TOPIC), &mut |_, _, _| {});
    }
    let mut spent = BTreeMap::new();
    router.spent(&mut |rule, part| {
        spent.insert(rule, part);
    });
    assert!(spent[&5] > Duration::ZERO && spent[&5] == spent[&7]);
    assert!(!spent.contains_key(&9), "no line has its word");
    router.spent(&mut |rule, _| panic!("{rule} was told before"));
}
