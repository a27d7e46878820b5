//! The thread that evaluates: takes the lines that came, decides what is due, keeps what changed.

mod cost;
mod lines;
mod work;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use timberline_proto::alert::{Condition, Rule, Transition};
use tokio::runtime::Handle;

use self::work::{Work, machines_of};
use super::Shared;
use super::feed::Feed;
use super::machine::Outcome;
use super::marks::{Mark, Marks};
use super::owner::{Sees, allow};
use super::plan::Plan;
use super::route::{Router, sample};
use super::run::Run;
use super::silence;
use super::store_ask::StoreAsk;
use super::world::{Watch, dropped};
use crate::catalog::{AlertWrite, CatalogError, HistoryLimits, RuleProgress, is_own_topic};
use crate::read::{Reader, RowView, Topics};

/// How far a rule was decided is written at the latest after this, if nothing else is.
const KEEP_INTERVAL: Duration = Duration::from_secs(10);
/// So often it is looked whether owners may see something else.
const OWNERS_INTERVAL: Duration = Duration::from_secs(5);
/// After the start nobody is called silent for so long: agents have to come back first.
const GRACE: i64 = 30_000_000_000;

/// What the thread holds.
#[derive(Debug)]
pub(super) struct Evaluator {
    shared: Arc<Shared>,
    reader: Reader,
    handle: Handle,
    works: Vec<Work>,
    router: Router,
    /// The store's own topics that rules ask for.
    own_topics: BTreeSet<String>,
    feed: Feed,
    /// Records below these were looked at before the start.
    told: Feed,
    watch: Watch,
    started: i64,
    /// What could not be kept yet.
    unkept: AlertWrite,
    kept_at: Instant,
    looked_at: Instant,
    /// When it was last looked for verdicts.
    decided_at: Option<Instant>,
    /// When it was last looked for what the rules' owners may see.
    owners_at: Instant,
    /// Ids and names of rules that are not evaluated for their owners' sake, with why.
    unseen: BTreeMap<(String, String), String>,
    read_again: u64,
    cost: f64,
    /// How long it looked since the cost was taken.
    busy: Duration,
}

impl Evaluator {
    pub(super) fn new(shared: Arc<Shared>, reader: Reader, handle: Handle) -> Self {
        let started = shared.options.clock.now_unix_nanos();
        Self {
            watch: Watch::begin(&reader, started),
            shared,
            reader,
            handle,
            works: Vec::new(),
            router: Router::default(),
            own_topics: BTreeSet::new(),
            feed: Feed::default(),
            told: Feed::default(),
            started,
            unkept: AlertWrite::default(),
            kept_at: Instant::now(),
            looked_at: Instant::now(),
            decided_at: None,
            owners_at: Instant::now(),
            unseen: BTreeMap::new(),
            read_again: 0,
            cost: 0.0,
            busy: Duration::ZERO,
        }
    }

    /// Evaluates until it is to stop.
    pub(super) fn work(mut self) {
        match self.reader.catalog_of().alert_seen() {
            Ok(seen) => self.told = Feed::of(seen),
            Err(error) => tracing::error!(%error, "how far alert rules had looked cannot be read"),
        }
        self.feed
            .skip_to_end(self.reader.live_rows(), self.reader.catalog_of(), &|topic| {
                !is_own_topic(topic)
            });
        while !self.shared.is_stopped() {
            let begin = Instant::now();
            let interval = self.shared.options.interval;
            let is_due = self.shared.is_changed() || self.decided_at.is_none_or(|at| at.elapsed() >= interval);
            let looked = match is_due {
                true => {
                    self.decided_at = Some(begin);
                    self.look()
                }
                false => self.pull(),
            };
            self.busy += begin.elapsed();
            if let Err(error) = looked {
                tracing::error!(%error, "alert rules cannot be evaluated; it is tried again");
                self.shared.status.lock().1 = Some(error);
            } else {
                self.shared.status.lock().1 = None;
            }
            self.account();
            self.note_late();
            self.shared.rest(self.shared.options.take_interval.min(interval));
        }
    }

    /// Whether an owner may see something else than at the last look, or went.
    fn owners_changed(&mut self) -> bool {
        if self.owners_at.elapsed() < OWNERS_INTERVAL {
            return false;
        }
        self.owners_at = Instant::now();
        let owners = &self.shared.owners;
        self.works.iter().any(|work| {
            let Some(owner) = &work.sees.owner else { return false };
            match owners.sees(owner) {
                Some(sees) => work.sees.gone || sees != work.sees.of,
                None => !work.sees.gone,
            }
        })
    }

    /// One look at everything.
    fn look(&mut self) -> Result<(), String> {
        if self.owners_changed() {
            self.shared.note_changed();
        }
        if self.shared.take_changed()
            && let Err(error) = self.load()
        {
            self.shared.note_changed();
            return Err(error);
        }
        if !self.unkept.transitions.is_empty() {
            // What is not on record is not gone beyond.
            self.keep(AlertWrite::default())?;
        }
        self.pull()?;
        let now = self.now();
        let marks = self.watch.marks(&self.reader, now);
        let mut changes = Vec::new();
        for at in 0..self.works.len() {
            let begin = Instant::now();
            changes.append(&mut self.advance(at, now, &marks));
            self.works[at].spent += begin.elapsed();
        }
        self.write(changes)?;
        self.say(now, &marks);
        Ok(())
    }

    fn now(&self) -> i64 {
        self.shared.options.clock.now_unix_nanos()
    }

    /// Takes the rules as they are kept now.
    fn load(&mut self) -> Result<(), String> {
        let catalog = self.reader.catalog_of().clone();
        self.watch.look_again(&self.reader);
        let stored = catalog.alert_rules().map_err(|error| error.to_string())?;
        let owners = catalog.alert_rule_owners().map_err(|error| error.to_string())?;
        let mut unseen = BTreeMap::new();
        self.owners_at = Instant::now();
        let progress = catalog.alert_progress().map_err(|error| error.to_string())?;
        let mut progress: BTreeMap<String, RuleProgress> =
            progress.into_iter().map(|one| (one.rule.clone(), one)).collect();
        let mut old: BTreeMap<String, Work> = std::mem::take(&mut self.works)
            .into_iter()
            .map(|work| (work.run.plan.id.clone(), work))
            .collect();
        let now = self.now();
        let mut ended = Vec::new();
        let mut anew = Vec::new();
        let known: BTreeSet<String> = stored.iter().map(|rule| rule.id.clone()).collect();
        for stored in stored {
            let held = progress.remove(&stored.id);
            let rule: Result<Rule, _> = serde_json::from_str(&stored.body);
            let plan = rule
                .map_err(|error| error.to_string())
                .and_then(|rule| Plan::new(&stored.id, stored.version, rule, &self.shared.options));
            let plan = match plan {
                Ok(plan) => Arc::new(plan),
                Err(error) => {
                    tracing::error!(rule = stored.name, %error, "the rule cannot be evaluated");
                    continue;
                }
            };
            let owner = owners.get(&stored.id);
            let seen = Sees::now(owner, &*self.shared.owners).and_then(|sees| {
                let reader = self.reader.limited(&sees.of).map_err(|error| error.to_string())?;
                allow(&plan, &reader).map_err(|error| error.to_string())?;
                Ok((sees, reader))
            });
            let (sees, reader) = match seen {
                Ok(seen) => seen,
                Err(error) => {
                    tracing::error!(rule = stored.name, %error, "the rule cannot be evaluated");
                    unseen.insert((stored.id.clone(), stored.name.clone()), error);
                    continue;
                }
            };
            if let Some(kept) = sees.kept()
                && owner != Some(&kept)
            {
                let noted = catalog.note_rule_owner((&stored.id, &stored.name), &kept);
                noted.map_err(|error| error.to_string())?;
                if kept.gone {
                    tracing::warn!(
                        rule = stored.name,
                        owner = kept.actor,
                        "the owner of a rule is gone: it goes on with what that one could see"
                    );
                }
            }
            let same = old
                .get(&stored.id)
                .is_some_and(|work| work.run.plan.version == stored.version && work.sees.of == sees.of);
            if same && let Some(mut work) = old.remove(&stored.id) {
                work.sees = sees;
                self.works.push(work);
                continue;
            }
            let before = old.remove(&stored.id);
            let mut work = self.begin(&plan, (sees, reader), stored.updated_at_nanos, now, before, held);
            if !work.run.plan.rule.enabled {
                ended.append(&mut work.run.end(now, "the rule was disabled"));
                work.kept_next = i64::MIN;
                let write = AlertWrite {
                    progress: vec![work.progress()],
                    transitions: std::mem::take(&mut ended),
                    seen: Vec::new(),
                };
                self.keep(write)?;
                continue;
            }
            anew.push(self.works.len());
            self.works.push(work);
        }
        // Rules that are no more.
        let gone: Vec<Work> = old
            .into_values()
            .filter(|work| !known.contains(&work.run.plan.id))
            .collect();
        for mut work in gone {
            let write = AlertWrite {
                transitions: work.run.end(now, "the rule was deleted"),
                ..AlertWrite::default()
            };
            self.keep(write)?;
            catalog
                .forget_alert_progress(&work.run.plan.id)
                .map_err(|error| error.to_string())?;
        }
        for rule in progress.into_keys().filter(|rule| !known.contains(rule)) {
            catalog
                .forget_alert_progress(&rule)
                .map_err(|error| error.to_string())?;
        }
        self.unseen = unseen;
        self.route_anew()?;
        for at in anew {
            self.fill(at);
        }
        Ok(())
    }

    /// Lines go to the rules that are given them as they come.
    fn route_anew(&mut self) -> Result<(), String> {
        let at_once = self.works.iter().enumerate().filter(|(_, work)| work.behind.is_none());
        let router = Router::new(at_once.map(|(at, work)| (at, &*work.run.plan, work.reader.limits())));
        self.router = router.map_err(|error| error.to_string())?;
        let searches = self.works.iter().flat_map(|work| &work.run.plan.searches);
        let own = searches.filter_map(|search| match Topics::of(search) {
            Topics::Own(topic) => Some(topic),
            Topics::Queue | Topics::All => None,
        });
        self.own_topics = own.collect();
        Ok(())
    }

    fn begin(
        &self,
        plan: &Arc<Plan>,
        (sees, reader): (Sees, Reader),
        updated: i64,
        now: i64,
        before: Option<Work>,
        held: Option<RuleProgress>,
    ) -> Work {
        let began = held.as_ref().map_or(updated, |held| held.began_nanos);
        let oldest = now.saturating_sub(self.shared.options.catch_up_max.as_nanos() as i64);
        let next = match (&before, &held) {
            (Some(before), _) => before.run.next,
            (None, Some(held)) => held.next_nanos,
            (None, None) => plan.grid.end_after(updated),
        };
        // On the grid of this version, and not so long ago that it never catches up.
        let next = plan.grid.end_after(next.max(oldest) - 1);
        let mut run = Run::new(Arc::clone(plan), next, self.shared.options.match_lines_max);
        run.machines = match (before, held) {
            (Some(before), _) => before.run.machines,
            (None, Some(held)) => machines_of(&held),
            (None, None) => BTreeMap::new(),
        };
        // Groups of other fields are other groups.
        run.machines.retain(|group, _| group.0.len() == plan.by.len());
        run.changed = true;
        Work::new(run, began, sees, reader)
    }

    /// Takes the lines that came.
    fn pull(&mut self) -> Result<(), String> {
        let live = self.reader.live_rows();
        let catalog = self.reader.catalog_of();
        let (works, router, watch) = (&mut self.works, &mut self.router, &mut self.watch);
        let options = &self.shared.options;
        let told = &self.told;
        let own_topics = &self.own_topics;
        let wanted = |topic: &str| !is_own_topic(topic) || own_topics.contains(topic);
        let whole = self.feed.pull(live, catalog, &wanted, &mut |view| {
            watch.line(view);
            router.route(view, &mut |rule, search, view| {
                let work = &mut works[rule];
                let tell = work.run.plan.tells_lines() && is_new(view, told, work.began);
                let sample = sample(&work.run.plan, search, view, tell, options);
                work.run.take(&sample, false);
            });
        });
        if whole {
            return Ok(());
        }
        // Some were published before they were looked at: they are read from the store, once for all rules.
        self.read_again += 1;
        self.watch.load_again(&self.reader);
        let before = self.feed.clone();
        self.feed.skip_to_end(live, catalog, &wanted);
        if let Err(error) = self.read_missed(&before) {
            tracing::warn!(%error, "lines that were published before they were looked at cannot be read at once: each rule reads its own");
            for at in 0..self.works.len() {
                self.read_again(at, &before);
            }
        }
        Ok(())
    }

    fn advance(&mut self, at: usize, now: i64, marks: &Marks) -> Vec<Transition> {
        if !self.catch_up(at, now) {
            return Vec::new();
        }
        let work = &mut self.works[at];
        let reader = work.reader.clone();
        let ask = StoreAsk {
            reader: &reader,
            handle: &self.handle,
            options: &self.shared.options,
        };
        let Condition::Silence(silence) = &work.run.plan.rule.condition else {
            let scope = &work.scope;
            let concerned = match scope.is_all() {
                true => marks.clone(),
                false => marks.of(|mark: &Mark| scope.concerns(mark)),
            };
            let concerned = match work.sees.of.sees_all_records() {
                true => concerned,
                false => concerned.unnamed(),
            };
            return work.run.advance(now, &concerned, &ask);
        };
        let silence = silence.clone();
        let mut changes = Vec::new();
        if now < work.run.next || now < self.started.saturating_add(GRACE.min(work.run.plan.grid.window)) {
            return changes;
        }
        let end = work.run.plan.grid.floor(now);
        let world = self.watch.world(&self.reader);
        let reader = &self.reader;
        let found = silence::look(&work.run.plan, &silence, &world, now, &|generation, since| {
            dropped(reader, generation, since)
        });
        // Nobody watches any more what is not among them.
        work.run.apply(end, now, &found, Outcome::Not, &[], &ask, &mut changes);
        work.run.late_by = now.saturating_sub(end);
        work.run.windows += 1;
        work.run.next = end + work.run.plan.grid.step;
        changes
    }

    /// Keeps what changed; from time to time also how far the rules are.
    fn write(&mut self, transitions: Vec<Transition>) -> Result<(), String> {
        let due = self.kept_at.elapsed() >= KEEP_INTERVAL;
        let changed: BTreeSet<&str> = transitions.iter().map(|one| one.rule.id.as_str()).collect();
        let mut progress = Vec::new();
        for work in &self.works {
            let moved = work.run.next != work.kept_next;
            let told = changed.contains(work.run.plan.id.as_str());
            if told || work.run.changed || due && moved {
                progress.push(work.progress());
            }
        }
        if progress.is_empty() && transitions.is_empty() {
            return Ok(());
        }
        for work in &mut self.works {
            work.run.changed = false;
        }
        let seen = if self.feed.moved { self.feed.seen() } else { Vec::new() };
        self.feed.moved = false;
        self.keep(AlertWrite {
            progress,
            transitions,
            seen,
        })?;
        self.kept_at = Instant::now();
        for work in &mut self.works {
            work.kept_next = work.run.next;
        }
        Ok(())
    }

    /// Writes it, with what could not be written before.
    fn keep(&mut self, mut write: AlertWrite) -> Result<(), String> {
        self.unkept.progress.append(&mut write.progress);
        self.unkept.transitions.append(&mut write.transitions);
        self.unkept.seen.append(&mut write.seen);
        let options = &self.shared.options;
        let limits = HistoryLimits {
            entries_max: options.history_entries_max,
            age_nanos: options.history_age.as_nanos() as i64,
        };
        let kept = self.reader.catalog_of().write_alerts(&self.unkept, limits);
        let added = kept.map_err(|error: CatalogError| format!("what alert rules decided cannot be kept: {error}"))?;
        if added > 0 {
            self.shared.told(added);
        }
        self.unkept = AlertWrite::default();
        Ok(())
    }
}

/// Whether a line is to be told: it was not looked at before the start, and came after the rule.
fn is_new(view: &RowView<'_>, told: &Feed, began: i64) -> bool {
    view.row.observed_nanos >= began && view.row.offset >= told.next(view.topic, view.row.partition)
}
