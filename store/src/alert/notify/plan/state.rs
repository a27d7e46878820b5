//! What the planner remembers, and which parts of it changed since that was last written down.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};
use timberline_proto::alert::{AlertState, Transition};

use super::Nanos;
use crate::alert::notify::matcher::Labels;
use crate::alert::notify::message::{HeldSummary, ToldIncident};

/// A group of a rule from its first active verdict until it is resolved.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Incident {
    /// Follows from rule, group and since when it is active.
    pub id: String,
    /// Names rule and group.
    pub alert: String,
    /// Firing, no data, error; or resolved.
    pub state: AlertState,
    /// One more with each thing that is worth telling.
    pub revision: u64,
    /// When it was taken note of.
    pub opened_at: Nanos,
    /// When it was resolved.
    pub closed_at: Option<Nanos>,
    /// The last verdict while it was active.
    pub last: Transition,
    /// The verdict that ended it.
    pub resolved: Option<Box<Transition>>,
    /// Who has taken it up.
    pub acknowledged: Option<Acknowledgement>,
    /// Who is to look at it.
    pub assigned: Option<String>,
    /// Keys of the groups that tell of it; none once all is told.
    pub groups: BTreeSet<String>,
    /// Targets that were told.
    pub told: BTreeSet<String>,
}

/// Somebody has taken it up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acknowledgement {
    /// Who.
    pub by: String,
    /// When.
    pub at: Nanos,
}

impl Incident {
    /// Whether it is not resolved.
    pub fn is_active(&self) -> bool {
        self.closed_at.is_none()
    }

    /// What routes, silences and inhibitions look at.
    pub fn labels(&self) -> &Labels {
        &self.last.labels
    }

    pub(super) fn told(&self) -> ToldIncident {
        ToldIncident {
            id: self.id.clone(),
            state: self.state,
            transition: self.last.clone(),
            resolved: self.resolved.clone(),
            acknowledged_by: self.acknowledged.as_ref().map(|ack| ack.by.clone()),
            assigned: self.assigned.clone(),
        }
    }
}

/// Incidents that are told together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Group {
    /// Follows from the route and the labels.
    pub key: String,
    /// The route's place in the tree.
    pub route: String,
    /// By what they are told together.
    pub labels: Labels,
    /// When news is told next.
    pub flush_at: Nanos,
    /// By id.
    pub members: BTreeMap<String, Member>,
    /// By target.
    pub told: BTreeMap<String, Told>,
}

/// An incident in a group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// When the first target of the group was told.
    pub first_told: Option<Nanos>,
}

/// What a target was told of a group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// When last.
    pub at: Nanos,
    /// Incidents that it takes for active, and what it knows of them.
    pub active: BTreeMap<String, u64>,
}

/// What a target got lately.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Rate {
    /// When; the oldest first, no more than count.
    pub sent: VecDeque<Nanos>,
    /// What waits for room.
    pub held: Option<HeldSummary>,
}

/// All that the planner remembers.
#[derive(Clone, Debug, Default)]
pub struct PlanState {
    incidents: BTreeMap<String, Incident>,
    groups: BTreeMap<String, Group>,
    rates: BTreeMap<String, Rate>,
    /// Transitions that found no room, since the start.
    pub overflowed: u64,
    /// Follows from `incidents`: those that are active, by what they are of.
    open: BTreeMap<String, String>,
    /// Follows from `groups`: when each is looked at next.
    wakes: BTreeSet<(Nanos, String)>,
    /// The same by key.
    wake_of: BTreeMap<String, Nanos>,
    changed: Changed,
}

/// Keys of what changed since it was last written down.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changed {
    /// Of incidents; one that is not there any more has nothing left to tell.
    pub incidents: BTreeSet<String>,
    /// Of groups; one that is not there any more is to be forgotten.
    pub groups: BTreeSet<String>,
    /// Of targets.
    pub rates: BTreeSet<String>,
}

impl Changed {
    /// Whether nothing did.
    pub fn is_empty(&self) -> bool {
        self.incidents.is_empty() && self.groups.is_empty() && self.rates.is_empty()
    }
}

impl PlanState {
    /// What was written down. Groups are looked at when their news is due.
    pub fn load(incidents: Vec<Incident>, groups: Vec<Group>, rates: BTreeMap<String, Rate>) -> Self {
        let mut state = Self {
            rates,
            ..Self::default()
        };
        for incident in incidents {
            if incident.is_active() {
                state.open.insert(incident.alert.clone(), incident.id.clone());
            }
            state.incidents.insert(incident.id.clone(), incident);
        }
        for group in groups {
            state.set_wake(&group.key, Some(group.flush_at));
            state.groups.insert(group.key.clone(), group);
        }
        state
    }

    /// What changed since the last call.
    pub fn take_changed(&mut self) -> Changed {
        std::mem::take(&mut self.changed)
    }

    /// Those that are active or not told to the end, by id.
    pub fn incidents(&self) -> &BTreeMap<String, Incident> {
        &self.incidents
    }

    /// By key.
    pub fn groups(&self) -> &BTreeMap<String, Group> {
        &self.groups
    }

    /// By target.
    pub fn rates(&self) -> &BTreeMap<String, Rate> {
        &self.rates
    }

    /// The active incident of a rule's group.
    pub(super) fn open(&self, alert: &str) -> Option<&Incident> {
        self.open.get(alert).and_then(|id| self.incidents.get(id))
    }

    pub(super) fn add_incident(&mut self, incident: Incident) {
        self.open.insert(incident.alert.clone(), incident.id.clone());
        self.changed.incidents.insert(incident.id.clone());
        self.incidents.insert(incident.id.clone(), incident);
    }

    /// An incident that is about to change.
    pub(super) fn incident_mut(&mut self, id: &str) -> Option<&mut Incident> {
        let incident = self.incidents.get_mut(id)?;
        self.changed.incidents.insert(id.to_owned());
        Some(incident)
    }

    pub(super) fn close(&mut self, id: &str) {
        if let Some(incident) = self.incidents.get(id) {
            let alert = incident.alert.clone();
            if self.open.get(&alert).is_some_and(|open| open == id) {
                self.open.remove(&alert);
            }
        }
    }

    /// Closed incidents that no group tells of any more, once their last state is written down.
    pub fn drop_told(&mut self) {
        self.incidents
            .retain(|_, incident| incident.is_active() || !incident.groups.is_empty());
    }

    /// A group that is about to change.
    pub(super) fn group_mut(&mut self, key: &str) -> Option<&mut Group> {
        let group = self.groups.get_mut(key)?;
        self.changed.groups.insert(key.to_owned());
        Some(group)
    }

    pub(super) fn add_group(&mut self, group: Group) {
        self.changed.groups.insert(group.key.clone());
        self.set_wake(&group.key, Some(group.flush_at));
        self.groups.insert(group.key.clone(), group);
    }

    pub(super) fn remove_group(&mut self, key: &str) -> Option<Group> {
        self.set_wake(key, None);
        self.changed.groups.insert(key.to_owned());
        self.groups.remove(key)
    }

    pub(super) fn rate_mut(&mut self, target: &str) -> &mut Rate {
        self.changed.rates.insert(target.to_owned());
        self.rates.entry(target.to_owned()).or_default()
    }

    /// When a group is looked at next.
    pub(super) fn set_wake(&mut self, key: &str, at: Option<Nanos>) {
        if let Some(before) = self.wake_of.remove(key) {
            self.wakes.remove(&(before, key.to_owned()));
        }
        if let Some(at) = at {
            self.wake_of.insert(key.to_owned(), at);
            self.wakes.insert((at, key.to_owned()));
        }
    }

    pub(super) fn next_flush(&self) -> Option<Nanos> {
        self.wakes.first().map(|(at, _)| *at)
    }

    /// A group whose time has come.
    pub(super) fn due_group(&self, now: Nanos) -> Option<String> {
        let (at, key) = self.wakes.first()?;
        (*at <= now).then(|| key.clone())
    }
}
