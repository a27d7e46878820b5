//! The thread that follows the journal.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use timberline_queue::Queue;
use timberline_queue::receive::{
    Process, ReceiveOptions, WindowHeld, WindowRecord, Windows, WindowsStop, windows_held,
};
use tokio_util::sync::CancellationToken;

use super::config::JournaldConfig;
use super::entry::record;
use super::export::{Entry, Parser};
use super::program::Program;
use crate::registry::write_durably;
use crate::tail::now_nanos;

/// Bytes of a field that are kept.
const FIELD_BYTES_MAX: usize = 1 << 20;
/// Looked at so often whether to stop.
const TURN: Duration = Duration::from_millis(50);
const RESTART_MIN: Duration = Duration::from_millis(500);
const RESTART_MAX: Duration = Duration::from_secs(30);
/// A window that the outbox holds in part is looked for within so many times its size, …
const HELD_WINDOWS_MAX: usize = 8;
/// … and for so long.
const HELD_WAIT: Duration = Duration::from_secs(30);
const CURSOR_NAME: &str = "journald.cursor";

/// When to stop.
#[derive(Clone, Debug)]
pub(crate) struct Stop {
    pub(crate) token: CancellationToken,
    pub(crate) windows: WindowsStop,
}

/// Follows the journal.
pub(crate) struct Reader {
    config: JournaldConfig,
    dir: PathBuf,
    queue: Queue,
    windows: Windows,
    stop: CancellationToken,
    /// Everything up to it is durable in the outbox.
    cursor: Option<String>,
    window_bytes_max: usize,
    window_age: Duration,
    /// The window under way.
    entries: Vec<WindowRecord>,
    bytes: usize,
    to: String,
    since: Option<Instant>,
}

impl Reader {
    pub(crate) fn new(
        config: &JournaldConfig,
        dir: &Path,
        queue: Queue,
        options: ReceiveOptions,
        process: Box<dyn Process>,
    ) -> Self {
        let (window_bytes_max, window_age) = (options.batch_bytes_max, options.commit_interval);
        Self {
            windows: Windows::new(queue.clone(), &config.listener(), options, Some(process)),
            config: config.clone(),
            dir: dir.to_owned(),
            queue,
            stop: CancellationToken::new(),
            cursor: None,
            window_bytes_max,
            window_age,
            entries: Vec::new(),
            bytes: 0,
            to: String::new(),
            since: None,
        }
    }

    /// What stops it.
    pub(crate) fn stopper(&self) -> Stop {
        Stop {
            token: self.stop.clone(),
            windows: self.windows.stopper(),
        }
    }

    /// What it has taken in, for the status.
    pub(crate) fn windows(&self) -> &Windows {
        &self.windows
    }

    /// Runs until told to stop. What is not durable then is read again by the next start.
    pub(crate) fn run(mut self) {
        let mut held = loop {
            match self.recover() {
                Ok(held) => break held,
                Err(error) => {
                    tracing::error!(%error, "the journal's cursor cannot be read; tried again");
                    if self.pause(RESTART_MAX) {
                        return;
                    }
                }
            }
        };
        let mut wait = RESTART_MIN;
        while !self.stop.is_cancelled() {
            let begin = Instant::now();
            let before = self.cursor.clone();
            let why = match Program::start(&self.config, self.cursor.as_deref()) {
                Ok(mut program) => self.follow(&mut program, &mut held).unwrap_or_else(|| program.ended()),
                Err(error) => format!("{}: {error}", self.config.program.display()),
            };
            if self.stop.is_cancelled() {
                return;
            }
            if self.cursor != before || begin.elapsed() > RESTART_MAX {
                wait = RESTART_MIN;
            }
            tracing::warn!(
                why,
                wait_ms = wait.as_millis(),
                "the journal is not read; journalctl is started again"
            );
            if self.pause(wait) {
                return;
            }
            wait = (wait * 2).min(RESTART_MAX);
        }
    }

    /// True if it is to stop.
    fn pause(&self, wait: Duration) -> bool {
        let until = Instant::now() + wait;
        while !self.stop.is_cancelled() && Instant::now() < until {
            std::thread::sleep(TURN);
        }
        self.stop.is_cancelled()
    }

    /// The cursor behind which everything is to be appended, and what the outbox holds of the window
    /// that begins there, with the cursor where that ends.
    fn recover(&mut self) -> io::Result<Option<(String, WindowHeld)>> {
        self.cursor = match fs::read_to_string(self.dir.join(CURSOR_NAME)) {
            Ok(cursor) => Some(cursor).filter(|cursor| !cursor.is_empty()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        let all = windows_held(&self.queue, |tag| tag["journal"].is_object()).map_err(io::Error::other)?;
        let windows: HashMap<Value, (String, WindowHeld)> = all
            .into_iter()
            .filter_map(|(tag, held)| {
                let tag: Value = serde_json::from_str(&tag).ok()?;
                let to = tag["journal"]["to"].as_str()?.to_owned();
                Some((tag["journal"]["after"].clone(), (to, held)))
            })
            .collect();
        for _ in 0..=windows.len() {
            match windows.get(&json!(self.cursor)) {
                Some((to, held)) if held.is_whole() => self.cursor = Some(to.clone()),
                found => return Ok(found.cloned()),
            }
        }
        Ok(None)
    }

    /// Takes entries until the program ends (none) or there is something wrong.
    fn follow(&mut self, program: &mut Program, held: &mut Option<(String, WindowHeld)>) -> Option<String> {
        let mut parser = Parser::new(FIELD_BYTES_MAX);
        (self.entries, self.bytes, self.since) = (Vec::new(), 0, None);
        loop {
            let due = self
                .since
                .map_or(TURN, |since| self.window_age.saturating_sub(since.elapsed()).min(TURN));
            let over = match program.reads.recv_timeout(due) {
                Ok(bytes) => {
                    parser.push(&bytes);
                    while let Some(entry) = parser.next() {
                        if let Err(why) = self.take(entry, held) {
                            return Some(why);
                        }
                    }
                    false
                }
                Err(RecvTimeoutError::Timeout) => self.stop.is_cancelled(),
                Err(RecvTimeoutError::Disconnected) => true,
            };
            let is_due = self.since.is_some_and(|since| since.elapsed() >= self.window_age);
            // A window that is there in part is made again whole, so it ends where it ended.
            if (is_due || over || self.bytes >= self.window_bytes_max)
                && held.is_none()
                && let Err(why) = self.append(&BTreeSet::new())
            {
                return Some(why);
            }
            let waits = self.since.is_some_and(|since| since.elapsed() >= HELD_WAIT);
            if held.is_some()
                && waits
                && let Err(why) = self.give_up(held)
            {
                return Some(why);
            }
            if over {
                return None;
            }
        }
    }

    /// The journal no longer has the end of a window that the outbox holds in part.
    fn give_up(&mut self, held: &mut Option<(String, WindowHeld)>) -> Result<(), String> {
        if held.take().is_some() {
            tracing::warn!(
                entries = self.entries.len(),
                "the journal has lost entries since the last run; some of these may be there twice"
            );
        }
        self.append(&BTreeSet::new())
    }

    fn take(&mut self, entry: Entry, held: &mut Option<(String, WindowHeld)>) -> Result<(), String> {
        let Some(cursor) = entry
            .get("__CURSOR")
            .map(|cursor| String::from_utf8_lossy(cursor).into_owned())
        else {
            return Ok(());
        };
        // Where the journal's times go backwards, journalctl gives the entry again behind which it was to
        // begin.
        if self.cursor.as_ref() == Some(&cursor) {
            return Ok(());
        }
        let record = record(entry, now_nanos());
        self.bytes += record.record.cost();
        self.entries.push(record);
        self.to = cursor;
        self.since.get_or_insert_with(Instant::now);
        match held.take_if(|(to, _)| *to == self.to) {
            Some((_, held)) => self.append(&held.batches),
            None if self.bytes >= HELD_WINDOWS_MAX * self.window_bytes_max => self.give_up(held),
            None if held.is_none() && self.bytes >= self.window_bytes_max => self.append(&BTreeSet::new()),
            None => Ok(()),
        }
    }

    /// Makes the window durable, and then the cursor behind it.
    fn append(&mut self, held: &BTreeSet<u64>) -> Result<(), String> {
        let entries = std::mem::take(&mut self.entries);
        (self.bytes, self.since) = (0, None);
        if entries.is_empty() {
            return Ok(());
        }
        let tag = json!({"journal": {"after": self.cursor, "to": self.to}});
        if !self.windows.append(&tag, entries, held) {
            return Err("the outbox takes nothing".to_owned());
        }
        self.cursor = Some(self.to.clone());
        let path = self.dir.join(CURSOR_NAME);
        write_durably(&self.dir.join("journald.tmp"), &path, &self.dir, self.to.as_bytes())
            .map_err(|error| format!("{}: {error}", path.display()))
    }
}
