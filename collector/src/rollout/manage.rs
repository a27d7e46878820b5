//! What an operator asks for: a configuration for a group, its trial, and how it went.

use std::collections::BTreeMap;
use std::time::Duration;

use timberline_proto::api::enrollment::{GroupFailure, GroupInfo, GroupList, NewGroupConfig};
use timberline_proto::id::AgentId;
use timberline_proto::tls::pushed::TOML_BYTES_MAX;

use super::state::{GROUPS_MAX, Group, Labels, Stage, group_name};
use super::{Rollouts, health_of, now_s};
use crate::fleet::Fleet;
use crate::trust::{TrustError, check_labels};

/// The longest that a stage of a trial is watched: a day.
const WAIT_MAX_S: u64 = 86_400;

/// A configuration that is to be tried.
pub type GroupConfig = NewGroupConfig;

/// Why an operator's wish is not granted.
#[derive(Debug, thiserror::Error)]
pub enum PushError {
    /// Correct the request.
    #[error("{0}")]
    Bad(String),
    /// Nothing was changed.
    #[error(transparent)]
    Failed(#[from] TrustError),
}

impl Rollouts {
    /// Begins the trial of a configuration, on the first few of the machines with these labels that are
    /// there. It is watched for `wait_min` at least, so that one that falls silent is noticed. When this
    /// returns, that is durable. Blocks.
    ///
    /// # Errors
    /// [`PushError`]
    pub fn set(
        &self,
        wanted: &GroupConfig,
        fleet: &Fleet,
        labels: &BTreeMap<AgentId, Labels>,
        wait_min: Duration,
    ) -> Result<GroupInfo, PushError> {
        self.check(wanted)?;
        let name = group_name(&wanted.labels);
        let health = health_of(fleet);
        let now_s = now_s();
        let group = self.change(|state| {
            if state.groups.len() >= GROUPS_MAX && !state.groups.contains_key(&name) {
                return Err(PushError::Bad(format!("there are {GROUPS_MAX} groups already")));
            }
            // Whose configuration is this group's once it is there.
            let wins = |of: &Labels| {
                let other = state.group_of(of).map(|other| &state.groups[other]);
                let narrower = other.is_some_and(|other| other.labels.len() > wanted.labels.len());
                wanted.labels.iter().all(|(name, value)| of.get(name) == Some(value)) && !narrower
            };
            let first: BTreeMap<_, _> = labels
                .iter()
                .filter(|(_, of)| wins(of))
                .filter_map(|(id, _)| Some((*id, *health.get(id)?)))
                .take(wanted.first as usize)
                .collect();
            if first.is_empty() {
                return Err(PushError::Bad(format!(
                    "no machine with the labels {name} is connected: there is none to try it on (`timberline agents list` shows their labels)"
                )));
            }
            let wait_s = i64::try_from(wanted.wait_s.max(wait_min.as_secs() + 1)).unwrap_or(i64::MAX);
            state.begin(wanted.labels.clone(), wanted.toml.clone(), first, wait_s, now_s);
            Ok(state.groups[&name].clone())
        })?;
        Ok(info(&name, &group))
    }

    /// Every group.
    pub fn groups(&self) -> GroupList {
        let state = self.state();
        GroupList {
            groups: state.groups.iter().map(|(name, group)| info(name, group)).collect(),
        }
    }

    fn check(&self, wanted: &GroupConfig) -> Result<(), PushError> {
        if wanted.labels.is_empty() {
            return Err(PushError::Bad("name the group by at least one label".into()));
        }
        check_labels(&wanted.labels).map_err(|error| PushError::Bad(error.to_string()))?;
        if wanted.toml.len() > TOML_BYTES_MAX {
            return Err(PushError::Bad(format!(
                "the configuration is longer than {TOML_BYTES_MAX} bytes"
            )));
        }
        if wanted.first == 0 || wanted.wait_s > WAIT_MAX_S {
            return Err(PushError::Bad(
                "it is tried on at least one machine, and watched for at most a day".into(),
            ));
        }
        match self.inner.check {
            Some(check) if !wanted.toml.is_empty() => check(&wanted.toml).map_err(PushError::Bad),
            _ => Ok(()),
        }
    }
}

fn info(name: &str, group: &Group) -> GroupInfo {
    let failures = group.failures.iter().map(|(id, failure)| GroupFailure {
        id: id.to_string(),
        version: failure.version,
        why: failure.why.clone(),
        passing: failure.passing,
    });
    let trial = group.trial.as_ref();
    GroupInfo {
        group: name.to_owned(),
        version: group.running.version,
        trial_version: trial.map(|trial| trial.document.version),
        trial: trial.map(|trial| {
            let took = trial.machines.values().filter(|tried| tried.since_s.is_some()).count();
            let stage = match trial.stage {
                Stage::Few => "the first",
                Stage::All => "all",
            };
            let gave_up = trial.machines.values().filter(|tried| tried.gave_up).count();
            let gave_up = match gave_up {
                0 => String::new(),
                n => format!(", {n} gave it up"),
            };
            format!("{stage}: {took} of {} run it{gave_up}", trial.machines.len())
        }),
        last: group.last.clone(),
        failures: failures.collect(),
        toml: group.running.toml.clone(),
    }
}
