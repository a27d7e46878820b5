//! Changing how long what is stored stays, and what is held.

use leptos::{prelude::*, task::spawn_local};
use timberline_proto::api::{
    ApiError,
    retention::{
        HoldState, HoldsAnswer, NewHold, Policy, PolicySet, PreviewAnswer, PreviewRequest, ReleaseRequest,
        RetentionAnswer, RetentionChange,
    },
};
use web_sys::{AbortController, AbortSignal};

use super::asking;
use super::view::encode;
use crate::api::{self, Failure};

const RETENTION: &str = "/api/v1/retention";
const HOLDS: &str = "/api/v1/holds";

/// How long what is stored stays, and what holds it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Retained {
    /// The policies, and what is stored of each class.
    pub state: RetentionAnswer,
    /// What would go now.
    pub preview: PreviewAnswer,
    /// Legal holds.
    pub holds: Vec<HoldState>,
}

impl Retained {
    /// Whether another says the same, but for when it was asked.
    fn is_like(&self, other: &Retained) -> bool {
        let timeless = |one: &Retained| {
            let mut one = one.clone();
            one.preview.at.clear();
            one.state.disk = None;
            one
        };
        timeless(self) == timeless(other)
    }
}

/// A policy as it is typed.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Typed {
    pub name: String,
    pub select: String,
    pub age_days: String,
    pub gibibytes: String,
    pub minimum_days: String,
    pub note: String,
    /// What is not typed here stays as it was.
    kept: Policy,
}

const DAY: f64 = 86_400.0;
const GIB: f64 = 1_073_741_824.0;

impl Typed {
    /// Of a policy.
    pub(crate) fn of(policy: &Policy) -> Typed {
        let text =
            |value: Option<u64>, unit: f64| value.map(|value| (value as f64 / unit).to_string()).unwrap_or_default();
        Typed {
            name: policy.name.clone(),
            select: policy.select.clone(),
            age_days: text(policy.age_seconds, DAY),
            gibibytes: text(policy.bytes, GIB),
            minimum_days: text(policy.minimum_seconds, DAY),
            note: policy.note.clone(),
            kept: policy.clone(),
        }
    }

    /// As the server takes it.
    ///
    /// # Errors
    /// What is no number.
    pub(crate) fn policy(&self) -> Result<Policy, String> {
        let number = |what: &str, text: &str, unit: f64, before: Option<u64>| match text.trim() {
            "" => Ok(None),
            // What was not touched is not rounded.
            same if before.is_some_and(|before| (before as f64 / unit).to_string() == same) => Ok(before),
            text => match text.parse::<f64>() {
                Ok(value) if value > 0.0 && value.is_finite() => Ok(Some((value * unit).round() as u64)),
                _ => Err(format!("{}: {text:?} is no number of {what}", self.name)),
            },
        };
        Ok(Policy {
            name: self.name.trim().to_owned(),
            select: self.select.trim().to_owned(),
            age_seconds: number("days", &self.age_days, DAY, self.kept.age_seconds)?,
            bytes: number("GiB", &self.gibibytes, GIB, self.kept.bytes)?,
            minimum_seconds: number("days", &self.minimum_days, DAY, self.kept.minimum_seconds)?,
            note: self.note.trim().to_owned(),
            disk_percent: self.kept.disk_percent,
        })
    }
}

/// How long what is stored stays, and what is being changed of it. Copies share it.
#[derive(Clone, Copy)]
pub(crate) struct Keeping {
    /// What is in force; unknown until it came.
    pub retained: RwSignal<Option<Retained>>,
    /// Why it did not come.
    pub failed: RwSignal<Option<ApiError>>,
    /// Policies as they are typed; `None` while nobody changes them.
    pub typed: RwSignal<Option<Vec<Typed>>>,
    /// The version that they began with.
    version: RwSignal<u64>,
    /// Of the set, what is not of one policy.
    rest: RwSignal<PolicySet>,
    /// What would go by them.
    pub preview: RwSignal<Option<PreviewAnswer>>,
    /// What went wrong with the last act.
    pub error: RwSignal<Option<ApiError>>,
    /// An act is under way.
    pub busy: RwSignal<bool>,
}

impl Keeping {
    pub(crate) fn new() -> Keeping {
        Keeping {
            retained: RwSignal::new(None),
            failed: RwSignal::new(None),
            typed: RwSignal::new(None),
            version: RwSignal::new(0),
            rest: RwSignal::new(PolicySet::default()),
            preview: RwSignal::new(None),
            error: RwSignal::new(None),
            busy: RwSignal::new(false),
        }
    }

    /// Asks for what is in force.
    pub(crate) fn ask(self) {
        let Ok(abort) = AbortController::new() else { return };
        spawn_local(async move {
            let result = self.receive(&abort.signal()).await;
            self.failed.set(result.err().and_then(Failure::into_error));
        });
    }

    /// Begins to change what is in force.
    pub(crate) fn begin(self, state: &RetentionAnswer) {
        self.version.set(state.version);
        self.rest.set(state.set.clone());
        self.preview.set(None);
        self.error.set(None);
        self.typed.set(Some(state.set.policies.iter().map(Typed::of).collect()));
    }

    /// Leaves them as they are.
    pub(crate) fn end(self) {
        self.typed.set(None);
        self.preview.set(None);
        self.error.set(None);
    }

    fn set(self) -> Result<PolicySet, String> {
        let policies = self
            .typed
            .with_untracked(|typed| typed.iter().flatten().map(Typed::policy).collect::<Result<_, _>>());
        Ok(PolicySet {
            policies: policies?,
            ..self.rest.get_untracked()
        })
    }

    /// The set as it is typed, unless something of it is no number: then that is said.
    fn checked(self) -> Option<PolicySet> {
        match self.set() {
            Ok(set) => Some(set),
            Err(message) => {
                self.error.set(Some(ApiError {
                    code: "bad_request".into(),
                    message,
                    ..ApiError::default()
                }));
                None
            }
        }
    }

    /// Asks what would go by what is typed.
    pub(crate) fn try_out(self) {
        let Some(set) = self.checked() else { return };
        self.act(async move |abort| {
            let request = PreviewRequest { set: Some(set) };
            self.preview.set(Some(
                api::create(&format!("{RETENTION}/preview"), &request, &abort).await?,
            ));
            Ok(())
        });
    }

    /// Puts what is typed in force.
    pub(crate) fn put(self) {
        let Some(set) = self.checked() else { return };
        self.change(RetentionChange {
            version: self.version.get_untracked(),
            set: Some(set),
        });
    }

    /// Lets the configuration's policies count again.
    pub(crate) fn reset(self, version: u64) {
        self.change(RetentionChange { version, set: None });
    }

    fn change(self, change: RetentionChange) {
        self.act(async move |abort| {
            let _: RetentionAnswer = api::replace(RETENTION, &change, &abort).await?;
            self.end();
            self.receive(&abort).await
        });
    }

    /// Puts a hold in force.
    pub(crate) fn hold(self, new: NewHold, done: impl FnOnce() + 'static) {
        self.act(async move |abort| {
            let _: HoldState = api::create(HOLDS, &new, &abort).await?;
            done();
            self.receive(&abort).await
        });
    }

    /// Ends one.
    pub(crate) fn release(self, id: &str, request: ReleaseRequest) {
        let address = format!("{HOLDS}/{}/release", encode(id));
        self.act(async move |abort| {
            let _: HoldState = api::create(&address, &request, &abort).await?;
            self.receive(&abort).await
        });
    }

    fn act(self, work: impl AsyncFnOnce(AbortSignal) -> Result<(), Failure> + 'static) {
        asking::act(self.busy, self.error, work);
    }
}

impl Keeping {
    /// Asks for the policies, what would go, and the holds.
    async fn receive(self, abort: &AbortSignal) -> Result<(), Failure> {
        let retained = Retained {
            state: api::get(RETENTION, abort).await?,
            preview: api::create(&format!("{RETENTION}/preview"), &PreviewRequest::default(), abort).await?,
            holds: api::get::<HoldsAnswer>(HOLDS, abort).await?.holds,
        };
        let is_known = |known: &Option<Retained>| known.as_ref().is_some_and(|known| known.is_like(&retained));
        // What is the same is not drawn anew.
        if !self.retained.with_untracked(is_known) {
            self.retained.set(Some(retained));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_that_is_not_touched_comes_back_as_it_was() {
        let policy = Policy {
            name: "pay".into(),
            select: "service.name:pay".into(),
            age_seconds: Some(100_001),
            bytes: Some(5_000_000_001),
            disk_percent: Some(7),
            minimum_seconds: None,
            note: "a contract".into(),
        };
        let mut typed = Typed::of(&policy);
        assert_eq!(typed.policy(), Ok(policy.clone()));
        typed.age_days = " 30 ".into();
        typed.gibibytes.clear();
        let changed = typed.policy().unwrap();
        assert_eq!((changed.age_seconds, changed.bytes), (Some(2_592_000), None));
        typed.minimum_days = "a week".into();
        assert!(typed.policy().unwrap_err().contains("is no number of days"));
    }
}
