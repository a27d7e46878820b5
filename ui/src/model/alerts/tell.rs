//! Who is told and who is not: incidents that people take up, silences, messages, targets.

use leptos::prelude::*;
use timberline_proto::{
    alert::{
        AlertGroup,
        notify::{
            DeliveriesAnswer, Delivery, IncidentAction, IncidentAnswer, IncidentsAnswer, KeptSilence, Silence,
            SilencesAnswer, TargetAnswer, TargetTestAnswer, TargetsAnswer,
        },
    },
    api::ApiError,
};
use web_sys::AbortSignal;

use super::ADDRESS;
use crate::{
    api::{self, Failure},
    model::{asking, view::encode},
};

/// Open incidents that the page holds.
const INCIDENTS_MAX: usize = 1_000;
/// Messages that are asked for at once.
const MESSAGES: usize = 100;

/// The state. Copies share it.
#[derive(Clone, Copy)]
pub(crate) struct Tell {
    /// Those that are not resolved.
    pub incidents: RwSignal<Vec<IncidentAnswer>>,
    /// All silences.
    pub silences: RwSignal<Option<Vec<KeptSilence>>>,
    /// Who can be told.
    pub targets: RwSignal<Option<Vec<TargetAnswer>>>,
    /// Messages, the newest first.
    pub messages: RwSignal<Option<Vec<Delivery>>>,
    /// Where older ones begin.
    pub older: RwSignal<Option<u64>>,
    /// What a target said to a test, by its name.
    pub tested: RwSignal<Option<(String, TargetTestAnswer)>>,
    /// What went wrong with an act.
    pub error: RwSignal<Option<ApiError>>,
    /// An act is under way.
    pub busy: RwSignal<bool>,
}

impl Tell {
    pub(super) fn new() -> Tell {
        Tell {
            incidents: RwSignal::new(Vec::new()),
            silences: RwSignal::new(None),
            targets: RwSignal::new(None),
            messages: RwSignal::new(None),
            older: RwSignal::new(None),
            tested: RwSignal::new(None),
            error: RwSignal::new(None),
            busy: RwSignal::new(false),
        }
    }

    /// The incident that a group is, if somebody is told of it.
    pub(crate) fn incident_of(self, group: &AlertGroup) -> Option<IncidentAnswer> {
        self.incidents.with(|incidents| {
            let of = |incident: &&IncidentAnswer| incident.rule == group.rule && incident.group == group.group;
            incidents.iter().find(of).cloned()
        })
    }

    /// Without incidents the page still shows what fires.
    pub(super) async fn receive_incidents(self, abort: &AbortSignal) {
        let address = format!("{ADDRESS}/incidents?open=true&limit={INCIDENTS_MAX}");
        let incidents = api::get(&address, abort)
            .await
            .map(|answer: IncidentsAnswer| answer.incidents);
        let incidents = incidents.unwrap_or_default();
        if self.incidents.with_untracked(|known| *known != incidents) {
            self.incidents.set(incidents);
        }
    }

    pub(super) async fn receive_silences(self, abort: &AbortSignal) -> Result<(), Failure> {
        let answer: SilencesAnswer = api::get(&format!("{ADDRESS}/silences"), abort).await?;
        if self
            .silences
            .with_untracked(|known| known.as_ref() != Some(&answer.silences))
        {
            self.silences.set(Some(answer.silences));
        }
        Ok(())
    }

    pub(super) async fn receive_messages(self, abort: &AbortSignal) -> Result<(), Failure> {
        let targets: TargetsAnswer = api::get(&format!("{ADDRESS}/targets"), abort).await?;
        if self
            .targets
            .with_untracked(|known| known.as_ref() != Some(&targets.targets))
        {
            self.targets.set(Some(targets.targets));
        }
        let answer: DeliveriesAnswer = api::get(&format!("{ADDRESS}/deliveries?limit={MESSAGES}"), abort).await?;
        // What was paged back to stays while nothing new is there.
        let is_new = self.messages.with_untracked(|known| {
            known
                .as_ref()
                .is_none_or(|known| !known.starts_with(&answer.deliveries))
        });
        if is_new {
            self.messages.set(Some(answer.deliveries));
            self.older.set(answer.before);
        }
        Ok(())
    }

    /// Fetches older messages.
    pub(crate) fn show_older(self) {
        let Some(before) = self.older.get_untracked() else {
            return;
        };
        self.act(async move |abort| {
            let address = format!("{ADDRESS}/deliveries?limit={MESSAGES}&before={before}");
            let answer: DeliveriesAnswer = api::get(&address, &abort).await?;
            self.older.set(answer.before);
            self.messages
                .update(|messages| messages.get_or_insert_default().extend(answer.deliveries));
            Ok(())
        });
    }

    /// Does something with an incident.
    pub(crate) fn act_on(self, id: &str, action: IncidentAction) {
        let address = format!("{ADDRESS}/incidents/{}", encode(id));
        self.act(async move |abort| {
            let _: IncidentAnswer = api::create(&address, &action, &abort).await?;
            self.receive_incidents(&abort).await;
            Ok(())
        });
    }

    /// Keeps a new silence; `done` when it is kept.
    pub(crate) fn silence(self, silence: Silence, done: impl FnOnce() + 'static) {
        self.act(async move |abort| {
            let _: KeptSilence = api::create(&format!("{ADDRESS}/silences"), &silence, &abort).await?;
            done();
            self.receive_silences(&abort).await
        });
    }

    /// Takes a silence away.
    pub(crate) fn end_silence(self, kept: &KeptSilence) {
        let address = format!("{ADDRESS}/silences/{}?version={}", encode(&kept.id), kept.version);
        self.act(async move |abort| {
            api::delete(&address, &abort).await?;
            self.receive_silences(&abort).await
        });
    }

    /// Sends a test message.
    pub(crate) fn test(self, target: String) {
        self.tested.set(None);
        self.act(async move |abort| {
            let address = format!("{ADDRESS}/targets/{}/test", encode(&target));
            let answer: TargetTestAnswer = api::create(&address, &serde_json::json!({}), &abort).await?;
            self.tested.set(Some((target, answer)));
            Ok(())
        });
    }

    fn act(self, work: impl AsyncFnOnce(AbortSignal) -> Result<(), Failure> + 'static) {
        asking::act(self.busy, self.error, work);
    }
}
