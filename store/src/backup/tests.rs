//! What was backed up is what is restored; what is not there, or another, is named.

use std::fs;
use std::path::Path;

use timberline_queue::{Append, Queue, QueueOptions};

use super::*;
use crate::catalog::Catalog;

const TIME: i64 = 1_796_000_000_000_000_000;

fn what(data: &Path) -> What {
    for dir in ["store/splits", "collector"] {
        fs::create_dir_all(data.join(dir)).unwrap();
    }
    fs::write(data.join("VERSION"), "timberline data 1\n").unwrap();
    fs::write(data.join("collector/fleet.state"), "who").unwrap();
    What {
        data: data.to_owned(),
        catalog: Catalog::open(&data.join("store/catalog.sqlite")).unwrap(),
        queue: Some(Queue::open(&data.join("queue"), QueueOptions::default()).unwrap()),
    }
}

fn append(queue: &Queue, line: &str) {
    use timberline_proto::batch::{BatchBuilder, BatchMeta, NewRecord};
    let mut builder = BatchBuilder::new();
    builder.push(&NewRecord {
        time_nanos: TIME,
        line: line.as_bytes(),
        ..NewRecord::default()
    });
    let append = Append {
        batch: builder.finish(
            &BatchMeta {
                eol_bytes: 1,
                ..BatchMeta::default()
            },
            1,
        ),
        origin: None,
        key: bytes::Bytes::from_static(b"k"),
    };
    queue.append("logs", append).unwrap();
}

fn taken(what: &What, directory: &Directory, at: i64) -> Manifest {
    take(what, directory, TIME + at, &mut |_, _| {}).unwrap()
}

#[test]
fn what_is_restored_is_what_was_there_and_the_queue_goes_on_behind_it() {
    let dir = tempfile::tempdir().unwrap();
    let (data, to) = (dir.path().join("data"), dir.path().join("restored"));
    let what = what(&data);
    let queue = what.queue.clone().unwrap();
    append(&queue, "one");
    append(&queue, "two");
    what.catalog.note_retention(Some(7), None).unwrap();
    let directory = Directory::new(dir.path().join("backups"));
    let manifest = taken(&what, &directory, 0);
    assert_eq!(manifest.name, "20261130T005320-000000000");
    // What comes later is not in it.
    append(&queue, "three");
    what.catalog.note_retention(Some(8), None).unwrap();
    assert_eq!(directory.manifest(None).unwrap(), manifest);
    assert!(check(&directory, &manifest, &mut |_| {}).faults.is_empty());
    restore(&directory, &manifest, &to, &mut |_, _| {}).unwrap();
    assert_eq!(fs::read_to_string(to.join("collector/fleet.state")).unwrap(), "who");
    let catalog = Catalog::open(&to.join("store/catalog.sqlite")).unwrap();
    let acts = catalog.audit(10).unwrap();
    assert_eq!(acts.last().unwrap().detail["age_seconds"], 7);
    let restored = Queue::open(&to.join("queue"), QueueOptions::default()).unwrap();
    let (was, is) = (&queue.partitions()[0], &restored.partitions()[0]);
    assert_eq!((was.incarnation, was.end_offset), (is.incarnation, 3));
    assert_eq!(is.end_offset, 2);
    append(&restored, "other three");
    assert_eq!(restored.partitions()[0].end_offset, 3);
}

#[test]
fn what_did_not_change_is_kept_once_and_goes_with_the_last_backup_that_holds_it() {
    let dir = tempfile::tempdir().unwrap();
    let what = what(&dir.path().join("data"));
    let directory = Directory::new(dir.path().join("backups"));
    let first = taken(&what, &directory, 0);
    let secret = what.data.join("collector/fleet.state");
    fs::write(&secret, "who else").unwrap();
    let second = taken(&what, &directory, 1_000_000_000);
    let hash = |manifest: &Manifest, path: &str| {
        let file = manifest.files.iter().find(|file| file.path == path);
        file.unwrap_or_else(|| panic!("no {path}")).sha256.clone()
    };
    assert_eq!(hash(&first, "VERSION"), hash(&second, "VERSION"));
    let (old, new) = (
        hash(&first, "collector/fleet.state"),
        hash(&second, "collector/fleet.state"),
    );
    assert_ne!(old, new);
    assert_eq!(directory.names().unwrap(), [first.name.clone(), second.name.clone()]);
    let (removed, freed) = directory.prune(1).unwrap();
    assert!(removed == 1 && freed > 0);
    assert_eq!(directory.names().unwrap(), std::slice::from_ref(&second.name));
    assert!(!directory.blob_path(&old).exists() && directory.blob_path(&new).exists());
    assert!(check(&directory, &second, &mut |_| {}).faults.is_empty());
    assert!(matches!(
        directory.manifest(Some(&first.name)),
        Err(BackupError::NoBackup { .. })
    ));
}

#[test]
fn a_file_of_a_backup_that_is_cut_changed_or_gone_is_named_and_not_restored() {
    let dir = tempfile::tempdir().unwrap();
    let what = what(&dir.path().join("data"));
    let directory = Directory::new(dir.path().join("backups"));
    let manifest = taken(&what, &directory, 0);
    let file = manifest
        .files
        .iter()
        .find(|file| file.path == "collector/fleet.state")
        .unwrap();
    let blob = directory.blob_path(&file.sha256);
    let to = dir.path().join("restored");
    let says = |words: &str| {
        let faults = check(&directory, &manifest, &mut |_| {}).faults;
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert_eq!(faults[0].path, "collector/fleet.state");
        assert!(faults[0].what.contains(words), "{faults:?}");
        assert!(restore(&directory, &manifest, &to, &mut |_, _| {}).is_err());
        assert!(!to.exists(), "half of it was left");
    };
    fs::write(&blob, "wh").unwrap();
    says("2 bytes are there of 3");
    fs::write(&blob, "woh").unwrap();
    says("others than were written");
    fs::remove_file(&blob).unwrap();
    says("No such file");
    // The next backup keeps it again.
    assert!(
        check(&directory, &taken(&what, &directory, 1), &mut |_| {})
            .faults
            .is_empty()
    );
}

#[test]
fn nothing_is_restored_over_what_is_there_and_no_path_leads_out() {
    let dir = tempfile::tempdir().unwrap();
    let what = what(&dir.path().join("data"));
    let directory = Directory::new(dir.path().join("backups"));
    let manifest = taken(&what, &directory, 0);
    let refused = restore(&directory, &manifest, &what.data, &mut |_, _| {});
    assert!(matches!(refused, Err(BackupError::NotEmpty { .. })), "{refused:?}");
    let path = dir
        .path()
        .join("backups/backups")
        .join(format!("{}.json", manifest.name));
    let text = fs::read_to_string(&path).unwrap();
    for evil in ["../evil", "/evil", "a/../../evil", "a//b", ""] {
        fs::write(&path, text.replace("\"VERSION\"", &format!("{evil:?}"))).unwrap();
        let read = directory.manifest(None);
        assert!(matches!(read, Err(BackupError::Damaged { .. })), "{evil}: {read:?}");
    }
    fs::write(&path, text.replace("\"format\":1", "\"format\":2")).unwrap();
    assert!(
        directory
            .manifest(None)
            .unwrap_err()
            .to_string()
            .contains("newer program")
    );
    assert!(matches!(
        directory.manifest(Some("../x")),
        Err(BackupError::NoBackup { .. })
    ));
}

#[test]
fn while_a_copy_is_made_the_queue_deletes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let options = QueueOptions {
        retention_bytes: 0,
        segment_bytes_max: 4096,
        batch_bytes_max: 2048,
        ..QueueOptions::default()
    };
    let queue = Queue::open(dir.path(), options).unwrap();
    for n in 0..200 {
        append(&queue, &format!("{n} {}", "x".repeat(n)));
    }
    let partition = queue.partitions().remove(0);
    for group in queue.options().required_groups.clone() {
        queue
            .commit(&group, "logs", 0, partition.incarnation, partition.end_offset)
            .unwrap();
    }
    let hold = queue.hold_deletions();
    assert_eq!(queue.enforce_retention(std::time::SystemTime::now()).unwrap(), 0);
    drop(hold);
    assert!(queue.enforce_retention(std::time::SystemTime::now()).unwrap() > 0);
}
