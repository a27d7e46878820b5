//! Signs the log: at each seal, at intervals, and at the end; and copies what was signed.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use timberline_proto::integrity::{Checkpoint, Note};

use super::checkpoints::Chain;
use super::copies;
use super::entry::{BeginEntry, Entry, KeyEntry, PauseEntry};
use super::keys::{self, KeyError, StoreKey};
use super::options::IntegrityOptions;
use crate::catalog::{Catalog, CatalogError, now_nanos};
use crate::store::Clock;

/// A place that failed is tried again after this time, or with the next checkpoint.
const RETRY: Duration = Duration::from_secs(60);

/// What signs a store's log.
#[derive(Debug)]
pub(crate) struct Keeper {
    catalog: Catalog,
    key: Arc<StoreKey>,
    options: IntegrityOptions,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    chain: Chain,
    signed_at: Option<Instant>,
    /// The note that was signed last, and its time.
    last: Option<(String, String)>,
    /// Per place, what it has not got: since when, and of what it failed.
    waiting: Vec<Option<Waiting>>,
}

#[derive(Debug)]
struct Waiting {
    since: Instant,
    error: Option<String>,
}

impl Keeper {
    /// Begins, continues or pauses the log of a store below `dir`; `None` if it is not to have one.
    /// Durable on return.
    ///
    /// # Errors
    /// [`KeyError`]
    pub(crate) fn open(
        catalog: &Catalog,
        dir: &Path,
        options: &IntegrityOptions,
        clock: Arc<dyn Clock>,
    ) -> Result<Option<Self>, KeyError> {
        let dir = dir.join("integrity");
        if !options.enabled {
            pause(catalog)?;
            return Ok(None);
        }
        std::fs::create_dir_all(&dir).map_err(|source| keys::failed(&dir, source))?;
        let path = options.key_file.clone().unwrap_or_else(|| dir.join("key"));
        let key = Arc::new(key_of(catalog, &path, &dir)?);
        catalog.sign_with(Arc::clone(&key));
        let checkpoints: PathBuf = dir.join("checkpoints");
        let chain = Chain::open(&checkpoints).map_err(|source| keys::failed(&checkpoints, source))?;
        let waiting = options.copies.iter().map(|_| None).collect();
        Ok(Some(Self {
            catalog: catalog.clone(),
            key,
            options: options.clone(),
            clock,
            state: Mutex::new(State {
                chain,
                signed_at: None,
                last: None,
                waiting,
            }),
        }))
    }

    /// Signs what is due, and tries places again that failed. Never fails: what went wrong is logged
    /// and tried again.
    pub(crate) fn look(&self) {
        let mut state = self.state.lock();
        let since = state.signed_at.map(|at| at.elapsed());
        let is_old = since.is_none_or(|since| since >= self.options.checkpoint_interval);
        let may_sign = since.is_none_or(|since| since >= self.options.checkpoint_pause);
        let grew = || {
            self.catalog
                .log_head()
                .is_ok_and(|head| head.is_some_and(|head| head.size() != state.chain.end().size))
        };
        if is_old || (may_sign && grew()) {
            self.sign(&mut state);
        }
        self.copy(&mut state);
    }

    /// Signs the log as it is, unless that is signed already.
    pub(crate) fn finish(&self) {
        let mut state = self.state.lock();
        let head = self.catalog.log_head();
        let is_signed = head.is_ok_and(|head| head.is_some_and(|head| head.size() == state.chain.end().size));
        if !is_signed {
            self.sign(&mut state);
        }
        self.copy(&mut state);
    }

    fn sign(&self, state: &mut State) {
        state.signed_at = Some(Instant::now());
        if let Err(error) = self.try_sign(state) {
            tracing::error!(%error, "cannot sign a checkpoint, trying again");
        }
    }

    fn try_sign(&self, state: &mut State) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let Some(head) = self.catalog.log_head()? else {
            return Ok(());
        };
        let end = state.chain.end();
        let time = time_of(self.clock.now_unix_nanos());
        let checkpoint = Checkpoint {
            origin: self.key.public().name().to_owned(),
            size: head.size(),
            root: head.root(),
            number: end.number + 1,
            time: time.clone(),
            previous: end.hash,
        };
        let note = Note::sign(&checkpoint.text(), &[self.key.signer()]);
        state.chain.push(&checkpoint, &note)?;
        state.last = Some((note, time));
        let now = Instant::now();
        state.waiting.fill_with(|| {
            Some(Waiting {
                since: now,
                error: None,
            })
        });
        Ok(())
    }

    fn copy(&self, state: &mut State) {
        let Some((note, time)) = state.last.clone() else { return };
        let dir = state.chain.dir().to_owned();
        for (to, waiting) in self.options.copies.iter().zip(&mut state.waiting) {
            let is_due = waiting
                .as_ref()
                .is_some_and(|w| w.error.is_none() || w.since.elapsed() >= RETRY);
            if !is_due {
                continue;
            }
            let before = waiting.take().and_then(|waiting| waiting.error);
            if let Err(error) = copies::copy(to, &dir, &note, host(), &time) {
                let error = error.to_string();
                if before.as_ref() != Some(&error) {
                    tracing::error!(?to, error, "a checkpoint did not reach its second place, trying again");
                }
                *waiting = Some(Waiting {
                    since: Instant::now(),
                    error: Some(error),
                });
            } else if before.is_some() {
                tracing::info!(?to, "checkpoints reach their second place again");
            }
        }
    }
}

/// The key that signs, which the log names.
fn key_of(catalog: &Catalog, path: &Path, dir: &Path) -> Result<StoreKey, KeyError> {
    let name = keys::origin(catalog.store_id());
    let current = catalog.log_key()?;
    if let Some(current) = &current {
        keys::finish_change(path, &name, current)?;
    }
    if !path.exists() {
        keys::new_key(path)?;
    }
    let key = StoreKey::read(path, &name)?;
    keys::list(dir, key.public())?;
    match current {
        Some(current) if current == key.public().to_string() => {}
        Some(current) => {
            tracing::error!(
                key = %key.public(),
                before = current,
                "the key that signs is not the one that signed before, and that one did not sign the change: who verifies with the old key will be told of an unknown one"
            );
            let entry = Entry::Key(KeyEntry {
                key: key.public().to_string(),
                at: now_nanos(),
                signature: None,
            });
            catalog.change_log_key(&entry, key.public())?;
        }
        None => {}
    }
    let positions = positions(catalog);
    catalog.begin_log(key.public(), |store| BeginEntry {
        store: store.to_owned(),
        key: key.public().to_string(),
        positions,
        at: now_nanos(),
    })?;
    Ok(key)
}

fn pause(catalog: &Catalog) -> Result<(), CatalogError> {
    catalog.pause_log(&Entry::Pause(PauseEntry {
        positions: positions(catalog),
        at: now_nanos(),
    }))
}

fn positions(catalog: &Catalog) -> Vec<(String, u32, u64)> {
    let snapshot = catalog.snapshot();
    let positions = snapshot.positions.iter();
    positions
        .map(|((topic, partition), position)| (topic.clone(), *partition, position.next_offset))
        .collect()
}

/// RFC 3339, to the second.
fn time_of(nanos: i64) -> String {
    jiff::Timestamp::from_second(nanos.div_euclid(1_000_000_000))
        .unwrap_or_default()
        .to_string()
}

/// This machine's name, for messages.
fn host() -> &'static str {
    static HOST: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    HOST.get_or_init(|| {
        let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
        let is_plain = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic());
        if is_plain { name } else { "-".to_owned() }
    })
}
