//! Alert rules for those who ask over HTTP: keeping them, what they say, and whether they keep up.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::sync::Arc;

use parking_lot::RwLock;
use timberline_proto::alert::{
    AlertGroup, AlertState, AlertStates, AlertsStatus, BacktestAnswer, BacktestRequest, KeptRule, Rule, RuleCheck,
    RuleVersion, Transition,
};
use timberline_proto::api::access::Actor;
use timberline_proto::query::time_range::{format_rfc3339_nanos, parse_time};
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, watch};

use super::evaluator::Evaluator;
use super::machine::Machine;
use super::notify::plan::{Surroundings, simulate};
use super::notify::{Notifier, TransitionSource};
use super::options::AlertOptions;
use super::owner::{Owners, Sees, allow};
use super::plan::Plan;
use super::sample::Group;
use super::{Shared, Stop, backtest};
use crate::catalog::{Catalog, CatalogError, RuleError, RuleLimits, RuleOwner, StoredRule};
use crate::read::{For, ReadError, Reader};

/// Says which messages transitions would make, without sending any: by whom they are for.
pub trait MessagePlanner: Send + Sync + std::fmt::Debug {
    /// How many messages whoever would get until an instant, of changes of state in the order in which they
    /// were decided.
    fn messages(&self, transitions: &[Transition], until_nanos: i64) -> BTreeMap<String, u64>;
}

/// Which rules somebody is shown.
#[derive(Clone, Debug)]
pub struct Shown(Option<BTreeSet<String>>);

impl Shown {
    /// Whether one is among them.
    pub fn has(&self, rule: &str) -> bool {
        self.0.as_ref().is_none_or(|ids| ids.contains(rule))
    }

    /// Refuses one that is not.
    ///
    /// # Errors
    /// [`RuleError::NotThere`]
    pub fn require(&self, rule: &str) -> Result<(), RuleError> {
        match self.has(rule) {
            true => Ok(()),
            false => Err(RuleError::NotThere { id: rule.to_owned() }),
        }
    }
}

/// Messages of a back-test that are counted by target.
const MESSAGES_MAX: usize = 100_000;

impl MessagePlanner for Notifier {
    fn messages(&self, transitions: &[Transition], until_nanos: i64) -> BTreeMap<String, u64> {
        let (messages, _) = simulate(
            self.planner(),
            transitions,
            Surroundings::none(),
            until_nanos,
            MESSAGES_MAX,
        );
        let mut counts = BTreeMap::new();
        for message in messages {
            *counts.entry(message.target).or_default() += 1;
        }
        counts
    }
}

impl TransitionSource for Catalog {
    fn after(&self, after: u64, max: usize) -> Result<Vec<(u64, Transition)>, CatalogError> {
        self.alert_transitions_after(after, max)
    }
}

/// Alert rules and their evaluation. Cheap to clone; the last one that goes ends the evaluation.
#[derive(Clone, Debug)]
pub struct Alerts {
    shared: Arc<Shared>,
    reader: Reader,
    backtests: Arc<Semaphore>,
    planner: Arc<RwLock<Option<Arc<dyn MessagePlanner>>>>,
    _stop: Arc<Stop>,
}

impl Alerts {
    /// Begins to evaluate what the catalog's rules say of what `reader` reads, each within what its owner may see.
    /// Needs a runtime.
    ///
    /// # Errors
    /// If a thread cannot be made.
    pub fn start(reader: Reader, options: AlertOptions, owners: Arc<dyn Owners>) -> std::io::Result<Self> {
        let enabled = options.enabled;
        let shared = Arc::new(Shared::new(options, owners));
        if enabled {
            let (shared, reader, handle) = (Arc::clone(&shared), reader.clone(), Handle::current());
            std::thread::Builder::new()
                .name("alerts".to_owned())
                .spawn(move || run(&shared, &reader, &handle))?;
        }
        Ok(Self {
            backtests: Arc::new(Semaphore::new(shared.options.backtests_max)),
            _stop: Arc::new(Stop(Arc::clone(&shared))),
            planner: Arc::default(),
            shared,
            reader,
        })
    }

    /// The bounds.
    pub fn options(&self) -> &AlertOptions {
        &self.shared.options
    }

    /// Tells whenever changes of state were put on record: their number since the start.
    pub fn told(&self) -> watch::Receiver<u64> {
        self.shared.told.subscribe()
    }

    /// From now on back-tests say whom messages would have gone to, as `planner` does.
    pub fn plan_messages_by(&self, planner: Arc<dyn MessagePlanner>) {
        *self.planner.write() = Some(planner);
    }

    /// Rules were changed in the catalog: they are read again.
    pub fn changed(&self) {
        self.shared.note_changed();
    }

    fn catalog(&self) -> &Catalog {
        self.reader.catalog_of()
    }

    fn limits(&self) -> RuleLimits {
        let options = &self.shared.options;
        RuleLimits {
            rules_max: options.rules_max,
            bytes_max: options.rule_bytes_max,
            versions_max: options.rule_versions_max,
        }
    }

    /// Whether a rule can be evaluated for whoever may see so much, and how.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self, rule: Rule, of: &For) -> Result<RuleCheck, ReadError> {
        let plan = Plan::new("", 1, rule, &self.shared.options).map_err(ReadError::BadRequest)?;
        allow(&plan, &self.reader.limited(of)?)?;
        Ok(RuleCheck {
            windows: format!("every {} over {}", plan.rule.step(), plan.rule.window),
            kept_up: plan.is_silence() || !plan.searches.is_empty(),
        })
    }

    /// All rules by name. Blocks.
    ///
    /// # Errors
    /// [`RuleError::Catalog`]
    pub fn rules(&self) -> Result<Vec<KeptRule>, RuleError> {
        let stored = self.catalog().alert_rules()?;
        let owners = self.catalog().alert_rule_owners()?;
        let owned = |stored: StoredRule| {
            let owner = owners.get(&stored.id).cloned();
            readable(stored, owner)
        };
        Ok(stored.into_iter().filter_map(owned).collect())
    }

    /// One rule. Blocks.
    ///
    /// # Errors
    /// [`RuleError::NotThere`], [`RuleError::Catalog`]
    pub fn rule(&self, id: &str) -> Result<KeptRule, RuleError> {
        let stored = self.catalog().alert_rule(id)?;
        let owner = self.catalog().alert_rule_owners()?.remove(id);
        readable(stored, owner).ok_or_else(|| RuleError::NotThere { id: id.to_owned() })
    }

    /// Ids of the rules that whoever may see so much is shown: all, or those of owners who see the same. Blocks.
    ///
    /// # Errors
    /// [`RuleError::Catalog`]
    pub fn shown_to(&self, of: &For) -> Result<Shown, RuleError> {
        if of.sees_all_records() {
            return Ok(Shown(None));
        }
        let owners = self.catalog().alert_rule_owners()?;
        let alike =
            |owner: &RuleOwner| Sees::now(Some(owner), &*self.shared.owners).is_ok_and(|sees| sees.of.sees_as(of));
        let ids = owners.into_iter().filter(|(_, owner)| alike(owner)).map(|(id, _)| id);
        Ok(Shown(Some(ids.collect())))
    }

    /// What a rule said. Blocks.
    ///
    /// # Errors
    /// [`RuleError::NotThere`], [`RuleError::Catalog`]
    pub fn versions(&self, id: &str) -> Result<Vec<RuleVersion>, RuleError> {
        let versions = self
            .catalog()
            .alert_rule_versions(id)?
            .into_iter()
            .filter_map(|version| {
                Some(RuleVersion {
                    version: version.version,
                    at: format_rfc3339_nanos(version.at_nanos),
                    origin: version.origin,
                    rule: serde_json::from_str(&version.body).ok()?,
                })
            });
        Ok(versions.collect())
    }

    /// Keeps a new rule, that was checked. Durable on return; blocks.
    ///
    /// # Errors
    /// [`RuleError`]
    pub fn create(&self, rule: &Rule, actor: &Actor) -> Result<KeptRule, RuleError> {
        let stored = self
            .catalog()
            .create_alert_rule(&rule.name, &json(rule), self.limits(), actor)?;
        self.changed();
        Ok(kept(stored, rule.clone(), Some(owned_by(actor))))
    }

    /// Puts a rule that was checked in the place of a version of one. Durable on return; blocks.
    ///
    /// # Errors
    /// [`RuleError`]
    pub fn replace(&self, id: &str, version: u64, rule: &Rule, actor: &Actor) -> Result<KeptRule, RuleError> {
        let body = json(rule);
        let stored = self
            .catalog()
            .replace_alert_rule((id, version), (&rule.name, &body), self.limits(), actor)?;
        self.changed();
        Ok(kept(stored, rule.clone(), Some(owned_by(actor))))
    }

    /// Deletes a rule; what fired by it is resolved. Durable on return; blocks.
    ///
    /// # Errors
    /// [`RuleError`]
    pub fn delete(&self, id: &str, version: Option<u64>, actor: &Actor) -> Result<(), RuleError> {
        self.catalog().delete_alert_rule(id, version, actor)?;
        self.changed();
        Ok(())
    }

    /// Groups that are not inactive, those that matter most first. Blocks.
    ///
    /// # Errors
    /// [`RuleError::Catalog`]
    pub fn states(&self, limit: usize, shown: &Shown) -> Result<AlertStates, RuleError> {
        let rules = self.rules()?.into_iter().filter(|rule| shown.has(&rule.id));
        let rules: BTreeMap<String, KeptRule> = rules.map(|rule| (rule.id.clone(), rule)).collect();
        let mut answer = AlertStates::default();
        let mut groups = Vec::new();
        for progress in self.catalog().alert_progress()? {
            let Some(rule) = rules.get(&progress.rule) else {
                continue;
            };
            let Ok(plan) = Plan::new(&rule.id, rule.version, rule.rule.clone(), &self.shared.options) else {
                continue;
            };
            for (group, state) in progress.groups.into_iter().flatten() {
                let (Some(group), Ok(machine)) = (Group::of_json(&group), serde_json::from_str::<Machine>(&state))
                else {
                    continue;
                };
                if matches!(machine.state, AlertState::Inactive) {
                    continue;
                }
                *answer.counts.entry(machine.state).or_default() += 1;
                groups.push(AlertGroup {
                    rule: rule.id.clone(),
                    name: rule.rule.name.clone(),
                    severity: rule.rule.severity,
                    group: group.named(&plan.by),
                    state: machine.state,
                    last: None,
                });
            }
        }
        answer.total = groups.len() as u64;
        groups.sort_by_key(|group| {
            (
                rank(group.state),
                std::cmp::Reverse(group.severity),
                group.name.clone(),
                group.group.clone(),
            )
        });
        groups.truncate(limit);
        for group in &mut groups {
            let named = serde_json::to_string(&group.group).expect("texts are JSON");
            group.last = self.catalog().last_alert_transition(&group.rule, &named)?;
        }
        answer.groups = groups;
        Ok(answer)
    }

    /// Whether the evaluation keeps up, and what keeps it from going well.
    pub fn status(&self) -> (AlertsStatus, Option<String>) {
        self.shared.status.lock().clone()
    }

    /// What a rule would have said, as whoever may see so much sees it.
    ///
    /// # Errors
    /// [`ReadError`]
    pub async fn backtest(&self, request: BacktestRequest, of: &For) -> Result<BacktestAnswer, ReadError> {
        let plan = Plan::new("backtest", 1, request.rule, &self.shared.options).map_err(ReadError::BadRequest)?;
        let reader = self.reader.limited(of)?;
        allow(&plan, &reader)?;
        self.backtest_of(plan, reader, &request.from, request.to.as_deref())
            .await
    }

    async fn backtest_of(
        &self,
        plan: Plan,
        reader: Reader,
        from: &str,
        to: Option<&str>,
    ) -> Result<BacktestAnswer, ReadError> {
        let now = self.shared.options.clock.now_unix_nanos();
        let instant = |name: &str, text: &str| {
            parse_time(text, now).map_err(|error| ReadError::BadRequest(format!("{name}: {error}")))
        };
        let from = instant("from", from)?;
        let to = to
            .filter(|to| !to.is_empty())
            .map(|to| instant("to", to))
            .transpose()?
            .unwrap_or(now);
        // What is not due yet has no verdict.
        let to = to.min(now.saturating_sub(plan.grid.lateness));
        if from >= to {
            return Err(ReadError::BadRequest(
                "from: it is not before `to`, or before now".to_owned(),
            ));
        }
        let place = Arc::clone(&self.backtests)
            .try_acquire_owned()
            .map_err(|_| ReadError::Limit {
                what: format!("{} back-tests run already", self.shared.options.backtests_max),
                key: "alerts.evaluation.backtests_max",
            })?;
        let (shared, handle) = (Arc::clone(&self.shared), Handle::current());
        let work = tokio::task::spawn_blocking(move || {
            let _place = place;
            backtest::backtest(&reader, &handle, &shared.options, &Arc::new(plan), (from, to, now))
        });
        let outcome = work.await.map_err(|error| ReadError::Internal(error.to_string()))?;
        let mut answer = outcome?;
        let planner = self.planner.read().clone();
        answer.messages = planner.map(|planner| {
            let mut decided = answer.transitions.clone();
            decided.sort_by_key(|transition| transition.decided_at_nanos);
            planner.messages(&decided, to)
        });
        Ok(answer)
    }

    /// Metrics of the evaluation, in Prometheus' text format. Blocks.
    ///
    /// # Errors
    /// [`RuleError::Catalog`]
    pub fn metrics(&self) -> Result<String, RuleError> {
        let (status, error) = self.status();
        let states = self.states(0, &Shown(None))?;
        let late = status.rules.iter().map(|rule| rule.late_seconds).fold(0.0, f64::max);
        let slowed = status.rules.iter().filter(|rule| rule.slowed > 1).count();
        let failing = status.rules.iter().filter(|rule| rule.error.is_some()).count();
        let mut text = String::new();
        for (name, kind, help, value) in [
            (
                "rules",
                "gauge",
                "Alert rules that are evaluated.",
                status.rules.len() as f64,
            ),
            (
                "late_seconds",
                "gauge",
                "How late the last verdict of the rule most behind was.",
                late,
            ),
            ("cost_cores", "gauge", "Cores that evaluating rules takes.", status.cost),
            (
                "rules_slowed",
                "gauge",
                "Rules decided less often because they cost too much.",
                slowed as f64,
            ),
            (
                "rules_failing",
                "gauge",
                "Rules that cannot be evaluated.",
                failing as f64,
            ),
            (
                "failing",
                "gauge",
                "1 if the evaluation as a whole fails.",
                f64::from(u8::from(error.is_some())),
            ),
            (
                "read_again_total",
                "counter",
                "How often lines were read again from the store.",
                status.read_again as f64,
            ),
        ] {
            // Writing to a String cannot fail.
            _ = write!(
                text,
                "# HELP timberline_alert_{name} {help}\n# TYPE timberline_alert_{name} {kind}\ntimberline_alert_{name} {value}\n"
            );
        }
        let name = "timberline_alert_groups";
        _ = write!(
            text,
            "# HELP {name} Groups of alert rules by state.\n# TYPE {name} gauge\n"
        );
        for (word, state) in [
            ("pending", AlertState::Pending),
            ("firing", AlertState::Firing),
            ("resolved", AlertState::Resolved),
            ("no_data", AlertState::NoData),
            ("error", AlertState::Error),
        ] {
            let count = states.counts.get(&state).copied().unwrap_or(0);
            _ = writeln!(text, "{name}{{state=\"{word}\"}} {count}");
        }
        Ok(text)
    }
}

/// The thread: a panic is logged, and it begins anew from what is on record.
fn run(shared: &Arc<Shared>, reader: &Reader, handle: &Handle) {
    const PAUSE: std::time::Duration = std::time::Duration::from_secs(1);
    while !shared.is_stopped() {
        let evaluator = std::panic::AssertUnwindSafe(|| {
            shared.note_changed();
            Evaluator::new(Arc::clone(shared), reader.clone(), handle.clone()).work();
        });
        if std::panic::catch_unwind(evaluator).is_err() {
            tracing::error!("evaluating alert rules panicked; it begins anew");
            shared.status.lock().1 = Some("evaluating panicked, and began anew".to_owned());
            std::thread::sleep(PAUSE);
        }
    }
}

fn rank(state: AlertState) -> u8 {
    match state {
        AlertState::Firing => 0,
        AlertState::Error => 1,
        AlertState::NoData => 2,
        AlertState::Pending => 3,
        AlertState::Resolved => 4,
        AlertState::Inactive => 5,
    }
}

fn json(rule: &Rule) -> String {
    serde_json::to_string(rule).expect("texts and numbers are JSON")
}

/// A rule as it is shown; one that this program cannot read is left out, and said.
fn readable(stored: StoredRule, owner: Option<RuleOwner>) -> Option<KeptRule> {
    match serde_json::from_str(&stored.body) {
        Ok(rule) => Some(kept(stored, rule, owner)),
        Err(error) => {
            tracing::error!(rule = stored.name, %error, "the rule cannot be read");
            None
        }
    }
}

fn owned_by(actor: &Actor) -> RuleOwner {
    RuleOwner {
        actor: actor.name.clone(),
        sees: None,
        gone: false,
    }
}

fn kept(stored: StoredRule, rule: Rule, owner: Option<RuleOwner>) -> KeptRule {
    KeptRule {
        owner_gone: owner.as_ref().is_some_and(|owner| owner.gone),
        owner: owner.map(|owner| owner.actor),
        id: stored.id,
        version: stored.version,
        created: format_rfc3339_nanos(stored.created_at_nanos),
        updated: format_rfc3339_nanos(stored.updated_at_nanos),
        rule,
    }
}
