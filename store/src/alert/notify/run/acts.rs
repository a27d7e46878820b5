//! What people ask: silences, incidents, tests, deliveries. All of it asks the catalog or the network: not for
//! async threads.

use std::sync::Arc;
use std::time::Instant;

use timberline_proto::alert::AlertState;
use timberline_proto::alert::notify::{
    DeliveriesAnswer, Delivery, DeliveryTry, IncidentAction, IncidentAnswer, IncidentNote, IncidentsAnswer,
    KeptSilence, Silence, SilenceState, SilencesAnswer, TargetAnswer, TargetTestAnswer, TargetsAnswer,
};
use timberline_proto::api::access::Actor;
use timberline_proto::query::time_range::format_rfc3339_nanos as rfc3339;

use super::{Inner, Notifier, NotifyError};
use crate::alert::notify::message::{Message, MessageKind, key_of};
use crate::alert::notify::plan::{Incident, Muting};
use crate::alert::notify::render::{cut, one_line};
use crate::alert::notify::silence::Silencer;
use crate::catalog::CatalogError;
use crate::catalog::notify::{DeliveryFilter, KeptDelivery, KeptNote, NewNote, StoredSilence};

/// Incidents and deliveries of one answer.
const ANSWER_MAX: usize = 1_000;
/// Between two tests of one target.
const TEST_INTERVAL_NANOS: i64 = 3_000_000_000;
/// Characters of a name, and of what is said.
const NAME_CHARS_MAX: usize = 200;
const TEXT_CHARS_MAX: usize = 4_000;

impl Inner {
    pub(super) fn read_silences(&self) -> Result<(), CatalogError> {
        let now = self.now();
        let kept = self.catalog.silences()?;
        let silencers = kept
            .iter()
            .filter_map(|stored| Silencer::kept(&self.kept_silence(stored, now)?))
            .collect();
        *self.silences.write() = Arc::new(silencers);
        Ok(())
    }

    fn kept_silence(&self, stored: &StoredSilence, now: i64) -> Option<KeptSilence> {
        let silence: Silence = serde_json::from_str(&stored.body).ok()?;
        let state = Silencer::new(&stored.id, &silence).map_or(SilenceState::Over, |silencer| silencer.state(now));
        Some(KeptSilence {
            id: stored.id.clone(),
            version: stored.version,
            created: rfc3339(stored.created_at),
            updated: rfc3339(stored.updated_at),
            state,
            silence,
        })
    }

    /// Whoever reaches the API may try a target, but not make it a flood.
    fn test_turn(&self, name: &str, now: i64) -> Result<(), NotifyError> {
        let mut sending = self.sending.lock();
        match sending.tested.get(name) {
            Some(at) if now.saturating_sub(*at) < TEST_INTERVAL_NANOS => Err(NotifyError::Bad(format!(
                "{name} was tried a moment ago: wait for a few seconds"
            ))),
            _ => {
                sending.tested.insert(name.to_owned(), now);
                Ok(())
            }
        }
    }

    fn changed_silence(&self, stored: &StoredSilence) -> Result<KeptSilence, NotifyError> {
        self.read_silences()?;
        self.plan_wanted.give();
        let kept = self.kept_silence(stored, self.now());
        kept.ok_or_else(|| NotifyError::Bad("the silence cannot be read back".to_owned()))
    }
}

impl Notifier {
    /// The targets and how they are.
    ///
    /// # Errors
    /// [`NotifyError::Catalog`]
    pub fn targets(&self) -> Result<TargetsAnswer, NotifyError> {
        let waiting = self.inner.catalog.notify_waiting()?;
        let health = self.inner.sending.lock().health.clone();
        let targets = self.inner.targets.iter().map(|(name, ready)| {
            let state = health.get(name).cloned().unwrap_or_default();
            TargetAnswer {
                name: name.clone(),
                kind: ready.options.kind.word().to_owned(),
                address: ready.options.kind.address(),
                waiting: waiting.get(name).copied().unwrap_or(0),
                delivered: state.delivered,
                failed: state.failed,
                failing_since: state.failing_since.map(rfc3339),
                error: state.error,
            }
        });
        Ok(TargetsAnswer {
            targets: targets.collect(),
        })
    }

    /// Sends a test message, past the outbox; gives what became of it.
    ///
    /// # Errors
    /// [`NotifyError::NotThere`], [`NotifyError::Catalog`]
    pub fn test(&self, name: &str, actor: &Actor) -> Result<TargetTestAnswer, NotifyError> {
        self.inner.target(name)?;
        let now = self.inner.now();
        self.inner.test_turn(name, now)?;
        let message = Message {
            key: key_of(["test", name, &now.to_string(), &rand::random::<u64>().to_string()]),
            kind: MessageKind::Test,
            target: name.to_owned(),
            group_key: key_of(["test", name]),
            group_labels: Default::default(),
            created_nanos: now,
            incidents: Vec::new(),
            firing_total: 0,
            resolved_total: 0,
            held: None,
            text: format!("This is a test of the target {name}. Nothing is wrong."),
        };
        let begin = Instant::now();
        let sent = self.inner.send(&message);
        let (delivered, answer) = match &sent {
            Ok(answer) => (true, answer.as_str()),
            Err(error) => (false, error.why()),
        };
        self.inner.catalog.note_target_test(name, delivered, actor)?;
        Ok(TargetTestAnswer {
            delivered,
            answer: cut(&one_line(answer), self.inner.options.limits.answer_bytes_max),
            took_ms: u64::try_from(begin.elapsed().as_millis()).unwrap_or(u64::MAX),
        })
    }

    /// The silences, newest first.
    ///
    /// # Errors
    /// [`NotifyError::Catalog`]
    pub fn silences(&self) -> Result<SilencesAnswer, NotifyError> {
        let now = self.inner.now();
        let stored = self.inner.catalog.silences()?;
        Ok(SilencesAnswer {
            silences: stored
                .iter()
                .filter_map(|stored| self.inner.kept_silence(stored, now))
                .collect(),
        })
    }

    /// Keeps a silence; it holds from now on. Durable on return.
    ///
    /// # Errors
    /// [`NotifyError::Bad`], [`NotifyError::Silence`]
    pub fn create_silence(&self, silence: &Silence, actor: &Actor) -> Result<KeptSilence, NotifyError> {
        let body = checked(silence)?;
        let max = self.inner.options.limits.silences_max;
        let stored = self.inner.catalog.create_silence(&body, max, actor)?;
        self.inner.changed_silence(&stored)
    }

    /// Puts another in the place of `version` of one. Durable on return.
    ///
    /// # Errors
    /// [`NotifyError::Bad`], [`NotifyError::Silence`]
    pub fn change_silence(
        &self,
        (id, version): (&str, u64),
        silence: &Silence,
        actor: &Actor,
    ) -> Result<KeptSilence, NotifyError> {
        let body = checked(silence)?;
        let stored = self.inner.catalog.replace_silence((id, version), &body, actor)?;
        self.inner.changed_silence(&stored)
    }

    /// Deletes one. Durable on return.
    ///
    /// # Errors
    /// [`NotifyError::Silence`]
    pub fn delete_silence(&self, id: &str, version: Option<u64>, actor: &Actor) -> Result<(), NotifyError> {
        self.inner.catalog.delete_silence(id, version, actor)?;
        self.inner.read_silences()?;
        self.inner.plan_wanted.give();
        Ok(())
    }

    /// Incidents, the newest first: only open ones, or all; opened before an instant.
    ///
    /// # Errors
    /// [`NotifyError::Catalog`]
    pub fn incidents(&self, open: bool, before: Option<i64>, max: usize) -> Result<IncidentsAnswer, NotifyError> {
        let kept = self
            .inner
            .catalog
            .notify_incidents(open, before.unwrap_or(i64::MAX), max.min(ANSWER_MAX))?;
        let read = kept
            .iter()
            .filter_map(|kept| serde_json::from_str::<Incident>(&kept.body).ok());
        let incidents: Vec<Incident> = read.collect();
        Ok(IncidentsAnswer {
            incidents: self.answers(&incidents),
        })
    }

    /// One incident with what people did and said.
    ///
    /// # Errors
    /// [`NotifyError::NotThere`], [`NotifyError::Catalog`]
    pub fn incident(&self, id: &str) -> Result<IncidentAnswer, NotifyError> {
        let none = || {
            NotifyError::NotThere(format!(
                "there is no incident {id:?}: it may be older than what is kept"
            ))
        };
        let (kept, notes) = self.inner.catalog.notify_incident(id)?.ok_or_else(none)?;
        let incident: Incident = serde_json::from_str(&kept.body).map_err(|_| none())?;
        let mut answer = self.answers(std::slice::from_ref(&incident)).pop().ok_or_else(none)?;
        answer.notes = notes.into_iter().map(note).collect();
        Ok(answer)
    }

    /// Somebody does something with an incident. Durable on return.
    ///
    /// # Errors
    /// [`NotifyError::NotThere`], [`NotifyError::Bad`] if it is resolved, [`NotifyError::Catalog`]
    pub fn act(&self, id: &str, action: &IncidentAction, actor: &Actor) -> Result<IncidentAnswer, NotifyError> {
        let (by, word, text) = match action {
            IncidentAction::Acknowledge { by, comment } => (by, "acknowledge", comment),
            IncidentAction::Release { by, comment } => (by, "release", comment),
            IncidentAction::Assign { by, to } => (by, "assign", to),
            IncidentAction::Comment { by, text } => (by, "comment", text),
        };
        check_texts(by, text, word)?;
        self.incident(id)?;
        let inner = &self.inner;
        let mut plan = inner.plan.lock();
        let now = inner.now();
        let done = match action {
            IncidentAction::Acknowledge { .. } => inner.planner.acknowledge(&mut plan.state, id, Some(by), now),
            IncidentAction::Release { .. } => inner.planner.acknowledge(&mut plan.state, id, None, now),
            IncidentAction::Assign { to, .. } => inner.planner.assign(&mut plan.state, id, to),
            IncidentAction::Comment { .. } => true,
        };
        if !done {
            return Err(NotifyError::Bad(format!(
                "the incident {id} is resolved: only comments are taken"
            )));
        }
        let note = NewNote {
            incident: id.to_owned(),
            at: now,
            by: by.to_owned(),
            action: word.to_owned(),
            text: text.to_owned(),
            actor: actor.clone(),
            notes_max: inner.options.limits.notes_max,
        };
        inner.write_note(&mut plan, note)?;
        drop(plan);
        inner.plan_wanted.give();
        self.incident(id)
    }

    /// Messages and what became of them, the newest first.
    ///
    /// # Errors
    /// [`NotifyError::Catalog`]
    pub fn deliveries(&self, filter: &DeliveryFilter, max: usize) -> Result<DeliveriesAnswer, NotifyError> {
        let max = max.clamp(1, ANSWER_MAX);
        let kept = self.inner.catalog.notify_deliveries(filter, max)?;
        Ok(DeliveriesAnswer {
            before: kept.last().filter(|_| kept.len() == max).map(|last| last.id),
            deliveries: kept.into_iter().map(delivery).collect(),
        })
    }

    fn answers(&self, incidents: &[Incident]) -> Vec<IncidentAnswer> {
        let inner = &self.inner;
        let plan = inner.plan.lock();
        let silences = Arc::clone(&inner.silences.read());
        let muting = Muting::new(&inner.planner, &plan.state, &silences, inner.now());
        incidents.iter().map(|incident| answer(incident, &muting)).collect()
    }
}

fn checked(silence: &Silence) -> Result<String, NotifyError> {
    Silencer::new("new", silence).map_err(NotifyError::Bad)?;
    Ok(serde_json::to_string(silence).expect("text is JSON"))
}

fn check_texts(by: &str, text: &str, word: &str) -> Result<(), NotifyError> {
    if by.trim().is_empty() || by.chars().count() > NAME_CHARS_MAX {
        return Err(NotifyError::Bad(format!(
            "`by` says who, in 1 to {NAME_CHARS_MAX} characters"
        )));
    }
    let max = if word == "assign" {
        NAME_CHARS_MAX
    } else {
        TEXT_CHARS_MAX
    };
    if text.chars().count() > max || (word == "comment" && text.trim().is_empty()) {
        return Err(NotifyError::Bad(format!("what is said has 1 to {max} characters")));
    }
    Ok(())
}

fn answer(incident: &Incident, muting: &Muting<'_>) -> IncidentAnswer {
    let last = incident.resolved.as_deref().unwrap_or(&incident.last);
    let active = incident.state != AlertState::Resolved;
    IncidentAnswer {
        id: incident.id.clone(),
        rule: incident.last.rule.id.clone(),
        name: incident.last.rule.name.clone(),
        group: incident.last.group.clone(),
        labels: incident.last.labels.clone(),
        state: incident.state,
        reason: last.reason.clone(),
        active_since: incident.last.active_since_nanos.map(rfc3339),
        opened: rfc3339(incident.opened_at),
        closed: incident.closed_at.map(rfc3339),
        acknowledged_by: incident.acknowledged.as_ref().map(|ack| ack.by.clone()),
        acknowledged: incident.acknowledged.as_ref().map(|ack| rfc3339(ack.at)),
        assigned: incident.assigned.clone(),
        silenced_by: if active {
            muting.silenced_by(incident)
        } else {
            Vec::new()
        },
        inhibited: active && muting.inhibited(incident),
        told: incident.told.iter().cloned().collect(),
        notes: Vec::new(),
    }
}

fn note(note: KeptNote) -> IncidentNote {
    IncidentNote {
        at: rfc3339(note.at),
        by: note.by,
        action: note.action,
        text: note.text,
    }
}

fn delivery(kept: KeptDelivery) -> Delivery {
    Delivery {
        id: kept.id,
        key: kept.key,
        target: kept.target,
        kind: kept.kind,
        title: kept.title,
        created: rfc3339(kept.created_at),
        next_attempt: (kept.state == "waiting").then(|| rfc3339(kept.next_at)),
        state: kept.state,
        attempts: kept.attempts,
        incidents: serde_json::from_str(&kept.incidents).unwrap_or_default(),
        tries: kept
            .tries
            .into_iter()
            .map(|tried| DeliveryTry {
                at: rfc3339(tried.at),
                outcome: tried.outcome,
                answer: tried.answer,
                took_ms: tried.took_ms,
            })
            .collect(),
    }
}
