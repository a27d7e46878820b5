//! What the system says of processes and directories (Linux's `/proc`).

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// `/proc` counts hundredths of a second wherever Linux runs.
const TICKS_PER_SECOND: f64 = 100.0;
const SAMPLE_INTERVAL: Duration = Duration::from_millis(50);

/// CPU seconds of a process, user and system.
pub(crate) fn cpu_seconds(pid: u32) -> f64 {
    stat_seconds(&fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default())
}

/// CPU seconds of this process.
pub(crate) fn own_cpu_seconds() -> f64 {
    cpu_seconds(std::process::id())
}

/// Lets [`resident_peak_mb`] of this process begin anew, where the system can.
pub(crate) fn forget_peak() {
    fs::write("/proc/self/clear_refs", "5").ok();
}

/// CPU seconds of those of its threads that are named so.
pub(crate) fn thread_cpu_seconds(pid: u32, name: &str) -> f64 {
    let tasks = fs::read_dir(format!("/proc/{pid}/task"))
        .into_iter()
        .flatten()
        .flatten();
    tasks
        .filter_map(|task| {
            let comm = fs::read_to_string(task.path().join("comm")).ok()?;
            let stat = fs::read_to_string(task.path().join("stat")).ok()?;
            (comm.trim() == name).then(|| stat_seconds(&stat))
        })
        .sum()
}

fn stat_seconds(stat: &str) -> f64 {
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|text| text.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / TICKS_PER_SECOND
}

/// Resident memory now, MB (1,000,000 bytes).
pub(crate) fn resident_mb(pid: u32) -> f64 {
    status_mb(pid, "VmRSS")
}

/// The most that it ever was.
pub(crate) fn resident_peak_mb(pid: u32) -> f64 {
    status_mb(pid, "VmHWM")
}

fn status_mb(pid: u32, key: &str) -> f64 {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = text.lines().find(|line| line.starts_with(key)).unwrap_or_default();
    let kib = line.split_whitespace().nth(1).and_then(|text| text.parse::<f64>().ok());
    kib.unwrap_or(0.0) * 1024.0 / 1e6
}

/// Bytes of all files below.
pub(crate) fn directory_bytes(dir: &Path) -> u64 {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.metadata() {
            Ok(meta) if meta.is_dir() => directory_bytes(&entry.path()),
            Ok(meta) => meta.len(),
            Err(_) => 0,
        })
        .sum()
}

/// Watches the resident memory of some processes together until it is dropped.
pub(crate) struct Watch {
    /// Bytes.
    peak: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Watch {
    pub(crate) fn start(pids: Vec<u32>) -> Self {
        let (peak, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let thread = std::thread::spawn({
            let (peak, stop) = (Arc::clone(&peak), Arc::clone(&stop));
            move || {
                while !stop.load(Ordering::Relaxed) {
                    let sum: f64 = pids.iter().map(|&pid| resident_mb(pid)).sum();
                    peak.fetch_max((sum * 1e6) as u64, Ordering::Relaxed);
                    std::thread::sleep(SAMPLE_INTERVAL);
                }
            }
        });
        Self {
            peak,
            stop,
            thread: Some(thread),
        }
    }

    pub(crate) fn peak_mb(&self) -> f64 {
        self.peak.load(Ordering::Relaxed) as f64 / 1e6
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}
