//! Values of `stats` and of expressions, against ones that were computed elsewhere (by Python's `statistics`).

use serde_json::{Value, json};

use super::fixture::{Fixture, TestRow};
use super::tests::{ask, request};
use super::{ReadError, ReadOptions};

/// 100 records, a second each: nine of ten have a number, the others a text.
fn numbers() -> Fixture {
    let line = |i: i64| match i % 10 {
        9 => "{\"dur\":\"n/a\",\"status\":\"unknown\"}".to_owned(),
        _ => {
            let half = if i % 2 == 1 { ".5" } else { "" };
            format!(
                "{{\"dur\":{}{half},\"status\":{}}}",
                (i * 37) % 101,
                200 + (i % 3) * 150
            )
        }
    };
    let rows: Vec<_> = (0..100).map(|i| TestRow::new(i * 1_000_000_000, &line(i))).collect();
    let mut fixture = Fixture::with(ReadOptions::default());
    fixture.page_rows_max = 64;
    fixture.append(&rows);
    fixture.flush(false);
    fixture
}

#[track_caller]
fn close(found: &Value, expected: f64, off: f64, what: &str) {
    let found = found.as_f64().unwrap_or_else(|| panic!("{what}: {found}"));
    assert!((found - expected).abs() <= off, "{what}: {found}, not {expected}");
}

#[tokio::test(flavor = "multi_thread")]
async fn statistics_have_the_values_that_python_computes() {
    let fixture = numbers();
    let exact = [
        ("count(dur)", 100.0),
        ("sum(dur)", 4418.0),
        ("avg(dur)", 49.088_888_888_888_89),
        ("variance(dur)", 862.598_751_560_549_3),
        ("stddev(dur)", 29.370_031_521_272_654),
        ("stdev(dur)", 29.370_031_521_272_654),
        ("p0(dur)", 0.0),
        ("p10(dur)", 9.4),
        ("median(dur)", 49.0),
        ("p90(dur)", 88.6),
        ("p99(dur)", 99.11),
        ("p99.9(dur)", 99.911),
        ("p100(dur)", 100.0),
        ("min(dur)", 0.0),
        ("max(dur)", 100.0),
        ("distinct(dur)", 91.0),
        ("dc(dur)", 91.0),
        ("sum(dur if status >= 500)", 1482.5),
    ];
    for (call, expected) in exact {
        let query = format!("* | stats {call} as x");
        // Percentiles are off by a millionth between two values.
        close(&ask(&fixture, request(&query)).await.rows[0][0], expected, 1e-5, &query);
    }
    // By t-digest and HyperLogLog: near, as the documentation says.
    for (call, expected, off) in [
        ("approx_median(dur)", 49.0, 2.0),
        ("approx_p90(dur)", 88.6, 2.0),
        ("approx_p99(dur)", 99.11, 2.0),
        ("approx_distinct(dur)", 91.0, 2.0),
    ] {
        let query = format!("* | stats {call} as x");
        close(&ask(&fixture, request(&query)).await.rows[0][0], expected, off, &query);
    }
    let histogram = ask(&fixture, request("* | stats histogram(dur, 20) as h")).await;
    let buckets = [(0, 20), (20, 16), (40, 20), (60, 16), (80, 17), (100, 1)];
    let buckets: Vec<_> = buckets
        .iter()
        .map(|(from, count)| json!({"from": f64::from(*from), "to": f64::from(from + 20), "count": count}))
        .collect();
    assert_eq!(histogram.rows[0][0], json!(buckets));
}

#[tokio::test(flavor = "multi_thread")]
async fn rates_are_of_the_range_or_of_the_bin() {
    let fixture = numbers();
    let mut ranged = request(
        "* | stats rate() as a, per_second() as b, per_minute() as c, per_hour() as d, per_day() as e, rate(dur) as f",
    );
    ranged.from = Some("1970-01-01T00:00:00Z".to_owned());
    ranged.to = Some("1970-01-01T00:01:40Z".to_owned());
    let row = ask(&fixture, ranged).await.rows.remove(0);
    for (found, expected) in row.iter().zip([1.0, 1.0, 60.0, 3600.0, 86400.0, 44.18]) {
        close(found, expected, 1e-6, "of a range");
    }
    let binned = "* | stats rate() as a, per_minute(dur) as b by bin(timestamp, 50s)";
    let rows = ask(&fixture, request(binned)).await.rows;
    assert_eq!(rows.len(), 2);
    for (row, sum) in rows.iter().zip([2196.0, 2222.0]) {
        close(&row[1], 1.0, 1e-9, binned);
        close(&row[2], sum / 50.0 * 60.0, 1e-6, binned);
    }
    let chart = "* | timechart span=50s per_minute() as n";
    let rows = ask(&fixture, request(chart)).await.rows;
    rows.iter().for_each(|row| close(&row[1], 60.0, 1e-9, chart));
}

#[tokio::test(flavor = "multi_thread")]
async fn beside_a_number_only_numbers_are_larger_or_smaller() {
    let fixture = numbers();
    for (condition, expected) in [
        // "unknown" is neither below nor above.
        ("status >= 500", 30 - 3),
        ("status < 500", 63),
        ("500 <= status", 27),
        ("status = 200", 30),
        // What is no number is another one.
        ("status != 200", 70),
        ("status in (200, 350)", 63),
        ("status >= \"500\"", 27 + 10),
        ("dur > 1e9", 0),
    ] {
        let query = format!("* | stats count(if {condition}) as n");
        let found = ask(&fixture, request(&query)).await.rows[0][0].clone();
        // Counted from the lines themselves.
        let naive = (0..100_i64)
            .filter(|i| {
                let (text, status) = (i % 10 == 9, 200 + (i % 3) * 150);
                match condition {
                    "status >= 500" | "500 <= status" => !text && status >= 500,
                    "status < 500" => !text && status < 500,
                    "status = 200" => !text && status == 200,
                    "status != 200" => text || status != 200,
                    "status in (200, 350)" => !text && status != 500,
                    "status >= \"500\"" => text || status >= 500,
                    _ => false,
                }
            })
            .count();
        assert_eq!(found, json!(naive), "{query}, about {expected}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_values_filters_in_search_and_where() {
    let fixture = numbers();
    let count = async |query: &str| ask(&fixture, request(query)).await.rows[0][0].clone();
    let expected = count("status:200 OR status:350 | stats count()").await;
    assert_eq!(expected, json!((0..100).filter(|i| i % 10 != 9 && i % 3 < 2).count()));
    for query in [
        "status in (200, 350) | stats count()",
        "status:(=200 OR =350) | stats count()",
        "* | where status in (200, 350) | stats count()",
        "* | head 100 | where status IN (200,350) | stats count()",
        "* | where NOT status not in (200, 350) | stats count()",
    ] {
        assert_eq!(count(query).await, expected, "{query}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_of_rows_beyond_all_measure_is_refused_in_our_words() {
    let fixture = numbers();
    for pipe in [
        "top N status",
        "rare N status",
        "sort N -dur",
        "head N",
        "tail N",
        "patterns N",
        "dedup N status",
    ] {
        let most = format!("* | {}", pipe.replace('N', "18446744073709551615"));
        match fixture.reader.query(request(&most)).await {
            Err(ReadError::Query(error)) => assert!(error.message.contains("takes at most"), "{error}"),
            other => panic!("{most}: {other:?}"),
        }
        let large = format!("* | {}", pipe.replace('N', "1000000000"));
        assert!(!ask(&fixture, request(&large)).await.rows.is_empty(), "{large}");
    }
}
