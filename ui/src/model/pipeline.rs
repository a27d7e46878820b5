//! What brings lines here: how the agents are, what became of every byte, what the store holds.
//!
//! What is shown is asked again every few seconds while the page is in sight; the answer before
//! stays until the next is here.

use leptos::{prelude::*, task::spawn_local};
use timberline_proto::api::{
    AgentAnswer, AgentsAnswer, ApiError, LedgerAnswer, LedgerSource, SplitState, Status,
    room::RoomAnswer,
    topics::{MessagesAnswer, TopicsAnswer},
};
use web_sys::AbortSignal;

use super::{
    asking::Asking,
    view::{Page, Part, View, encode},
};
use crate::api::{self, Failure};

/// Agents that the page holds.
const AGENTS_MAX: usize = 10_000;
/// Sources of the ledger that the page holds.
const SOURCES_MAX: usize = 5_000;
/// Asked for at once.
const PAGE_ENTRIES: usize = 1_000;

/// The state. Copies share it.
#[derive(Clone, Copy)]
pub(crate) struct Pipeline {
    /// The store as a whole.
    pub status: RwSignal<Option<Status>>,
    /// The agents.
    pub agents: RwSignal<Option<AgentsAnswer>>,
    /// The opened agent.
    pub agent: RwSignal<Option<AgentAnswer>>,
    /// The ledger.
    pub ledger: RwSignal<Option<LedgerAnswer>>,
    /// Of the ledger only sources that lost something.
    pub only_loss: RwSignal<bool>,
    /// Topics and partitions.
    pub topics: RwSignal<Option<TopicsAnswer>>,
    /// The store takes its records from a collector elsewhere.
    pub no_topics: RwSignal<bool>,
    /// Messages of the opened partition.
    pub messages: RwSignal<Option<MessagesAnswer>>,
    /// Why there are none.
    pub messages_error: RwSignal<Option<ApiError>>,
    /// What takes the room of the store.
    pub room: RwSignal<Option<RoomAnswer>>,
    /// The splits.
    pub splits: RwSignal<Option<Vec<SplitState>>>,
    /// What went wrong the last time.
    pub error: RwSignal<Option<ApiError>>,
    /// An answer is awaited.
    pub busy: RwSignal<bool>,
    /// When the last answer came, milliseconds.
    pub answered_ms: RwSignal<Option<i64>>,
    running: Asking,
}

impl Pipeline {
    pub(crate) fn new() -> Pipeline {
        Pipeline {
            status: RwSignal::new(None),
            agents: RwSignal::new(None),
            agent: RwSignal::new(None),
            ledger: RwSignal::new(None),
            only_loss: RwSignal::new(false),
            topics: RwSignal::new(None),
            no_topics: RwSignal::new(false),
            messages: RwSignal::new(None),
            messages_error: RwSignal::new(None),
            room: RwSignal::new(None),
            splits: RwSignal::new(None),
            error: RwSignal::new(None),
            busy: RwSignal::new(false),
            answered_ms: RwSignal::new(None),
            running: Asking::new(),
        }
    }

    /// Asks for what the view shows; lets go of what was asked before.
    pub(crate) fn ask(self, view: &View) {
        self.leave();
        let other = self
            .agent
            .with_untracked(|agent| agent.as_ref().map(|agent| agent.agent.agent.clone()));
        if other != view.item {
            self.agent.set(None);
        }
        let Some(signal) = self.running.begin() else { return };
        self.busy.set(true);
        let (part, item, at) = (view.part, view.item.clone(), view.at.clone());
        spawn_local(async move {
            let result = self.receive(part, item, at, &signal).await;
            if signal.aborted() {
                return;
            }
            self.busy.set(false);
            match result {
                Ok(()) => {
                    self.error.set(None);
                    self.answered_ms.set(Some(js_sys::Date::now() as i64));
                }
                Err(failure) => self.error.set(failure.into_error()),
            }
        });
    }

    /// Asks again, unless an answer is awaited or nobody looks.
    pub(crate) fn refresh(self, view: &View) {
        if !self.busy.get_untracked() && view.page == Page::Pipeline && !document().hidden() {
            self.ask(view);
        }
    }

    /// Asks for nothing any more.
    pub(crate) fn leave(self) {
        self.running.stop();
        self.busy.set(false);
    }

    async fn receive(
        self,
        part: Part,
        item: Option<String>,
        at: Option<String>,
        abort: &AbortSignal,
    ) -> Result<(), Failure> {
        let status: Status = api::get("/api/v1/status", abort).await?;
        self.status.set(Some(status));
        match part {
            Part::Agents => {
                self.agents.set(Some(all_agents(abort).await?));
                if let Some(id) = item {
                    let answer =
                        api::get(&format!("/api/v1/agents/{}?limit={PAGE_ENTRIES}", encode(&id)), abort).await?;
                    self.agent.set(Some(answer));
                }
            }
            Part::Ledger => {
                let only_loss = self.only_loss.get_untracked();
                self.ledger.set(Some(whole_ledger(only_loss, abort).await?));
            }
            Part::Topics => self.receive_topics(item, at, abort).await?,
            Part::Store => self.receive_store(item, abort).await?,
        }
        Ok(())
    }
}

/// Page after page.
async fn all_agents(abort: &AbortSignal) -> Result<AgentsAnswer, Failure> {
    let mut all = AgentsAnswer::default();
    loop {
        let after = all
            .cursor
            .take()
            .map_or_else(String::new, |cursor| format!("&cursor={}", encode(&cursor)));
        let page: AgentsAnswer = api::get(&format!("/api/v1/agents?limit={PAGE_ENTRIES}{after}"), abort).await?;
        all.agents.extend(page.agents);
        (all.total, all.health, all.cursor) = (page.total, page.health, page.cursor);
        if all.cursor.is_none() || all.agents.len() >= AGENTS_MAX {
            return Ok(all);
        }
    }
}

async fn whole_ledger(only_loss: bool, abort: &AbortSignal) -> Result<LedgerAnswer, Failure> {
    let only = if only_loss { "&only=loss" } else { "" };
    let mut sources: Vec<LedgerSource> = Vec::new();
    let mut cursor = String::new();
    loop {
        let address = format!("/api/v1/ledger?limit={PAGE_ENTRIES}{only}{cursor}");
        let mut page: LedgerAnswer = api::get(&address, abort).await?;
        sources.append(&mut page.sources);
        match &page.cursor {
            Some(next) if sources.len() < SOURCES_MAX => cursor = format!("&cursor={}", encode(next)),
            _ => {
                page.sources = sources;
                return Ok(page);
            }
        }
    }
}
