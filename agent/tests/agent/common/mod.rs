//! What the tests of the whole agent share: a collector that keeps its promises in memory, an
//! agent that can be killed, and files to follow on the disk that holds the target directory.

mod collector;

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use timberline_agent::{Agent, AgentConfig, AgentError, AgentStatus};
use tokio_util::sync::CancellationToken;

pub(crate) use collector::Collector;

/// Only so that a test that fails ends; a busy machine may take most of it.
pub(crate) const DEADLINE: Duration = Duration::from_secs(240);

/// A directory with logs and an agent's data; not on tmpfs, where inodes are never used again.
pub(crate) struct Bench {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) collector: Collector,
    pub(crate) config: AgentConfig,
    running: Option<Running>,
}

struct Running {
    runtime: tokio::runtime::Runtime,
    shutdown: CancellationToken,
    task: tokio::task::JoinHandle<Result<(), AgentError>>,
    status: tokio::sync::watch::Receiver<Arc<AgentStatus>>,
    /// Where its listeners listen.
    listening: Vec<std::net::SocketAddr>,
}

impl Bench {
    pub(crate) fn new(globs: &[&str]) -> Self {
        let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        fs::create_dir(dir.path().join("logs")).unwrap();
        let collector = Collector::start();
        let config = AgentConfig {
            data_dir: dir.path().join("data"),
            endpoint: collector.endpoint(),
            tail: globs
                .iter()
                .map(|glob| format!("{}/logs/{glob}", dir.path().display()))
                .collect(),
            topic: "logs".into(),
            host: "bench".into(),
            scan_interval: Duration::from_millis(25),
            batch_age_max: Duration::from_millis(5),
            rotate_wait: Duration::from_millis(250),
            backoff_min: Duration::from_millis(5),
            backoff_max: Duration::from_millis(50),
            checkpoint_interval: Duration::from_millis(20),
            report_interval: Duration::from_millis(50),
            zone: "UTC".into(),
            ..AgentConfig::default()
        };
        Self {
            dir,
            collector,
            config,
            running: None,
        }
    }

    /// A log file's path.
    pub(crate) fn log(&self, name: &str) -> PathBuf {
        self.dir.path().join("logs").join(name)
    }

    pub(crate) fn append(&self, name: &str, bytes: impl AsRef<[u8]>) {
        append(&self.log(name), bytes);
    }

    pub(crate) fn rename(&self, from: &str, to: &str) {
        fs::rename(self.log(from), self.log(to)).unwrap();
    }

    pub(crate) fn remove(&self, name: &str) {
        fs::remove_file(self.log(name)).unwrap();
    }

    pub(crate) fn copy_truncate(&self, name: &str, copy: &str) {
        fs::copy(self.log(name), self.log(copy)).unwrap();
        self.truncate(name);
    }

    pub(crate) fn truncate(&self, name: &str) {
        OpenOptions::new()
            .write(true)
            .open(self.log(name))
            .unwrap()
            .set_len(0)
            .unwrap();
    }

    pub(crate) fn start(&mut self) {
        assert!(self.running.is_none());
        let deadline = Instant::now() + DEADLINE;
        let agent = loop {
            match Agent::open(self.config.clone()) {
                Ok(agent) => break agent,
                // The thread of a killed agent ends a moment after it.
                Err(AgentError::Locked { .. }) if Instant::now() < deadline => std::thread::yield_now(),
                Err(error) => panic!("{error}"),
            }
        };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let (status, shutdown) = (agent.status(), CancellationToken::new());
        let listening = agent.addresses().into_iter().map(|(_, address)| address).collect();
        let task = runtime.spawn(agent.run(shutdown.clone()));
        self.running = Some(Running {
            runtime,
            shutdown,
            task,
            status,
            listening,
        });
    }

    /// Stops as a signal would: drains and saves.
    pub(crate) fn stop(&mut self) {
        let running = self.running.take().unwrap();
        running.shutdown.cancel();
        running.runtime.block_on(running.task).unwrap().unwrap();
        running.runtime.shutdown_timeout(Duration::from_secs(5));
    }

    /// Ends everything at once, saving nothing.
    pub(crate) fn kill(&mut self) {
        if let Some(running) = self.running.take() {
            running.task.abort();
            // What is killed sends nothing any more: on a busy machine it would for a while yet.
            running.runtime.shutdown_timeout(Duration::from_secs(5));
        }
    }

    /// Where the agent's first listener listens.
    pub(crate) fn listening(&self) -> std::net::SocketAddr {
        self.listening_at(0)
    }

    /// Where this one of its listeners listens.
    pub(crate) fn listening_at(&self, number: usize) -> std::net::SocketAddr {
        self.running.as_ref().unwrap().listening[number]
    }

    pub(crate) fn status(&self) -> Arc<AgentStatus> {
        self.running.as_ref().unwrap().status.borrow().clone()
    }

    /// Waits until the status is as wanted.
    pub(crate) fn until_status(&self, what: &str, wanted: impl Fn(&AgentStatus) -> bool) {
        until(what, || wanted(&self.status()), || format!("{:#?}", self.status()));
    }

    /// Waits until the collector was told of exactly these ranges without a record.
    pub(crate) fn until_told(&self, expected: &[(u64, u64, &str)]) {
        let told = || self.collector.state.lock().unwrap().dropped.clone();
        let is_it = || {
            let told = told();
            let same = |(dropped, wanted): (&timberline_proto::batch::Dropped, &(u64, u64, &str))| {
                (dropped.start, dropped.end, dropped.reason.as_str()) == *wanted
            };
            told.len() == expected.len() && told.iter().zip(expected).all(same)
        };
        until(&format!("{expected:?} told"), is_it, || {
            format!("{:?}; {:#?}", told(), self.running.as_ref().map(|_| self.status()))
        });
    }

    /// Waits until the collector holds as many lines.
    pub(crate) fn until_lines(&self, n: usize) {
        until(
            &format!("{n} lines"),
            || self.collector.line_count() >= n,
            || {
                format!(
                    "{} lines; {:#?}",
                    self.collector.line_count(),
                    self.running.as_ref().map(|_| self.status())
                )
            },
        );
    }

    /// Waits until every file that there is now is read to its end and acked: a walk that began after this
    /// call has found no other.
    pub(crate) fn until_quiet(&self) {
        // A status that is told from now on is told between two walks, so the next one begins after it.
        let told = self.status().walks;
        self.until_status("walk told", |status| status.walks > told);
        let walks = self.status().walks;
        self.until_status("quiet", |status| {
            let done = |file: &timberline_agent::FileState| file.acked == file.size || file.left_out;
            status.walks > walks && status.batches_pending == 0 && status.files.iter().all(done)
        });
    }

    /// Asserts that the collector holds exactly these lines, each once, in any order.
    pub(crate) fn assert_lines<L: AsRef<[u8]>>(&self, expected: &[L]) {
        self.until_lines(expected.len());
        let sorted = |mut lines: Vec<String>| {
            lines.sort();
            lines
        };
        let found = sorted(
            self.collector
                .lines()
                .iter()
                .map(|line| String::from_utf8_lossy(line).into_owned())
                .collect(),
        );
        let expected = sorted(
            expected
                .iter()
                .map(|line| String::from_utf8_lossy(line.as_ref()).into_owned())
                .collect(),
        );
        let missing: Vec<_> = expected.iter().filter(|line| !found.contains(line)).collect();
        let more: Vec<_> = found
            .iter()
            .enumerate()
            .filter(|(n, line)| !expected.contains(line) || (*n > 0 && found[n - 1] == **line))
            .map(|(_, line)| line)
            .collect();
        assert!(
            found == expected,
            "missing {missing:?}, doubled or strange {more:?}; {:#?}",
            self.running.as_ref().map(|_| self.status())
        );
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.kill();
    }
}

pub(crate) fn append(path: &Path, bytes: impl AsRef<[u8]>) {
    OpenOptions::new()
        .append(true)
        .create(true)
        .open(path)
        .unwrap()
        .write_all(bytes.as_ref())
        .unwrap();
}

/// Lines `prefix from..to`, numbered so that none equals another.
pub(crate) fn numbered(prefix: &str, range: std::ops::Range<u32>) -> Vec<String> {
    range
        .map(|n| format!("{prefix} {n:06} {}", "x".repeat((n % 50) as usize)))
        .collect()
}

pub(crate) fn text(lines: &[String]) -> String {
    lines.iter().map(|line| format!("{line}\n")).collect()
}

pub(crate) fn until(what: &str, wanted: impl Fn() -> bool, state: impl Fn() -> String) {
    let deadline = Instant::now() + DEADLINE;
    while !wanted() {
        assert!(Instant::now() < deadline, "no {what} within {DEADLINE:?}: {}", state());
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// What gzip makes of it.
pub(crate) fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    writer.write_all(plain).unwrap();
    writer.finish().unwrap()
}
