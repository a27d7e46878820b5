//! The state that the page's parts share, and what a person can do to it.

use leptos::prelude::*;

use super::{
    patterns::Patterns,
    pipeline::Pipeline,
    prefs::Prefs,
    search::Search,
    tail::Tail,
    view::{Page, Part, TimeRange, View},
    window::Window,
};
use crate::lang;

/// The shared state. Copies share it; parts get it with [`App::get`].
#[derive(Clone, Copy)]
pub(crate) struct App {
    /// What the address bar holds.
    pub view: RwSignal<View>,
    /// The query box's text, perhaps not asked yet.
    pub draft: RwSignal<String>,
    /// Counts questions; a change asks again.
    pub asked: RwSignal<u64>,
    /// The question and its answer.
    pub search: Search,
    /// The live tail.
    pub tail: Tail,
    /// The kinds of lines.
    pub patterns: Patterns,
    /// What brings lines here.
    pub pipeline: Pipeline,
    /// Choices.
    pub prefs: Prefs,
    /// The line that the keyboard is on: its index in the shown window.
    pub selected: RwSignal<Option<i64>>,
    /// The word of that line that the keyboard is on.
    pub word: RwSignal<Option<usize>>,
    /// The sheet of keys is open.
    pub help: RwSignal<bool>,
    /// The choice of time is open.
    pub time_open: RwSignal<bool>,
    /// The list of fields is open as a drawer (narrow pages).
    pub drawer: RwSignal<bool>,
    /// A word of thanks that goes away by itself: "copied".
    pub notice: RwSignal<Option<String>>,
    /// The query box wants the keyboard.
    pub focus_query: RwSignal<u64>,
}

impl App {
    pub(crate) fn new() -> App {
        let view = View::from_address(&address());
        App {
            draft: RwSignal::new(view.query.clone()),
            view: RwSignal::new(view),
            asked: RwSignal::new(0),
            search: Search::new(),
            tail: Tail::new(),
            patterns: Patterns::new(),
            pipeline: Pipeline::new(),
            prefs: Prefs::load(),
            selected: RwSignal::new(None),
            word: RwSignal::new(None),
            help: RwSignal::new(false),
            time_open: RwSignal::new(false),
            drawer: RwSignal::new(false),
            notice: RwSignal::new(None),
            focus_query: RwSignal::new(0),
        }
    }

    /// The state, from any part of the page.
    pub(crate) fn get() -> App {
        expect_context()
    }

    /// Asks what the box says now.
    pub(crate) fn run(self) {
        let query = self.draft.get_untracked().trim().to_owned();
        self.ask(|view| view.query = query);
    }

    /// Asks for the view as `change` makes it. A question that differs is a step in the history.
    pub(crate) fn ask(self, change: impl FnOnce(&mut View)) {
        let mut view = self.view.get_untracked();
        view.at = None;
        view.open = None;
        view.around = None;
        change(&mut view);
        let pushed = !view.asks_the_same(&self.view.get_untracked());
        self.draft.set(view.query.clone());
        self.show(view, pushed);
        self.again();
    }

    /// Asks the same again.
    pub(crate) fn again(self) {
        self.selected.set(None);
        self.word.set(None);
        self.asked.update(|asked| *asked += 1);
    }

    /// Takes the view from the address after back or forward.
    pub(crate) fn revisit(self) {
        let view = View::from_address(&address());
        self.draft.set(view.query.clone());
        let same = self
            .view
            .with_untracked(|old| old.asks_the_same(&view) && old.at == view.at);
        self.view.set(view);
        if !same {
            self.again();
        }
    }

    /// Opens the record, or none, without asking anew.
    pub(crate) fn open(self, record: Option<(String, String)>) {
        let mut view = self.view.get_untracked();
        (view.open, view.at) = record.map_or((None, None), |(id, at)| (Some(id), Some(at)));
        self.show(view, false);
    }

    /// Changes the range of time.
    pub(crate) fn set_range(self, range: TimeRange) {
        self.time_open.set(false);
        self.ask(|view| view.range = range);
    }

    /// Keeps only, or leaves out, records whose `field` is `value` (any field without one).
    pub(crate) fn filter(self, field: Option<&str>, value: &str, keep: bool) {
        let query = lang::with_filter(&self.view.get_untracked().query, field, value, keep);
        self.drawer.set(false);
        self.ask(|view| view.query = query);
    }

    /// Goes to another page with the same question.
    pub(crate) fn go(self, page: Page) {
        let query = self.draft.get_untracked().trim().to_owned();
        self.ask(|view| {
            view.page = page;
            view.query = query;
            view.part = Part::default();
            view.item = None;
            view.compare = false;
        });
    }

    /// Opens a pattern, or none.
    pub(crate) fn open_pattern(self, template: Option<String>) {
        let mut view = self.view.get_untracked();
        view.item = template;
        self.show(view, false);
    }

    /// Goes to a part of the pipeline, or opens an agent there.
    pub(crate) fn go_to_part(self, part: Part, agent: Option<String>) {
        self.ask(|view| {
            view.page = Page::Pipeline;
            view.part = part;
            view.item = agent;
        });
    }

    /// The window of the page that is shown.
    pub(crate) fn shown_window(self) -> RwSignal<Window> {
        match self.view.with_untracked(|view| view.page) {
            Page::Search | Page::Patterns | Page::Pipeline => self.search.window,
            Page::Live => self.tail.window,
        }
    }

    /// Does it if the page is the search.
    pub(crate) fn search_page(self, act: impl FnOnce(App)) {
        if self.view.with_untracked(|view| view.page == Page::Search) {
            act(self);
        }
    }

    /// Copies text and says so.
    pub(crate) fn copy(self, text: &str, what: &str) {
        let promise = window().navigator().clipboard().write_text(text);
        let what = what.to_owned();
        leptos::task::spawn_local(async move {
            let copied = wasm_bindgen_futures::JsFuture::from(promise).await.is_ok();
            self.notice.set(Some(if copied {
                format!("{what} copied")
            } else {
                "The browser did not allow copying".into()
            }));
        });
    }

    fn show(self, view: View, push: bool) {
        let address = view.address();
        self.view.set(view);
        let Ok(history) = window().history() else { return };
        let state = wasm_bindgen::JsValue::NULL;
        let shown = if push {
            history.push_state_with_url(&state, "", Some(&address))
        } else {
            history.replace_state_with_url(&state, "", Some(&address))
        };
        debug_assert!(shown.is_ok());
    }
}

fn address() -> String {
    window().location().search().unwrap_or_default()
}
