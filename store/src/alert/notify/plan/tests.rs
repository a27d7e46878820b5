mod escalation;
mod grouping;
mod properties;
mod rates;

use std::collections::BTreeSet;
use std::time::Duration;

use timberline_proto::alert::{AlertState, Transition, TransitionRule};

use super::*;
use crate::alert::notify::message::{Message, MessageKind};
use crate::alert::notify::options::{EscalationOptions, InhibitionOptions, RouteOptions};
use crate::alert::notify::target::{AlertmanagerOptions, Secret, SlackOptions, TargetKind, TargetOptions};

pub(super) const SECOND: Nanos = 1_000_000_000;

pub(super) fn target(messages_max: u64) -> TargetOptions {
    TargetOptions {
        kind: TargetKind::Slack(SlackOptions::default()),
        messages_max,
        messages_interval: Duration::from_secs(600),
        timeout: Duration::from_secs(1),
        templates: Default::default(),
    }
}

pub(super) fn machine(messages_max: u64) -> TargetOptions {
    TargetOptions {
        kind: TargetKind::Alertmanager(AlertmanagerOptions {
            url: String::new(),
            bearer_token: Secret::default(),
            ca: None,
            ends_after: Duration::ZERO,
        }),
        ..target(messages_max)
    }
}

/// `ops` gets everything; `boss`, `web` and `machine` are there.
pub(super) fn options() -> NotifyOptions {
    let mut options = NotifyOptions {
        default_targets: vec!["ops".to_owned()],
        ..NotifyOptions::default()
    };
    for name in ["ops", "boss", "web"] {
        options.targets.insert(name.to_owned(), target(1_000));
    }
    options.targets.insert("machine".to_owned(), machine(1_000));
    options
}

pub(super) fn transition(rule: &str, host: &str, to: AlertState, at: Nanos) -> Transition {
    let group = BTreeMap::from([("host".to_owned(), host.to_owned())]);
    let mut labels = group.clone();
    labels.insert("alertname".to_owned(), rule.to_owned());
    Transition {
        key: format!("{rule}{host}{at}"),
        rule: TransitionRule {
            id: rule.to_owned(),
            name: rule.to_owned(),
            version: 1,
            severity: Default::default(),
            annotations: Default::default(),
            owner: None,
        },
        group,
        labels,
        from: if to == AlertState::Firing {
            AlertState::Inactive
        } else {
            AlertState::Firing
        },
        to,
        active_since_nanos: (to == AlertState::Firing).then_some(at),
        at_nanos: at,
        decided_at_nanos: at,
        window: None,
        value: None,
        threshold: None,
        reason: format!("{rule} on {host}"),
        query: String::new(),
        evidence: Default::default(),
        missing_sources: Vec::new(),
        late: false,
    }
}

pub(super) fn fires(rule: &str, host: &str, at: Nanos) -> Transition {
    transition(rule, host, AlertState::Firing, at)
}

pub(super) fn resolves(rule: &str, host: &str, at: Nanos) -> Transition {
    transition(rule, host, AlertState::Resolved, at)
}

/// A planner with its state and clock.
pub(super) struct Stage {
    pub(super) planner: Planner,
    pub(super) state: PlanState,
    pub(super) silences: Vec<Silencer>,
    pub(super) full: BTreeSet<String>,
    now: Nanos,
}

impl Stage {
    pub(super) fn new(options: &NotifyOptions) -> Self {
        Self {
            planner: Planner::new(options).unwrap(),
            state: PlanState::default(),
            silences: Vec::new(),
            full: BTreeSet::new(),
            now: 0,
        }
    }

    pub(super) fn apply(&mut self, transition: &Transition) {
        assert!(transition.decided_at_nanos >= self.now);
        self.now = transition.decided_at_nanos;
        self.planner.apply(&mut self.state, transition, self.now);
    }

    /// All messages up to then.
    pub(super) fn run_to(&mut self, to: Nanos) -> Vec<Message> {
        let mut messages = Vec::new();
        while let Some(at) = self.planner.next_wake(&self.state).filter(|at| *at <= to) {
            assert!(at > self.now || messages.is_empty() || at == self.now, "time goes on");
            self.now = self.now.max(at);
            let around = Surroundings {
                silences: &self.silences,
                full: &self.full,
            };
            messages.extend(self.planner.due(&mut self.state, around, self.now));
            self.state.drop_told();
        }
        self.now = to;
        messages
    }

    pub(super) fn open(&self) -> Vec<String> {
        let open = self.state.incidents().values().filter(|incident| incident.is_active());
        open.map(|incident| incident.id.clone()).collect()
    }
}

/// `kind target firing/resolved @second`, one a message.
pub(super) fn told(messages: &[Message]) -> Vec<String> {
    let one = |message: &Message| {
        format!(
            "{} {} {}/{} @{}",
            message.kind.word(),
            message.target,
            message.firing_total,
            message.resolved_total,
            message.created_nanos / SECOND
        )
    };
    messages.iter().map(one).collect()
}
