use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use timberline_proto::api::{Direction, QueryRequest};

use super::pending::OpenPages;
use super::*;
use crate::read::fixture::{Fixture, TestRow};
use crate::read::histogram::filter_of;
use crate::read::limits::Limits;
use crate::read::time::TimeRange;

fn rows(times: std::ops::Range<i64>) -> Vec<TestRow> {
    let line = |n: i64| format!("request {n} took {} ms", n * 7 % 1000);
    times.map(|n| TestRow::new(n, &line(n))).collect()
}

fn search(fixture: &Fixture, limit: usize) -> Search {
    Search {
        view: fixture.reader.view(),
        selection: Selection::new(&Limits::none(), filter_of("took").unwrap(), TimeRange::ALL).unwrap(),
        direction: Direction::Backward,
        after: None,
        limit,
        running: Running::new(Duration::from_secs(60), Default::default()),
    }
}

/// Two splits of one page, every second row in each, and the id of the one with the newest row.
fn even_and_odd() -> (Fixture, String) {
    let mut fixture = Fixture::new();
    fixture.page_rows_max = 64;
    for first in [0, 1] {
        let every_second = rows(0..40).into_iter().skip(first).step_by(2);
        fixture.append(&every_second.collect::<Vec<_>>());
        fixture.flush(false);
    }
    let snapshot = fixture.catalog.snapshot();
    let newer = snapshot.splits.iter().max_by_key(|split| split.meta.time_max).unwrap();
    let id = newer.meta.id.clone();
    (fixture, id)
}

#[tokio::test(flavor = "multi_thread")]
async fn s06_where_newer_rows_cannot_be_read_older_ones_take_their_places() {
    let (fixture, id) = even_and_odd();
    let path = fixture.dir.path().join(format!("{id}.split"));
    let sound = std::fs::read(&path).unwrap();
    let all: Vec<String> = (0..40).rev().map(|n| format!("{n}")).collect();
    let mut short = 0;
    for at in (0..sound.len()).step_by(3) {
        let mut turned = sound.clone();
        turned[at] ^= 1 << (at % 8);
        std::fs::write(&path, &turned).unwrap();
        fixture.catalog.release(&id).unwrap();
        fixture.forget_open_splits();
        let request = QueryRequest {
            query: "took".to_owned(),
            limit: Some(12),
            ..QueryRequest::default()
        };
        let answer = fixture.reader.query(request).await.unwrap().collect().await.unwrap();
        let found: Vec<String> = answer
            .records
            .iter()
            .map(|record| record.body.split(' ').nth(1).unwrap().to_owned())
            .collect();
        assert_eq!(found.len(), 12, "byte {at}: {found:?}");
        let is_partial = !answer.completeness.partial.is_empty();
        short += usize::from(is_partial);
        assert!(is_partial || found == all[..12], "byte {at}: {found:?}");
        let mut left = all.iter();
        assert!(
            found.iter().all(|n| left.any(|other| other == n)),
            "byte {at}: not in order: {found:?}"
        );
        // Nothing of the sound split is passed over.
        let oldest: i64 = found.last().unwrap().parse().unwrap();
        let of_sound = found.iter().filter(|n| n.parse::<i64>().unwrap() % 2 == 0);
        assert_eq!(of_sound.count() as i64, 20 - (oldest + 1) / 2, "byte {at}: {found:?}");
    }
    assert!(short > 0, "no damage was met");
}

#[test]
fn rows_that_wait_keep_few_of_their_pages_open() {
    let mut fixture = Fixture::new();
    fixture.page_rows_max = 1;
    fixture.append(&rows(0..50));
    fixture.flush(false);
    let search = search(&fixture, 50);
    let deciders = Deciders::new(&search.view.cache, &search.selection, &search.running);
    let (mut pending, mut open_pages) = (Pending::new(), OpenPages::default());
    let query = search.selection.page_query(&search.view);
    let entry = Arc::clone(&search.view.snapshot.splits[0]);
    for unit in split_units(&search.view, &entry, &query, &TimeRange::ALL, &search.running) {
        let Unit::Page(unit) = unit else { continue };
        search
            .test_page(&unit, &deciders, &mut pending, &mut open_pages)
            .unwrap();
    }
    let pages: Vec<Rc<HeldPage>> = pending
        .values()
        .filter_map(|found| match found {
            Found::Page(page, _) => Some(Rc::clone(page)),
            Found::Live(..) => None,
        })
        .collect();
    assert_eq!(pages.len(), 50);
    let open = OpenPages::count(pages.iter());
    assert!((1..=16).contains(&open), "{open}");
    let portion = search.take_final(&mut pending, None);
    let hits = search.read(portion, &mut Unreadable::new(), &mut open_pages);
    let lines: Vec<_> = hits.iter().map(|hit| hit.view().row.line.to_vec()).collect();
    let expected: Vec<_> = rows(0..50).into_iter().rev().map(|row| row.line).collect();
    assert_eq!(lines, expected);
}

proptest::proptest! {
    #[test]
    fn fuzz_any_text_is_a_cursor_or_refused(text in "\\PC{0,30}|-?[0-9]{1,20}_[0-9]{1,11}_[0-9]{1,21}_[a-z_]{0,5}") {
        if let Ok(key) = text.parse::<Key>() {
            proptest::prop_assert_eq!(key.to_string().parse::<Key>().unwrap(), key);
        }
    }
}
