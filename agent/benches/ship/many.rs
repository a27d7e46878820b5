//! Many small files of which few are written to: memory, descriptors, and CPU when busy and idle.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::collector::Collector;
use crate::{Agent, config, measure};

const VARIABLE: &str = "BENCH_MANY";
/// Files of one directory.
const DIRECTORY_FILES: usize = 100;
/// Lines that each file has at first.
const LINES: usize = 20;
/// How long each state is watched.
const SPAN: Duration = Duration::from_secs(20);
/// After the backlog, until buffers are given back and marks are written.
const REST: Duration = Duration::from_secs(5);

/// Whether this process is to be the agent.
pub(crate) fn is_wanted() -> bool {
    std::env::var_os(VARIABLE).is_some()
}

/// In a process of its own, so that its memory is that of this count alone.
pub(crate) fn run_apart(dir: &Path, count: usize) {
    let status = Command::new(std::env::current_exe().unwrap())
        .env(VARIABLE, count.to_string())
        .env("BENCH_DIR", dir)
        .status()
        .unwrap();
    assert!(status.success(), "the agent of {count} files ended: {status}");
}

pub(crate) fn run(dir: &Path) {
    let count: usize = std::env::var(VARIABLE).unwrap().parse().unwrap();
    let files = make(dir, count);
    let bytes: u64 = files.iter().map(|file| fs::metadata(file).unwrap().len()).sum();
    let collector = Collector::start(None);
    measure::forget_peak();
    let own = std::process::id();
    let begin = Instant::now();
    let agent = Agent::start(config(dir, &collector, vec![format!("{}/logs/*/*.log", dir.display())]));
    collector.wait_for(bytes);
    let backlog = begin.elapsed();
    std::thread::sleep(REST);

    let idle = cpu_share(|| std::thread::sleep(SPAN));
    let idle_mb = measure::resident_mb(own);
    let active = count.div_ceil(33);
    let mut written = bytes;
    let busy = cpu_share(|| {
        let begin = Instant::now();
        for second in 0..SPAN.as_secs() {
            for file in files.iter().step_by(33).take(active) {
                let line = line(second as usize);
                fs::OpenOptions::new()
                    .append(true)
                    .open(file)
                    .unwrap()
                    .write_all(line.as_bytes())
                    .unwrap();
                written += line.len() as u64;
            }
            std::thread::sleep(Duration::from_secs(second + 1).saturating_sub(begin.elapsed()));
        }
        collector.wait_for(written);
    });
    println!(
        "{count} files: backlog of {:.1} MB in {:.1} s; idle {idle:.2} % CPU, {idle_mb:.0} MB resident; {active} files with a line a second each (the writer counted, too) {busy:.2} % CPU; {:.0} MB at most, {} descriptors",
        bytes as f64 / 1e6,
        backlog.as_secs_f64(),
        measure::resident_peak_mb(own),
        fs::read_dir("/proc/self/fd").unwrap().count()
    );
    agent.stop();
}

fn cpu_share(work: impl FnOnce()) -> f64 {
    let (cpu, begin) = (measure::own_cpu_seconds(), Instant::now());
    work();
    100.0 * (measure::own_cpu_seconds() - cpu) / begin.elapsed().as_secs_f64()
}

fn make(dir: &Path, count: usize) -> Vec<PathBuf> {
    let mut files = Vec::with_capacity(count);
    for n in 0..count {
        let parent = dir.join(format!("logs/{:04}", n / DIRECTORY_FILES));
        if n % DIRECTORY_FILES == 0 {
            fs::create_dir_all(&parent).unwrap();
        }
        let file = parent.join(format!("{n:06}.log"));
        let text: String = (0..LINES).map(|at| format!("file {n} {}", line(at))).collect();
        fs::write(&file, text).unwrap();
        files.push(file);
    }
    files
}

fn line(at: usize) -> String {
    format!(
        "2026-11-01T10:{:02}:{:02}Z INFO worker took {} ms for job {}\n",
        at / 60 % 60,
        at % 60,
        at * 7919 % 997,
        at * 104_729 % 999_983
    )
}
