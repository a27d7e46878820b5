//! Runs the real program on real files: temporary directories on the build's own disk (never
//! tmpfs, which never reuses an inode), port 0, kill -9.

#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part of this")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on ends")]

pub mod accounts;
pub mod fleet;
pub mod load;
pub mod proxy;
pub mod receivers;

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// The longest that a condition is waited for.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// A directory of the test's own, on a real disk, removed at the end.
pub fn scratch() -> tempfile::TempDir {
    tempfile::Builder::new()
        .prefix("e2e-")
        .tempdir_in(env!("CARGO_TARGET_TMPDIR"))
        .unwrap()
}

/// Waits until `condition` gives a value.
#[track_caller]
pub fn wait_for<T>(what: &str, condition: impl FnMut() -> Option<T>) -> T {
    wait_at_most(DEADLINE, what, condition)
}

/// Waits until `condition` gives a value, but no longer than `limit`.
#[track_caller]
pub fn wait_at_most<T>(limit: Duration, what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let begin = Instant::now();
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(begin.elapsed() < limit, "waited {limit:?} for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A running program. Killed when dropped.
pub struct Program {
    child: Child,
    announced: BTreeMap<String, String>,
    log: PathBuf,
}

impl Program {
    /// Starts `timberline ROLE --config FILE` with this configuration, and waits until it has
    /// announced itself. What it logs goes to `DIR/ROLE.log`.
    #[track_caller]
    pub fn start(dir: &Path, role: &str, config: &str) -> Self {
        Self::try_start(dir, role, config).unwrap_or_else(|log| panic!("{role} did not start:\n{log}"))
    }

    /// As [`start`](Self::start); what it logged if it ended instead.
    pub fn try_start(dir: &Path, role: &str, config: &str) -> Result<Self, String> {
        Self::try_start_with(dir, role, config, &[])
    }

    /// The same with variables of the environment.
    pub fn try_start_with(dir: &Path, role: &str, config: &str, variables: &[(&str, &str)]) -> Result<Self, String> {
        Self::start_or_end(dir, role, config, variables).map_err(|(_, log)| log)
    }

    /// The same; how it ended and what it logged if it did not come so far as to announce itself.
    pub fn start_or_end(
        dir: &Path,
        role: &str,
        config: &str,
        variables: &[(&str, &str)],
    ) -> Result<Self, (ExitStatus, String)> {
        let (mut child, log) = Self::spawn(dir, role, config, variables);
        let mut announced = BTreeMap::new();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        loop {
            let Some(Ok(line)) = lines.next() else {
                let status = child.wait().unwrap();
                return Err((status, fs::read_to_string(&log).unwrap_or_default()));
            };
            if let Some((key, value)) = line.trim().split_once(char::is_whitespace) {
                announced.insert(key.to_owned(), value.trim().to_owned());
            }
            if announced.contains_key("data") {
                return Ok(Self { child, announced, log });
            }
        }
    }

    fn spawn(dir: &Path, role: &str, config: &str, variables: &[(&str, &str)]) -> (Child, PathBuf) {
        let file = dir.join(format!("{role}.toml"));
        fs::write(&file, config).unwrap();
        let log = dir.join(format!("{role}.log"));
        let errors = fs::OpenOptions::new().create(true).append(true).open(&log).unwrap();
        let child = Command::new(program())
            .arg(role)
            .arg("--config")
            .arg(&file)
            .envs(variables.iter().copied())
            .stdout(Stdio::piped())
            .stderr(errors)
            .spawn()
            .unwrap();
        (child, log)
    }

    /// What it announced under `key`: `page`, `agents`, `data`.
    #[track_caller]
    pub fn announced(&self, key: &str) -> &str {
        self.announced
            .get(key)
            .unwrap_or_else(|| panic!("{key} was not announced: {:?}", self.announced))
    }

    /// The address of its page, without a slash at the end.
    pub fn page(&self) -> &str {
        self.announced("page").trim_end_matches('/')
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Whether it has ended, by whatever cause.
    pub fn has_ended(&mut self) -> bool {
        self.status().is_some()
    }

    /// How it ended, if it has.
    pub fn status(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// SIGTERM.
    pub fn terminate(&self) {
        let told = Command::new("kill").arg("-TERM").arg(self.pid().to_string()).status();
        assert!(told.unwrap().success());
    }

    /// Starts it as [`start`](Self::start) does, and kills it (kill -9) after `life`, wherever it is then.
    pub fn kill_amid_start(dir: &Path, role: &str, config: &str, life: Duration) {
        let mut child = Self::spawn(dir, role, config, &[]).0;
        std::thread::sleep(life);
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// kill -9.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM; its exit code once it has drained.
    pub fn stop(mut self) -> i32 {
        self.terminate();
        let status = wait_for("the program to drain", || self.child.try_wait().unwrap());
        status.code().expect("it ended by itself")
    }

    /// Every record for `query`, page after page by cursor.
    pub fn records(&self, query: &str) -> Vec<Value> {
        let mut found = Vec::new();
        let mut cursor = Value::Null;
        loop {
            let mut request = json!({"query": query, "limit": 100_000});
            if !cursor.is_null() {
                request["cursor"] = cursor;
            }
            let mut answer = self
                .post("/api/v1/query", &request)
                .unwrap_or_else(|error| panic!("{query}: {error}"));
            if let Some(Value::Array(records)) = answer.get_mut("records").map(Value::take) {
                found.extend(records);
            }
            cursor = answer["end"]["cursor"].take();
            if cursor.is_null() {
                return found;
            }
        }
    }

    /// The one number that `query | stats count()` gives.
    pub fn count(&self, query: &str) -> u64 {
        let answer = self
            .post(
                "/api/v1/query",
                &json!({"query": format!("{query} | stats count() as n")}),
            )
            .unwrap();
        answer["rows"][0][0]
            .as_u64()
            .unwrap_or_else(|| panic!("no count in {answer}"))
    }

    /// A JSON answer, or the error's status and text.
    pub fn post(&self, path: &str, body: &Value) -> Result<Value, String> {
        let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let mut response = agent
            .post(format!("{}{path}", self.page()))
            .header("accept", "application/json")
            .header("content-type", "application/json")
            .send(body.to_string())
            .map_err(|error| error.to_string())?;
        let status = response.status();
        let text = response
            .body_mut()
            .with_config()
            .limit(1 << 30)
            .read_to_string()
            .map_err(|error| error.to_string())?;
        if status.is_success() {
            serde_json::from_str(&text).map_err(|error| format!("{error}: {text}"))
        } else {
            Err(format!("{status}: {text}"))
        }
    }

    /// A GET's status and body.
    pub fn get(&self, path: &str) -> (u16, String) {
        let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let mut response = agent.get(format!("{}{path}", self.page())).call().unwrap();
        (
            response.status().as_u16(),
            response.body_mut().read_to_string().unwrap_or_default(),
        )
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
        if std::thread::panicking() {
            eprintln!("--- {} ---\n{}", self.log.display(), self.log());
        }
    }
}

/// A configuration for `up` on free ports that tails `globs`.
pub fn up_config(dir: &Path, globs: &[&str]) -> String {
    let globs: Vec<String> = globs.iter().map(|glob| dir.join(glob).display().to_string()).collect();
    format!(
        "data = {:?}\nhost = \"test-host\"\nzone = \"UTC\"\n[server]\nhttp = \"127.0.0.1:0\"\ngrpc = \"127.0.0.1:0\"\n\
         [agent]\ntail = {globs:?}\nrotate_wait = \"1s\"\n[store]\nflush_interval = \"1s\"\n",
        dir.join("data")
    )
}

/// Appends to a file, creating it if need be.
pub fn append(path: &Path, bytes: impl AsRef<[u8]>) {
    fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .unwrap()
        .write_all(bytes.as_ref())
        .unwrap();
}

/// Copies all files below a directory.
pub fn copy_dir(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_dir(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// The bodies of records, sorted.
pub fn bodies(records: &[Value]) -> Vec<String> {
    let mut bodies: Vec<_> = records
        .iter()
        .map(|record| record["body"].as_str().unwrap().to_owned())
        .collect();
    bodies.sort();
    bodies
}

/// The program: what was built with the tests, or the one that `TIMBERLINE_PROGRAM` names.
pub fn program() -> PathBuf {
    std::env::var_os("TIMBERLINE_PROGRAM").map_or_else(|| env!("CARGO_BIN_EXE_timberline").into(), PathBuf::from)
}

/// A free port that nobody else is likely to take within the test: below those that outgoing
/// connections get, for one that connects to a dead port there may be given that very port.
pub fn port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    loop {
        let offset = NEXT
            .fetch_add(1, Ordering::Relaxed)
            .wrapping_add((std::process::id() as u16).wrapping_mul(64));
        let port = 10_000 + offset % 20_000;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// The command line, run to its end.
pub fn run(arguments: &[&str]) -> std::process::Output {
    Command::new(program()).args(arguments).output().unwrap()
}
