//! Steps of the planner, each one transaction: the cursor, what the planner remembers, and the messages.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::json;

use super::{Inner, Plan};
use crate::alert::notify::message::Message;
use crate::alert::notify::plan::{Incident, PlanState, Surroundings};
use crate::alert::notify::render::Templates;
use crate::catalog::CatalogError;
use crate::catalog::notify::{KeptIncident, NewMessage, NewNote, NotifyStep};

/// Transitions of one step.
const TRANSITIONS_MAX: usize = 500;
/// How often transitions are looked for that nobody told of.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);
/// A catalog that said no is asked again after so long.
const ERROR_WAIT: Duration = Duration::from_secs(5);
/// How often history is cut.
const FORGET_INTERVAL: Duration = Duration::from_secs(60);
/// A step that is due at once waits so long, so that a fault costs no core.
const PAUSE: Duration = Duration::from_millis(20);

impl Inner {
    /// Plans until it is stopped.
    pub(super) fn plan_on(self: &Arc<Self>) {
        let (mut forgotten, mut seen) = (Instant::now(), 0);
        while !self.is_stopped() {
            let wait = match self.plan_once() {
                Ok(Some(wake)) => self.until(wake),
                Ok(None) => LOOK_INTERVAL,
                Err(error) => {
                    if self.plan_errors.fetch_add(1, Ordering::Relaxed) == 0 {
                        tracing::error!(%error, "notifications cannot be planned; it is tried again");
                    }
                    ERROR_WAIT
                }
            };
            if forgotten.elapsed() >= FORGET_INTERVAL {
                forgotten = Instant::now();
                self.forget();
            }
            self.plan_wanted
                .wait(&mut seen, wait.clamp(PAUSE, LOOK_INTERVAL.max(wait)));
        }
    }

    fn until(&self, wake: i64) -> Duration {
        let nanos = u64::try_from(wake.saturating_sub(self.now())).unwrap_or(0);
        Duration::from_nanos(nanos).min(LOOK_INTERVAL)
    }

    /// One step; gives when the next one has something to do.
    pub(super) fn plan_once(&self) -> Result<Option<i64>, CatalogError> {
        let mut plan = self.plan.lock();
        let now = self.now();
        let transitions = self.source.after(plan.cursor, TRANSITIONS_MAX)?;
        let more = transitions.len() == TRANSITIONS_MAX;
        let mut cursor = plan.cursor;
        for (place, transition) in &transitions {
            self.planner.apply(&mut plan.state, transition, now);
            cursor = (*place).max(cursor);
        }
        let mut messages = Vec::new();
        if self.planner.next_wake(&plan.state).is_some_and(|wake| wake <= now) {
            let full = self.full_targets()?;
            let silences = Arc::clone(&self.silences.read());
            let around = Surroundings {
                silences: &silences,
                full: &full,
            };
            messages = self.planner.due(&mut plan.state, around, now);
        }
        messages.extend(self.overflow_message(&mut plan));
        let step = NotifyStep {
            cursor: (cursor != plan.cursor).then_some(cursor),
            messages: messages.iter().map(|message| self.new_message(message)).collect(),
            ..NotifyStep::default()
        };
        self.write(&mut plan, step)?;
        plan.cursor = cursor;
        if !messages.is_empty() {
            self.send_wanted.give();
        }
        let wake = self.planner.next_wake(&plan.state);
        Ok(if more { Some(now) } else { wake })
    }

    /// Writes down what changed. What cannot be written is not remembered either: memory and disk stay the same.
    pub(super) fn write(&self, plan: &mut Plan, mut step: NotifyStep) -> Result<(), CatalogError> {
        let changed = plan.state.take_changed();
        step.incidents = changed
            .incidents
            .iter()
            .filter_map(|id| Some(kept(plan.state.incidents().get(id)?)))
            .collect();
        step.groups = changed
            .groups
            .iter()
            .map(|key| (key.clone(), plan.state.groups().get(key).map(text)))
            .collect();
        let rates = changed
            .rates
            .iter()
            .filter_map(|target| Some((target.clone(), text(plan.state.rates().get(target)?))));
        step.rates = rates.collect();
        let nothing = step.cursor.is_none() && step.routes.is_none() && step.messages.is_empty() && step.note.is_none();
        if nothing && changed.is_empty() {
            return Ok(());
        }
        match self.catalog.notify_step(&step) {
            Ok(()) => {
                plan.state.drop_told();
                Ok(())
            }
            Err(error) => {
                self.reload(plan)?;
                Err(error)
            }
        }
    }

    /// Writes down what somebody did.
    pub(super) fn write_note(&self, plan: &mut Plan, note: NewNote) -> Result<(), CatalogError> {
        let step = NotifyStep {
            note: Some(note),
            ..NotifyStep::default()
        };
        self.write(plan, step)
    }

    /// Reads what the last step left; under other routes groups are made anew.
    pub(super) fn reload(&self, plan: &mut Plan) -> Result<(), CatalogError> {
        let memory = self.catalog.notify_memory()?;
        let incidents = read_all("an incident", memory.incidents);
        let groups = read_all("a group of incidents", memory.groups);
        let rates: BTreeMap<_, _> = memory
            .rates
            .into_iter()
            .filter_map(|(target, text)| Some((target, serde_json::from_str(&text).ok()?)))
            .collect();
        *plan = Plan {
            state: PlanState::load(incidents, groups, rates),
            cursor: memory.cursor,
            overflow_told: 0,
        };
        self.planner.resume(&mut plan.state);
        let routes = self.planner.fingerprint();
        if memory.routes.as_deref() != Some(routes) {
            self.planner.reroute(&mut plan.state, self.now());
            let step = NotifyStep {
                routes: Some(routes.to_owned()),
                ..NotifyStep::default()
            };
            self.write(plan, step)?;
        }
        Ok(())
    }

    /// Targets whose outbox has no room.
    fn full_targets(&self) -> Result<BTreeSet<String>, CatalogError> {
        let max = self.options.limits.outbox_messages_max as u64;
        let waiting = self.catalog.notify_waiting()?;
        Ok(waiting
            .into_iter()
            .filter(|(_, count)| *count >= max)
            .map(|(target, _)| target)
            .collect())
    }

    pub(super) fn new_message(&self, message: &Message) -> NewMessage {
        let own = self
            .targets
            .get(&message.target)
            .map(|target| &target.options.templates);
        let title = self
            .renderer
            .render(message, own.unwrap_or(&Templates::default()))
            .subject;
        NewMessage {
            key: message.key.clone(),
            target: message.target.clone(),
            group_key: message.group_key.clone(),
            kind: message.kind.word().to_owned(),
            title,
            incidents: json!(message.incident_ids()).to_string(),
            created_at: message.created_nanos,
            body: text(message),
        }
    }

    fn forget(&self) {
        let limits = &self.options.limits;
        let forgotten = self
            .catalog
            .notify_forget_deliveries(limits.deliveries_max)
            .and_then(|()| self.catalog.notify_forget_incidents(limits.closed_incidents_max));
        if let Err(error) = forgotten {
            tracing::warn!(%error, "old deliveries and incidents are not forgotten");
        }
    }
}

fn kept(incident: &Incident) -> KeptIncident {
    KeptIncident {
        id: incident.id.clone(),
        rule: incident.last.rule.id.clone(),
        told: !incident.is_active() && incident.groups.is_empty(),
        opened_at: incident.opened_at,
        closed_at: incident.closed_at,
        body: text(incident),
    }
}

fn text(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("its maps have text as keys")
}

fn read_all<T: serde::de::DeserializeOwned>(what: &str, bodies: Vec<String>) -> Vec<T> {
    let read = |body: String| match serde_json::from_str(&body) {
        Ok(read) => Some(read),
        Err(error) => {
            tracing::error!(%error, "{what} that was kept cannot be read, and is passed over");
            None
        }
    };
    bodies.into_iter().filter_map(read).collect()
}
