//! How many messages a target gets, and what becomes of those beyond.

use std::time::Duration;

use super::route::nanos;
use super::state::{Incident, PlanState, Rate};
use super::{Nanos, Planner, Surroundings};
use crate::alert::notify::message::{HeldIncident, HeldSummary, Message, MessageKind, key_of};
use crate::alert::notify::target::TargetOptions;

/// Incidents that a summary names; the rest are counted.
const HELD_INCIDENTS_MAX: usize = 200;

/// So many messages within so much time.
#[derive(Clone, Copy, Debug)]
pub(super) struct RateLimit {
    messages_max: usize,
    interval: Duration,
    /// What is beyond is told as one message; else its group waits.
    summarise: bool,
    /// It takes each incident as a thing of its own.
    each: bool,
}

impl RateLimit {
    pub(super) fn of(target: &TargetOptions) -> Self {
        Self {
            messages_max: usize::try_from(target.messages_max.max(1)).unwrap_or(usize::MAX),
            interval: target.messages_interval,
            summarise: target.kind.is_for_people(),
            each: target.kind.takes_each(),
        }
    }

    /// When there is room; `now` or before if there is.
    fn room_at(&self, rate: Option<&Rate>) -> Nanos {
        match rate {
            Some(rate) if rate.sent.len() >= self.messages_max => {
                let at = rate.sent.len() - self.messages_max;
                rate.sent[at].saturating_add(nanos(self.interval))
            }
            _ => Nanos::MIN,
        }
    }
}

/// What may become of a message now.
pub(super) enum Room {
    /// It may go.
    Free,
    /// It is told in the summary.
    Held,
    /// Its group waits until then.
    Later(Nanos),
}

/// How long a group waits for a target whose outbox is full.
const FULL_WAIT: Nanos = 10_000_000_000;

pub(super) fn room(planner: &Planner, state: &PlanState, around: Surroundings<'_>, target: &str, now: Nanos) -> Room {
    if around.full.contains(target) {
        return Room::Later(now.saturating_add(FULL_WAIT));
    }
    let Some(limit) = planner.rates.get(target) else {
        return Room::Free;
    };
    let rate = state.rates().get(target);
    let at = limit.room_at(rate);
    match (limit.summarise, rate.is_some_and(|rate| rate.held.is_some())) {
        (_, false) if at <= now => Room::Free,
        (true, _) => Room::Held,
        (false, _) => Room::Later(at),
    }
}

pub(super) fn takes_each(planner: &Planner, target: &str) -> bool {
    planner.rates.get(target).is_some_and(|limit| limit.each)
}

/// Notes that a message went.
pub(super) fn spend(planner: &Planner, state: &mut PlanState, target: &str, now: Nanos) {
    let Some(limit) = planner.rates.get(target) else { return };
    let rate = state.rate_mut(target);
    rate.sent.push_back(now);
    while rate.sent.len() > limit.messages_max {
        rate.sent.pop_front();
    }
}

/// Keeps what a message would have told for the summary.
pub(super) fn hold<'a>(state: &mut PlanState, target: &str, incidents: impl Iterator<Item = &'a Incident>, now: Nanos) {
    let held = state.rate_mut(target).held.get_or_insert_with(|| HeldSummary {
        since_nanos: now,
        ..HeldSummary::default()
    });
    held.messages += 1;
    for incident in incidents {
        if !held.incidents.contains_key(&incident.id) && held.incidents.len() >= HELD_INCIDENTS_MAX {
            held.incidents_more += 1;
            continue;
        }
        let verdict = incident.resolved.as_deref().unwrap_or(&incident.last);
        held.incidents.insert(
            incident.id.clone(),
            HeldIncident {
                name: incident.last.rule.name.clone(),
                group: incident.last.group.clone(),
                state: incident.state,
                reason: verdict.reason.clone(),
            },
        );
    }
}

/// The summaries for which there is room.
pub(super) fn summaries(
    planner: &Planner,
    state: &mut PlanState,
    around: Surroundings<'_>,
    now: Nanos,
    messages: &mut Vec<Message>,
) {
    for target in waiting(state) {
        let room = planner
            .rates
            .get(&target)
            .map_or(Nanos::MIN, |limit| limit.room_at(state.rates().get(&target)));
        if room > now || around.full.contains(&target) {
            continue;
        }
        let Some(held) = state.rate_mut(&target).held.take() else {
            continue;
        };
        spend(planner, state, &target, now);
        let since = held.since_nanos.to_string();
        messages.push(Message {
            key: key_of(["summary", &target, &since, &now.to_string()]),
            kind: MessageKind::Summary,
            group_key: key_of(["summary", &target]),
            target,
            group_labels: Default::default(),
            created_nanos: now,
            incidents: Vec::new(),
            firing_total: held.incidents.values().filter(|held| is_active(held)).count() as u64,
            resolved_total: held.incidents.values().filter(|held| !is_active(held)).count() as u64,
            held: Some(held),
            text: String::new(),
        });
    }
}

fn is_active(held: &HeldIncident) -> bool {
    held.state != timberline_proto::alert::AlertState::Resolved
}

/// When the next summary may go.
pub(super) fn next_summary(planner: &Planner, state: &PlanState) -> Option<Nanos> {
    let rooms = waiting(state)
        .into_iter()
        .map(|target| match planner.rates.get(&target) {
            Some(limit) => limit.room_at(state.rates().get(&target)),
            None => Nanos::MIN,
        });
    rooms.min()
}

fn waiting(state: &PlanState) -> Vec<String> {
    let held = state.rates().iter().filter(|(_, rate)| rate.held.is_some());
    held.map(|(target, _)| target.clone()).collect()
}
