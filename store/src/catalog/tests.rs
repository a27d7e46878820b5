use std::collections::BTreeMap;

use super::*;
use crate::rows::{Stream, StreamId};
use crate::split::SplitMeta;

const LIFE: IncarnationId = IncarnationId([7; 16]);
const OTHER_LIFE: IncarnationId = IncarnationId([8; 16]);

fn meta(id: &str, time_max: i64) -> SplitMeta {
    SplitMeta {
        id: id.into(),
        format_version: 1,
        rows: 10,
        raw_bytes: 1000,
        file_bytes: 100,
        time_min: time_max - 10,
        time_max,
        pages: 1,
        streams: vec![StreamId(u64::MAX - 1)],
        severity_rows: [10, 0, 0, 0, 0, 0, 0],
        offsets: vec![(0, 0, 9)],
        footer_crc: 0xdead_beef,
        level: 0,
    }
}

fn stream() -> Arc<Stream> {
    Arc::new(Stream {
        id: StreamId(u64::MAX - 1),
        attributes: BTreeMap::from([("host.name".into(), "web-1".into())]),
    })
}

fn taken(incarnation: IncarnationId, from: u64, to: u64) -> Taken {
    Taken {
        topic: "logs".into(),
        partition: 3,
        incarnation,
        from,
        to,
    }
}

fn open() -> (tempfile::TempDir, Catalog) {
    let dir = tempfile::tempdir().unwrap();
    let catalog = Catalog::open(&dir.path().join("catalog.sqlite")).unwrap();
    (dir, catalog)
}

fn reopened(dir: &tempfile::TempDir, catalog: Catalog) -> Catalog {
    drop(catalog);
    Catalog::open(&dir.path().join("catalog.sqlite")).unwrap()
}

fn ids(catalog: &Catalog) -> Vec<String> {
    catalog.snapshot().splits.iter().map(|s| s.meta.id.clone()).collect()
}

#[test]
fn what_is_published_is_there_after_reopening_newest_first() {
    let (dir, catalog) = open();
    let id = catalog.store_id().to_owned();
    assert!(catalog.was_created());
    catalog
        .publish(&taken(LIFE, 0, 10), &[meta("a", 100), meta("b", 300)], &[stream()])
        .unwrap();
    catalog
        .publish(&taken(LIFE, 10, 20), &[meta("c", 200)], &[stream()])
        .unwrap();
    let before = catalog.snapshot();
    let catalog = reopened(&dir, catalog);
    let after = catalog.snapshot();
    assert_eq!(ids(&catalog), ["b", "c", "a"]);
    assert_eq!(before.splits, after.splits);
    assert_eq!(before.positions, after.positions);
    assert_eq!(before.streams, after.streams);
    assert_eq!(after.positions[&("logs".to_owned(), 3)].next_offset, 20);
    assert_eq!(catalog.store_id(), id);
    assert!(!catalog.was_created());
}

#[test]
fn s05_publishing_the_same_offsets_again_is_refused_and_changes_nothing() {
    let (dir, catalog) = open();
    catalog
        .publish(&taken(LIFE, 0, 10), &[meta("a", 1)], &[stream()])
        .unwrap();
    for (from, to) in [(0, 10), (5, 15), (9, 10)] {
        let refused = catalog.publish(&taken(LIFE, from, to), &[meta("b", 2)], &[stream()]);
        assert!(
            matches!(refused, Err(CatalogError::Overlap { stored: 10, .. })),
            "{refused:?}"
        );
    }
    assert_eq!(ids(&catalog), ["a"]);
    assert_eq!(ids(&reopened(&dir, catalog)), ["a"]);
}

#[test]
fn a_gap_is_recorded_once_and_does_not_stop_publication() {
    let (dir, catalog) = open();
    catalog
        .publish(&taken(LIFE, 0, 10), &[meta("a", 1)], &[stream()])
        .unwrap();
    catalog
        .publish(&taken(LIFE, 15, 20), &[meta("b", 2)], &[stream()])
        .unwrap();
    let gap = Gap {
        topic: "logs".into(),
        partition: 3,
        incarnation: LIFE,
        from: 17,
        to: 18,
        reason: "damaged batch".into(),
    };
    catalog.note_gap(&gap).unwrap();
    catalog.note_gap(&gap).unwrap();
    let catalog = reopened(&dir, catalog);
    let gaps: Vec<_> = catalog.gaps().unwrap().iter().map(|g| (g.from, g.to)).collect();
    assert_eq!(gaps, [(10, 15), (17, 18)]);
    assert_eq!(catalog.position("logs", 3).unwrap().next_offset, 20);
}

#[test]
fn q17_another_incarnation_starts_over_and_leaves_an_alert() {
    let (dir, catalog) = open();
    catalog
        .publish(&taken(LIFE, 0, 500), &[meta("a", 1)], &[stream()])
        .unwrap();
    catalog
        .publish(&taken(OTHER_LIFE, 0, 4), &[meta("b", 2)], &[stream()])
        .unwrap();
    let catalog = reopened(&dir, catalog);
    let position = catalog.position("logs", 3).unwrap();
    assert_eq!((position.incarnation, position.next_offset), (OTHER_LIFE, 4));
    assert_eq!(ids(&catalog), ["b", "a"]);
    let alerts = catalog.alerts().unwrap();
    assert!(alerts.len() == 1 && alerts[0].contains("500"), "{alerts:?}");
}

#[test]
fn a_merge_replaces_its_splits_and_touches_no_position() {
    let (dir, catalog) = open();
    catalog
        .publish(&taken(LIFE, 0, 10), &[meta("a", 1), meta("b", 2)], &[stream()])
        .unwrap();
    let kept_by_a_query = catalog.snapshot();
    catalog
        .replace("logs", &["a".into(), "b".into()], &[meta("ab", 2)])
        .unwrap();
    assert_eq!(kept_by_a_query.splits.len(), 2);
    let again = catalog.replace("logs", &["a".into()], &[meta("x", 2)]);
    assert!(matches!(again, Err(CatalogError::NotThere { .. })));
    let catalog = reopened(&dir, catalog);
    assert_eq!(ids(&catalog), ["ab"]);
    assert_eq!(catalog.position("logs", 3).unwrap().next_offset, 10);
}

#[test]
fn a_deletion_leaves_its_reason() {
    let (dir, catalog) = open();
    catalog
        .publish(&taken(LIFE, 0, 10), &[meta("a", 1), meta("b", 2)], &[stream()])
        .unwrap();
    catalog
        .delete(&["a".into(), "never".into()], "older than 30 days", 0)
        .unwrap();
    let catalog = reopened(&dir, catalog);
    assert_eq!(ids(&catalog), ["b"]);
    let deletions = catalog.deletions().unwrap();
    assert_eq!(deletions.len(), 1);
    assert_eq!(
        (deletions[0].split_id.as_str(), deletions[0].reason.as_str()),
        ("a", "older than 30 days")
    );
}

#[test]
fn s06_a_quarantined_split_stays_listed_and_is_not_merged() {
    let (dir, catalog) = open();
    catalog
        .publish(&taken(LIFE, 0, 10), &[meta("a", 1)], &[stream()])
        .unwrap();
    catalog.quarantine("a", "footer checksum").unwrap();
    let catalog = reopened(&dir, catalog);
    assert_eq!(
        catalog.snapshot().splits[0].quarantined.as_deref(),
        Some("footer checksum")
    );
    assert!(catalog.replace("logs", &["a".into()], &[meta("b", 1)]).is_err());
}

#[test]
fn q26_a_newer_format_is_refused_and_left_alone() {
    let (dir, catalog) = open();
    drop(catalog);
    let path = dir.path().join("catalog.sqlite");
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.pragma_update(None, "user_version", 99).unwrap();
    drop(connection);
    let before = std::fs::read(&path).unwrap();
    let refused = Catalog::open(&path).unwrap_err();
    assert!(
        matches!(refused, CatalogError::NewerFormat { found: 99, .. }),
        "{refused}"
    );
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[test]
fn a_file_that_is_no_database_is_an_error_not_a_new_catalog() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("catalog.sqlite");
    std::fs::write(&path, vec![0x55; 8192]).unwrap();
    assert!(Catalog::open(&path).is_err());
    assert_eq!(std::fs::read(&path).unwrap(), vec![0x55; 8192]);
}

#[test]
fn splits_keep_their_arc_from_snapshot_to_snapshot() {
    let (_dir, catalog) = open();
    catalog
        .publish(&taken(LIFE, 0, 10), &[meta("a", 1)], &[stream()])
        .unwrap();
    let before = Arc::clone(&catalog.snapshot().splits[0]);
    catalog
        .publish(&taken(LIFE, 10, 20), &[meta("b", 2)], &[stream()])
        .unwrap();
    assert!(Arc::ptr_eq(&before, catalog.snapshot().split("a").unwrap()));
}

#[test]
fn every_act_on_data_is_on_record_with_its_transaction() {
    let (dir, catalog) = open();
    catalog
        .publish(&taken(LIFE, 0, 10), &[meta("a", 100), meta("b", 300)], &[stream()])
        .unwrap();
    // Refused: nothing of it is on record.
    catalog.publish(&taken(LIFE, 5, 20), &[meta("x", 1)], &[]).unwrap_err();
    catalog.publish(&taken(LIFE, 15, 20), &[meta("c", 200)], &[]).unwrap();
    catalog
        .replace("logs", &["a".into(), "b".into()], &[meta("d", 300)])
        .unwrap();
    catalog.quarantine("c", "torn").unwrap();
    catalog.quarantine("c", "torn").unwrap();
    catalog.delete(&["c".into(), "nowhere".into()], "old", 0).unwrap();
    let position = Position {
        incarnation: OTHER_LIFE,
        next_offset: 0,
    };
    catalog.reset("logs", 3, position, "shorter").unwrap();
    for _ in 0..2 {
        catalog.note_retention(Some(60), None).unwrap();
    }
    catalog.note_retention(Some(90), None).unwrap();

    let catalog = reopened(&dir, catalog);
    let entries = catalog.audit(100).unwrap();
    let acts: Vec<_> = entries.iter().map(|e| (e.action.as_str(), e.object.as_str())).collect();
    assert_eq!(
        acts,
        [
            ("split.publish", "logs-3"),
            ("queue.gap", "logs-3"),
            ("split.publish", "logs-3"),
            ("split.merge", "logs"),
            ("split.quarantine", "c"),
            ("split.delete", "c"),
            ("queue.reset", "logs-3"),
            ("retention.configure", "store"),
            ("retention.configure", "store"),
        ]
    );
    assert!(
        entries
            .iter()
            .all(|e| e.actor == "store" && e.outcome == "ok" && e.origin.is_none())
    );
    assert_eq!(entries[3].detail["removed"], serde_json::json!(["a", "b"]));
    assert_eq!(entries[1].detail["from"], 10);
    assert_eq!(catalog.audit(1).unwrap(), entries[8..]);
}

#[test]
fn an_audit_of_more_than_a_portion_is_read_whole_and_in_order() {
    let (dir, catalog) = open();
    let mut connection = rusqlite::Connection::open(dir.path().join("catalog.sqlite")).unwrap();
    let transaction = connection.transaction().unwrap();
    let many = 2 * super::audit::PORTION_ENTRIES + 7;
    for n in 0..many {
        transaction
            .execute(
                "INSERT INTO audit (at, actor, action, object, outcome, detail) VALUES (?1, 'store', 'a', ?2, 'ok', '{}')",
                rusqlite::params![n as i64, n.to_string()],
            )
            .unwrap();
    }
    transaction.commit().unwrap();
    let numbers = |entries_max: usize| -> Vec<i64> {
        let entries = catalog.audit(entries_max).unwrap();
        entries.iter().map(|entry| entry.at_nanos).collect()
    };
    let all: Vec<i64> = (0..many as i64).collect();
    assert_eq!(numbers(usize::MAX), all);
    for newest in [0, 1, super::audit::PORTION_ENTRIES, super::audit::PORTION_ENTRIES + 1] {
        assert_eq!(numbers(newest), all[many - newest..], "{newest}");
    }
}

#[test]
fn entries_that_are_too_old_go_when_the_next_one_comes() {
    let (dir, catalog) = open();
    catalog.note_retention(Some(1), None).unwrap();
    rusqlite::Connection::open(dir.path().join("catalog.sqlite"))
        .unwrap()
        .execute("UPDATE audit SET at = at - ?1", [AUDIT_AGE_MAX_NANOS + 1])
        .unwrap();
    catalog.note_retention(Some(2), None).unwrap();
    let entries = catalog.audit(100).unwrap();
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0].detail["age_seconds"], 2);
}

#[test]
fn a_catalog_cut_short_or_overwritten_is_refused_by_path_with_a_way_out_or_complete() {
    let (dir, catalog) = open();
    for n in 0..40 {
        let id = format!("split-{n}");
        catalog
            .publish(&taken(LIFE, n, n + 1), &[meta(&id, 100)], &[stream()])
            .unwrap();
    }
    let known = ids(&catalog);
    drop(catalog); // the last connection writes the log back
    let path = dir.path().join("catalog.sqlite");
    let sound = std::fs::read(&path).unwrap();
    let check = |what: &str| match Catalog::open(&path) {
        Ok(catalog) => assert_eq!(ids(&catalog), known, "{what}"),
        Err(error) => {
            let said = error.to_string();
            assert!(said.contains(&path.display().to_string()), "{what}: {said}");
            assert!(said.contains("restore it from a backup"), "{what}: {said}");
        }
    };
    let remove_log = || {
        for name in ["catalog.sqlite-wal", "catalog.sqlite-shm"] {
            std::fs::remove_file(dir.path().join(name)).ok();
        }
    };
    for length in (1..sound.len()).step_by(1021) {
        std::fs::write(&path, &sound[..length]).unwrap();
        check(&format!("{length} bytes"));
        remove_log();
    }
    for at in (0..sound.len()).step_by(4096) {
        let mut damaged = sound.clone();
        damaged[at..sound.len().min(at + 64)].fill(0xa5);
        std::fs::write(&path, &damaged).unwrap();
        check(&format!("overwritten at {at}"));
        remove_log();
    }
}
