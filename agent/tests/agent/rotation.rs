//! Files that are renamed, truncated, deleted, linked: every line once.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::symlink;
use std::time::Duration;

use crate::common::{Bench, append, numbered, text, until};

#[test]
fn a01_after_rename_and_create_the_old_file_is_read_to_its_end_and_the_new_from_its_start() {
    let mut bench = Bench::new(&["app.log"]);
    let lines = numbered("a01", 0..300);
    bench.append("app.log", text(&lines[..100]));
    bench.start();
    bench.until_lines(100);
    bench.append("app.log", text(&lines[100..200]));
    bench.rename("app.log", "app.log.1");
    bench.append("app.log", text(&lines[200..]));
    bench.assert_lines(&lines);
}

#[test]
fn a02_a_writer_that_goes_on_in_the_renamed_file_is_followed() {
    let mut bench = Bench::new(&["app.log"]);
    let lines = numbered("a02", 0..4);
    bench.append("app.log", text(&lines[..1]));
    bench.start();
    bench.until_lines(1);
    let mut writer = OpenOptions::new().append(true).open(bench.log("app.log")).unwrap();
    bench.rename("app.log", "app.log.1");
    bench.append("app.log", text(&lines[1..2]));
    bench.until_lines(2);
    for (n, line) in lines[2..].iter().enumerate() {
        writeln!(writer, "{line}").unwrap();
        bench.until_lines(3 + n);
    }
    bench.assert_lines(&lines);
}

#[test]
fn a03_a_rotated_name_that_matches_the_glob_stays_the_same_generation_and_stream() {
    let mut bench = Bench::new(&["app.log*"]);
    let lines = numbered("a03", 0..60);
    bench.append("app.log", text(&lines[..20]));
    bench.start();
    bench.until_lines(20);
    bench.rename("app.log", "app.log.1");
    bench.append("app.log", text(&lines[20..40]));
    bench.append("app.log.1", text(&lines[40..]));
    bench.assert_lines(&lines);
    let names: Vec<_> = bench
        .collector
        .records()
        .iter()
        .map(|held| held.stream["log.file.name"].clone())
        .collect();
    assert!(names.iter().all(|name| name == "app.log"), "{names:?}");
    assert_eq!(bench.collector.state.lock().unwrap().ends.len(), 2);
}

#[test]
fn a04_rotations_while_the_agent_was_stopped_are_caught_up_with() {
    for globs in [&["app.log*"][..], &["app.log"][..]] {
        let mut bench = Bench::new(globs);
        let lines = numbered("a04", 0..50);
        bench.append("app.log", text(&lines[..10]));
        bench.start();
        bench.until_lines(10);
        bench.stop();
        bench.append("app.log", text(&lines[10..20]));
        bench.rename("app.log", "app.log.1");
        let unseen = if globs[0] == "app.log*" { 30 } else { 20 };
        bench.append("app.log", text(&lines[20..unseen]));
        bench.rename("app.log.1", "app.log.2");
        bench.rename("app.log", "app.log.1");
        bench.append("app.log", text(&lines[unseen..]));
        bench.start();
        bench.assert_lines(&lines);
    }
}

#[test]
fn a05_after_copy_and_truncate_new_lines_are_read_from_the_start_and_the_copy_is_not_read_again() {
    for glob in ["app.log", "app.log*"] {
        let mut bench = Bench::new(&[glob]);
        let lines = numbered("a05", 0..60);
        bench.append("app.log", text(&lines[..40]));
        bench.start();
        bench.until_lines(40);
        bench.copy_truncate("app.log", "app.log.1");
        bench.until_status("the truncation seen", |status| {
            status
                .files
                .iter()
                .any(|file| file.path.ends_with("app.log") && file.size == 0)
        });
        bench.append("app.log", text(&lines[40..]));
        bench.assert_lines(&lines);
        // The copy is given the time in which it would be taken for a file of its own.
        std::thread::sleep(bench.config.rotate_wait * 2);
        bench.assert_lines(&lines);
        assert_eq!(bench.status().lost_bytes, 0);
    }
}

#[test]
fn a06_the_unread_end_of_a_truncated_file_is_read_from_its_copy() {
    for glob in ["app.log", "app.log*"] {
        let mut bench = Bench::new(&[glob]);
        let lines = numbered("a06", 0..60);
        bench.append("app.log", text(&lines[..20]));
        bench.start();
        bench.until_quiet();
        bench.stop();
        bench.append("app.log", text(&lines[20..40]));
        bench.copy_truncate("app.log", "app.log.1");
        bench.append("app.log", text(&lines[40..]));
        bench.start();
        if glob == "app.log*" {
            bench.assert_lines(&lines);
        } else {
            bench.until_lines(40);
        }
        assert_eq!(bench.status().lost_bytes, 0);
    }
}

#[test]
fn a06_without_a_copy_the_unread_end_is_told_with_its_range_and_reason() {
    let mut bench = Bench::new(&["app.log"]);
    let lines = numbered("a06", 0..30);
    bench.append("app.log", text(&lines[..10]));
    bench.start();
    bench.until_quiet();
    let unread = "held without its end";
    bench.append("app.log", unread);
    bench.until_status("the held bytes seen", |status| {
        status.files.iter().any(|file| file.size > file.read)
    });
    bench.truncate("app.log");
    bench.until_status("the loss", |status| status.lost_bytes == unread.len() as u64);
    bench.append("app.log", text(&lines[10..]));
    bench.assert_lines(&lines);
    let status = bench.status();
    assert!(
        status.files.iter().any(|file| file.lost_bytes == unread.len() as u64),
        "{status:#?}"
    );
    let start = text(&lines[..10]).len() as u64;
    bench.until_told(&[(start, start + unread.len() as u64, "truncated_unread")]);
}

#[test]
fn a06_a_loss_is_told_once_though_acks_are_lost_and_the_agent_is_killed_and_started_again() {
    let mut bench = Bench::new(&["*.log"]);
    bench.append("a.log", text(&numbered("a06", 0..10)));
    bench.start();
    bench.until_lines(10);
    bench.until_quiet();
    bench.append("a.log", "held without its end");
    bench.until_status("the held bytes seen", |status| {
        status.files.iter().any(|file| file.size > file.read)
    });
    bench.stop();
    bench.remove("a.log");
    let start = text(&numbered("a06", 0..10)).len() as u64;
    let told = [(start, start + 20, "deleted_unread")];
    bench.collector.faults(|faults| faults.down = true);
    bench.start();
    bench.until_status("the loss waits", |status| {
        status.files.iter().any(|file| file.size > file.read)
    });
    bench.kill();
    bench
        .collector
        .faults(|faults| (faults.down, faults.ack_lost) = (false, 1));
    bench.start();
    bench.until_told(&told);
    bench.kill();
    bench.start();
    bench.until_status("nothing left", |status| status.files.is_empty() && status.connected);
    bench.until_told(&told);
}

#[test]
fn a17_a_file_deleted_with_its_directory_while_the_agent_was_stopped_is_told() {
    let mut bench = Bench::new(&["*/*.log"]);
    fs::create_dir(bench.log("pod")).unwrap();
    bench.append("pod/a.log", "one\ntwo");
    bench.start();
    bench.until_lines(1);
    bench.until_status("the held bytes seen", |status| {
        status.files.iter().any(|file| file.size == 7)
    });
    bench.stop();
    fs::remove_dir_all(bench.log("pod")).unwrap();
    bench.start();
    bench.until_told(&[(4, 7, "deleted_unread")]);
}

#[test]
fn a17_sizes_are_saved_while_no_collector_answers_so_that_a_loss_is_counted_from_them() {
    let mut bench = Bench::new(&["*.log"]);
    bench.config.batch_records_max = 1;
    bench.config.in_flight_max = 1;
    bench.append("a.log", "one\n");
    bench.start();
    bench.until_lines(1);
    bench.until_quiet();
    bench.collector.faults(|faults| faults.down = true);
    bench.append("a.log", text(&numbered("a17", 0..100)));
    let size = fs::metadata(bench.log("a.log")).unwrap().len();
    bench.until_status("the new lines seen", |status| status.files[0].size == size);
    let registry = || {
        let slots =
            ["registry.0", "registry.1"].map(|slot| fs::read(bench.config.data_dir.join(slot)).unwrap_or_default());
        let wanted = format!("\"size\":{size},");
        slots
            .iter()
            .any(|slot| slot.windows(wanted.len()).any(|bytes| bytes == wanted.as_bytes()))
    };
    until("the size saved", registry, String::new);
    bench.kill();
    bench.remove("a.log");
    bench.collector.faults(|faults| faults.down = false);
    bench.start();
    bench.until_told(&[(4, size, "deleted_unread")]);
}

#[test]
fn a07_a_file_truncated_and_filled_beyond_the_offset_is_read_from_its_start() {
    let mut bench = Bench::new(&["app.log"]);
    let lines = numbered("a07", 0..100);
    bench.append("app.log", text(&lines[..20]));
    bench.start();
    bench.until_quiet();
    bench.stop();
    bench.truncate("app.log");
    bench.append("app.log", text(&lines[20..60]));
    bench.start();
    bench.until_lines(60);
    bench.until_quiet();
    // Once more while it runs, with no chance to see the file small.
    let path = bench.log("app.log");
    let mut file = OpenOptions::new().write(true).open(&path).unwrap();
    file.set_len(0).unwrap();
    file.write_all(text(&lines[60..]).as_bytes()).unwrap();
    bench.assert_lines(&lines);
}

#[test]
fn a08_a_hole_left_by_a_writer_without_append_is_skipped() {
    let mut bench = Bench::new(&["app.log"]);
    let lines = numbered("a08", 0..20);
    let mut writer = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(bench.log("app.log"))
        .unwrap();
    writer.write_all(text(&lines[..10]).as_bytes()).unwrap();
    bench.start();
    bench.until_quiet();
    bench.truncate("app.log");
    bench.until_status("the truncation seen", |status| {
        status.files.iter().any(|file| file.size == 0)
    });
    std::io::Seek::seek(&mut writer, std::io::SeekFrom::Start(300 << 20)).unwrap();
    writer.write_all(text(&lines[10..]).as_bytes()).unwrap();
    bench.assert_lines(&lines);
    let state = bench.collector.state.lock().unwrap();
    let hole: u64 = state.dropped.iter().map(|dropped| dropped.end - dropped.start).sum();
    assert_eq!(hole, 300 << 20);
    assert!(state.batches < 20, "{} batches for one hole", state.batches);
}

#[test]
fn a13_a_file_deleted_and_made_again_is_another_generation_even_with_the_same_inode() {
    let mut bench = Bench::new(&["*.log"]);
    let mut lines = Vec::new();
    bench.config.rotate_wait = Duration::from_millis(10);
    bench.start();
    for round in 0..8 {
        let more = numbered("same first line and length", 0..5);
        bench.append("job.log", text(&more));
        lines.extend(more);
        bench.until_lines(lines.len());
        bench.remove("job.log");
        if round % 2 == 0 {
            bench.until_status("the file closed", |status| status.open_files == 0);
        }
    }
    bench.assert_lines(&lines);
}

#[test]
fn a13_an_inode_used_again_while_the_agent_was_stopped_is_noticed() {
    let mut bench = Bench::new(&["*.log"]);
    let lines = numbered("a13", 0..10);
    for _ in 0..4 {
        bench.append("job.log", text(&lines));
        let before = bench.collector.lines().len();
        bench.start();
        bench.until_lines(before + 10);
        bench.until_quiet();
        bench.stop();
        bench.remove("job.log");
    }
    assert_eq!(bench.collector.lines().len(), 40);
}

#[test]
fn a14_files_with_the_same_first_bytes_are_told_apart() {
    let mut bench = Bench::new(&["*.log"]);
    let header = "h".repeat(2000);
    for name in ["a.log", "b.log", "a-1.log"] {
        bench.append(name, format!("{header}\n"));
    }
    bench.start();
    bench.until_lines(3);
    let lines = numbered("a14", 0..30);
    for (n, name) in ["a.log", "b.log", "a-1.log"].iter().enumerate() {
        bench.append(name, text(&lines[n * 10..n * 10 + 10]));
    }
    bench.until_lines(33);
    bench.until_quiet();
    assert_eq!(bench.collector.lines().len(), 33);
}

#[test]
fn a17_a_deleted_file_is_read_to_its_end_and_then_closed() {
    let mut bench = Bench::new(&["*.log"]);
    let lines = numbered("a17", 0..20);
    bench.append("a.log", text(&lines[..10]));
    bench.start();
    bench.until_lines(10);
    let mut writer = OpenOptions::new().append(true).open(bench.log("a.log")).unwrap();
    bench.remove("a.log");
    writer.write_all(text(&lines[10..]).as_bytes()).unwrap();
    bench.assert_lines(&lines);
    drop(writer);
    bench.until_status("no open file", |status| {
        status.open_files == 0 && status.files.is_empty()
    });
}

#[test]
fn a18_deleted_files_are_held_only_up_to_the_limit_and_the_rest_is_counted() {
    let mut bench = Bench::new(&["*.log"]);
    bench.config.deleted_bytes_held_max = 1000;
    bench.config.in_flight_max = 1;
    bench.config.batch_records_max = 1;
    bench.collector.faults(|faults| faults.down = true);
    bench.append("a.log", text(&numbered("a18", 0..200)));
    bench.start();
    bench.until_status("reading stopped", |status| status.batches_pending == 2);
    bench.remove("a.log");
    bench.until_status("the loss", |status| status.lost_bytes > 1000);
    let lost = bench.status().lost_bytes;
    let size = text(&numbered("a18", 0..200)).len() as u64;
    bench.collector.faults(|faults| faults.down = false);
    bench.until_told(&[(size - lost, size, "over_limit")]);
    let kept: u64 = bench
        .collector
        .records()
        .iter()
        .map(|held| u64::from(held.source_len))
        .sum();
    assert_eq!(kept, size - lost, "what was read is sent before it");
}

#[test]
fn a19_a_retargeted_link_finishes_the_old_target_and_begins_the_new() {
    let mut bench = Bench::new(&["*.log"]);
    let lines = numbered("a19", 0..30);
    let (old, new) = (bench.dir.path().join("old"), bench.dir.path().join("new"));
    fs::write(&old, text(&lines[..10])).unwrap();
    symlink(&old, bench.log("pod.log")).unwrap();
    symlink(bench.dir.path().join("nothing"), bench.log("dangling.log")).unwrap();
    bench.start();
    bench.until_lines(10);
    append(&old, text(&lines[10..20]));
    fs::write(&new, text(&lines[20..])).unwrap();
    bench.remove("pod.log");
    symlink(&new, bench.log("pod.log")).unwrap();
    bench.assert_lines(&lines);
}

#[test]
fn a19_a04_what_lies_behind_a_link_and_is_rotated_there_while_the_agent_is_down_is_read_on() {
    let mut bench = Bench::new(&["*.log"]);
    let lines = numbered("a19", 0..30);
    let pod = |name: &str| bench.dir.path().join(name);
    let (current, rotated) = (pod("0.log"), pod("0.log.20260131-120000"));
    fs::write(&current, text(&lines[..10])).unwrap();
    symlink(&current, bench.log("pod.log")).unwrap();
    bench.start();
    bench.until_lines(10);
    bench.until_quiet();
    bench.stop();
    append(&current, text(&lines[10..20]));
    fs::rename(&current, rotated).unwrap();
    fs::write(&current, text(&lines[20..])).unwrap();
    bench.start();
    bench.assert_lines(&lines);
    assert_eq!(bench.status().lost_bytes, 0);
}

#[test]
fn a43_a_file_under_two_names_is_read_once() {
    let mut bench = Bench::new(&["**/*.log"]);
    let lines = numbered("a43", 0..20);
    bench.append("a.log", text(&lines[..10]));
    fs::create_dir(bench.log("deep")).unwrap();
    fs::hard_link(bench.log("a.log"), bench.log("deep/b.log")).unwrap();
    symlink(bench.log("a.log"), bench.log("c.log")).unwrap();
    bench.start();
    bench.until_lines(10);
    bench.append("deep/b.log", text(&lines[10..]));
    bench.assert_lines(&lines);
    bench.until_quiet();
    assert_eq!(bench.status().files.len(), 1);
}
