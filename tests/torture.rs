//! Lines written while files are rotated and the process is killed: none lost, none twice, bytes equal.
//!
//! `TORTURE_LINES`, `TORTURE_FILES` and `TORTURE_KILLS` make it larger than what CI runs.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::collections::HashMap;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use support::{Program, scratch, up_config, wait_at_most};

fn setting(name: &str, default: usize) -> usize {
    std::env::var(name).ok().map_or(default, |text| {
        text.parse().unwrap_or_else(|_| panic!("{name}={text} is no number"))
    })
}

#[test]
fn a37_nothing_is_lost_or_doubled_under_rotation_and_kill_9() {
    let lines = setting("TORTURE_LINES", 40_000);
    let files = setting("TORTURE_FILES", 8);
    let kills = setting("TORTURE_KILLS", 4);
    let dir = scratch();
    let config = up_config(dir.path(), &["logs/*.log*"]);
    fs::create_dir(dir.path().join("logs")).unwrap();

    let writers: Vec<_> = (0..files)
        .map(|file| {
            let path = dir.path().join(format!("logs/{file:02}.log"));
            std::thread::spawn(move || write_and_rotate(&path, file, lines / files))
        })
        .collect();
    let mut program = Program::start(dir.path(), "up", &config);
    for _ in 0..kills {
        std::thread::sleep(Duration::from_millis(700)); // the kill's moment is meant to be arbitrary
        program.kill();
        program = Program::start(dir.path(), "up", &config);
    }
    writers.into_iter().for_each(|writer| writer.join().unwrap());

    let expected = (lines / files * files) as u64;
    let begin = Instant::now();
    let limit = Duration::from_secs(120 + lines as u64 / 2000);
    let mut last = 0;
    wait_at_most(limit, &format!("{expected} lines"), || {
        last = program.count("*");
        (last >= expected).then_some(())
    });
    println!(
        "{last} of {expected} lines found {:.1} s after the last was written",
        begin.elapsed().as_secs_f64()
    );

    let mut seen: HashMap<String, u32> = HashMap::new();
    for record in program.records("*") {
        *seen.entry(record["body"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    let (mut lost, mut doubled) = (0_u64, 0_u64);
    for file in 0..files {
        for sequence in 0..lines / files {
            match seen.remove(&line(file, sequence)) {
                Some(times) => doubled += u64::from(times - 1),
                None => lost += 1,
            }
        }
    }
    println!("{expected} written, {lost} lost, {doubled} doubled");
    assert_eq!((lost, doubled), (0, 0), "lines lost and doubled");
    assert!(
        seen.is_empty(),
        "lines never written: {:?}",
        seen.keys().take(3).collect::<Vec<_>>()
    );
    assert_eq!(program.stop(), 0);
}

fn line(file: usize, sequence: usize) -> String {
    let rest = (sequence * 7919 + file) % 100_003;
    format!(
        "2026-11-01T10:{:02}:{:02}Z file={file} seq={sequence} user {rest} did {:x}",
        sequence / 60 % 60,
        sequence % 60,
        rest * rest
    )
}

/// Writes the lines in bursts. Even files are rotated by rename, odd ones by copy and truncate;
/// the truncation waits until the copy is complete, as logrotate does, and writes nothing between.
fn write_and_rotate(path: &Path, file: usize, lines: usize) {
    let burst = (lines / 40).max(1);
    let mut open = fs::OpenOptions::new().create(true).append(true).open(path).unwrap();
    let mut rotation = 0;
    for begin in (0..lines).step_by(burst) {
        for sequence in begin..(begin + burst).min(lines) {
            writeln!(open, "{}", line(file, sequence)).unwrap();
        }
        std::thread::sleep(Duration::from_millis(60));
        if begin / burst % 8 == 7 {
            rotation += 1;
            let rotated = path.with_extension(format!("log.{rotation}"));
            if file.is_multiple_of(2) {
                fs::rename(path, rotated).unwrap();
                open = fs::OpenOptions::new().create(true).append(true).open(path).unwrap();
            } else {
                fs::copy(path, rotated).unwrap();
                open.set_len(0).unwrap();
            }
        }
    }
}
