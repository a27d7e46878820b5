//! What was told under other routes: after a change of the configuration each incident goes where it goes
//! now, and who was told of it is not told again.

use std::collections::{BTreeMap, BTreeSet};

use super::apply::join;
use super::route::TARGETS_ANNOTATION;
use super::state::{Group, Incident, Member, PlanState};
use super::{Nanos, Planner};

impl Planner {
    /// Makes all groups anew.
    pub fn reroute(&self, state: &mut PlanState, now: Nanos) {
        let keys: Vec<String> = state.groups().keys().cloned().collect();
        let before: Vec<Group> = keys.iter().filter_map(|key| state.remove_group(key)).collect();
        let ids: Vec<String> = state.incidents().keys().cloned().collect();
        for id in ids {
            let Some(mut incident) = state.incidents().get(&id).cloned() else {
                continue;
            };
            incident.groups = BTreeSet::new();
            let known = known(&before, &id);
            let named = incident.last.rule.annotations.get(TARGETS_ANNOTATION).cloned();
            for leaf in self.tree.of(incident.labels(), named.as_deref()) {
                let key = join(state, &mut incident, &leaf, now);
                carry(state, &key, &incident, &known);
            }
            if let Some(kept) = state.incident_mut(&id) {
                *kept = incident;
            }
        }
    }
}

/// What is known of one incident: by target when it was told last and of which revision, and since when.
struct Known {
    by_target: BTreeMap<String, (Nanos, u64)>,
    first_told: Option<Nanos>,
}

fn known(groups: &[Group], id: &str) -> Known {
    let holding = || groups.iter().filter(|group| group.members.contains_key(id));
    let told = holding().flat_map(|group| &group.told);
    let known = told.filter_map(|(target, told)| Some((target.clone(), (told.at, *told.active.get(id)?))));
    Known {
        by_target: known.collect(),
        first_told: holding().filter_map(|group| group.members.get(id)?.first_told).min(),
    }
}

fn carry(state: &mut PlanState, key: &str, incident: &Incident, known: &Known) {
    let Some(group) = state.group_mut(key) else { return };
    group.members.insert(
        incident.id.clone(),
        Member {
            first_told: known.first_told,
        },
    );
    for (target, (at, revision)) in &known.by_target {
        let told = group.told.entry(target.clone()).or_default();
        told.at = told.at.max(*at);
        told.active.insert(incident.id.clone(), *revision);
    }
}
