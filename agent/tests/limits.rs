//! Many files and few descriptors. A process of its own, for its limits hold for all of it.

#![allow(clippy::unwrap_used, reason = "tests panic")]
#![allow(dead_code, reason = "what the tests share is more than these need")]

#[path = "agent/common/mod.rs"]
mod common;

use std::fs;
use std::time::Duration;

use common::{Bench, numbered, text};
use rustix::process::{Resource, getrlimit, setrlimit};

const FILES: usize = 10_000;
const DIRECTORIES: usize = 50;
const DESCRIPTORS: u64 = 200;

fn inotify_instances() -> usize {
    let fds = fs::read_dir("/proc/self/fd").unwrap().filter_map(Result::ok);
    fds.filter_map(|fd| fs::read_link(fd.path()).ok())
        .filter(|target| target.to_string_lossy().contains("inotify"))
        .count()
}

#[test]
fn a27_ten_thousand_files_of_which_few_are_active_are_all_read_with_few_descriptors() {
    let mut bench = Bench::new(&["*/*.log"]);
    bench.config.open_files_max = 64;
    bench.config.scan_interval = Duration::from_millis(200);
    for directory in 0..DIRECTORIES {
        fs::create_dir(bench.log(&format!("{directory}"))).unwrap();
    }
    let name = |n: usize| format!("{}/{n}.log", n % DIRECTORIES);
    let lines = numbered("a27", 0..FILES as u32 + 900);
    for (n, line) in lines[..FILES].iter().enumerate() {
        fs::write(bench.log(&name(n)), format!("{line}\n")).unwrap();
    }
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = Some(DESCRIPTORS);
    setrlimit(Resource::Nofile, limit).unwrap();
    bench.start();
    bench.until_lines(FILES);
    for (n, line) in lines[FILES..].iter().enumerate() {
        bench.append(&name(n % 300 * 33), format!("{line}\n"));
    }
    bench.assert_lines(&lines);
    assert!(bench.status().open_files <= 64);
    assert_eq!(inotify_instances(), 1);
}

#[test]
fn a27_a_busy_file_does_not_starve_the_others() {
    let mut bench = Bench::new(&["*.log"]);
    bench.config.batch_records_max = 50;
    bench.config.in_flight_max = 2;
    let busy = numbered("busy", 0..60_000);
    bench.append("a.log", text(&busy));
    bench.start();
    bench.until_lines(1);
    for n in 0..20 {
        bench.append(&format!("b{n}.log"), format!("quiet {n}\n"));
    }
    bench.until_lines(60_020);
    let lines = bench.collector.lines();
    let last = lines.iter().rposition(|line| line.starts_with(b"quiet")).unwrap();
    assert!(last < 40_000, "the last of the quiet files came behind {last} lines");
}
