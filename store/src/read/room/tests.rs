use std::collections::BTreeMap;
use std::sync::Arc;

use timberline_proto::api::room::{RoomAnswer, RoomSums};

use super::RoomRequest;
use super::sample::{Sample, choose};
use crate::catalog::CatalogSplit;
use crate::read::ReadOptions;
use crate::read::fixture::{Fixture, TestRow};

fn row(time: i64, host: u8, line: &str) -> TestRow {
    TestRow {
        host,
        ..TestRow::new(time, line)
    }
}

/// Lines of several kinds and streams, one kind much longer than the others.
fn rows(from: i64, count: i64) -> Vec<TestRow> {
    (from..from + count)
        .map(|n| match n % 5 {
            0 => row(n, 1, &format!("GET /orders/{n} took {} ms", n % 90)),
            1 => row(
                n,
                2,
                &format!(
                    "{{\"user\":\"u{}\",\"path\":\"/a/{n}\",\"tags\":[\"x\",\"yy\"]}}",
                    n % 7
                ),
            ),
            2 => row(n, 3, &format!("level=info msg=\"item {n} kept\" bytes={}", n * 17)),
            3 => row(n, 1, &format!("payload {n} {}", "lorem ipsum ".repeat(40))),
            _ => row(n, 2, "connection reset by peer"),
        })
        .collect()
}

fn stored(parts: i64) -> Fixture {
    stored_with(parts, ReadOptions::default())
}

fn stored_with(parts: i64, options: ReadOptions) -> Fixture {
    let mut fixture = Fixture::with(options);
    fixture.page_rows_max = 64;
    for part in 0..parts {
        fixture.append(&rows(part * 500, 300 + part * 20));
        fixture.flush(false);
    }
    fixture
}

async fn ask(fixture: &Fixture, rows: usize) -> RoomAnswer {
    let request = RoomRequest {
        rows: Some(rows),
        query_id: None,
    };
    fixture.reader.room(request).await.unwrap()
}

fn sum<'a>(all: impl IntoIterator<Item = &'a RoomSums>) -> RoomSums {
    let mut sum = RoomSums::default();
    all.into_iter().for_each(|one| sum += *one);
    sum
}

/// Every sum is what the footers say.
#[track_caller]
fn check_sums(fixture: &Fixture, answer: &RoomAnswer) {
    let snapshot = fixture.catalog.snapshot();
    let metas = || snapshot.splits.iter().map(|split| &split.meta);
    let total = RoomSums {
        records: metas().map(|meta| meta.rows).sum(),
        raw_bytes: metas().map(|meta| meta.raw_bytes).sum(),
        file_bytes: metas().map(|meta| meta.file_bytes).sum(),
    };
    assert_eq!(answer.total, total);
    let mut readable = total;
    readable.records -= answer.unread.records;
    readable.raw_bytes -= answer.unread.raw_bytes;
    readable.file_bytes -= answer.unread.file_bytes;
    assert_eq!(
        answer.parts.iter().map(|part| part.file_bytes).sum::<u64>(),
        readable.file_bytes
    );
    assert_eq!(sum(answer.topics.iter().map(|topic| &topic.sums)), total);
    assert_eq!(sum(answer.levels.iter().map(|level| &level.sums)), total);
    let of_pages = RoomSums {
        file_bytes: readable.file_bytes - answer.shared_file_bytes,
        ..readable
    };
    let streams = answer.streams.iter().map(|stream| &stream.sums);
    assert_eq!(sum(streams.chain([&answer.streams_others])), of_pages);
    let patterns = answer.patterns.iter().map(|pattern| &pattern.sums);
    assert_eq!(sum(patterns.chain([&answer.patterns_others])), of_pages);
    let fields: u64 = answer.fields.fields.iter().map(|field| field.bytes()).sum();
    assert_eq!(
        fields + answer.fields.others_bytes + answer.fields.outside_bytes,
        readable.raw_bytes
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn sums_are_those_of_the_footers_before_and_after_merges_however_few_are_named() {
    let mut fixture = stored(5);
    for rows in [1, 3, 100] {
        check_sums(&fixture, &ask(&fixture, rows).await);
    }
    let before = ask(&fixture, 100).await;
    assert_eq!((before.splits, before.levels.len()), (5, 1));
    fixture.merge();
    fixture.append(&rows(9_000, 40));
    fixture.flush(false);
    let after = ask(&fixture, 100).await;
    check_sums(&fixture, &after);
    assert_eq!((after.splits, after.levels.len()), (2, 2));
    let fixture = fixture.restart();
    let again = ask(&fixture, 100).await;
    check_sums(&fixture, &again);
    assert_eq!(again.streams, after.streams);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_streams_and_patterns_are_exact_and_the_longest_kind_leads() {
    let fixture = stored(3);
    let answer = ask(&fixture, 100).await;
    let all: Vec<_> = (0..3).flat_map(|part| rows(part * 500, 300 + part * 20)).collect();
    let mut lines: BTreeMap<u8, (u64, u64)> = BTreeMap::new();
    for row in &all {
        let known = lines.entry(row.host).or_default();
        *known = (known.0 + 1, known.1 + row.line.len() as u64);
    }
    for stream in &answer.streams {
        let host = stream.attributes["host.name"]
            .trim_start_matches("web-")
            .parse::<u8>()
            .unwrap();
        let (records, bytes) = lines[&host];
        assert_eq!(stream.sums.records, records, "{host}");
        // An estimate, and no bad one.
        let off = (stream.sums.raw_bytes as f64 - bytes as f64).abs() / bytes as f64;
        assert!(off < 0.1, "{host}: {} of {bytes}", stream.sums.raw_bytes);
    }
    assert_eq!(answer.streams.len(), 3);
    let first = &answer.patterns[0];
    assert!(first.pattern.starts_with("payload <*> lorem ipsum"), "{first:?}");
    let longest = all.iter().filter(|row| row.line.starts_with(b"payload")).count();
    assert_eq!(first.sums.records, longest as u64);
    let reset = answer
        .patterns
        .iter()
        .find(|one| one.pattern == "connection reset by peer")
        .unwrap();
    let resets = all.iter().filter(|row| row.line.starts_with(b"connection")).count() as u64;
    assert_eq!((reset.sums.records, reset.sums.raw_bytes), (resets, resets * 24));
    assert!(u64::from_str_radix(&reset.template, 16).is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn fields_are_exact_where_every_page_is_read_and_scaled_from_a_sample_where_not() {
    let fixture = stored(4);
    let exact = ask(&fixture, 100).await.fields;
    let all: Vec<_> = (0..4).flat_map(|part| rows(part * 500, 300 + part * 20)).collect();
    assert!(exact.exact && exact.pages_read == exact.pages);
    let field = |name: &str| exact.fields.iter().find(|field| field.name == name).unwrap();
    let users = all.iter().filter(|row| row.line.starts_with(b"{")).count() as u64;
    assert_eq!(field("user").records, users);
    assert_eq!(
        (field("user").name_bytes, field("user").value_bytes),
        (4 * users, 2 * users)
    );
    // Both elements of an array are of one name.
    assert_eq!(
        (field("tags").name_bytes, field("tags").value_bytes),
        (4 * users, 3 * users)
    );
    let few = stored_with(
        4,
        ReadOptions {
            room_sample_pages: 6,
            ..ReadOptions::default()
        },
    );
    let answer = ask(&few, 100).await;
    check_sums(&few, &answer);
    let sampled = answer.fields;
    assert!(
        !sampled.exact && sampled.pages_read <= 6 && sampled.pages == exact.pages,
        "{sampled:?}"
    );
    // Pages are mostly of one stream each, so what takes little may be missed; what takes much is not.
    let lines = all.iter().map(|row| row.line.len() as f64).sum::<f64>();
    for known in &exact.fields {
        let scaled = sampled.fields.iter().find(|field| field.name == known.name);
        let off = (scaled.map_or(0.0, |field| field.bytes() as f64) - known.bytes() as f64).abs() / lines;
        assert!(off < 0.1, "{known:?} {scaled:?}");
    }
    let largest = &exact.fields[0].name;
    assert!(sampled.fields.iter().any(|field| field.name == *largest), "{largest}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_split_is_told_and_counts_only_where_the_catalog_knows_it() {
    let fixture = stored(3);
    let id = fixture.catalog.snapshot().splits[1].meta.id.clone();
    fixture.catalog.quarantine(&id, "its disk").unwrap();
    let answer = ask(&fixture, 100).await;
    check_sums(&fixture, &answer);
    assert!(
        answer.unread.records > 0 && answer.partial[0].contains(&id),
        "{:?}",
        answer.partial
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_measured_is_kept_until_the_store_changes() {
    let mut fixture = stored(2);
    let first = ask(&fixture, 10).await;
    let again = ask(&fixture, 10).await;
    assert!(again.elapsed_ms == 0.0 && first.elapsed_ms > 0.0);
    assert_eq!(
        RoomAnswer {
            elapsed_ms: 0.0,
            ..first
        },
        again
    );
    fixture.append(&rows(9_000, 10));
    fixture.flush(false);
    assert_eq!(ask(&fixture, 10).await.splits, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_takes_a_turn_and_waits_for_one() {
    let fixture = stored_with(
        2,
        ReadOptions {
            concurrent_max: 1,
            time_limit: std::time::Duration::from_millis(50),
            ..ReadOptions::default()
        },
    );
    let turn = fixture.reader.begin(None).await.unwrap();
    let refused = fixture.reader.room(RoomRequest::default()).await.unwrap_err();
    assert!(refused.to_string().contains("query.concurrent_max"), "{refused}");
    drop(turn);
}

#[test]
fn places_are_spread_evenly_and_stay_where_they_are_as_more_comes() {
    let fixture = stored(6);
    let splits: Vec<Arc<CatalogSplit>> = fixture.catalog.snapshot().splits.iter().rev().cloned().collect();
    let Sample::Places(places) = choose(&splits, 20) else {
        panic!("all");
    };
    assert!((10..=20).contains(&places.len()), "{}", places.len());
    for (split, entry) in splits.iter().enumerate() {
        let taken = places.iter().filter(|place| place.split == split).count();
        let share = entry.meta.raw_bytes as f64 / splits.iter().map(|split| split.meta.raw_bytes).sum::<u64>() as f64;
        assert!(
            (taken as f64 - share * places.len() as f64).abs() <= 1.0,
            "{split}: {taken}"
        );
    }
    let Sample::Places(fewer) = choose(&splits[..5], 20) else {
        panic!("all");
    };
    let stay = fewer.iter().filter(|place| places.contains(place)).count();
    assert!(
        stay == fewer.len() || stay * 2 >= places.len().min(fewer.len()),
        "{stay}"
    );
    assert_eq!(choose(&splits, 1_000), Sample::All);
}
