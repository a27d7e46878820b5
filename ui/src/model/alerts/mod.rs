//! Rules, what they say now and said before, and the one that is being changed.
//!
//! | module | what it holds |
//! |---|---|
//! | `form` | a rule as fields that people fill in |
//! | `fields` | which fields each kind of condition has |
//! | `keep` | saving, deleting, switching off |
//! | `tell` | incidents, silences, messages, who can be told |
//! | `trial` | what a rule would have said |

mod fields;
mod form;
mod keep;
mod tell;
mod trial;

use leptos::{prelude::*, task::spawn_local};
use timberline_proto::{
    alert::{AlertGroup, AlertHistory, AlertState, AlertStates, AlertsStatus, HistoryEntry, KeptRule, RulesAnswer},
    api::ApiError,
};
use web_sys::AbortSignal;

use super::{
    asking::Asking,
    view::{AlertsPart, Page, RULE_NEW, View, encode},
};
use crate::api::{self, Failure};

pub(crate) use fields::{COMMON, Field, KINDS, Shape, fields_of};
pub(crate) use form::Form;
pub(crate) use tell::Tell;
pub(crate) use trial::Trial;

/// Where alerts are asked for.
const ADDRESS: &str = "/api/v1/alerts";
/// Before the kind of a rule that is being made.
const RULE_OF_KIND: &str = "new:";
/// Groups that the page holds.
const GROUPS_MAX: usize = 1_000;
/// Entries of the history that are asked for at once.
const HISTORY_ENTRIES: usize = 100;

/// The state. Copies share it.
#[derive(Clone, Copy)]
pub(crate) struct Alerts {
    /// What fires, and what is about to.
    pub states: RwSignal<Option<AlertStates>>,
    /// How many groups fire.
    pub firing: Memo<u64>,
    /// The rules.
    pub rules: RwSignal<Option<Vec<KeptRule>>>,
    /// Whether the evaluation keeps up.
    pub status: RwSignal<Option<AlertsStatus>>,
    /// What changed, the latest first.
    pub history: RwSignal<Option<Vec<HistoryEntry>>>,
    /// Where older entries begin.
    pub older: RwSignal<Option<String>>,
    /// The rule that is being made or changed.
    pub form: RwSignal<Option<Form>>,
    /// What the rule would have said.
    pub trial: Trial,
    /// Who is told, and who is not.
    pub tell: Tell,
    /// What went wrong the last time.
    pub error: RwSignal<Option<ApiError>>,
    /// This server evaluates no rules.
    pub none: RwSignal<bool>,
    /// An answer is awaited.
    pub busy: RwSignal<bool>,
    running: Asking,
}

impl Alerts {
    pub(crate) fn new() -> Alerts {
        let states = RwSignal::new(None::<AlertStates>);
        let firing = move |_: Option<&u64>| {
            states.with(|states| {
                let counts = states.as_ref().map(|states| &states.counts);
                counts
                    .and_then(|counts| counts.get(&AlertState::Firing))
                    .copied()
                    .unwrap_or(0)
            })
        };
        Alerts {
            states,
            firing: Memo::new(firing),
            rules: RwSignal::new(None),
            status: RwSignal::new(None),
            history: RwSignal::new(None),
            older: RwSignal::new(None),
            form: RwSignal::new(None),
            trial: Trial::new(),
            tell: Tell::new(),
            error: RwSignal::new(None),
            none: RwSignal::new(false),
            busy: RwSignal::new(false),
            running: Asking::new(),
        }
    }

    /// Asks for what the view shows; lets go of what was asked before.
    pub(crate) fn ask(self, view: &View) {
        let view = view.clone();
        self.run(async move |abort| self.receive(view, &abort).await);
    }

    /// Asks again, unless an answer is awaited or nobody looks. What is being changed stays.
    pub(crate) fn refresh(self, view: &View) {
        let is_form = view.item.is_some();
        if !self.busy.get_untracked() && view.page == Page::Alerts && !is_form && !document().hidden() {
            self.ask(view);
        }
    }

    /// Asks for nothing any more.
    pub(crate) fn leave(self) {
        self.stop();
        self.trial.stop();
    }

    /// Fetches older entries of the history.
    pub(crate) fn show_older(self) {
        let Some(cursor) = self.older.get_untracked() else {
            return;
        };
        self.run(async move |abort| {
            let page = history_page(Some(&cursor), &abort).await?;
            self.older.set(page.cursor);
            self.history
                .update(|history| history.get_or_insert_default().extend(page.entries));
            Ok(())
        });
    }

    async fn receive(self, view: View, abort: &AbortSignal) -> Result<(), Failure> {
        let states: AlertStates = api::get(&format!("{ADDRESS}/states?limit={GROUPS_MAX}"), abort).await?;
        let is_same = self.states.with_untracked(|known| known.as_ref() == Some(&states));
        if !is_same {
            self.states.set(Some(states));
        }
        self.status
            .set(api::get(&format!("{ADDRESS}/status"), abort).await.ok());
        match view.alerts {
            AlertsPart::Now => {
                self.tell.receive_incidents(abort).await;
                if self.rules.with_untracked(Option::is_none) {
                    self.receive_rules(abort).await?;
                }
            }
            AlertsPart::Rules => {
                self.receive_rules(abort).await?;
                self.open(&view);
            }
            AlertsPart::Silences => self.tell.receive_silences(abort).await?,
            AlertsPart::Messages => self.tell.receive_messages(abort).await?,
            AlertsPart::History => {
                let page = history_page(None, abort).await?;
                // What was paged back to stays while nothing new is there.
                let newest = |entries: &[HistoryEntry]| entries.first().map(|entry| entry.sequence);
                let known = self
                    .history
                    .with_untracked(|history| history.as_deref().and_then(newest));
                if known.is_none() || known != newest(&page.entries) {
                    self.history.set(Some(page.entries));
                    self.older.set(page.cursor);
                }
            }
        }
        Ok(())
    }

    async fn receive_rules(self, abort: &AbortSignal) -> Result<(), Failure> {
        let answer: RulesAnswer = api::get(&format!("{ADDRESS}/rules"), abort).await?;
        self.rules.set(Some(answer.rules));
        Ok(())
    }

    /// Puts the rule that the address names into the form, unless it is there.
    fn open(self, view: &View) {
        let Some(id) = &view.item else {
            return self.close();
        };
        if self
            .form
            .with_untracked(|form| form.as_ref().is_some_and(|form| form.is_of(id, &view.query)))
        {
            return;
        }
        self.trial.clear();
        let form = match id.as_str() {
            item if item == RULE_NEW || item.starts_with(RULE_OF_KIND) => Some(Form::begun(item, &view.query)),
            id => self.rules.with_untracked(|rules| {
                let rule = rules.iter().flatten().find(|kept| kept.id == id);
                rule.map(Form::of)
            }),
        };
        if form.is_none() {
            self.error.set(Some(ApiError {
                code: "not_found".into(),
                message: "This rule is not there any more.".into(),
                ..ApiError::default()
            }));
        }
        self.form.set(form);
    }

    /// Lets go of the form.
    pub(crate) fn close(self) {
        self.form.set(None);
        self.trial.clear();
    }

    /// The groups of one rule that are not inactive.
    pub(crate) fn groups_of(self, rule: &str) -> Vec<AlertGroup> {
        self.states.with(|states| {
            let groups = states.iter().flat_map(|states| &states.groups);
            groups.filter(|group| group.rule == rule).cloned().collect()
        })
    }

    /// Does one thing with the server at a time; what went wrong is shown.
    fn run(self, work: impl AsyncFnOnce(AbortSignal) -> Result<(), Failure> + 'static) {
        self.stop();
        let Some(signal) = self.running.begin() else { return };
        self.busy.set(true);
        spawn_local(async move {
            let result = work(signal.clone()).await;
            if signal.aborted() {
                return;
            }
            self.busy.set(false);
            match result {
                Ok(()) => {
                    self.none.set(false);
                    self.error.set(None);
                }
                Err(Failure::Refused(error)) if error.message.contains("evaluates no alert rules") => {
                    self.none.set(true);
                    self.error.set(None);
                }
                Err(failure) => self.error.set(failure.into_error()),
            }
        });
    }

    fn stop(self) {
        self.running.stop();
        self.busy.set(false);
    }
}

async fn history_page(cursor: Option<&str>, abort: &AbortSignal) -> Result<AlertHistory, Failure> {
    let cursor = cursor.map_or_else(String::new, |cursor| format!("&cursor={}", encode(cursor)));
    api::get(&format!("{ADDRESS}/history?limit={HISTORY_ENTRIES}{cursor}"), abort).await
}
