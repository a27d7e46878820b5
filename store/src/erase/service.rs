//! Requests: asked for, decided, listed, and carried out one at a time on a thread of its own.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use serde_json::json;
use timberline_proto::api::access::Actor;
use timberline_proto::api::erasure::{ErasurePreview, ErasureReceipt, ErasureState, ErasureStatus, NewErasure};

use super::error::ErasureError;
use super::request::{About, Request, What, period};
use super::secret::HashKey;
use crate::catalog::{Catalog, CatalogError, NotedAct};
use crate::read::Reader;
use crate::store::{Clock, Store};

/// A request that failed is tried again after this.
const RETRY_AFTER: Duration = Duration::from_secs(5);
/// One that a minimum retention blocks is looked at so often; the end of a hold is seen at once.
const BLOCKED_LOOK: Duration = Duration::from_secs(60);
/// How often it is looked whether a hold ended.
const LOOK: Duration = Duration::from_millis(500);

/// How requests are treated.
#[derive(Clone, Debug)]
pub struct ErasureOptions {
    /// Whether somebody else than who asked has to approve: `erasure.approval`.
    pub approval: bool,
    /// Requests that are not over at most: `erasure.requests_max`.
    pub requests_max: u64,
    /// How long is waited for the store to publish what the queue holds, and for queries to let go of
    /// files, before it is tried anew: `erasure.wait_max`.
    pub wait_max: Duration,
    /// Where backups are, which get a copy of what was erased: `backup.directory`.
    pub backups: Option<PathBuf>,
}

impl Default for ErasureOptions {
    fn default() -> Self {
        Self {
            approval: false,
            requests_max: 1_000,
            wait_max: Duration::from_secs(600),
            backups: None,
        }
    }
}

/// Takes requests to erase and carries them out. Cheap to clone; the last one that goes ends the thread.
#[derive(Clone, Debug)]
pub struct Erasures {
    pub(super) shared: Arc<Shared>,
    _stop: Arc<Stop>,
}

#[derive(Debug)]
pub(super) struct Shared {
    pub(super) store: Arc<Store>,
    pub(super) reader: Reader,
    pub(super) options: ErasureOptions,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) key: HashKey,
    pub(super) state: Mutex<State>,
    pub(super) wake: Condvar,
}

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) stopped: bool,
    /// The request that runs, and how far it is.
    pub(super) running: Option<(String, Progress)>,
}

/// How far a request is.
#[derive(Clone, Debug, Default)]
pub(super) struct Progress {
    pub(super) step: String,
    pub(super) splits_done: u64,
    pub(super) splits_all: u64,
    pub(super) partitions_done: u64,
    pub(super) partitions_all: u64,
    pub(super) records: u64,
}

#[derive(Debug)]
struct Stop(Arc<Shared>);

impl Drop for Stop {
    fn drop(&mut self) {
        self.0.state.lock().stopped = true;
        self.0.wake.notify_all();
    }
}

impl Erasures {
    /// Carries out what a restored directory does not know of, begins to carry out what is on record, and
    /// takes requests. Nothing of the store may be served before. Blocks.
    ///
    /// # Errors
    /// If the key cannot be read or made, a thread cannot be made, or what was erased before cannot be erased
    /// again.
    pub fn start(
        store: Arc<Store>,
        reader: Reader,
        options: ErasureOptions,
        clock: Arc<dyn Clock>,
    ) -> std::io::Result<Self> {
        let dir = store.data_dir().join("erasures");
        let shared = Arc::new(Shared {
            key: HashKey::open(&dir)?,
            store,
            reader,
            options,
            clock,
            state: Mutex::default(),
            wake: Condvar::new(),
        });
        shared.replay().map_err(std::io::Error::other)?;
        let working = Arc::clone(&shared);
        std::thread::Builder::new()
            .name("erasure".to_owned())
            .spawn(move || working.work())?;
        Ok(Self {
            _stop: Arc::new(Stop(Arc::clone(&shared))),
            shared,
        })
    }

    /// What a request would do now. Nothing is changed; that it was asked is on record, by the hash. Blocks.
    ///
    /// # Errors
    /// [`ErasureError`]
    pub fn preview(&self, new: &NewErasure, actor: &Actor) -> Result<ErasurePreview, ErasureError> {
        let request = self.shared.request(new, actor)?;
        let act = self.shared.act(&request, "erasure.preview", actor, json!({}));
        self.shared.catalog().note_acts(&[act])?;
        self.shared.preview(&request)
    }

    /// Puts a request on record; it runs at once unless somebody has to approve it. Durable on return.
    ///
    /// # Errors
    /// [`ErasureError`]
    pub fn ask(&self, new: &NewErasure, actor: &Actor) -> Result<ErasureStatus, ErasureError> {
        let request = self.shared.request(new, actor)?;
        let act = self.shared.act(&request, "erasure.request", actor, json!({}));
        let max = self.shared.options.requests_max;
        if !self.shared.catalog().add_erasure(&request.stored(), max, &act)? {
            return Err(ErasureError::Full { max });
        }
        self.shared.wake.notify_all();
        Ok(request.status())
    }

    /// Lets a request run that waits for it. Durable on return.
    ///
    /// # Errors
    /// [`ErasureError`]; by who asked for it none is approved.
    pub fn approve(&self, id: &str, note: &str, actor: &Actor) -> Result<ErasureStatus, ErasureError> {
        let decided = self.decide(id, note, actor, ErasureState::Queued)?;
        self.shared.wake.notify_all();
        Ok(decided)
    }

    /// Says that a request that waits for approval does not run. Durable on return.
    ///
    /// # Errors
    /// [`ErasureError`]
    pub fn refuse(&self, id: &str, note: &str, actor: &Actor) -> Result<ErasureStatus, ErasureError> {
        self.decide(id, note, actor, ErasureState::Refused)
    }

    /// Takes a request back that did not begin. Durable on return.
    ///
    /// # Errors
    /// [`ErasureError`]
    pub fn cancel(&self, id: &str, note: &str, actor: &Actor) -> Result<ErasureStatus, ErasureError> {
        self.decide(id, note, actor, ErasureState::Cancelled)
    }

    fn decide(&self, id: &str, note: &str, actor: &Actor, to: ErasureState) -> Result<ErasureStatus, ErasureError> {
        let mut request = self.shared.find_request(id)?;
        let from = request.state;
        let refuse = |what| {
            Err(ErasureError::State {
                id: id.to_owned(),
                state: from.word(),
                what,
            })
        };
        match (to, from) {
            (ErasureState::Queued | ErasureState::Refused, ErasureState::Waiting) => {}
            (ErasureState::Queued | ErasureState::Refused, _) => return refuse("it does not wait for approval"),
            (_, ErasureState::Waiting | ErasureState::Queued) => {}
            _ => return refuse("it began, or is over: it cannot be taken back"),
        }
        if to == ErasureState::Queued && request.about.asked_by == actor.name {
            return Err(ErasureError::Own {
                id: id.to_owned(),
                who: actor.name.clone(),
            });
        }
        request.state = to;
        request.about.decided_by = Some(actor.name.clone());
        request.about.decided_at_nanos = Some(self.shared.clock.now_unix_nanos());
        if to.is_over() {
            request.what = None;
        }
        let action = match to {
            ErasureState::Queued => "erasure.approve",
            ErasureState::Refused => "erasure.refuse",
            _ => "erasure.cancel",
        };
        let act = self.shared.act(&request, action, actor, json!({ "note": note }));
        let changed = self
            .shared
            .catalog()
            .change_erasure(&request.stored(), from.word(), Some(&act))?;
        if !changed {
            return refuse("somebody else decided meanwhile");
        }
        Ok(request.status())
    }

    /// Every request, the newest first. Blocks.
    ///
    /// # Errors
    /// [`ErasureError::Catalog`]
    pub fn list(&self) -> Result<Vec<ErasureStatus>, ErasureError> {
        let requests = self.shared.requests()?;
        Ok(requests
            .iter()
            .rev()
            .map(|request| self.shared.status(request))
            .collect())
    }

    /// One request. Blocks.
    ///
    /// # Errors
    /// [`ErasureError`]
    pub fn show(&self, id: &str) -> Result<ErasureStatus, ErasureError> {
        Ok(self.shared.status(&self.shared.find_request(id)?))
    }

    /// The receipt of a request that is final. Blocks.
    ///
    /// # Errors
    /// [`ErasureError`]
    pub fn receipt(&self, id: &str) -> Result<ErasureReceipt, ErasureError> {
        let request = self.shared.find_request(id)?;
        let state = request.state;
        request.about.receipt.ok_or(ErasureError::State {
            id: id.to_owned(),
            state: state.word(),
            what: "its receipt is made when all is done",
        })
    }
}

impl Shared {
    pub(super) fn catalog(&self) -> &Catalog {
        self.store.catalog()
    }

    fn requests_to_run(&self) -> Result<Vec<Request>, CatalogError> {
        let stored = self.catalog().erasures_to_run()?;
        stored.into_iter().map(Request::read).collect()
    }

    fn requests(&self) -> Result<Vec<Request>, CatalogError> {
        self.catalog().erasures()?.into_iter().map(Request::read).collect()
    }

    fn find_request(&self, id: &str) -> Result<Request, ErasureError> {
        let stored = self.catalog().erasure(id)?;
        let stored = stored.ok_or_else(|| ErasureError::NotThere { id: id.to_owned() })?;
        Ok(Request::read(stored)?)
    }

    /// A request as it is asked for; what it names is looked at here.
    fn request(&self, new: &NewErasure, actor: &Actor) -> Result<Request, ErasureError> {
        let now = self.clock.now_unix_nanos();
        let what = What::of(new);
        let about = About {
            kind: new.kind,
            hash: what.hash(&self.key),
            is_subject: what.subject.is_some(),
            first: period("from", new.from.as_deref(), now)?.map(|(first, _)| first),
            last: period("to", new.to.as_deref(), now)?.map(|(_, end)| end - 1),
            reason: new.reason.clone(),
            case: new.case.clone(),
            asked_by: actor.name.clone(),
            asked_at_nanos: now,
            approval: self.options.approval,
            ..About::default()
        };
        what.meant(about.range())?;
        what.redactor(about.kind)?;
        let names = what.names(&about.hash);
        if names.is_in(&about.reason) || names.is_in(&about.case) {
            return Err(ErasureError::Text(
                "reason or case names the subject, and both stay on record: say it without".to_owned(),
            ));
        }
        Ok(Request {
            id: format!("{:032x}", rand::random::<u128>()),
            state: match self.options.approval {
                true => ErasureState::Waiting,
                false => ErasureState::Queued,
            },
            what: Some(what),
            about,
        })
    }

    /// What goes on record of an act: whom it is about is a hash.
    pub(super) fn act(
        &self,
        request: &Request,
        action: &'static str,
        actor: &Actor,
        more: serde_json::Value,
    ) -> NotedAct {
        let about = &request.about;
        let mut detail = json!({
            "kind": about.kind, "hash": about.hash, "subject": about.is_subject,
            "first": about.first, "last": about.last, "reason": about.reason, "case": about.case,
        });
        if let (Some(detail), serde_json::Value::Object(more)) = (detail.as_object_mut(), more) {
            detail.extend(more);
        }
        NotedAct {
            actor: actor.clone(),
            action,
            object: request.id.clone(),
            detail,
        }
    }

    fn status(&self, request: &Request) -> ErasureStatus {
        let mut status = request.status();
        let state = self.state.lock();
        if let Some((_, progress)) = state.running.as_ref().filter(|(id, _)| *id == request.id) {
            status.step.clone_from(&progress.step);
            status.splits_done = progress.splits_done;
            status.splits_all = progress.splits_all;
            status.partitions_done = progress.partitions_done;
            status.partitions_all = progress.partitions_all;
            status.records = progress.records;
        }
        drop(state);
        if let Some(receipt) = &request.about.receipt {
            status.records = receipt.records;
        }
        status
    }

    pub(super) fn note(&self, change: impl FnOnce(&mut Progress)) {
        if let Some((_, progress)) = &mut self.state.lock().running {
            change(progress);
        }
    }

    /// # Errors
    /// [`ErasureError::Later`] if the program ends.
    pub(super) fn go_on(&self) -> Result<(), ErasureError> {
        match self.state.lock().stopped {
            true => Err(ErasureError::Later("the store stops".to_owned())),
            false => Ok(()),
        }
    }

    /// Waits, unless the program ends; whether it goes on.
    pub(super) fn pause(&self, time: Duration) -> bool {
        let mut state = self.state.lock();
        if !state.stopped {
            self.wake.wait_for(&mut state, time);
        }
        !state.stopped
    }

    fn work(&self) {
        // When what failed, and what is blocked, is looked at again.
        let mut not_before: BTreeMap<String, Instant> = BTreeMap::new();
        let mut rules = None;
        loop {
            let now = Arc::clone(&self.catalog().snapshot().rules);
            if rules.as_ref().is_none_or(|before| !Arc::ptr_eq(before, &now)) {
                // A hold may have ended.
                not_before.clear();
            }
            rules = Some(now);
            not_before.retain(|_, at| *at > Instant::now());
            match self.requests_to_run() {
                Ok(requests) => {
                    let next = requests
                        .into_iter()
                        .find(|request| request.state.may_run() && !not_before.contains_key(&request.id));
                    if let Some(request) = next {
                        let id = request.id.clone();
                        if let Some(pause) = self.run_one(request) {
                            not_before.insert(id, Instant::now() + pause);
                        }
                    }
                }
                Err(error) => tracing::error!(%error, "requests to erase cannot be read, trying again"),
            }
            if !self.pause(LOOK) {
                return;
            }
        }
    }

    /// Carries a request out as far as that goes; after what time it is looked at again, if ever.
    fn run_one(&self, mut request: Request) -> Option<Duration> {
        let id = request.id.clone();
        self.state.lock().running = Some((id.clone(), Progress::default()));
        let outcome = self.carry_out(&mut request);
        let records = self.state.lock().running.take().map(|(_, progress)| progress.records);
        match outcome {
            Ok(()) if request.state == ErasureState::Blocked => {
                tracing::info!(erasure = id, "blocked: it goes on when what keeps the rest ends");
                Some(BLOCKED_LOOK)
            }
            Ok(()) => {
                tracing::info!(erasure = id, records, "carried out");
                None
            }
            Err(error) => {
                self.failed(&mut request, &error);
                Some(RETRY_AFTER)
            }
        }
    }

    /// What went wrong is shown with the request, and tried again.
    fn failed(&self, request: &mut Request, error: &ErasureError) {
        if self.state.lock().stopped {
            return;
        }
        tracing::error!(erasure = request.id, %error, "cannot be carried out now, trying again");
        request.about.problem = Some(error.to_string());
        let state = request.state.word();
        if let Err(error) = self.catalog().change_erasure(&request.stored(), state, None) {
            tracing::error!(erasure = request.id, %error, "cannot note what went wrong");
        }
    }
}
