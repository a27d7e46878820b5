use timberline_proto::gap::{DELETED_UNREAD, NUL_HOLE};
use timberline_proto::id::IncarnationId;

use super::*;
use crate::catalog::{Position, Taken};

const A: GenerationId = GenerationId([1; 16]);
const B: GenerationId = GenerationId([2; 16]);

/// A file: its generation, the ranges of its batches, bytes of its records.
type Published<'a> = (GenerationId, &'a [(u64, u64)], u64);

struct Bench {
    _dir: tempfile::TempDir,
    catalog: Catalog,
    next: u64,
}

fn meta(id: &str) -> SplitMeta {
    SplitMeta {
        id: id.into(),
        format_version: 1,
        rows: 1,
        raw_bytes: 1,
        file_bytes: 1,
        time_min: 0,
        time_max: 1,
        pages: 1,
        streams: Vec::new(),
        severity_rows: [1, 0, 0, 0, 0, 0, 0],
        offsets: Vec::new(),
        footer_crc: 0,
        level: 0,
    }
}

fn hole(generation: GenerationId, start: u64, end: u64, reason: &str) -> Hole {
    Hole {
        generation,
        start,
        end,
        reason: reason.into(),
    }
}

impl Bench {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let catalog = Catalog::open(&dir.path().join("catalog.sqlite")).unwrap();
        Self {
            _dir: dir,
            catalog,
            next: 0,
        }
    }

    /// Publishes one split of these files.
    fn publish(&mut self, split: &str, files: &[Published<'_>]) {
        let taken = Taken {
            topic: "logs".into(),
            partition: 0,
            incarnation: IncarnationId([7; 16]),
            from: self.next,
            to: self.next + 1,
        };
        self.next += 1;
        let counted = Counted {
            trees: Vec::new(),
            links: Vec::new(),
            files: files
                .iter()
                .map(|(generation, ranges, _)| TakenFile {
                    generation: *generation,
                    agent: AgentId([9; 16]),
                    host: "web-1".into(),
                    path: format!("/var/log/{generation}"),
                    ranges: ranges.to_vec(),
                })
                .collect(),
            splits: vec![
                files
                    .iter()
                    .map(|(generation, _, bytes)| (*generation, *bytes))
                    .collect(),
            ],
        };
        self.catalog
            .publish_counted(&taken, &[meta(split)], &[], &counted)
            .unwrap();
    }

    fn account(&self, generation: GenerationId) -> Account {
        let filter = LedgerFilter {
            generation: Some(generation),
            ..LedgerFilter::default()
        };
        let view = self.catalog.ledger().unwrap();
        view.accounts(&filter, None, 10, 10).unwrap().remove(0)
    }

    fn with_loss(&self) -> Vec<GenerationId> {
        let filter = LedgerFilter {
            only_loss: true,
            ..LedgerFilter::default()
        };
        let view = self.catalog.ledger().unwrap();
        let found = view.accounts(&filter, None, 10, 10).unwrap();
        assert_eq!(view.totals(&filter).unwrap().sources, found.len() as u64);
        found.iter().map(|account| account.key.generation).collect()
    }

    fn totals(&self) -> Totals {
        self.catalog.ledger().unwrap().totals(&LedgerFilter::default()).unwrap()
    }
}

#[test]
fn records_and_gaps_together_are_what_was_taken() {
    let mut bench = Bench::new();
    bench
        .catalog
        .note_holes(&[hole(A, 40, 50, "rule:debug"), hole(A, 100, 130, DELETED_UNREAD)])
        .unwrap();
    bench.publish("a", &[(A, &[(0, 60), (60, 100)], 90), (B, &[(500, 700)], 200)]);
    let account = bench.account(A);
    assert_eq!((account.first, account.end, account.published), (0, 100, 90));
    assert_eq!(
        (account.gap_bytes(), account.unexplained()),
        (10, 0),
        "what lies beyond is not taken yet"
    );
    assert_eq!(bench.with_loss(), []);
    bench.publish("b", &[(A, &[(100, 130)], 0)]);
    let account = bench.account(A);
    assert_eq!((account.end, account.gap_bytes(), account.unexplained()), (130, 40, 0));
    assert_eq!(account.gaps[0].reason, DELETED_UNREAD, "losses come first");
    assert_eq!(bench.with_loss(), [A]);
    let totals = bench.totals();
    assert_eq!(
        (totals.sources, totals.taken, totals.published, totals.unexplained()),
        (2, 330, 290, 0)
    );
    assert_eq!(
        totals.gaps.iter().map(|sum| sum.reason.as_str()).collect::<Vec<_>>(),
        [DELETED_UNREAD, "rule"]
    );
}

#[test]
fn bytes_that_no_record_and_no_gap_covers_are_unexplained() {
    let mut bench = Bench::new();
    bench.publish("a", &[(A, &[(0, 100)], 93), (B, &[(0, 10)], 10)]);
    assert_eq!((bench.account(A).unexplained(), bench.totals().unexplained()), (7, 7));
    assert_eq!(bench.with_loss(), [A]);
}

#[test]
fn a_batch_beyond_the_end_names_what_the_queue_lost_and_one_before_it_what_came_twice() {
    let mut bench = Bench::new();
    bench.catalog.note_holes(&[hole(A, 90, 95, NUL_HOLE)]).unwrap();
    bench.publish("a", &[(A, &[(0, 100)], 95)]);
    bench.publish("b", &[(A, &[(150, 200)], 50)]);
    let account = bench.account(A);
    let lost = account.gaps.iter().find(|gap| gap.reason == QUEUE_LOST).unwrap();
    assert_eq!((lost.range, account.unexplained()), (Some((100, 150)), 0));
    // 20 bytes from 80 on again, 5 of which are the hole.
    bench.publish("c", &[(A, &[(80, 100)], 15)]);
    let account = bench.account(A);
    assert_eq!(
        (account.doubled, account.published, account.unexplained()),
        (15, 160, 0)
    );
}

#[test]
fn the_same_holes_noted_again_count_once_also_when_they_are_cut_otherwise() {
    let mut bench = Bench::new();
    bench
        .catalog
        .note_holes(&[hole(A, 10, 20, "rule:x"), hole(A, 30, 40, "rule:x")])
        .unwrap();
    bench.catalog.note_holes(&[hole(A, 10, 20, "rule:x")]).unwrap();
    bench
        .catalog
        .note_holes(&[hole(A, 5, 35, "rule:x"), hole(A, 40, 45, "rule:x")])
        .unwrap();
    bench.publish("a", &[(A, &[(0, 50)], 10)]);
    assert_eq!((bench.account(A).gap_bytes(), bench.account(A).unexplained()), (40, 0));
}

#[test]
fn what_policy_removed_is_told_from_what_is_lost_over_merges_and_damage() {
    let mut bench = Bench::new();
    bench.publish("a", &[(A, &[(0, 100)], 100), (B, &[(0, 30)], 30)]);
    bench.publish("b", &[(A, &[(100, 150)], 50)]);
    bench.publish("c", &[(A, &[(150, 160)], 10)]);
    bench
        .catalog
        .replace("logs", &["a".into(), "b".into()], &[meta("ab")])
        .unwrap();
    bench.catalog.quarantine("ab", "torn").unwrap();
    assert_eq!((bench.account(A).damaged, bench.account(B).damaged), (150, 30));
    assert_eq!(bench.with_loss(), [A, B]);
    bench.catalog.release("ab").unwrap();
    bench
        .catalog
        .delete(&["ab".into(), "never".into()], "too old", 0)
        .unwrap();
    let account = bench.account(A);
    assert_eq!(
        (
            account.published,
            account.removed,
            account.damaged,
            account.unexplained()
        ),
        (160, 150, 0, 0)
    );
    assert_eq!(bench.account(B).removed, 30);
    assert_eq!(bench.with_loss(), []);
}

#[test]
fn holes_of_a_file_that_is_gone_are_summed_up_but_losses_stay_named() {
    let mut bench = Bench::new();
    let holes = [
        hole(A, 0, 10, "rule:x"),
        hole(A, 20, 30, "rule:x"),
        hole(A, 40, 50, DELETED_UNREAD),
    ];
    bench.catalog.note_holes(&holes).unwrap();
    bench.catalog.note_holes(&[hole(B, 0, 10, "rule:x")]).unwrap();
    bench.publish("a", &[(A, &[(0, 50)], 20)]);
    bench.catalog.delete(&["a".into()], "too old", 0).unwrap();
    let before = bench.account(A);
    assert_eq!(bench.catalog.generations_with_holes(i64::MAX).unwrap(), [A, B]);
    bench.catalog.forget_holes(&[A, B]).unwrap();
    assert_eq!(bench.catalog.holes(None).unwrap(), [hole(A, 40, 50, DELETED_UNREAD)]);
    assert_eq!(bench.catalog.generations_with_holes(i64::MAX).unwrap(), []);
    let after = bench.account(A);
    assert_eq!((after.sums.clone(), after.unexplained()), (before.sums, 0));
    assert_eq!(
        after.gaps.iter().map(|gap| gap.range).collect::<Vec<_>>(),
        [Some((40, 50)), None]
    );
}

#[test]
fn accounts_beyond_the_limit_become_sums_if_nothing_is_held_of_them() {
    let mut bench = Bench::new();
    bench.catalog.note_holes(&[hole(A, 90, 100, "rule:x")]).unwrap();
    bench.publish("a", &[(A, &[(0, 100)], 90)]);
    bench.publish("b", &[(B, &[(0, 10)], 10)]);
    bench.catalog.delete(&["a".into()], "too old", 0).unwrap();
    let before = bench.totals();
    assert_eq!(bench.catalog.forget_accounts(2, i64::MAX).unwrap(), 0);
    assert_eq!(
        bench.catalog.forget_accounts(0, 0).unwrap(),
        0,
        "one that is young stays"
    );
    assert_eq!(
        bench.catalog.forget_accounts(0, i64::MAX).unwrap(),
        1,
        "one of which something is held stays"
    );
    assert_eq!(bench.totals(), before);
    assert_eq!(bench.catalog.ledger().unwrap().reach(A).unwrap(), None);
    assert_eq!(bench.catalog.holes(None).unwrap(), []);
}

#[test]
fn pages_by_cursor_give_every_account_once_and_filters_are_kept() {
    let mut bench = Bench::new();
    let all: Vec<GenerationId> = (1..=9).map(|n| GenerationId([n; 16])).collect();
    for generation in &all {
        bench.publish(&generation.to_string(), &[(*generation, &[(0, 1)], 1)]);
    }
    let view = bench.catalog.ledger().unwrap();
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = view.accounts(&LedgerFilter::default(), after.as_ref(), 4, 0).unwrap();
        let Some(last) = page.last() else { break };
        after = Some(last.key.clone());
        found.extend(page.iter().map(|account| account.key.generation));
    }
    assert_eq!(found, all);
    let paths = |path: &str| {
        let filter = LedgerFilter {
            path: Some(path.into()),
            ..LedgerFilter::default()
        };
        view.totals(&filter).unwrap().sources
    };
    assert_eq!(
        (
            paths("/var/log/0303*"),
            paths("*"),
            paths("/var/log"),
            paths("/var/log/[0]*")
        ),
        (1, 9, 0, 0)
    );
    let late = LedgerFilter {
        from_nanos: Some(i64::MAX),
        ..LedgerFilter::default()
    };
    assert_eq!(view.totals(&late).unwrap().sources, 0);
    assert_eq!(view.agents_since(0, 10).unwrap().len(), 1);
}

#[test]
fn a_ledger_that_is_read_holds_up_no_publication_and_sees_one_moment() {
    let mut bench = Bench::new();
    bench.publish("a", &[(A, &[(0, 1)], 1)]);
    let view = bench.catalog.ledger().unwrap();
    assert_eq!(view.totals(&LedgerFilter::default()).unwrap().sources, 1);
    bench.publish("b", &[(B, &[(0, 1)], 1)]);
    assert_eq!(view.totals(&LedgerFilter::default()).unwrap().sources, 1);
    assert_eq!(bench.totals().sources, 2);
}

#[test]
fn a_catalog_without_a_ledger_gets_one() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("catalog.sqlite");
    let catalog = Catalog::open(&path).unwrap();
    let position = Position {
        incarnation: IncarnationId([7; 16]),
        next_offset: 3,
    };
    catalog.reset("logs", 0, position, "test").unwrap();
    drop(catalog);
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection
        .execute_batch("DROP TABLE sources; DROP TABLE split_sources; DROP TABLE source_gaps; DROP TABLE past_sources; DROP TABLE past_gaps;")
        .unwrap();
    drop(connection);
    let catalog = Catalog::open(&path).unwrap();
    assert_eq!(catalog.position("logs", 0), Some(position));
    assert_eq!(
        catalog.ledger().unwrap().totals(&LedgerFilter::default()).unwrap(),
        Totals::default()
    );
}
