//! What a group has to tell, and to whom.

use std::collections::BTreeSet;

use super::mute::Muting;
use super::rate::{self, Room};
use super::route::{Leaf, nanos};
use super::state::{Group, Incident, PlanState, Told};
use super::{Nanos, Planner, Surroundings};
use crate::alert::notify::message::{Message, MessageKind, key_of};

/// A target of a group, and after how long it is told if it is one of an escalation.
struct Receiver {
    target: String,
    after: Option<Nanos>,
}

/// What one target is to be told.
struct News<'a> {
    kind: MessageKind,
    /// All that is active and neither muted nor beyond its step.
    active: Vec<&'a Incident>,
    resolved: Vec<&'a Incident>,
}

/// Looks at a group whose time has come, and at when it is looked at again.
pub(super) fn group(
    planner: &Planner,
    state: &mut PlanState,
    muting: &Muting<'_>,
    around: Surroundings<'_>,
    key: &str,
    now: Nanos,
    messages: &mut Vec<Message>,
) {
    let Some(leaf) = state.groups().get(key).and_then(|group| planner.tree.at(&group.route)) else {
        // Its route went with another configuration.
        disband(state, key);
        return;
    };
    let regular = state.groups().get(key).is_some_and(|group| group.flush_at <= now);
    let mut retry_at = None;
    for receiver in receivers(&leaf) {
        let Some(group) = state.groups().get(key) else { return };
        let Some(news) = news(state, group, &leaf, muting, &receiver, regular, now) else {
            continue;
        };
        match rate::room(planner, state, around, &receiver.target, now) {
            Room::Later(at) => {
                retry_at = Some(retry_at.map_or(at, |other: Nanos| other.min(at)));
                continue;
            }
            Room::Free => {
                let made = planner.messages(group, &receiver.target, &news, now);
                let told = ids(&news);
                for _ in &made {
                    rate::spend(planner, state, &receiver.target, now);
                }
                messages.extend(made);
                note(state, key, &receiver.target, &told, now);
            }
            Room::Held => {
                let told = ids(&news);
                let incidents: Vec<Incident> = news.active.into_iter().chain(news.resolved).cloned().collect();
                rate::hold(state, &receiver.target, incidents.iter(), now);
                note(state, key, &receiver.target, &told, now);
            }
        }
    }
    if regular {
        leave(state, key, &leaf, retry_at.is_some());
        if let Some(group) = state.group_mut(key) {
            group.flush_at = now.saturating_add(nanos(leaf.times.group_interval));
        }
    }
    if let Some(at) = retry_at
        && let Some(group) = state.group_mut(key)
    {
        group.flush_at = group.flush_at.min(at.max(now + 1));
    }
    wake_again(planner, state, key, now);
}

fn receivers(leaf: &Leaf) -> Vec<Receiver> {
    let mut receivers: Vec<Receiver> = Vec::new();
    let base = leaf.targets.iter().map(|target| (target, None));
    let steps = leaf
        .escalation
        .iter()
        .flat_map(|step| step.targets.iter().map(|target| (target, Some(nanos(step.after)))));
    for (target, after) in base.chain(steps) {
        // One who is told anyway need not be told again.
        if !receivers.iter().any(|receiver| receiver.target == *target) {
            receivers.push(Receiver {
                target: target.clone(),
                after,
            });
        }
    }
    receivers
}

fn news<'a>(
    state: &'a PlanState,
    group: &Group,
    leaf: &Leaf,
    muting: &Muting<'_>,
    receiver: &Receiver,
    regular: bool,
    now: Nanos,
) -> Option<News<'a>> {
    let told = group.told.get(&receiver.target);
    let known = |incident: &Incident| told.and_then(|told| told.active.get(&incident.id)).copied();
    let members = || group.members.keys().filter_map(|id| state.incidents().get(id));
    let reached = |incident: &Incident| match receiver.after {
        None => true,
        Some(after) => known(incident).is_some() || is_reached(group, incident, after, now),
    };
    let active: Vec<&Incident> = members()
        .filter(|incident| incident.is_active() && reached(incident) && !muting.mutes(incident))
        .collect();
    let fresh = active.iter().any(|incident| match (known(incident), receiver.after) {
        (None, Some(_)) => true,
        (known, _) => regular && known != Some(incident.revision),
    });
    let escalated = receiver.after.is_some() && active.iter().any(|incident| known(incident).is_none());
    let resolved: Vec<&Incident> = members()
        .filter(|incident| regular && !incident.is_active())
        .filter(|incident| match known(incident) {
            Some(_) => leaf.times.send_resolved,
            None => {
                receiver.after.is_none()
                    && !incident.told.contains(&receiver.target)
                    && is_untold(group, incident)
                    && !muting.mutes(incident)
            }
        })
        .collect();
    // What fired and ended before anybody was told is firing news, whatever `send_resolved` says.
    let brief = resolved.iter().any(|incident| known(incident).is_none());
    let due = |told: &Told| {
        leaf.repeat_nanos()
            .is_some_and(|repeat| told.at.saturating_add(repeat) <= now)
    };
    let unanswered = || {
        active
            .iter()
            .any(|incident| incident.acknowledged.is_none() && known(incident).is_some())
    };
    let repeats = told.is_some_and(due) && unanswered();
    // A repeat tells all there is; if some of it is new, it is news.
    let fresh = fresh || (repeats && active.iter().any(|incident| known(incident) != Some(incident.revision)));
    let kind = match (fresh || brief, resolved.is_empty()) {
        (true, _) if escalated => MessageKind::Escalation,
        (true, _) => MessageKind::Firing,
        (false, false) => MessageKind::Resolved,
        (false, true) if repeats => MessageKind::Repeat,
        (false, true) => return None,
    };
    Some(News { kind, active, resolved })
}

fn is_reached(group: &Group, incident: &Incident, after: Nanos, now: Nanos) -> bool {
    let first = group.members.get(&incident.id).and_then(|member| member.first_told);
    incident.acknowledged.is_none() && first.is_some_and(|first| first.saturating_add(after) <= now)
}

/// Whether no target of the group was told of it before this moment.
fn is_untold(group: &Group, incident: &Incident) -> bool {
    let member = group.members.get(&incident.id);
    member.is_some_and(|member| member.first_told.is_none() || member.first_told >= incident.closed_at)
}

fn ids(news: &News<'_>) -> (Vec<(String, u64)>, Vec<String>) {
    let active = news
        .active
        .iter()
        .map(|incident| (incident.id.clone(), incident.revision));
    (
        active.collect(),
        news.resolved.iter().map(|incident| incident.id.clone()).collect(),
    )
}

/// Remembers what a target knows now.
fn note(
    state: &mut PlanState,
    key: &str,
    target: &str,
    (active, resolved): &(Vec<(String, u64)>, Vec<String>),
    now: Nanos,
) {
    if let Some(group) = state.group_mut(key) {
        let told = group.told.entry(target.to_owned()).or_default();
        told.at = now;
        for id in resolved {
            told.active.remove(id);
        }
        told.active.extend(active.iter().cloned());
        for id in active.iter().map(|(id, _)| id).chain(resolved) {
            if let Some(member) = group.members.get_mut(id) {
                member.first_told.get_or_insert(now);
            }
        }
    }
    for id in active.iter().map(|(id, _)| id).chain(resolved) {
        if let Some(incident) = state.incident_mut(id) {
            incident.told.insert(target.to_owned());
        }
    }
}

/// Lets go of what is resolved and told, and of a group that has nothing left. While a target has no room,
/// what it was told of or is to be told of stays.
fn leave(state: &mut PlanState, key: &str, leaf: &Leaf, waits: bool) {
    let Some(group) = state.groups().get(key) else { return };
    let wanted = |id: &String| {
        let told_of = group.told.values().any(|told| told.active.contains_key(id));
        waits || (told_of && leaf.times.send_resolved)
    };
    let closed = |id: &&String| state.incidents().get(*id).is_none_or(|incident| !incident.is_active());
    let gone: BTreeSet<String> = group
        .members
        .keys()
        .filter(closed)
        .filter(|id| !wanted(id))
        .cloned()
        .collect();
    if let Some(group) = state.group_mut(key) {
        group.members.retain(|id, _| !gone.contains(id));
        for told in group.told.values_mut() {
            told.active.retain(|id, _| !gone.contains(id));
        }
    }
    for id in &gone {
        if let Some(incident) = state.incident_mut(id) {
            incident.groups.remove(key);
        }
    }
    if state.groups().get(key).is_some_and(|group| group.members.is_empty()) {
        state.remove_group(key);
    }
}

fn disband(state: &mut PlanState, key: &str) {
    let Some(group) = state.remove_group(key) else { return };
    for id in group.members.keys() {
        if let Some(incident) = state.incident_mut(id) {
            incident.groups.remove(key);
        }
    }
}

/// Of all groups, what was due while nobody looked being due now.
pub(super) fn wake_all(planner: &Planner, state: &mut PlanState) {
    let keys: Vec<String> = state.groups().keys().cloned().collect();
    for key in keys {
        wake_again(planner, state, &key, Nanos::MIN);
    }
}

/// Sets when a group is looked at next: for news, a step of the escalation, or a repeat. What is due and was
/// held back waits for the next news.
pub(super) fn wake_again(planner: &Planner, state: &mut PlanState, key: &str, now: Nanos) {
    let Some(group) = state.groups().get(key) else { return };
    let mut wake = group.flush_at;
    if let Some(leaf) = planner.tree.at(&group.route) {
        let receivers = receivers(&leaf);
        let open = |id: &String| {
            let incident = state.incidents().get(id);
            incident.is_some_and(|incident| incident.is_active() && incident.acknowledged.is_none())
        };
        for (id, member) in group.members.iter().filter(|(id, _)| open(id)) {
            let Some(first) = member.first_told else { continue };
            for receiver in &receivers {
                let told = group.told.get(&receiver.target);
                let known = told.is_some_and(|told| told.active.contains_key(id));
                let at = match (receiver.after, known) {
                    (Some(after), false) => Some(first.saturating_add(after)),
                    (_, true) => told
                        .zip(leaf.repeat_nanos())
                        .map(|(told, repeat)| told.at.saturating_add(repeat)),
                    (None, false) => None,
                };
                wake = at.filter(|at| *at > now).map_or(wake, |at| wake.min(at));
            }
        }
    }
    state.set_wake(key, Some(wake));
}

impl Planner {
    /// One message; of a target that takes each incident as a thing of its own, as many as hold all news.
    fn messages(&self, group: &Group, target: &str, news: &News<'_>, now: Nanos) -> Vec<Message> {
        let told = group.told.get(target);
        let is_news =
            |incident: &Incident| told.and_then(|told| told.active.get(&incident.id)) != Some(&incident.revision);
        let each = rate::takes_each(self, target);
        let active = news
            .active
            .iter()
            .filter(|incident| !each || news.kind == MessageKind::Repeat || is_news(incident));
        let all: Vec<&Incident> = active.chain(&news.resolved).copied().collect();
        let max = self.message_incidents_max.max(1);
        let parts: Vec<&[&Incident]> = match each {
            true => all.chunks(max).collect(),
            false => vec![&all[..all.len().min(max)]],
        };
        parts
            .into_iter()
            .map(|part| self.message(group, target, news, part, now))
            .collect()
    }

    fn message(&self, group: &Group, target: &str, news: &News<'_>, part: &[&Incident], now: Nanos) -> Message {
        let all = news.active.iter().chain(&news.resolved).chain(part);
        let told: Vec<String> = all
            .map(|incident| format!("{}.{}", incident.id, incident.revision))
            .collect();
        let at = now.to_string();
        let parts = [news.kind.word(), target, &group.key, &at];
        Message {
            key: key_of(parts.into_iter().chain(told.iter().map(String::as_str))),
            kind: news.kind,
            target: target.to_owned(),
            group_key: group.key.clone(),
            group_labels: group.labels.clone(),
            created_nanos: now,
            incidents: part.iter().map(|incident| incident.told()).collect(),
            firing_total: news.active.len() as u64,
            resolved_total: news.resolved.len() as u64,
            held: None,
            text: String::new(),
        }
    }
}
