//! Records that the collector refuses for good: all others arrive, whatever becomes of their file.

use std::fs;

use timberline_agent::{FileInput, Format};

use crate::common::{Bench, numbered, text};

#[test]
fn a35_a_batch_refused_for_good_is_kept_and_the_next_ones_flow() {
    let mut bench = Bench::new(&["*.log"]);
    bench.config.batch_records_max = 1;
    bench.collector.faults(|faults| faults.reject = Some("poison".into()));
    bench.append("a.log", "one\npoison\ntwo\n");
    bench.start();
    bench.assert_lines(&["one", "two"]);
    bench.until_status("counted", |status| status.dead_letter_records == 1);
    let kept: Vec<_> = fs::read_dir(bench.config.data_dir.join("dead-letter"))
        .unwrap()
        .filter_map(Result::ok)
        .collect();
    assert_eq!(kept.len(), 2);
    bench.until_quiet();
}

#[test]
fn a35_of_a_batch_with_a_record_that_is_refused_for_good_all_others_arrive() {
    let mut bench = Bench::new(&["*.log"]);
    bench.collector.faults(|faults| faults.reject = Some("poison".into()));
    let mut lines = numbered("a35", 0..300);
    lines[37] = "poison 1".into();
    lines[38] = "poison 2".into();
    lines[250] = "poison 3".into();
    bench.append("a.log", text(&lines));
    bench.start();
    let sound: Vec<_> = lines.iter().filter(|line| !line.contains("poison")).cloned().collect();
    bench.assert_lines(&sound);
    bench.until_status("counted", |status| status.dead_letter_records == 3);
    bench.until_quiet();
    // And what comes behind goes in large batches again.
    let more = numbered("a35 more", 0..300);
    bench.append("a.log", text(&more));
    bench.assert_lines(&[sound, more].concat());
}

/// Records that the collector refuses at 37, 38 and 250 of 300, and their bytes in the file.
fn with_poison() -> (Vec<String>, Vec<(u64, u64, &'static str)>) {
    let mut lines = numbered("a35", 0..300);
    let mut told = Vec::new();
    for n in [37, 38, 250] {
        lines[n] = format!("poison {n}");
        let start = lines[..n].iter().map(|line| line.len() as u64 + 1).sum();
        told.push((start, start + lines[n].len() as u64 + 1, "rejected"));
    }
    (lines, told)
}

fn sound(lines: &[String]) -> Vec<String> {
    lines.iter().filter(|line| !line.contains("poison")).cloned().collect()
}

#[test]
fn a35_the_others_arrive_though_their_file_is_truncated_or_deleted_after_the_refusal() {
    for deleted in [false, true] {
        let mut bench = Bench::new(&["*.log"]);
        let (lines, told) = with_poison();
        bench.collector.faults(|faults| {
            faults.reject = Some("poison".into());
            faults.appends_left = Some(0);
        });
        bench.append("a.log", text(&lines));
        bench.start();
        bench.until_status("all read", |status| status.records_read >= 300);
        let refused = || bench.collector.state.lock().unwrap().rejected > 0;
        crate::common::until("a refusal", refused, String::new);
        match deleted {
            true => bench.remove("a.log"),
            false => bench.truncate("a.log"),
        }
        bench.append("a.log", "after\n");
        bench.until_status("the new life", |status| status.records_read >= 301);
        bench.collector.faults(|faults| faults.appends_left = None);
        bench.assert_lines(&[sound(&lines), vec!["after".into()]].concat());
        bench.until_told(&told);
        bench.until_status("counted", |status| {
            status.dead_letter_records == 3 && status.lost_bytes == 0 && status.batches_pending == 0
        });
    }
}

#[test]
fn a35_killed_between_the_parts_of_a_refused_batch_each_record_comes_once() {
    let mut bench = Bench::new(&["*.log"]);
    let (lines, told) = with_poison();
    bench.append("a.log", text(&lines));
    bench.collector.faults(|faults| faults.reject = Some("poison".into()));
    let all = text(&lines).len() as u64;
    for _ in 0..40 {
        bench.collector.faults(|faults| faults.appends_left = Some(1));
        bench.start();
        let is_there = || {
            let state = bench.collector.state.lock().unwrap();
            state.faults.appends_left == Some(0) || state.ends.values().sum::<u64>() == all
        };
        crate::common::until("a part, or the end", is_there, String::new);
        bench.kill();
    }
    bench.collector.faults(|faults| faults.appends_left = None);
    bench.start();
    bench.assert_lines(&sound(&lines));
    bench.until_told(&told);
}

/// Tails the logs as a container runtime writes them.
fn container_bench() -> Bench {
    let mut bench = Bench::new(&[]);
    bench.config.files = vec![FileInput {
        tail: vec![format!("{}/logs/*.log", bench.dir.path().display())],
        format: Format::Cri,
        ..FileInput::default()
    }];
    bench
}

fn container_line(output: &str, tag: &str, text: &str) -> String {
    format!("2026-01-02T03:04:05.1Z {output} {tag} {text}\n")
}

#[test]
fn a35_killed_between_the_parts_events_that_lie_between_each_other_come_once() {
    let (mut bench, line) = (container_bench(), container_line);
    let (mut log, mut expected) = (String::new(), Vec::new());
    for n in 0..12 {
        log += &line("stdout", "P", &format!("out {n} be"));
        log += &line("stderr", "F", &format!("err {n}"));
        log += &line("stdout", "F", "gun");
        expected.extend([format!("out {n} begun"), format!("err {n}")]);
    }
    log += &line("stdout", "F", "poison");
    bench.append("a.log", &log);
    bench.collector.faults(|faults| faults.reject = Some("poison".into()));
    for _ in 0..20 {
        bench.collector.faults(|faults| faults.appends_left = Some(1));
        bench.start();
        let is_there = || {
            let state = bench.collector.state.lock().unwrap();
            state.faults.appends_left == Some(0) || state.ends.values().sum::<u64>() == log.len() as u64
        };
        crate::common::until("a part, or the end", is_there, String::new);
        bench.kill();
    }
    bench.collector.faults(|faults| faults.appends_left = None);
    bench.start();
    bench.assert_lines(&expected);
    let start = (log.len() - line("stdout", "F", "poison").len()) as u64;
    bench.until_told(&[(start, log.len() as u64, "rejected")]);
}

#[test]
fn a35_a_record_among_events_that_lie_between_each_other_takes_only_them_along() {
    let (mut bench, line) = (container_bench(), container_line);
    let log = [
        line("stdout", "F", "before"),
        line("stdout", "P", "poi"),
        line("stderr", "F", "between"),
        line("stdout", "F", "son"),
        line("stdout", "F", "after"),
    ]
    .concat();
    bench.collector.faults(|faults| faults.reject = Some("poison".into()));
    bench.append("a.log", log);
    bench.start();
    bench.assert_lines(&["before", "after"]);
    bench.until_status("counted", |status| status.dead_letter_records == 2);
}

#[test]
fn a_collector_that_takes_less_than_before_gets_what_is_on_its_way_though_the_file_is_gone() {
    let mut bench = Bench::new(&["*.log"]);
    bench.collector.faults(|faults| faults.down = true);
    let lines = numbered("smaller", 0..3000);
    bench.append("a.log", text(&lines));
    bench.start();
    bench.until_status("all read", |status| status.records_read >= 3000);
    bench.truncate("a.log");
    bench.append("a.log", "after\n");
    bench.until_status("the new life", |status| status.records_read >= 3001);
    bench.collector.state.lock().unwrap().batch_bytes_max = 2000;
    bench.collector.faults(|faults| faults.down = false);
    bench.assert_lines(&[lines, vec!["after".into()]].concat());
}
