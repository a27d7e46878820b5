//! What is read of a file's bytes.

use std::fs::{self, OpenOptions, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use crate::common::{Bench, numbered, text};
use timberline_agent::StartAt;

#[test]
fn a09_zeros_that_a_crash_of_the_host_left_are_skipped_and_counted() {
    let mut bench = Bench::new(&["*.log"]);
    let (begun, zeros) = ("begun when it crash", [0u8; 3000]);
    bench.append("a.log", [b"one\n", begun.as_bytes(), &zeros].concat());
    bench.start();
    bench.until_lines(1);
    bench.append("a.log", "after the start\nwith a \0 in it\n");
    bench.assert_lines(&["one", begun, "after the start", "with a \0 in it"]);
    let state = bench.collector.state.lock().unwrap();
    let skipped: u64 = state.dropped.iter().map(|dropped| dropped.end - dropped.start).sum();
    assert_eq!(skipped, 3000);
    assert!(state.records[1].partial && !state.records[2].partial);
}

#[test]
fn a15_a_tiny_file_is_sent_at_once_and_an_empty_one_when_it_grows() {
    let mut bench = Bench::new(&["*.log"]);
    bench.append("job.log", "x\n");
    bench.append("empty.log", "");
    bench.start();
    bench.until_lines(1);
    bench.until_status("the empty file", |status| status.files.len() == 2);
    bench.append("empty.log", "y\n");
    bench.append("job.log", "z\n");
    bench.assert_lines(&["x", "y", "z"]);
}

#[test]
fn a21_a_partial_last_line_waits_for_its_end() {
    let mut bench = Bench::new(&["*.log"]);
    bench.append("a.log", "one\ntw");
    bench.start();
    bench.until_lines(1);
    bench.until_status("the held bytes seen", |status| {
        status.files.iter().any(|file| file.size == 6 && file.read == 4)
    });
    bench.append("a.log", "o\n");
    bench.assert_lines(&["one", "two"]);
}

#[test]
fn a21_a_partial_last_line_is_sent_after_the_timeout_if_one_is_set() {
    let mut bench = Bench::new(&["*.log"]);
    bench.config.partial_line_timeout = Duration::from_millis(50);
    bench.append("a.log", "one\ntw");
    bench.start();
    bench.assert_lines(&["one", "tw"]);
    assert!(bench.collector.records()[1].partial);
}

#[test]
fn a22_a_partial_line_before_a_restart_is_completed_once() {
    let mut bench = Bench::new(&["*.log"]);
    bench.append("a.log", "one\ntw");
    bench.start();
    bench.until_lines(1);
    bench.stop();
    bench.append("a.log", "o\nthree\n");
    bench.start();
    bench.assert_lines(&["one", "two", "three"]);
}

#[test]
fn a23_a_last_line_without_its_end_is_sent_once_when_its_file_is_gone() {
    for gone in ["renamed", "deleted"] {
        let mut bench = Bench::new(&["a.log"]);
        bench.append("a.log", "one\ntwo");
        bench.start();
        bench.until_lines(1);
        if gone == "renamed" {
            bench.rename("a.log", "a.log.1");
        } else {
            bench.remove("a.log");
        }
        bench.assert_lines(&["one", "two"]);
        assert!(bench.collector.records()[1].partial);
        bench.until_status("closed", |status| status.open_files == 0);
    }
}

#[test]
fn a24_a_long_run_of_lines_crosses_reads_and_batches_unharmed() {
    let mut bench = Bench::new(&["*.log"]);
    bench.config.batch_bytes_max = 1024;
    let mut expected = numbered("a24", 0..2000);
    let crlf: String = expected.iter().map(|line| format!("{line}\r\n")).collect();
    bench.append("a.log", crlf + "lone\rcr\n\u{feff}bom\n\n");
    expected.extend(["lone\rcr".into(), "\u{feff}bom".into(), String::new()]);
    bench.start();
    bench.assert_lines(&expected);
}

#[test]
fn a25_bytes_that_are_no_utf8_are_kept_as_they_are() {
    let mut bench = Bench::new(&["*.log"]);
    let odd: Vec<u8> = (1..=255).filter(|byte| *byte != b'\n' && *byte != b'\r').collect();
    let mut file = b"a plain first line that makes this a text file, as logs are; and so on and on, enough of it to be seen as text in spite of what follows, which is every byte there is, once, in order, and then again in the next line, where they are in the same order\n".to_vec();
    file.extend(&odd);
    file.push(b'\n');
    bench.append("a.log", &file);
    bench.start();
    bench.until_lines(2);
    assert_eq!(bench.collector.lines()[1], odd);
}

#[test]
fn a25_packed_and_binary_files_are_named_and_not_sent() {
    let mut bench = Bench::new(&["*"]);
    bench.append("a.log", "text\n");
    bench.append("packed", b"\x1f\x8b\x08\0\0\0\0\0\0\0\0\0");
    bench.append("wtmp", [1u8; 400]);
    bench.start();
    bench.until_status("both refused", |status| {
        status.files.iter().filter(|file| file.error.is_some()).count() == 2
    });
    bench.assert_lines(&["text"]);
}

#[test]
fn a26_a_line_far_above_the_limit_becomes_parts_and_the_file_goes_on() {
    let mut bench = Bench::new(&["*.log"]);
    bench.config.line_bytes_max = 64 << 10;
    bench.config.batch_bytes_max = 128 << 10;
    let long: String = (0..3_000_000u32).map(|n| char::from(b'a' + (n % 23) as u8)).collect();
    let mut writer = OpenOptions::new()
        .append(true)
        .create(true)
        .open(bench.log("a.log"))
        .unwrap();
    writer.write_all(b"before\n").unwrap();
    bench.start();
    for chunk in long.as_bytes().chunks(700_000) {
        writer.write_all(chunk).unwrap();
        std::thread::sleep(Duration::from_millis(20));
    }
    bench.until_status("most of it sent before its end is known", |status| {
        status.records_acked > 40
    });
    bench.kill();
    writer.write_all(b"\nafter\n").unwrap();
    bench.start();
    bench.assert_lines(&["before", &long, "after"]);
    let parts: Vec<_> = bench.collector.records().iter().filter_map(|held| held.part).collect();
    let expected: Vec<_> = (0..parts.len() as u32)
        .map(|n| (n, n + 1 == parts.len() as u32))
        .collect();
    assert_eq!(parts, expected);
}

#[test]
fn a31_a_file_that_becomes_readable_later_is_read_and_named_meanwhile() {
    let mut bench = Bench::new(&["*.log", "later/*.log"]);
    bench.append("a.log", "one\n");
    bench.append("b.log", "two\n");
    fs::set_permissions(bench.log("b.log"), Permissions::from_mode(0o000)).unwrap();
    let root = fs::read(bench.log("b.log")).is_ok();
    bench.start();
    bench.until_lines(1);
    if !root {
        bench.until_status("the trouble", |status| {
            status.files.iter().any(|file| file.error.is_some())
        });
        fs::set_permissions(bench.log("b.log"), Permissions::from_mode(0o600)).unwrap();
    }
    fs::create_dir(bench.log("later")).unwrap();
    bench.append("later/c.log", "three\n");
    bench.assert_lines(&["one", "two", "three"]);
}

#[test]
fn a42_the_own_log_is_refused_and_named() {
    let mut bench = Bench::new(&["*.log"]);
    bench.config.own_logs = vec![bench.log("own.log")];
    bench.append("own.log", "x\n");
    bench.append("a.log", "y\n");
    bench.start();
    bench.until_status("the refusal", |status| {
        status.files.iter().any(|file| file.error.is_some())
    });
    bench.assert_lines(&["y"]);
}

#[test]
fn starting_at_the_tail_skips_what_was_there_and_nothing_that_comes() {
    let mut bench = Bench::new(&["*.log"]);
    bench.config.start_at = StartAt::Tail;
    bench.append("a.log", "old\nnew begi");
    bench.start();
    bench.until_status("the file seen", |status| status.files.iter().any(|file| file.size > 0));
    bench.append("a.log", "ns\n");
    bench.append("b.log", "another\n");
    bench.assert_lines(&["new begins", "another"]);
}

#[test]
fn a27_more_files_than_may_be_open_are_all_read() {
    let mut bench = Bench::new(&["*.log"]);
    bench.config.open_files_max = 5;
    let lines = numbered("a27", 0..120);
    for (n, line) in lines[..60].iter().enumerate() {
        bench.append(&format!("{n}.log"), format!("{line}\n"));
    }
    bench.start();
    bench.until_lines(60);
    for (n, line) in lines[60..].iter().enumerate() {
        bench.append(&format!("{n}.log"), format!("{line}\n"));
    }
    bench.assert_lines(&lines);
    assert!(bench.status().open_files <= 5);
}

#[test]
fn times_in_lines_and_reports_reach_the_collector() {
    let mut bench = Bench::new(&["*.log"]);
    bench.append("a.log", text(&["2026-01-31T12:00:00Z hello".into()]));
    bench.start();
    bench.until_lines(1);
    bench.until_quiet();
    crate::common::until(
        "report",
        || {
            let state = bench.collector.state.lock().unwrap();
            state.report.as_ref().is_some_and(|report| {
                report
                    .files
                    .iter()
                    .any(|file| file.acked == 27 && file.size == 27 && file.read_to_end_at_unix_nanos > 0)
            })
        },
        || format!("{:?}", bench.collector.state.lock().unwrap().report),
    );
}
