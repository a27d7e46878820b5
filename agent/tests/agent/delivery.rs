//! The way to the collector fails in every way it can: every line arrives once.

use std::fs;
use std::time::Duration;

use crate::common::{Bench, numbered, text};

#[test]
fn a33_while_the_collector_is_down_reading_stops_and_nothing_is_lost() {
    let mut bench = Bench::new(&["*.log"]);
    bench.config.batch_records_max = 10;
    bench.config.in_flight_max = 2;
    bench.collector.faults(|faults| faults.down = true);
    let lines = numbered("a33", 0..500);
    bench.append("a.log", text(&lines[..400]));
    bench.start();
    bench.until_status("reading stopped at the window", |status| {
        status.batches_pending == 4 && !status.connected
    });
    bench.append("a.log", text(&lines[400..]));
    assert_eq!(bench.status().records_read, 40);
    bench.collector.faults(|faults| faults.down = false);
    bench.assert_lines(&lines);
}

#[test]
fn a34_try_again_and_refused_streams_keep_the_order() {
    let mut bench = Bench::new(&["*.log"]);
    bench.config.batch_records_max = 5;
    bench
        .collector
        .faults(|faults| (faults.try_again, faults.exhausted) = (20, 3));
    let lines = numbered("a34", 0..300);
    bench.append("a.log", text(&lines[..200]));
    bench.start();
    bench.until_lines(50);
    bench.collector.faults(|faults| faults.try_again = 7);
    bench.append("a.log", text(&lines[200..]));
    bench.until_lines(300);
    let found: Vec<String> = bench
        .collector
        .lines()
        .into_iter()
        .map(|line| String::from_utf8(line).unwrap())
        .collect();
    assert_eq!(found, lines);
}

#[test]
fn a36_lost_acks_double_nothing() {
    let mut bench = Bench::new(&["*.log"]);
    bench.config.batch_records_max = 7;
    bench.collector.faults(|faults| faults.ack_lost = 10);
    let lines = numbered("a36", 0..400);
    bench.append("a.log", text(&lines));
    bench.start();
    bench.assert_lines(&lines);
    bench.until_quiet();
    assert!(bench.collector.state.lock().unwrap().duplicates >= 10);
}

#[test]
fn a37_killed_again_and_again_nothing_is_lost_and_nothing_doubled() {
    let mut bench = Bench::new(&["*.log*"]);
    bench.config.batch_records_max = 13;
    let lines = numbered("a37", 0..3000);
    for (round, chunk) in lines.chunks(200).enumerate() {
        bench.append("a.log", text(&chunk[..100]));
        bench.collector.faults(|faults| faults.ack_lost = (round % 3) as u32);
        bench.start();
        std::thread::sleep(Duration::from_millis((round * 7 % 60) as u64));
        bench.append("a.log", text(&chunk[100..]));
        if round % 4 == 3 {
            bench.rename("a.log", &format!("a.log.{round}"));
        }
        bench.kill();
    }
    bench.start();
    bench.assert_lines(&lines);
}

#[test]
fn a38_with_both_registries_damaged_the_agent_starts_and_reads_everything() {
    let mut bench = Bench::new(&["*.log"]);
    let lines = numbered("a38", 0..20);
    bench.append("a.log", text(&lines));
    bench.start();
    bench.until_quiet();
    bench.stop();
    for slot in ["registry.0", "registry.1"] {
        fs::write(bench.config.data_dir.join(slot), [0u8; 100]).unwrap();
    }
    bench.append("a.log", "more\n");
    bench.start();
    bench.until_lines(41);
}

#[test]
fn a38_a_registry_one_step_behind_costs_nothing() {
    let mut bench = Bench::new(&["*.log"]);
    bench.config.checkpoint_interval = Duration::from_secs(1000);
    let lines = numbered("a38", 0..40);
    bench.append("a.log", text(&lines[..20]));
    bench.start();
    bench.until_lines(20);
    bench.kill();
    bench.append("a.log", text(&lines[20..]));
    bench.start();
    bench.assert_lines(&lines);
}

#[test]
fn a39_while_checkpoints_cannot_be_written_no_new_file_is_begun() {
    let mut bench = Bench::new(&["*.log"]);
    bench.append("a.log", "one\n");
    bench.start();
    bench.until_quiet();
    let blocked = bench.config.data_dir.join("registry.tmp");
    fs::create_dir(&blocked).unwrap();
    bench.append("b.log", "two\n");
    bench.until_status("the trouble", |status| status.registry_error.is_some());
    assert_eq!(bench.collector.lines().len(), 1);
    fs::remove_dir(&blocked).unwrap();
    bench.assert_lines(&["one", "two"]);
}

/// What makes a disk slow is not to be had here: its seam is a verdict that does not come, and the
/// registry is written by the thread that reads, so that a slow one only makes reading slower.
#[test]
fn a40_verdicts_that_take_long_hold_reading_back_and_nothing_is_given_up() {
    let mut bench = Bench::new(&["*.log"]);
    bench.config.batch_records_max = 10;
    bench.config.in_flight_max = 2;
    bench.collector.faults(|faults| faults.hold = true);
    let lines = numbered("a40", 0..300);
    bench.append("a.log", text(&lines[..200]));
    bench.start();
    bench.until_status("reading held back", |status| status.batches_pending == 4);
    bench.append("b.log", text(&lines[200..]));
    bench.until_status("the other file seen", |status| status.files.len() == 2);
    std::thread::sleep(Duration::from_millis(500));
    assert!(bench.status().connected && bench.status().batches_pending == 4);
    bench.collector.faults(|faults| faults.hold = false);
    bench.assert_lines(&lines);
    assert_eq!(bench.collector.state.lock().unwrap().duplicates, 0);
}

#[test]
fn a_collector_that_lost_its_end_is_given_it_again() {
    let mut bench = Bench::new(&["*.log"]);
    bench.config.batch_records_max = 10;
    let lines = numbered("lost", 0..120);
    bench.append("a.log", text(&lines[..100]));
    bench.start();
    bench.until_quiet();
    bench.collector.forget_after(2);
    assert!(bench.collector.lines().len() < 60);
    bench.append("a.log", text(&lines[100..]));
    bench.assert_lines(&lines);
}

#[test]
fn batches_above_the_collectors_limit_are_cut_smaller() {
    let mut bench = Bench::new(&["*.log"]);
    bench.config.compression_level = 1;
    bench.collector.state.lock().unwrap().batch_bytes_max = 8192;
    // Hexadecimal noise, so that zstd cannot hide the size.
    let mut noise = 1u64;
    let lines: Vec<String> = (0..500)
        .map(|_| {
            (0..6)
                .map(|_| {
                    noise = noise
                        .wrapping_mul(6364136223846793005)
                        .wrapping_add(1442695040888963407);
                    format!("{:016x}", noise ^ noise >> 29)
                })
                .collect()
        })
        .collect();
    bench.append("a.log", text(&lines));
    bench.collector.faults(|faults| faults.down = true);
    bench.start();
    bench.until_status("a large batch waiting", |status| status.batches_pending > 0);
    bench.collector.faults(|faults| faults.down = false);
    bench.assert_lines(&lines);
    assert!(bench.collector.state.lock().unwrap().batches > 3);
}

#[test]
fn a_shutdown_drains_and_the_next_start_reads_nothing_twice() {
    let mut bench = Bench::new(&["*.log"]);
    let lines = numbered("drain", 0..200);
    bench.append("a.log", text(&lines[..100]));
    bench.start();
    bench.until_lines(1);
    bench.stop();
    bench.append("a.log", text(&lines[100..]));
    bench.start();
    bench.assert_lines(&lines);
    bench.until_quiet();
    assert_eq!(bench.collector.state.lock().unwrap().duplicates, 0);
}
