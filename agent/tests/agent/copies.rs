//! Copy-truncate at every bad moment: while a walk runs, while the agent is down, while its
//! position is being asked for. The copy matches the glob, as in most directories of logs.

use std::fs;
use std::time::Duration;

use crate::common::{Bench, numbered, text};

/// Nothing is lost, nothing doubled, also not after a copy would have been taken for another file.
fn assert_once(bench: &Bench, lines: &[String]) {
    bench.assert_lines(lines);
    std::thread::sleep(bench.config.rotate_wait * 2);
    bench.assert_lines(lines);
}

#[test]
fn a05_a_copy_truncated_while_a_walk_runs_is_not_read_again() {
    let mut bench = Bench::new(&["*.log*"]);
    bench.config.scan_interval = Duration::from_micros(200);
    bench.config.rotate_wait = Duration::from_secs(1);
    let lines = numbered("a05", 0..1200);
    bench.start();
    for (round, chunk) in lines.chunks(6).enumerate() {
        bench.append("app.log", text(chunk));
        std::thread::sleep(Duration::from_micros((round as u64 * 977) % 9000));
        bench.copy_truncate("app.log", &format!("app.log.{round}"));
    }
    assert_once(&bench, &lines);
    assert_eq!(bench.status().lost_bytes, 0);
}

#[test]
fn a06_a_copy_found_for_an_unread_end_while_the_truncated_file_is_renamed_behind_it_is_read_once() {
    let mut bench = Bench::new(&["*.log*"]);
    bench.config.scan_interval = Duration::from_millis(300);
    bench.config.notify = false;
    bench.config.batch_records_max = 10;
    bench.config.in_flight_max = 1;
    let lines = numbered("a06", 0..110);
    bench.append("app.log", text(&lines[..100]));
    bench.collector.faults(|faults| faults.hold = true);
    bench.start();
    bench.until_status("reading stopped", |status| status.batches_pending == 2);
    // In the walk's order the copy comes before the truncated file.
    bench.copy_truncate("app.log", "app.log.1");
    bench.rename("app.log", "app.log.2");
    bench.append("app.log", text(&lines[100..]));
    std::thread::sleep(bench.config.scan_interval * 2);
    bench.collector.faults(|faults| faults.hold = false);
    assert_once(&bench, &lines);
}

#[test]
fn a05_an_agent_killed_between_the_copy_and_the_truncation_and_after_it_reads_every_line_once() {
    for (down_at_copy, up_between, unread) in [
        (false, true, false),
        (false, true, true),
        (false, false, true),
        (true, true, false),
        (true, true, true),
        (true, false, true),
    ] {
        let case = format!("down at the copy {down_at_copy}, up between {up_between}, unread lines {unread}");
        let mut bench = Bench::new(&["*.log*"]);
        bench.config.rotate_wait = Duration::from_secs(1);
        bench.config.batch_records_max = 7;
        let lines = numbered(&case, 0..150);
        bench.append("app.log", text(&lines[..60]));
        bench.start();
        bench.until_lines(60);
        if down_at_copy {
            bench.kill();
        }
        let copied = if unread { 90 } else { 60 };
        bench.append("app.log", text(&lines[60..copied]));
        fs::copy(bench.log("app.log"), bench.log("app.log.1")).unwrap();
        bench.kill();
        if up_between {
            // Shorter than the copy may be held back, long enough to see it.
            bench.start();
            bench.until_status("the copy to be seen", |status| status.walks > 0);
            bench.kill();
        }
        bench.truncate("app.log");
        bench.append("app.log", text(&lines[copied..120]));
        bench.start();
        bench.kill();
        bench.start();
        bench.until_lines(120);
        bench.kill();
        bench.append("app.log", text(&lines[120..]));
        bench.start();
        assert_once(&bench, &lines);
        assert_eq!(bench.status().lost_bytes, 0, "{case}");
    }
}

#[test]
fn a05_the_truncation_is_remembered_by_an_agent_killed_before_it_saw_the_copy() {
    let mut bench = Bench::new(&["*.log*"]);
    // Longer than a busy machine takes to come to the kill.
    bench.config.rotate_wait = Duration::from_secs(60);
    let lines = numbered("a05", 0..30);
    bench.append("app.log", text(&lines[..20]));
    bench.start();
    bench.until_lines(20);
    let aside = bench.dir.path().join("aside");
    fs::copy(bench.log("app.log"), &aside).unwrap();
    bench.truncate("app.log");
    bench.append("app.log", text(&lines[20..]));
    bench.until_lines(30);
    bench.until_quiet();
    bench.kill();
    bench.config.rotate_wait = Duration::from_secs(2);
    fs::rename(aside, bench.log("app.log.1")).unwrap();
    bench.start();
    bench.until_quiet();
    assert_once(&bench, &lines);
}

#[test]
fn a07_a_file_truncated_and_filled_again_while_its_end_is_asked_for_is_not_taken_for_the_old_one() {
    let mut bench = Bench::new(&["*.log*"]);
    // The registry keeps position 0, the collector holds more.
    bench.config.checkpoint_interval = Duration::from_secs(60);
    let lines = numbered("a07", 0..200);
    bench.append("app.log", text(&lines[..40]));
    bench.start();
    bench.until_lines(40);
    bench.kill();
    bench.collector.faults(|faults| faults.down = true);
    bench.append("app.log", text(&lines[40..50]));
    bench.start();
    bench.until_status("the file seen", |status| !status.files.is_empty());
    bench.copy_truncate("app.log", "app.log.1");
    bench.append("app.log", text(&lines[50..]));
    std::thread::sleep(bench.config.rotate_wait * 2);
    bench.collector.faults(|faults| faults.down = false);
    assert_once(&bench, &lines);
    assert_eq!(bench.status().lost_bytes, 0);
}

#[test]
fn a05_a_copy_beside_many_rotated_files_is_recognised() {
    let mut bench = Bench::new(&["*.log*"]);
    let lines = numbered("a05", 0..120);
    for (n, line) in lines[..100].iter().enumerate() {
        bench.append(&format!("app.log.{}", n + 2), format!("{line}\n"));
    }
    bench.append("app.log", text(&lines[100..110]));
    bench.start();
    bench.until_lines(110);
    fs::copy(bench.log("app.log"), bench.log("app.log.1")).unwrap();
    std::thread::sleep(bench.config.rotate_wait / 3);
    bench.truncate("app.log");
    bench.append("app.log", text(&lines[110..]));
    assert_once(&bench, &lines);
}
