//! Backups by the clock and by request, one at a time.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use serde_json::json;
use timberline_proto::api::access::Actor;
use timberline_proto::api::backups::{BackupsAnswer, KeptBackup, RunningBackup};
use timberline_proto::query::time_range::format_rfc3339_nanos;

use super::{BackupError, Directory, Manifest, What, take};
use crate::Clock;

/// When a backup failed it is tried again after this, if that is before the next is due.
const RETRY_AFTER: Duration = Duration::from_secs(300);

/// Where backups go, when, and how many are kept.
#[derive(Clone, Debug, Default)]
pub struct BackupOptions {
    /// The directory: `backup.directory`.
    pub directory: Option<PathBuf>,
    /// How often one is made; only by request if absent: `backup.interval`.
    pub interval: Option<Duration>,
    /// How many are kept: `backup.kept`.
    pub kept: usize,
}

/// Makes backups. Cheap to clone; the last one that goes ends the clock.
#[derive(Clone, Debug)]
pub struct Backups {
    shared: Arc<Shared>,
    _stop: Arc<Stop>,
}

#[derive(Debug)]
struct Shared {
    what: What,
    options: BackupOptions,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
    wake: Condvar,
}

#[derive(Debug, Default)]
struct State {
    running: Option<RunningBackup>,
    /// Who asked for one that did not begin yet.
    asked: Option<Actor>,
    failed: Option<String>,
    stopped: bool,
}

#[derive(Debug)]
struct Stop(Arc<Shared>);

impl Drop for Stop {
    fn drop(&mut self) {
        self.0.state.lock().stopped = true;
        self.0.wake.notify_all();
    }
}

impl Backups {
    /// Begins to make backups as the options say.
    ///
    /// # Errors
    /// If a thread cannot be made.
    pub fn start(what: What, options: BackupOptions, clock: Arc<dyn Clock>) -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            what,
            options,
            clock,
            state: Mutex::default(),
            wake: Condvar::new(),
        });
        if shared.options.directory.is_some() {
            let shared = Arc::clone(&shared);
            std::thread::Builder::new()
                .name("backup".to_owned())
                .spawn(move || shared.work())?;
        }
        Ok(Self {
            _stop: Arc::new(Stop(Arc::clone(&shared))),
            shared,
        })
    }

    /// Asks for a backup now, by `actor`; it is made on a thread of its own.
    ///
    /// # Errors
    /// [`BackupError::NoDirectory`]; [`BackupError::Busy`] if one is being made.
    pub fn begin(&self, actor: Actor) -> Result<(), BackupError> {
        if self.shared.options.directory.is_none() {
            return Err(BackupError::NoDirectory);
        }
        let mut state = self.shared.state.lock();
        if state.running.is_some() || state.asked.is_some() {
            return Err(BackupError::Busy);
        }
        state.asked = Some(actor);
        self.shared.wake.notify_all();
        Ok(())
    }

    /// Those that are there, and how the one that is being made goes. Blocks.
    ///
    /// # Errors
    /// [`BackupError`]
    pub fn list(&self) -> Result<BackupsAnswer, BackupError> {
        let options = &self.shared.options;
        let mut answer = BackupsAnswer {
            directory: options.directory.as_ref().map(|path| path.display().to_string()),
            ..BackupsAnswer::default()
        };
        if let Some(path) = &options.directory {
            let directory = Directory::new(path);
            for name in directory.names()?.into_iter().rev() {
                answer.backups.push(match directory.manifest(Some(&name)) {
                    Ok(manifest) => kept(&manifest),
                    Err(error) => KeptBackup {
                        name,
                        error: Some(error.to_string()),
                        ..KeptBackup::default()
                    },
                });
            }
        }
        let state = self.shared.state.lock();
        answer.running = state
            .running
            .clone()
            .or_else(|| state.asked.as_ref().map(|_| RunningBackup::default()));
        answer.failed.clone_from(&state.failed);
        Ok(answer)
    }
}

fn kept(manifest: &Manifest) -> KeptBackup {
    KeptBackup {
        name: manifest.name.clone(),
        begun_at: manifest.begun_at.clone(),
        ended_at: manifest.ended_at.clone(),
        files: manifest.files.len() as u64,
        bytes: manifest.bytes(),
        error: None,
    }
}

impl Shared {
    fn work(&self) {
        let mut due = self.options.interval.map(|interval| self.first(interval));
        loop {
            let actor = {
                let mut state = self.state.lock();
                loop {
                    if state.stopped {
                        return;
                    }
                    if let Some(actor) = state.asked.take() {
                        state.running = Some(RunningBackup::default());
                        break Some(actor);
                    }
                    match due {
                        Some(at) if at <= Instant::now() => {
                            state.running = Some(RunningBackup::default());
                            break None;
                        }
                        Some(at) => {
                            self.wake.wait_until(&mut state, at);
                        }
                        None => self.wake.wait(&mut state),
                    }
                }
            };
            let outcome = self.make(actor.as_ref());
            let mut state = self.state.lock();
            state.running = None;
            state.failed = outcome.as_ref().err().map(ToString::to_string);
            let failed = state.failed.is_some();
            drop(state);
            due = self.options.interval.map(|interval| {
                let pause = if failed { RETRY_AFTER.min(interval) } else { interval };
                Instant::now() + pause
            });
        }
    }

    /// When the first is due: as long after the newest that is there as any, at once if there is none.
    fn first(&self, interval: Duration) -> Instant {
        let newest = self
            .options
            .directory
            .as_ref()
            .and_then(|path| Directory::new(path).manifest(None).ok());
        let begun =
            newest.and_then(|manifest| timberline_proto::query::time_range::parse_time(&manifest.begun_at, 0).ok());
        let age = begun.map(|begun| self.clock.now_unix_nanos().saturating_sub(begun));
        let age = age.map_or(interval, |age| Duration::from_nanos(u64::try_from(age).unwrap_or(0)));
        Instant::now() + interval.saturating_sub(age)
    }

    fn make(&self, actor: Option<&Actor>) -> Result<(), BackupError> {
        let Some(path) = &self.options.directory else {
            return Err(BackupError::NoDirectory);
        };
        let directory = Directory::new(path);
        let now = self.clock.now_unix_nanos();
        if let Some(running) = &mut self.state.lock().running {
            running.begun_at = format_rfc3339_nanos(now);
        }
        let catalog = &self.what.catalog;
        let place = directory.path().display().to_string();
        catalog.note_act(actor, "backup.begin", &place, "ok", &json!({}))?;
        let made = take(&self.what, &directory, now, &mut |number, file| {
            if let Some(running) = &mut self.state.lock().running {
                running.files = number as u64 + 1;
                running.bytes += file.bytes;
            }
        });
        let pruned = made.and_then(|manifest| Ok((directory.prune(self.options.kept)?, manifest)));
        match pruned {
            Ok(((removed, freed), manifest)) => {
                let detail = json!({
                    "name": manifest.name, "files": manifest.files.len(), "bytes": manifest.bytes(),
                    "removed": removed, "freed_bytes": freed,
                });
                tracing::info!(name = manifest.name, bytes = manifest.bytes(), "backup made");
                catalog.note_act(actor, "backup.end", &place, "ok", &detail)?;
                Ok(())
            }
            Err(error) => {
                tracing::error!(directory = place, %error, "no backup could be made");
                catalog.note_act(actor, "backup.end", &place, &error.to_string(), &json!({}))?;
                Err(error)
            }
        }
    }
}
