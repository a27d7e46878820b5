//! What is held back: by silences, and by what is worse.

use std::collections::BTreeSet;

use timberline_proto::alert::AlertState;

use super::state::{Incident, PlanState};
use super::{Nanos, Planner};
use crate::alert::notify::matcher::{Labels, Matchers};
use crate::alert::notify::options::InhibitionOptions;
use crate::alert::notify::silence::Silencer;

#[derive(Clone, Debug)]
pub(super) struct Inhibition {
    source: Matchers,
    target: Matchers,
    equal: Vec<String>,
}

impl Inhibition {
    pub(super) fn new(options: &InhibitionOptions) -> Result<Self, String> {
        let place = |error| format!("alerts.inhibitions: {error}");
        if options.source.is_empty() || options.target.is_empty() {
            return Err(place("`source` and `target` need a matcher each".to_owned()));
        }
        Ok(Self {
            source: Matchers::new(&options.source).map_err(place)?,
            target: Matchers::new(&options.target).map_err(place)?,
            equal: options.equal.clone(),
        })
    }

    fn values(&self, labels: &Labels) -> Vec<String> {
        self.equal
            .iter()
            .map(|label| labels.get(label).cloned().unwrap_or_default())
            .collect()
    }
}

/// What is held back at one moment.
#[derive(Debug)]
pub struct Muting<'a> {
    silences: Vec<&'a Silencer>,
    inhibitions: Vec<(Inhibition, BTreeSet<Vec<String>>)>,
    all: &'a [Silencer],
    now: Nanos,
}

impl<'a> Muting<'a> {
    /// Of this moment.
    pub fn new(planner: &Planner, state: &PlanState, silences: &'a [Silencer], now: Nanos) -> Self {
        let inhibitions = planner.inhibitions.iter().map(|inhibition| {
            let firing = state
                .incidents()
                .values()
                .filter(|incident| incident.state == AlertState::Firing);
            let sources = firing.filter(|incident| inhibition.source.fit(incident.labels()));
            let values = sources.map(|incident| inhibition.values(incident.labels())).collect();
            (inhibition.clone(), values)
        });
        Self {
            silences: silences.iter().filter(|silence| silence.is_active(now)).collect(),
            inhibitions: inhibitions.collect(),
            all: silences,
            now,
        }
    }

    /// Ids of the silences that hold an incident back.
    pub fn silenced_by(&self, incident: &Incident) -> Vec<String> {
        let fitting = self
            .silences
            .iter()
            .filter(|silence| silence.silences(incident.labels(), self.now));
        fitting.map(|silence| silence.id.clone()).collect()
    }

    /// Whether another incident holds this one back. What can itself hold back by the same rule is not held.
    pub fn inhibited(&self, incident: &Incident) -> bool {
        let labels = incident.labels();
        self.inhibitions.iter().any(|(inhibition, sources)| {
            !sources.is_empty()
                && inhibition.target.fit(labels)
                && !inhibition.source.fit(labels)
                && sources.contains(&inhibition.values(labels))
        })
    }

    pub(super) fn mutes(&self, incident: &Incident) -> bool {
        let then = incident.closed_at.filter(|closed| *closed != self.now);
        self.silences
            .iter()
            .any(|silence| silence.silences(incident.labels(), self.now))
            || then.is_some_and(|then| self.all.iter().any(|silence| silence.silences(incident.labels(), then)))
            || self.inhibited(incident)
    }
}
