//! Dashboards: the list, the opened one as it is kept and as it is being changed, its variables.
//!
//! | module | what it holds |
//! |---|---|
//! | `grid` | where panels stand |
//! | `panel` | a panel's question and answer |
//! | `gate` | how many are asked at once |
//! | `variables` | what `$name` stands for, and what it could |
//! | `keep` | saving, making, deleting: with the version that was changed |
//! | `starter` | a dashboard made from the logs' fields |

mod gate;
pub(crate) mod grid;
mod keep;
mod panel;
mod starter;
pub(crate) mod variables;

pub(crate) use panel::PanelAnswer;

use std::collections::{BTreeMap, HashMap};

use gate::Gate;
use leptos::{prelude::*, task::spawn_local};
use timberline_proto::api::{
    ApiError,
    dashboards::{Dashboard, DashboardHead, DashboardsAnswer, KeptDashboard, Panel},
};
use web_sys::AbortSignal;

use super::{
    asking::Asking,
    prefs::Zone,
    search::Bounds,
    view::{FROM_KEPT, Page, TimeRange, View, encode},
};
use crate::api::{self, Failure};

/// Where dashboards are.
const ADDRESS: &str = "/api/v1/dashboards";

/// The opened dashboard.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Opened {
    /// Its id.
    pub id: String,
    /// The version that is being changed.
    pub version: u64,
    /// As it is kept.
    pub kept: Dashboard,
    /// As it is shown, perhaps changed and not saved.
    pub draft: Dashboard,
}

impl Opened {
    fn of(kept: KeptDashboard) -> Opened {
        let mut draft = kept.dashboard;
        grid::settle(&mut draft.panels, None);
        Opened {
            id: kept.id,
            version: kept.version,
            kept: draft.clone(),
            draft,
        }
    }

    /// Whether there is something to save.
    pub(crate) fn is_changed(&self) -> bool {
        self.kept != self.draft
    }
}

/// What panels are asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Turn {
    number: u64,
    /// Of which time.
    pub bounds: Bounds,
    /// By the clock, not by a person: a panel that still waits is left alone.
    pub by_clock: bool,
}

/// The state. Copies share it.
#[derive(Clone, Copy)]
pub(crate) struct Boards {
    /// All of them.
    pub list: RwSignal<Option<Vec<DashboardHead>>>,
    /// The opened one.
    pub opened: RwSignal<Option<Opened>>,
    /// It is being changed.
    pub editing: RwSignal<bool>,
    /// A panel is being dragged: until it is let go, none changes its place in the document, which would take the
    /// pointer from it.
    pub dragging: RwSignal<bool>,
    /// The panel that is being changed.
    pub selected: RwSignal<Option<u32>>,
    /// Somebody else saved this meanwhile.
    pub conflict: RwSignal<Option<KeptDashboard>>,
    /// What went wrong the last time.
    pub error: RwSignal<Option<ApiError>>,
    /// An answer about dashboards is awaited.
    pub busy: RwSignal<bool>,
    /// Panels are asked again after so many seconds; 0: not by themselves.
    pub refresh_seconds: RwSignal<u32>,
    /// What panels are asked.
    pub turn: RwSignal<Turn>,
    /// What each variable could be.
    pub choices: RwSignal<BTreeMap<String, Vec<String>>>,
    /// What was changed and not saved of dashboards that were left.
    left: StoredValue<HashMap<String, Opened>>,
    gate: StoredValue<Gate, LocalStorage>,
    running: Asking,
}

impl Boards {
    pub(crate) fn new() -> Boards {
        Boards {
            list: RwSignal::new(None),
            opened: RwSignal::new(None),
            editing: RwSignal::new(false),
            dragging: RwSignal::new(false),
            selected: RwSignal::new(None),
            conflict: RwSignal::new(None),
            error: RwSignal::new(None),
            busy: RwSignal::new(false),
            refresh_seconds: RwSignal::new(0),
            turn: RwSignal::new(Turn::default()),
            choices: RwSignal::new(BTreeMap::new()),
            left: StoredValue::new(HashMap::new()),
            gate: StoredValue::new_local(Gate::default()),
            running: Asking::new(),
        }
    }

    /// Asks for what the view shows: the list, or a dashboard and its panels.
    pub(crate) fn ask(self, app: super::app::App, view: &View) {
        match &view.item {
            None => {
                self.set_aside();
                self.load_list();
            }
            Some(id) => {
                let is_open = self
                    .opened
                    .with_untracked(|opened| opened.as_ref().is_some_and(|opened| opened.id == *id));
                if is_open {
                    self.error.set(None);
                    self.ask_panels(app, false);
                } else {
                    self.set_aside();
                    self.open(app, id.clone());
                }
            }
        }
    }

    /// Asks the panels again by the clock, if somebody looks.
    pub(crate) fn refresh(self, app: super::app::App) {
        let is_shown = app
            .view
            .with_untracked(|view| view.page == Page::Dashboards && view.item.is_some());
        if is_shown && !document().hidden() {
            self.ask_panels(app, true);
        }
    }

    /// Whether something was changed and not saved, of the opened dashboard or of one that was left.
    pub(crate) fn has_unsaved(self) -> bool {
        let opened = self
            .opened
            .with_untracked(|opened| opened.as_ref().is_some_and(Opened::is_changed));
        opened || self.left.with_value(|left| !left.is_empty())
    }

    /// Lets go of the opened dashboard; what was changed of it is kept until it is opened again.
    pub(crate) fn set_aside(self) {
        self.stop();
        if let Some(opened) = self.opened.get_untracked() {
            if opened.is_changed() {
                self.left
                    .update_value(|left| _ = left.insert(opened.id.clone(), opened));
            }
            self.opened.set(None);
        }
        self.editing.set(false);
        self.selected.set(None);
        self.conflict.set(None);
        self.error.set(None);
    }

    /// The gate that panels go through.
    pub(crate) fn gate(self) -> Gate {
        self.gate.get_value()
    }

    /// Changes the draft.
    pub(crate) fn edit(self, change: impl FnOnce(&mut Dashboard)) {
        self.opened.update(|opened| {
            if let Some(opened) = opened {
                change(&mut opened.draft);
            }
        });
    }

    /// Changes one panel of the draft.
    pub(crate) fn edit_panel(self, id: u32, change: impl FnOnce(&mut Panel)) {
        self.edit(|draft| {
            if let Some(panel) = draft.panels.iter_mut().find(|panel| panel.id == id) {
                change(panel);
            }
        });
    }

    /// Puts a panel somewhere; the others make room.
    pub(crate) fn put_panel(self, id: u32, place: impl FnOnce(grid::Place) -> grid::Place) {
        self.edit(|draft| {
            let now = draft.panels.iter().find(|panel| panel.id == id).map(grid::Place::of);
            if let Some(now) = now {
                grid::put(&mut draft.panels, id, place(now));
            }
        });
    }

    /// Adds a panel below all others, and begins to change it.
    pub(crate) fn add_panel(self, mut panel: Panel) {
        let mut id = 0;
        self.edit(|draft| {
            panel.id = draft.next_id();
            id = panel.id;
            panel.y = draft.bottom();
            panel.w = if panel.w == 0 { 6 } else { panel.w };
            panel.h = if panel.h == 0 { 6 } else { panel.h };
            draft.panels.push(panel);
            grid::settle(&mut draft.panels, None);
        });
        self.selected.set(Some(id));
    }

    /// Takes a panel away.
    pub(crate) fn remove_panel(self, id: u32) {
        self.edit(|draft| {
            draft.panels.retain(|panel| panel.id != id);
            grid::settle(&mut draft.panels, None);
        });
        if self.selected.get_untracked() == Some(id) {
            self.selected.set(None);
        }
    }

    /// Lets go of what was changed.
    pub(crate) fn discard(self) {
        self.opened.update(|opened| {
            if let Some(opened) = opened {
                opened.draft = opened.kept.clone();
            }
        });
        self.editing.set(false);
        self.selected.set(None);
        self.conflict.set(None);
    }

    fn show(self, opened: Opened) {
        self.refresh_seconds.set(opened.draft.refresh_seconds);
        self.choices.set(BTreeMap::new());
        self.opened.set(Some(opened));
    }

    fn open(self, app: super::app::App, id: String) {
        if let Some(left) = self.left.try_update_value(|left| left.remove(&id)).flatten() {
            self.show(left);
            self.editing.set(true);
            self.take_range(app);
            self.ask_panels(app, false);
            return;
        }
        self.run(async move |abort| {
            let kept: KeptDashboard = api::get(&format!("{ADDRESS}/{}", encode(&id)), &abort).await?;
            if abort.aborted() {
                return Err(Failure::Cancelled);
            }
            self.show(Opened::of(kept));
            self.take_range(app);
            self.ask_panels(app, false);
            Ok(())
        });
    }

    /// Where the address names no time, the dashboard does.
    fn take_range(self, app: super::app::App) {
        let kept = self.opened.with_untracked(|opened| {
            opened.as_ref().map(|opened| TimeRange {
                from: opened.draft.from.clone(),
                to: opened.draft.to.clone(),
            })
        });
        let is_open = app.view.with_untracked(|view| view.range.from == FROM_KEPT);
        if let Some(range) = kept.filter(|_| is_open) {
            app.amend(|view| view.range = range);
        }
    }

    fn ask_panels(self, app: super::app::App, by_clock: bool) {
        let zone: Zone = app.prefs.zone.get_untracked();
        let bounds = app
            .view
            .with_untracked(|view| Bounds::of(view, zone, js_sys::Date::now() as i64));
        match bounds {
            Ok(bounds) => {
                self.turn.update(|turn| {
                    *turn = Turn {
                        number: turn.number + 1,
                        bounds,
                        by_clock,
                    }
                });
                if !by_clock {
                    self.ask_choices(app, bounds);
                }
            }
            Err(error) => self.error.set(Some(error)),
        }
    }

    fn load_list(self) {
        self.run(async move |abort| {
            let answer: DashboardsAnswer = api::get(ADDRESS, &abort).await?;
            self.list.set(Some(answer.dashboards));
            Ok(())
        });
    }

    /// Does one thing with the server at a time; what went wrong is shown.
    fn run(self, work: impl AsyncFnOnce(AbortSignal) -> Result<(), Failure> + 'static) {
        self.stop();
        let Some(signal) = self.running.begin() else { return };
        self.busy.set(true);
        self.error.set(None);
        spawn_local(async move {
            let result = work(signal.clone()).await;
            if signal.aborted() {
                return;
            }
            self.busy.set(false);
            if let Err(failure) = result {
                self.error.set(failure.into_error());
            }
        });
    }

    fn stop(self) {
        self.running.stop();
        self.busy.set(false);
    }
}
