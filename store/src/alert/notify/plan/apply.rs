//! What a transition, or an act of people, changes.

use timberline_proto::alert::{AlertState, Transition};

use super::route::{Leaf, TARGETS_ANNOTATION, nanos};
use super::state::{Acknowledgement, Group, Incident, Member, PlanState};
use super::{Nanos, Planner};
use crate::alert::notify::message::key_of;

/// Lines of several verdicts that one message shows.
const EVIDENCE_LINES_MAX: usize = 20;

pub(super) fn transition(planner: &Planner, state: &mut PlanState, transition: &Transition, now: Nanos) {
    if transition.late {
        return;
    }
    let alert = alert_key(transition);
    let open = state.open(&alert).map(|incident| (incident.id.clone(), incident.state));
    match (transition.to, open) {
        (AlertState::Firing | AlertState::NoData | AlertState::Error, None) => {
            open_incident(planner, state, alert, transition, now);
        }
        (AlertState::Firing | AlertState::NoData | AlertState::Error, Some((id, _))) => {
            let another = state
                .incidents()
                .get(&id)
                .is_some_and(|open| is_another(open, transition));
            if another {
                close(state, &id, None, now);
                open_incident(planner, state, alert, transition, now);
            } else {
                update(state, &id, transition);
            }
        }
        (AlertState::Resolved | AlertState::Inactive, Some((id, _))) => close(state, &id, Some(transition), now),
        // Data is back, or the rule can be evaluated, and the condition may come to hold.
        (AlertState::Pending, Some((id, AlertState::NoData | AlertState::Error))) => {
            close(state, &id, Some(transition), now);
        }
        (AlertState::Resolved | AlertState::Inactive | AlertState::Pending, _) => {}
    }
}

/// The incident that a transition belongs to: of rule, group and since when it is active.
pub fn incident_id(transition: &Transition) -> String {
    let since = transition.active_since_nanos.unwrap_or(transition.at_nanos).to_string();
    key_of([alert_key(transition).as_str(), since.as_str()])
}

fn alert_key(transition: &Transition) -> String {
    let group = transition
        .group
        .iter()
        .flat_map(|(name, value)| [name.as_str(), value.as_str()]);
    key_of(std::iter::once(transition.rule.id.as_str()).chain(group))
}

/// Whether this one began at another time, so that the open one must have ended untold.
fn is_another(open: &Incident, transition: &Transition) -> bool {
    let both = open.last.active_since_nanos.zip(transition.active_since_nanos);
    open.state == AlertState::Firing && transition.to == AlertState::Firing && both.is_some_and(|(a, b)| a != b)
}

fn open_incident(planner: &Planner, state: &mut PlanState, alert: String, transition: &Transition, now: Nanos) {
    if state.incidents().len() >= planner.incidents_max {
        state.overflowed += 1;
        return;
    }
    let mut incident = Incident {
        id: incident_id(transition),
        alert,
        state: transition.to,
        revision: 1,
        opened_at: now,
        closed_at: None,
        last: transition.clone(),
        resolved: None,
        acknowledged: None,
        assigned: None,
        groups: Default::default(),
        told: Default::default(),
    };
    if let Some(before) = state.incidents().get(&incident.id) {
        // Resolved and not told to the end, and now it goes on.
        incident.revision = before.revision + 1;
        incident.opened_at = before.opened_at;
        incident.groups = before.groups.clone();
        incident.told = before.told.clone();
        incident.acknowledged = before.acknowledged.clone();
        incident.assigned = before.assigned.clone();
    }
    let named = transition.rule.annotations.get(TARGETS_ANNOTATION).map(String::as_str);
    for leaf in planner.tree.of(&transition.labels, named) {
        join(state, &mut incident, &leaf, now);
    }
    state.add_incident(incident);
}

/// Puts an incident into the group that its route makes.
pub(super) fn join(state: &mut PlanState, incident: &mut Incident, leaf: &Leaf, now: Nanos) -> String {
    let labels = leaf.group_labels(incident.labels());
    let parts = labels.iter().flat_map(|(name, value)| [name.as_str(), value.as_str()]);
    let key = key_of(std::iter::once(leaf.path.as_str()).chain(parts));
    if state.groups().get(&key).is_none() {
        state.add_group(Group {
            key: key.clone(),
            route: leaf.path.clone(),
            labels,
            flush_at: now.saturating_add(nanos(leaf.times.group_wait)),
            members: Default::default(),
            told: Default::default(),
        });
    }
    if let Some(group) = state.group_mut(&key) {
        group.members.entry(incident.id.clone()).or_insert_with(Member::default);
    }
    incident.groups.insert(key.clone());
    key
}

/// The same incident, with another verdict. A rule that says "firing" once more has something new to show: as
/// long as nobody was told of what came before, both are.
fn update(state: &mut PlanState, id: &str, transition: &Transition) {
    let told = state
        .incidents()
        .get(id)
        .is_some_and(|incident| is_told(state, incident));
    if let Some(incident) = state.incident_mut(id) {
        let more = transition.from == transition.to && incident.state == transition.to;
        if incident.state != transition.to || more {
            incident.revision += 1;
        }
        incident.state = transition.to;
        let before = std::mem::replace(&mut incident.last, transition.clone());
        incident.last.active_since_nanos = transition.active_since_nanos.or(before.active_since_nanos);
        if more && !told {
            add_evidence(&mut incident.last, before);
        }
    }
}

/// Whether somebody knows the incident as it is.
fn is_told(state: &PlanState, incident: &Incident) -> bool {
    let groups = incident.groups.iter().filter_map(|key| state.groups().get(key));
    let mut told = groups.flat_map(|group| group.told.values());
    told.any(|told| told.active.get(&incident.id) == Some(&incident.revision))
}

/// Puts what an earlier verdict showed before what the later one does.
fn add_evidence(later: &mut Transition, earlier: Transition) {
    let evidence = &mut later.evidence;
    let mut lines = earlier.evidence.lines;
    lines.append(&mut evidence.lines);
    lines.truncate(EVIDENCE_LINES_MAX);
    evidence.lines = lines;
    evidence.lines_total = evidence.lines_total.saturating_add(earlier.evidence.lines_total);
    later.window = match (earlier.window, later.window) {
        (Some((from, end)), Some((later_from, later_end))) => Some((from.min(later_from), end.max(later_end))),
        (earlier, later) => later.or(earlier),
    };
}

fn close(state: &mut PlanState, id: &str, by: Option<&Transition>, now: Nanos) {
    state.close(id);
    if let Some(incident) = state.incident_mut(id) {
        incident.closed_at = Some(now);
        incident.state = AlertState::Resolved;
        incident.resolved = by.cloned().map(Box::new);
    }
}

impl Planner {
    /// Somebody takes an incident up, or gives it back (`None`). `false` if it is not active.
    pub fn acknowledge(&self, state: &mut PlanState, id: &str, by: Option<&str>, now: Nanos) -> bool {
        let active = |incident: &&mut Incident| incident.is_active();
        let Some(incident) = state.incident_mut(id).filter(active) else {
            return false;
        };
        incident.acknowledged = by.map(|by| Acknowledgement {
            by: by.to_owned(),
            at: now,
        });
        for key in incident.groups.clone() {
            super::flush::wake_again(self, state, &key, now);
        }
        true
    }

    /// Says who is to look at an incident. `false` if it is not active.
    pub fn assign(&self, state: &mut PlanState, id: &str, to: &str) -> bool {
        let active = |incident: &&mut Incident| incident.is_active();
        let Some(incident) = state.incident_mut(id).filter(active) else {
            return false;
        };
        incident.assigned = (!to.is_empty()).then(|| to.to_owned());
        true
    }
}
