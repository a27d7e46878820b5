//! What is told of fields is what a loop over the lines counts.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use timberline_proto::api::{FieldSummary, FieldsAnswer, FieldsRequest};
use timberline_proto::line::FieldValue;

use super::held::DISTINCT_MAX;
use crate::read::ReadOptions;
use crate::read::fixture::{Fixture, TOPIC, TestRow, block};
use crate::read::histogram::filter_of;
use crate::read::leaf::tests::{any_query, any_row};
use crate::read::row::{RowView, attribute_text};
use crate::read::test::Tester;
use crate::read::tests::runtime;

/// A field as a loop counts it.
#[derive(Debug, Default, PartialEq)]
struct Naive {
    records: u64,
    types: BTreeMap<String, u64>,
    values: BTreeMap<String, u64>,
    numbers: Vec<f64>,
}

fn naive(rows: &[TestRow], query: &str) -> (u64, BTreeMap<String, Naive>) {
    let tester = Tester::new(&filter_of(query).unwrap()).unwrap();
    let block = block(&rows.iter().collect::<Vec<_>>(), 0);
    let (mut matched, mut fields) = (0, BTreeMap::<String, Naive>::new());
    for row in block.rows() {
        let view = RowView::new(row, TOPIC);
        if !tester.matches(&view) {
            continue;
        }
        matched += 1;
        let mut all = Vec::new();
        let severity = view.row.severity.name();
        if !severity.is_empty() {
            all.push(("severity", "text", severity.to_owned()));
        }
        let stream = &view.row.stream.attributes;
        all.extend(stream.iter().map(|(name, text)| (&**name, "text", text.clone())));
        for (name, value) in view.row.attributes {
            all.push((name, "integer", attribute_text(value).unwrap().into_owned()));
        }
        for (name, value) in view.fields() {
            let kind = match value {
                FieldValue::Null => continue,
                FieldValue::Bool(_) => "boolean",
                FieldValue::Text(_) => "text",
                FieldValue::Number(text) if text.parse::<i64>().is_ok() => "integer",
                FieldValue::Number(_) => "number",
            };
            all.push((name, kind, value.as_text().to_owned()));
        }
        let names: BTreeSet<_> = all.iter().map(|(name, ..)| *name).collect();
        for name in names {
            fields.entry(name.to_owned()).or_default().records += 1;
        }
        for (name, kind, text) in all {
            let field = fields.get_mut(name).unwrap();
            *field.types.entry(kind.to_owned()).or_default() += 1;
            field
                .numbers
                .extend(timberline_proto::query::matcher::number(text.trim().as_bytes()));
            *field.values.entry(text).or_default() += 1;
        }
    }
    (matched, fields)
}

async fn fields(fixture: &Fixture, query: &str) -> FieldsAnswer {
    let request = FieldsRequest {
        query: query.to_owned(),
        values: Some(1000),
        ..FieldsRequest::default()
    };
    fixture.reader.fields(request).await.unwrap()
}

fn assert_is(found: &FieldSummary, naive: &Naive, query: &str) {
    let name = &found.name;
    assert_eq!(found.count, naive.records, "{query}: records of {name}");
    assert_eq!(found.type_counts, naive.types, "{query}: types of {name}");
    let values = found.top.iter().map(|top| (top.value.clone(), top.count));
    assert_eq!(values.collect::<BTreeMap<_, _>>(), naive.values, "{query}: {name}");
    assert!(found.top.is_sorted_by(|a, b| a.count >= b.count));
    assert_eq!(found.distinct, naive.values.len() as u64, "{query}: {name}");
    assert!(!found.distinct_capped);
    let numbers = naive.numbers.iter().copied();
    assert_eq!(found.min, numbers.clone().reduce(f64::min), "{query}: {name}");
    assert_eq!(found.max, numbers.reduce(f64::max), "{query}: {name}");
}

async fn check(fixture: &Fixture, rows: &[TestRow], query: &str) {
    let answer = fields(fixture, query).await;
    let (matched, naive) = naive(rows, query);
    assert_eq!((answer.rows, answer.exact), (matched, true), "{query}");
    let names: BTreeSet<_> = answer.fields.iter().map(|field| field.name.clone()).collect();
    assert_eq!(names, naive.keys().cloned().collect(), "{query}");
    for field in &answer.fields {
        assert_is(field, &naive[&field.name], query);
    }
}

/// Lines of every kind; some have a severity of their own beside the record's, or a stream's attribute.
fn any_rows() -> impl Strategy<Value = Vec<TestRow>> {
    let more = (0..100_i64, 0..4_u8).prop_map(|(n, kind)| {
        let line = match kind {
            0 => format!("{{\"severity\":\"warn\",\"n\":{n}}}"),
            1 => format!("{{\"severity\":null,\"host.name\":\"h{n}\"}}"),
            2 => format!("level=error service.name={n} host.name="),
            _ => format!("error {n} of many"),
        };
        TestRow::new(n * 1_000_000_000, &line)
    });
    prop::collection::vec(prop_oneof![3 => any_row(), 1 => more], 40..300)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    #[test]
    fn fields_are_counted_as_a_loop_over_the_lines_counts_them(
        rows in any_rows(),
        live in 0..20_usize,
        without_attributes in any::<bool>(),
        queries in prop::collection::vec(any_query(), 4..8),
    ) {
        let mut rows = rows;
        if without_attributes {
            rows.iter_mut().for_each(|row| row.attributes.clear());
        }
        runtime().block_on(async {
            // A sample would not do.
            let mut fixture = Fixture::with(ReadOptions {
                fields_sample_rows: 1,
                ..ReadOptions::default()
            });
            fixture.page_rows_max = 64;
            fixture.append(&rows[..rows.len() - live]);
            fixture.flush(false);
            fixture.append(&rows[rows.len() - live..]);
            check(&fixture, &rows, "*").await;
            for query in &queries {
                check(&fixture, &rows, query).await;
            }
        });
    }
}

fn flushed(rows: &[TestRow], page_rows_max: usize, options: ReadOptions) -> Fixture {
    let mut fixture = Fixture::with(options);
    fixture.page_rows_max = page_rows_max;
    fixture.append(rows);
    fixture.flush(false);
    fixture
}

#[tokio::test(flavor = "multi_thread")]
async fn what_all_records_hold_is_told_beyond_the_sample_without_their_lines() {
    let line = |n: i64| format!("{{\"status\":{},\"msg\":\"{}\"}}", 200 + n % 5, "long ".repeat(200));
    let rows: Vec<_> = (0..100).map(|n| TestRow::new(n, &line(n))).collect();
    // Less than two lines.
    let options = ReadOptions {
        fields_sample_rows: 10,
        scan_bytes_max: 1500,
        ..ReadOptions::default()
    };
    let fixture = flushed(&rows, 128, options);
    let answer = fields(&fixture, "status:>202").await;
    assert_eq!((answer.rows, answer.exact), (40, true));
    let status = answer.fields.iter().find(|field| field.name == "status").unwrap();
    assert_eq!(
        (status.count, status.distinct, status.min, status.max),
        (40, 2, Some(203.0), Some(204.0))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn where_all_would_be_too_much_the_newest_are_told_and_it_says_so() {
    let rows: Vec<_> = (0..400).map(|n| TestRow::new(n, &format!("{{\"n\":{n}}}"))).collect();
    let options = ReadOptions {
        fields_sample_rows: 10,
        scan_rows_max: 150,
        ..ReadOptions::default()
    };
    let answer = fields(&flushed(&rows, 64, options), "*").await;
    assert_eq!((answer.rows, answer.exact), (10, false));
    let n = answer.fields.iter().find(|field| field.name == "n").unwrap();
    assert_eq!((n.count, n.min, n.max), (10, Some(390.0), Some(399.0)));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_more_values_than_are_held_the_number_is_an_estimate_that_says_so() {
    let count = DISTINCT_MAX as i64 + 5000;
    let line = |n: i64| format!("{{\"user\":\"u{}\",\"code\":{}}}", n % count, n % 3);
    let rows: Vec<_> = (0..count + 2000).map(|n| TestRow::new(n, &line(n))).collect();
    let answer = fields(&flushed(&rows, 4096, ReadOptions::default()), "*").await;
    assert!(answer.exact);
    let of = |name| answer.fields.iter().find(|field| field.name == name).unwrap();
    let user = of("user");
    assert!(user.distinct_capped);
    assert!(user.distinct.abs_diff(count as u64) < 1000, "{}", user.distinct);
    assert_eq!((user.count, user.top[0].count), (rows.len() as u64, 2));
    assert_eq!((of("code").distinct, of("code").distinct_capped), (3, false));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_more_fields_than_are_counted_the_answer_says_so() {
    // The newest are met first; one that all have comes last.
    let row = |n: i64| {
        let common = if n < 200 { ",\"zz_common\":1" } else { "" };
        TestRow::new(n, &format!("{{\"field{n}\":{n}{common}}}"))
    };
    let rows: Vec<_> = (0..1500).map(row).collect();
    let answer = fields(&flushed(&rows, 4096, ReadOptions::default()), "*").await;
    assert!(answer.fields_capped && answer.exact);
    assert_eq!(answer.fields.len(), 1000);
    let common = answer.fields.iter().find(|field| field.name == "zz_common");
    assert_eq!(common.map(|field| field.count), Some(200));
    let answer = fields(&flushed(&rows[..10], 4096, ReadOptions::default()), "*").await;
    assert!(!answer.fields_capped);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_makes_the_answer_less_than_exact() {
    let rows: Vec<_> = (0..20).map(|n| TestRow::new(n, &format!("{{\"n\":{n}}}"))).collect();
    let mut fixture = flushed(&rows[..10], 64, ReadOptions::default());
    let damaged = fixture.catalog.snapshot().splits[0].meta.id.clone();
    fixture.append(&rows[10..]);
    fixture.flush(false);
    std::fs::write(fixture.dir.path().join(format!("{damaged}.split")), b"damaged").unwrap();
    fixture.forget_open_splits();
    for _ in 0..2 {
        let answer = fields(&fixture, "*").await;
        assert_eq!((answer.rows, answer.exact), (10, false));
        assert!(answer.partial[0].contains(&damaged), "{:?}", answer.partial);
    }
}
