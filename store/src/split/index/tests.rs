use timberline_proto::token::tokens;

use super::super::tests::{Owned, any_rows, options, written};
use super::super::{Columns, HeldRange, PageQuery, Split, write_split};
use super::terms;
use crate::rows::{Row, RowBlock, StreamId};
use proptest::prelude::*;
use timberline_proto::batch::AttributeValue;
use timberline_proto::line::fields;

/// A split, and its pages read.
struct Case {
    split: Split,
    pages: Vec<RowBlock>,
}

impl Case {
    fn new(split: Split) -> Self {
        let pages = (0..split.meta().pages)
            .map(|page| split.read_page(page, Columns::ALL).unwrap())
            .collect();
        Self { split, pages }
    }

    fn candidates(&self, query: &PageQuery) -> Vec<u32> {
        self.split.candidates(query).unwrap()
    }

    /// Pages with a row for which `holds`.
    fn pages_where(&self, holds: impl Fn(&Row<'_>) -> bool) -> Vec<u32> {
        let has = |page: &u32| self.pages[*page as usize].rows().any(|row| holds(&row));
        (0..self.pages.len() as u32).filter(has).collect()
    }
}

#[track_caller]
fn check_finds(case: &Case, query: &PageQuery, holds: impl Fn(&Row<'_>) -> bool) {
    let found = case.candidates(query);
    assert!(found.is_sorted());
    let among: Vec<u32> = (0..case.pages.len() as u32).step_by(2).collect();
    let of_some = case.split.candidates_among(query, &among).unwrap();
    let in_both = found.iter().filter(|page| among.contains(page));
    assert!(
        in_both.eq(of_some.iter().filter(|page| found.contains(page))),
        "{query:?}"
    );
    assert!(of_some.iter().all(|page| among.contains(page)), "{query:?}");
    for page in case.pages_where(holds) {
        assert!(found.contains(&page), "{query:?} misses page {page}, has {found:?}");
    }
}

fn lower_tokens(text: &[u8]) -> Vec<String> {
    tokens(text)
        .map(|t| terms::lower(std::str::from_utf8(&text[t.start..t.end]).unwrap()))
        .collect()
}

fn row_tokens(row: &Row<'_>) -> Vec<String> {
    let mut all = lower_tokens(row.line);
    for (name, value) in row.attributes {
        terms::each_leaf(name, value, &mut |_, text| all.extend(lower_tokens(text.as_bytes())));
    }
    all
}

fn pieces(texts: &[&str]) -> PageQuery {
    PageQuery::TokenWildcard(texts.iter().map(|&t| t.to_owned()).collect())
}

fn check_every_query(case: &Case) {
    for row in case.pages.iter().flat_map(RowBlock::rows) {
        check_row(case, &row);
    }
    assert_eq!(case.candidates(&PageQuery::All).len(), case.pages.len());
    assert!(case.candidates(&PageQuery::None).is_empty());
}

fn check_row(split: &Case, row: &Row<'_>) {
    for token in row_tokens(row).iter().take(6) {
        let has = |row: &Row<'_>| row_tokens(row).contains(token);
        check_finds(split, &PageQuery::Token(token.clone()), has);
        let middle = token.char_indices().nth(1).map_or(token.len(), |(at, _)| at);
        let (head, tail) = token.split_at(middle);
        check_finds(split, &PageQuery::TokenPrefix(head.into()), has);
        check_finds(split, &pieces(&[head, tail]), has);
        check_finds(split, &pieces(&["", tail]), has);
        check_finds(split, &pieces(&["", head, ""]), has);
    }
    for (name, value) in row.attributes {
        terms::each_leaf(name, value, &mut |name, text| {
            let has = |row: &Row<'_>| row.attributes.contains(&(name.to_owned(), value.clone()));
            check_finds(split, &PageQuery::FieldEquals(name.into(), terms::lower(text)), has);
            check_finds(split, &PageQuery::FieldExists(name.into()), has);
        });
    }
    fields(row.line, &mut |name, value| {
        let text = terms::lower(value.as_text());
        let has = |r: &Row<'_>| r.line == row.line;
        check_finds(split, &PageQuery::FieldEquals(name.into(), text), has);
        check_finds(split, &PageQuery::FieldExists(name.into()), has);
        true
    });
    check_finds(split, &PageQuery::Template(row.template), |r| {
        r.template == row.template
    });
    let streams = PageQuery::Streams([row.stream.id].into_iter().collect());
    check_finds(split, &streams, |r| r.stream.id == row.stream.id);
    let time = row.time_nanos;
    let times = PageQuery::Time(time, time);
    check_finds(split, &times, |r| r.time_nanos == time);
    let rank = row.severity as u8;
    let severity = PageQuery::Severity(rank, rank);
    check_finds(split, &severity, |r| r.severity == row.severity);
    let both = PageQuery::And(vec![streams.clone(), times.clone(), severity.clone()]);
    check_finds(split, &both, |r| {
        r.stream.id == row.stream.id && r.time_nanos == time && r.severity == row.severity
    });
    check_finds(split, &PageQuery::Or(vec![PageQuery::None, times]), |r| {
        r.time_nanos == time
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn candidates_never_miss_a_row(rows in any_rows(40)) {
        let dir = tempfile::tempdir().unwrap();
        check_every_query(&Case::new(written(dir.path(), &rows)));
    }
}

#[test]
fn a_needle_is_looked_for_in_its_page_only() {
    let dir = tempfile::tempdir().unwrap();
    let rows: Vec<_> = (0..600)
        .map(|n| Owned::plain(n, format!("request {n} of blk_{}", n * 31)))
        .collect();
    let split = Case::new(written(dir.path(), &rows));
    assert!(split.pages.len() > 30);
    let found = split.candidates(&PageQuery::Token(format!("blk_{}", 300 * 31)));
    assert_eq!(found.len(), 1);
    assert_eq!(split.candidates(&PageQuery::Token("nowhere".into())), Vec::<u32>::new());
    assert_eq!(split.candidates(&PageQuery::TokenPrefix("blk_9300".into())), found);
    assert_eq!(
        split.candidates(&pieces(&["", "_930", ""])),
        split.pages_where(|r| { lower_tokens(r.line).iter().any(|t| t.contains("_930")) })
    );
    assert_eq!(
        split.candidates(&PageQuery::Streams([StreamId(77)].into_iter().collect())),
        Vec::<u32>::new()
    );
}

#[test]
fn tokens_and_values_longer_than_the_index_keeps_are_found() {
    let dir = tempfile::tempdir().unwrap();
    let long = format!("{}ÄÖ{}END", "x".repeat(250), "ÄÖÜ".repeat(100));
    let mut with_value = Owned::plain(2, "short");
    with_value.attributes = vec![
        ("k".into(), AttributeValue::Text(format!("İ{}\0end", "Ü".repeat(90)))),
        ("n".repeat(300), AttributeValue::Text(String::new())),
    ];
    let mut rows = vec![Owned::plain(1, &long), with_value];
    rows.extend((3..80).map(|n| Owned::plain(n, "other")));
    let split = Case::new(written(dir.path(), &rows));
    check_every_query(&split);
    let lower = terms::lower(&long);
    for query in [
        pieces(&["x", "end"]),
        pieces(&["", "öü", "end"]),
        PageQuery::Token(lower),
        PageQuery::TokenPrefix("x".repeat(250)),
    ] {
        check_finds(&split, &query, |row| row.line == long.as_bytes());
        assert_eq!(split.candidates(&query).len(), 1, "{query:?}");
    }
}

#[test]
fn what_follows_the_digits_at_which_a_long_token_is_cut_is_found() {
    let dir = tempfile::tempdir().unwrap();
    // So many that their beginnings are kept as numbers behind a word.
    let long = |n: u64| Owned::plain(n, format!("{}{n:010}needle", "x".repeat(246)));
    let rows: Vec<_> = (0..60).map(long).collect();
    let split = Case::new(written(dir.path(), &rows));
    assert!(split.pages.len() > 1);
    for query in [
        pieces(&["", "needle", ""]),
        pieces(&["", "needle"]),
        pieces(&["x", "9needle"]),
    ] {
        let has = |row: &Row<'_>| row.line.ends_with(b"9needle") || query != pieces(&["x", "9needle"]);
        check_finds(&split, &query, has);
    }
}

#[test]
fn words_and_fields_of_the_stream_find_its_pages() {
    let dir = tempfile::tempdir().unwrap();
    let rows: Vec<_> = (0..90).map(|n| Owned::plain(n, "text")).collect();
    let split = Case::new(written(dir.path(), &rows));
    let of_host = |r: &Row<'_>| r.stream.attributes["host.name"] == "host-2";
    for query in [
        PageQuery::FieldEquals("host.name".into(), "host-2".into()),
        PageQuery::And(vec![PageQuery::Token("host".into()), PageQuery::Token("2".into())]),
    ] {
        check_finds(&split, &query, of_host);
        assert!(split.candidates(&query).len() < split.pages.len());
    }
    check_finds(&split, &PageQuery::FieldExists("host.name".into()), |_| true);
}

#[test]
fn ids_and_fractions_of_times_are_found_though_they_are_not_indexed_whole() {
    let dir = tempfile::tempdir().unwrap();
    let id = |n: u64| format!("{:016x}{:016x}", (n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15), n);
    // Twenty ids a line are more than a page's that are indexed whole.
    for ids in [1, 20] {
        let row = |n: u64| {
            let others: String = (1..ids).map(|other| format!(" {}", id(n + 10_000 * other))).collect();
            let mut row = Owned::plain(
                n,
                format!(
                    "2023-11-14T22:13:{:02}.{:06}Z id={}{others}",
                    20 + n % 40,
                    n * 7919,
                    id(n)
                ),
            );
            row.time_nanos = 1_700_000_000_000_000_000 + (n % 40) as i64 * 1_000_000_000 + n as i64 * 7_919_000;
            row
        };
        let case = Case::new(written(dir.path(), &(0..100).map(row).collect::<Vec<_>>()));
        let has = |token: String| move |row: &Row<'_>| row_tokens(row).contains(&token);
        for n in [0, 57, 99] {
            let (id, fraction) = (id(n), format!("{:06}z", n * 7919));
            let piece = id[3..20].to_owned();
            check_finds(&case, &PageQuery::Token(id.clone()), has(id.clone()));
            check_finds(&case, &PageQuery::TokenPrefix(id[..12].to_owned()), has(id.clone()));
            check_finds(&case, &PageQuery::TokenPrefix(id[..3].to_owned()), has(id.clone()));
            check_finds(&case, &pieces(&["", &piece, ""]), has(id.clone()));
            check_finds(&case, &PageQuery::Token(fraction.clone()), has(fraction.clone()));
            check_finds(&case, &pieces(&["", &fraction[2..4], ""]), has(fraction.clone()));
            assert_eq!(case.candidates(&PageQuery::Token(id)).len(), 1);
            let found = case.candidates(&pieces(&["", &piece, ""])).len();
            assert_eq!(found == 1, ids == 1, "{found} pages");
        }
        assert!(case.candidates(&PageQuery::Token(id(1000))).is_empty());
        assert!(case.candidates(&PageQuery::Token("123456".into())).is_empty());
    }
}

#[test]
fn an_index_over_no_rows_answers() {
    let dir = tempfile::tempdir().unwrap();
    let meta = write_split(dir.path(), &RowBlock::new(), &options(), 0).unwrap();
    let split = Case::new(Split::open(&dir.path().join(format!("{}.split", meta.id))).unwrap());
    assert_eq!(split.candidates(&PageQuery::Token("a".into())), Vec::<u32>::new());
    assert_eq!(split.candidates(&pieces(&["a", ""])), Vec::<u32>::new());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn the_index_knows_the_bytes_and_offsets_of_every_page(rows in any_rows(120)) {
        let dir = tempfile::tempdir().unwrap();
        let case = Case::new(written(dir.path(), &rows));
        let held = case.split.held(None).unwrap();
        for (page, block) in case.pages.iter().enumerate() {
            let page = page as u32;
            for row in block.rows() {
                let offsets = case.split.offsets(row.partition).unwrap();
                prop_assert!(offsets.iter().any(|o| o.page == page && (o.first..=o.last).contains(&row.offset)));
                let Some(place) = row.place else { continue };
                let (start, end) = (place.start, place.start.saturating_add(place.source_bytes.into()));
                let holds = |range: &HeldRange| {
                    (range.page, range.generation, range.agent) == (page, place.generation, place.agent)
                        && range.start <= start && end <= range.end
                };
                prop_assert!(held.iter().any(holds));
                prop_assert!(case.split.held(Some(place.generation)).unwrap().iter().any(holds));
            }
        }
        let with_place = case.pages.iter().flat_map(|page| page.rows()).filter(|row| row.place.is_some()).count();
        prop_assert_eq!(held.iter().map(|range| range.rows as usize).sum::<usize>(), with_place);
    }
}
