//! Every pipe and function, asked of the same rows live, flushed, merged and after a restart, and
//! compared with plain loops over the rows.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use serde_json::{Value, json};
use timberline_proto::api::QueryRequest;

use super::bins::Bins;
use super::fixture::{Fixture, TestRow, in_every_state};
use super::scalar::compare::mixed;
use super::time::rfc3339_short;
use timberline_proto::query::ast::{BinWidth, Zone};

const SECOND: i64 = 1_000_000_000;

/// A record as a loop sees it.
#[derive(Clone, Debug)]
struct Naive {
    time: i64,
    partition: u32,
    offset: u64,
    user: Option<&'static str>,
    /// A number, a text, or nothing.
    dur: Option<String>,
    /// The address at the end of the message.
    ip: String,
    line: String,
}

const USERS: [&str; 3] = ["ann", "Bob", "cy"];

fn any_rows() -> impl Strategy<Value = Vec<(i64, u32, u8, u8, i64, u8)>> {
    prop::collection::vec((0..200_000_i64, 0..3_u32, 0..4_u8, 0..6_u8, -3..40_i64, 0..4_u8), 0..40)
}

fn rows_of(parts: &[(i64, u32, u8, u8, i64, u8)]) -> (Vec<TestRow>, Vec<Naive>) {
    let mut offsets = [0_u64; 3];
    let mut rows = Vec::new();
    let mut naive = Vec::new();
    for &(minutes, partition, user, kind, number, host) in parts {
        let time = 1_700_000_000 * SECOND + minutes * 60 * SECOND;
        let user = USERS.get(usize::from(user)).copied();
        let dur = match kind {
            0 => None,
            1 => Some("n/a".to_owned()),
            2 => Some(format!("{number}.5")),
            _ => Some(number.to_string()),
        };
        let ip = format!("10.0.0.{host}");
        let mut line = format!("{{\"msg\":\"took {number} ms from {ip}\"");
        if let Some(user) = user {
            line.push_str(&format!(",\"user\":\"{user}\""));
        }
        match (&dur, kind) {
            (None, _) => {}
            (Some(dur), 1 | 3) => line.push_str(&format!(",\"dur\":\"{dur}\"")),
            (Some(dur), _) => line.push_str(&format!(",\"dur\":{dur}")),
        }
        line.push_str(&format!(",\"payload\":\"{{\\\"a\\\":{{\\\"b\\\":{number}}}}}\"}}"));
        let mut row = TestRow::new(time, &line);
        row.partition = partition;
        rows.push(row);
        naive.push(Naive {
            time,
            partition,
            offset: offsets[partition as usize],
            user,
            dur,
            ip,
            line,
        });
        offsets[partition as usize] += 1;
    }
    // Newest first, as records are shown.
    naive.sort_by_key(|row| std::cmp::Reverse((row.time, row.partition, row.offset)));
    (rows, naive)
}

fn id(row: &Naive) -> Value {
    json!(format!("{}-{}-{}", super::fixture::TOPIC, row.partition, row.offset))
}

fn number(text: &str) -> Option<f64> {
    text.parse().ok().filter(|n: &f64| n.is_finite())
}

fn numbers(rows: &[&Naive]) -> Vec<f64> {
    rows.iter().filter_map(|row| number(row.dur.as_deref()?)).collect()
}

/// As JSON shows a number: whole ones without a fraction.
fn shown(n: f64) -> Value {
    if n.fract() == 0.0 { json!(n as i64) } else { json!(n) }
}

async fn table(fixture: &Fixture, query: &str) -> Vec<Value> {
    let request = QueryRequest {
        query: query.to_owned(),
        ..QueryRequest::default()
    };
    let frames = fixture
        .reader
        .query(request)
        .await
        .unwrap_or_else(|error| panic!("{query}: {error}"));
    let answer = frames
        .collect()
        .await
        .unwrap_or_else(|error| panic!("{query}: {error:?}"));
    answer.rows.into_iter().map(Value::from).collect()
}

fn by_user(naive: &[Naive]) -> BTreeMap<Option<&'static str>, Vec<&Naive>> {
    let mut groups: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for row in naive {
        groups.entry(row.user).or_default().push(row);
    }
    groups
}

/// Groups as answers order them: by key, missing last.
fn ordered(naive: &[Naive]) -> Vec<(Option<&'static str>, Vec<&Naive>)> {
    let mut groups: Vec<_> = by_user(naive).into_iter().collect();
    groups.sort_by_key(|(user, _)| (user.is_none(), *user));
    groups
}

fn expected_stats(naive: &[Naive]) -> Vec<Value> {
    let group = |(user, rows): (Option<&str>, Vec<&Naive>)| {
        let durs: Vec<&str> = rows.iter().filter_map(|row| row.dur.as_deref()).collect();
        let of_numbers: Vec<&str> = durs.iter().copied().filter(|text| number(text).is_some()).collect();
        let candidates = if of_numbers.is_empty() { &durs } else { &of_numbers };
        let extreme = |want: Ordering| {
            let best = candidates
                .iter()
                .copied()
                .reduce(|a, b| if mixed(b, a) == want { b } else { a });
            best.map_or(Value::Null, |text| number(text).map_or(json!(text), shown))
        };
        let distinct: BTreeSet<_> = durs.iter().collect();
        let above = rows
            .iter()
            .filter(|row| row.dur.as_deref().and_then(number).is_some_and(|n| n > 10.0))
            .count();
        let sum = numbers(&rows)
            .into_iter()
            .reduce(|a, b| a + b)
            .map_or(Value::Null, shown);
        json!([
            user,
            rows.len(),
            durs.len(),
            sum,
            extreme(Ordering::Less),
            extreme(Ordering::Greater),
            distinct.len(),
            above,
            rows.iter().rev().find_map(|row| row.dur.clone()),
            rows.iter().find_map(|row| row.dur.clone()),
        ])
    };
    ordered(naive).into_iter().map(group).collect()
}

const STATS: &str = "* | stats count(), count(dur), sum(dur), min(dur), max(dur), dc(dur), \
                     count(if dur > 10 and dur != 'n/a') as above, first(dur), last(dur) by user";

async fn check_stats(fixture: &Fixture, naive: &[Naive]) {
    assert_eq!(table(fixture, STATS).await, expected_stats(naive), "{STATS}");

    let spread = table(
        fixture,
        "* | stats avg(dur), stddev(dur), median(dur), approx_distinct(user), histogram(dur, 10)",
    )
    .await;
    let all: Vec<&Naive> = naive.iter().collect();
    let mut values = numbers(&all);
    values.sort_by(f64::total_cmp);
    let n = values.len() as f64;
    let close = |found: &Value, expected: Option<f64>| match expected {
        None => assert!(found.is_null(), "{found}"),
        Some(expected) => assert!((found.as_f64().unwrap() - expected).abs() < 1e-6, "{found} {expected}"),
    };
    let mean = (!values.is_empty()).then(|| values.iter().sum::<f64>() / n);
    close(&spread[0][0], mean);
    let variance = mean
        .filter(|_| n > 1.0)
        .map(|mean| values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0));
    close(&spread[0][1], variance.map(f64::sqrt));
    let median = (!values.is_empty()).then(|| (values[(values.len() - 1) / 2] + values[values.len() / 2]) / 2.0);
    close(&spread[0][2], median);
    let users: BTreeSet<_> = naive.iter().filter_map(|row| row.user).collect();
    assert_eq!(spread[0][3], json!(users.len()));
    let mut buckets: BTreeMap<i64, i64> = BTreeMap::new();
    values
        .iter()
        .for_each(|value| *buckets.entry((value / 10.0).floor() as i64).or_default() += 1);
    let buckets = buckets
        .iter()
        .map(|(at, count)| json!({"from": *at as f64 * 10.0, "to": (*at + 1) as f64 * 10.0, "count": count}));
    let buckets: Vec<Value> = buckets.collect();
    let buckets = if buckets.is_empty() {
        Value::Null
    } else {
        json!(buckets)
    };
    assert_eq!(spread[0][4], buckets);
}

async fn check_order(fixture: &Fixture, naive: &[Naive], portion: usize) {
    let ids = |rows: &[&Naive]| rows.iter().map(|row| json!([id(row)])).collect::<Vec<_>>();
    let all: Vec<&Naive> = naive.iter().collect();

    let found = table(fixture, &format!("* | tail {portion} | fields id")).await;
    assert_eq!(found, ids(&all[all.len().saturating_sub(portion)..]), "tail");
    let found = table(fixture, &format!("* | where user:* | tail {portion} | fields id")).await;
    let users: Vec<&Naive> = all.iter().copied().filter(|row| row.user.is_some()).collect();
    assert_eq!(found, ids(&users[users.len().saturating_sub(portion)..]), "where, tail");

    let mut sorted = all.clone();
    sorted.sort_by(|a, b| match (&a.dur, &b.dur) {
        (Some(a), Some(b)) => mixed(a, b),
        (a, b) => a.is_none().cmp(&b.is_none()),
    });
    assert_eq!(table(fixture, "* | sort dur | fields id").await, ids(&sorted), "sort");
    assert_eq!(
        table(fixture, &format!("* | sort {portion} dur | fields id")).await,
        ids(&sorted[..sorted.len().min(portion)]),
        "sort N"
    );
    assert_eq!(
        table(fixture, &format!("* | sort by dur asc | tail {portion} | fields id")).await,
        ids(&sorted[sorted.len().saturating_sub(portion)..]),
        "sort, tail"
    );
    // The other way numbers still come before texts, and missing values last.
    let mut reversed = all.clone();
    reversed.sort_by(|a, b| match (&a.dur, &b.dur) {
        (Some(a), Some(b)) if number(a).is_some() == number(b).is_some() => mixed(b, a),
        (Some(a), Some(b)) => mixed(a, b),
        (a, b) => a.is_none().cmp(&b.is_none()),
    });
    assert_eq!(
        table(fixture, "* | sort -dur | fields id").await,
        ids(&reversed),
        "sort -"
    );

    let firsts = |rows: &[&'_ Naive], each: usize| {
        let mut seen: BTreeMap<Option<&str>, usize> = BTreeMap::new();
        let keep = |row: &&&Naive| {
            let count = seen.entry(row.user).or_default();
            *count += 1;
            *count <= each
        };
        rows.iter().filter(keep).map(|row| json!([id(row)])).collect::<Vec<_>>()
    };
    assert_eq!(
        table(fixture, "* | dedup user | fields id").await,
        firsts(&all, 1),
        "dedup"
    );
    assert_eq!(
        table(fixture, "* | dedup 2 keep=last user | fields id").await,
        firsts(&all, 2),
        "dedup 2"
    );
    assert_eq!(
        table(fixture, "* | sort dur | dedup user | fields id").await,
        firsts(&sorted, 1),
        "sort, dedup"
    );
    let backwards: Vec<&Naive> = all.iter().rev().copied().collect();
    let mut oldest = firsts(&backwards, 1);
    oldest.reverse();
    assert_eq!(
        table(fixture, "* | dedup keep=first user | fields id").await,
        oldest,
        "dedup keep=first"
    );

    let mut counts: Vec<(&str, usize)> = by_user(naive)
        .into_iter()
        .filter_map(|(user, rows)| Some((user?, rows.len())))
        .collect();
    counts.sort_by_key(|(user, count)| (*count, *user));
    let rare: Vec<_> = counts
        .iter()
        .take(2)
        .map(|(user, count)| json!([user, count]))
        .collect();
    assert_eq!(
        table(fixture, "* | rare 2 user | fields user, count").await,
        rare,
        "rare"
    );
}

async fn check_columns(fixture: &Fixture, naive: &[Naive]) {
    let found = table(
        fixture,
        "* | extend twice = dur * 2, big = if(dur >= 10, 'yes', 'no'), who = coalesce(lower(user), 'nobody'), \
         late = timestamp + 5m, hour = hour(timestamp) | fields id, twice, big, who, late, hour",
    )
    .await;
    let expected = naive.iter().map(|row| {
        let dur = row.dur.as_deref();
        let n = dur.and_then(number);
        // What is no number is neither larger nor smaller than one.
        let big = n.is_some_and(|n| n >= 10.0);
        json!([
            id(row),
            n.map_or(Value::Null, |n| shown(n * 2.0)),
            if big { "yes" } else { "no" },
            row.user.map_or("nobody".to_owned(), str::to_lowercase),
            rfc3339_short(row.time + 300 * SECOND),
            row.time / SECOND / 3600 % 24,
        ])
    });
    assert_eq!(found, expected.collect::<Vec<_>>(), "extend");

    let parsed = |query: &'static str| async move { table(fixture, query).await };
    let expected: Vec<Value> = naive
        .iter()
        .map(|row| {
            let took = row.line.split(' ').nth(1).unwrap();
            json!([id(row), took, row.ip])
        })
        .collect();
    let regex = parsed("* | parse /took (?<took>\\S+) ms from (?<ip>[0-9.]+)/ | fields id, took, ip").await;
    assert_eq!(regex, expected, "parse");
    let grok = parsed("* | parse msg grok 'took %{INT:took} ms from %{IP:ip}' | fields id, took, ip").await;
    assert_eq!(grok, expected, "parse grok");
    let typed = parsed("* | parse grok '%{INT:took:int} ms' | stats sum(took) as s").await;
    let sum = expected
        .iter()
        .map(|row| row[1].as_str().unwrap().parse::<i64>().unwrap());
    assert_eq!(typed, [json!([sum.reduce(|a, b| a + b)])], "parse grok :int");

    let expected: Vec<Value> = expected.iter().map(|row| json!([row[0], row[1]])).collect();
    for query in [
        "* | json a.b as x from payload | fields id, x",
        "* | json from payload | fields id, payload.a.b",
        "* | json payload as p | json a.b from p | rename a.b as x | fields id, x",
    ] {
        assert_eq!(table(fixture, query).await, expected, "{query}");
    }
}

async fn check_time(fixture: &Fixture, naive: &[Naive]) {
    for (width, text) in [
        (BinWidth::Nanos(86_400 * SECOND), "1d"),
        (BinWidth::Nanos(7 * 86_400 * SECOND), "1w"),
        (BinWidth::Months(1), "1mon"),
        (BinWidth::Nanos(6 * 3600 * SECOND), "6h"),
    ] {
        let zone = Zone {
            name: "Europe/Berlin".to_owned(),
            span: Default::default(),
        };
        let bins = Bins::new(width, Some(&zone)).unwrap();
        let mut counts: BTreeMap<i64, i64> = BTreeMap::new();
        naive
            .iter()
            .for_each(|row| *counts.entry(bins.start(row.time)).or_default() += 1);
        let found = table(
            fixture,
            &format!("* | stats count() by bin(timestamp, {text}, Europe/Berlin)"),
        )
        .await;
        let expected: Vec<_> = counts
            .iter()
            .map(|(start, n)| json!([rfc3339_short(*start), n]))
            .collect();
        assert_eq!(found, expected, "bin {text}");

        if let (Some((&first, _)), Some((&last, _))) = (counts.first_key_value(), counts.last_key_value()) {
            let mut start = first;
            while start <= last {
                counts.entry(start).or_default();
                start = bins.next(start).unwrap();
            }
            let found = table(
                fixture,
                &format!("* | timechart span={text} tz=Europe/Berlin count() as n"),
            )
            .await;
            let expected: Vec<_> = counts
                .iter()
                .map(|(start, n)| json!([rfc3339_short(*start), n]))
                .collect();
            assert_eq!(found, expected, "timechart {text}");
        }
    }
    let found = table(
        fixture,
        "* | timechart span=1w limit=1 count() as n by user | stats sum(n) as n by user",
    )
    .await;
    let mut counts: Vec<(Option<&str>, usize)> = by_user(naive)
        .into_iter()
        .map(|(user, rows)| (user, rows.len()))
        .collect();
    counts.sort_by_key(|(user, count)| (std::cmp::Reverse(*count), user.is_none(), *user));
    let mut expected: Vec<Value> = counts.first().map(|(user, n)| json!([user, n])).into_iter().collect();
    if counts.len() > 1 {
        let others: usize = counts[1..].iter().map(|(_, n)| n).sum();
        expected.push(json!(["other", others]));
    }
    expected.sort_by_key(|row| (row[0].is_null(), row[0].as_str().unwrap_or_default().to_owned()));
    if naive.is_empty() {
        return;
    }
    assert_eq!(found, expected, "timechart limit");
}

async fn check_patterns(fixture: &Fixture, naive: &[Naive]) {
    let patterns = table(fixture, "* | patterns").await;
    let total: i64 = patterns.iter().map(|row| row[2].as_i64().unwrap()).sum();
    assert_eq!(total as usize, naive.len(), "patterns");
    let by_template = table(
        fixture,
        "* | stats count() as n, min(timestamp), max(timestamp) by template | sort -n, template",
    )
    .await;
    for (pattern, counted) in patterns.iter().zip(&by_template) {
        assert_eq!(
            [&pattern[0], &pattern[2], &pattern[4], &pattern[5]],
            [&counted[0], &counted[1], &counted[2], &counted[3]]
        );
        assert!(pattern[1].as_str().unwrap().contains("<*>"), "{pattern}");
        let template = pattern[0].as_str().unwrap();
        let filtered = table(fixture, &format!("template:{template} | stats count()")).await;
        assert_eq!(filtered[0][0], pattern[2], "template:{template}");
        let variables = table(
            fixture,
            &format!("* | variables {template} 1000 | stats sum(count) as n by slot"),
        )
        .await;
        assert!(!variables.is_empty());
        // All columns together, which the sums above do not ask for.
        let values = table(fixture, &format!("* | variables {template} 2")).await;
        assert!(values.len() >= variables.len() && values.len() <= 2 * variables.len());
        for value in &values {
            let (count, share) = (value[2].as_f64().unwrap(), value[3].as_f64().unwrap());
            assert!(
                (share - 100.0 * count / pattern[2].as_f64().unwrap()).abs() < 1e-6,
                "{value:?}"
            );
            assert!(value[4].as_u64().unwrap() >= 1, "{value:?}");
        }
        assert!(
            variables.iter().all(|row| row[1] == pattern[2]),
            "{variables:?} {pattern}"
        );
    }
    assert_eq!(patterns.len(), by_template.len());
}

async fn check_all(fixture: &Fixture, naive: &[Naive], portion: usize) {
    check_stats(fixture, naive).await;
    check_order(fixture, naive, portion).await;
    check_columns(fixture, naive).await;
    check_time(fixture, naive).await;
    check_patterns(fixture, naive).await;
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4, ..ProptestConfig::default() })]

    #[test]
    fn every_pipe_answers_as_a_loop_live_flushed_merged_and_restarted(
        parts in any_rows(),
        cut in 0..40_usize,
        portion in 1..7_usize,
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(async {
            let (rows, naive) = rows_of(&parts);
            in_every_state(&rows, cut, async |fixture| check_all(fixture, &naive, portion).await).await;
        });
    }
}
