//! The state that the page's parts share, and what a person can do to it.

use leptos::prelude::*;
use timberline_proto::api::access::Permission;

use super::{
    access::Access,
    alerts::Alerts,
    boards::Boards,
    columns::FieldColumn,
    complete::Suggestions,
    export::Export,
    feed::{Feed, Kind},
    file::File,
    history,
    patterns::Patterns,
    pipeline::Pipeline,
    prefs::Prefs,
    reach::Reach,
    retention::Keeping,
    saved::Saved,
    search::Search,
    tail::Tail,
    view::{AlertsPart, FROM_KEPT, Page, Part, RULE_NEW, SettingsPart, TimeRange, View},
};
use crate::{lang, text::number};

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
    /// The file that is shown around a line.
    pub file: File,
    /// The live tail.
    pub tail: Tail,
    /// A result on its way into a file.
    pub export: Export,
    /// The kinds of lines.
    pub patterns: Patterns,
    /// What brings lines here.
    pub pipeline: Pipeline,
    /// Dashboards.
    pub boards: Boards,
    /// Rules, and what they say.
    pub alerts: Alerts,
    /// How long what is stored stays.
    pub keeping: Keeping,
    /// Who this is, and who may do what.
    pub access: Access,
    /// Searches with a name.
    pub saved: Saved,
    /// Whether the server can be reached.
    pub reach: Reach,
    /// Choices.
    pub prefs: Prefs,
    /// The line that the keyboard is on: its index in the shown window.
    pub selected: RwSignal<Option<i64>>,
    /// The other end of the lines that are chosen, if it is more than that one.
    pub anchor: RwSignal<Option<i64>>,
    /// The word of that line that the keyboard is on.
    pub word: RwSignal<Option<usize>>,
    /// The sheet of keys is open.
    pub help: RwSignal<bool>,
    /// The palette of everything that can be done is open.
    pub palette: RwSignal<bool>,
    /// The choice of time is open.
    pub time_open: RwSignal<bool>,
    /// The list of fields is open as a drawer (narrow pages).
    pub drawer: RwSignal<bool>,
    /// A word of thanks that goes away by itself: "copied".
    pub notice: RwSignal<Option<String>>,
    /// The query box wants the keyboard.
    pub focus_query: RwSignal<u64>,
    /// What could stand at the query's cursor.
    pub suggestions: Suggestions,
    /// More is known of what could stand there.
    pub complete_again: RwSignal<u64>,
}

impl App {
    pub(crate) fn new() -> App {
        let view = View::from_address(&address());
        App {
            draft: RwSignal::new(view.query.clone()),
            view: RwSignal::new(view),
            asked: RwSignal::new(0),
            search: Search::new(),
            file: File::new(),
            tail: Tail::new(),
            export: Export::new(),
            patterns: Patterns::new(),
            pipeline: Pipeline::new(),
            boards: Boards::new(),
            alerts: Alerts::new(),
            access: Access::new(),
            keeping: Keeping::new(),
            saved: Saved::new(),
            reach: Reach::new(),
            prefs: Prefs::load(),
            selected: RwSignal::new(None),
            anchor: RwSignal::new(None),
            word: RwSignal::new(None),
            help: RwSignal::new(false),
            palette: RwSignal::new(false),
            time_open: RwSignal::new(false),
            drawer: RwSignal::new(false),
            notice: RwSignal::new(None),
            focus_query: RwSignal::new(0),
            suggestions: Suggestions::new(),
            complete_again: RwSignal::new(0),
        }
    }

    /// The state, from any part of the page.
    pub(crate) fn get() -> App {
        expect_context()
    }

    /// Asks what the box says now.
    pub(crate) fn run(self) {
        let query = self.draft.get_untracked().trim().to_owned();
        history::remember(&query);
        self.ask(|view| view.query = query);
    }

    /// Asks for the view as `change` makes it. A question that differs is a step in the history.
    pub(crate) fn ask(self, change: impl FnOnce(&mut View)) {
        let mut view = self.view.get_untracked();
        view.at = None;
        view.open = None;
        view.around = None;
        view.find.clear();
        change(&mut view);
        let pushed = !view.asks_the_same(&self.view.get_untracked());
        self.draft.set(view.query.clone());
        self.show(view, pushed);
        self.again();
    }

    /// Asks the same again, and for the same text in it.
    pub(crate) fn again_with_find(self) {
        self.asked.update(|asked| *asked += 1);
    }

    /// Asks the same again.
    pub(crate) fn again(self) {
        self.unchoose();
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

    /// Keeps only records in whose words `fragment` stands.
    pub(crate) fn filter_fragment(self, fragment: &str) {
        let query = lang::with_fragment(&self.view.get_untracked().query, fragment);
        self.ask(|view| view.query = query);
    }

    /// Keeps only, or leaves out, records that have the field.
    pub(crate) fn filter_exists(self, field: &str, keep: bool) {
        let query = lang::with_exists(&self.view.get_untracked().query, field, keep);
        self.drawer.set(false);
        self.ask(|view| view.query = query);
    }

    /// Changes which fields stand beside the lines, without asking anew.
    pub(crate) fn change_columns(self, change: impl FnOnce(&mut Vec<FieldColumn>)) {
        let mut view = self.view.get_untracked();
        change(&mut view.columns);
        self.show(view, false);
    }

    /// Chooses one line, by its index in the shown window.
    pub(crate) fn choose(self, index: i64) {
        self.word.set(None);
        self.anchor.set(None);
        self.selected.set(Some(index));
    }

    /// Chooses the lines from the one chosen before to this one.
    pub(crate) fn choose_to(self, index: i64) {
        self.word.set(None);
        if self.anchor.get_untracked().is_none() {
            self.anchor.set(self.selected.get_untracked().or(Some(index)));
        }
        self.selected.set(Some(index));
    }

    /// Chooses no line.
    pub(crate) fn unchoose(self) {
        self.word.set(None);
        self.anchor.set(None);
        self.selected.set(None);
    }

    /// The first and last of the lines that are chosen, if they are several.
    pub(crate) fn chosen_range(self) -> Option<(i64, i64)> {
        let (anchor, selected) = (self.anchor.get()?, self.selected.get()?);
        Some((anchor.min(selected), anchor.max(selected)))
    }

    /// Whether the line is one of several that are chosen.
    pub(crate) fn is_chosen(self, index: i64) -> bool {
        self.chosen_range()
            .is_some_and(|(first, last)| (first..=last).contains(&index))
    }

    /// Copies the lines that are chosen, in the order of their time.
    pub(crate) fn copy_chosen(self) {
        let Some((first, last)) = untrack(|| self.chosen_range()) else {
            return;
        };
        let feed = self.feed();
        let newest_first = feed.kind == Kind::Answer;
        let lines = feed.window.with_untracked(|window| {
            let mut lines: Vec<String> = (first..=last)
                .filter_map(|index| window.get(index))
                .map(|line| line.record.body.clone())
                .collect();
            if newest_first {
                lines.reverse();
            }
            lines
        });
        let what = number::counted(lines.len() as u64, "line", "lines");
        self.copy(&(lines.join("\n") + "\n"), &what);
    }

    /// Goes to another page with the same question.
    pub(crate) fn go(self, page: Page) {
        let query = self.draft.get_untracked().trim().to_owned();
        self.ask(|view| {
            view.page = page;
            view.query = query;
            view.part = Part::default();
            view.alerts = AlertsPart::default();
            view.settings = SettingsPart::default();
            view.item = None;
            view.compare = false;
            view.apart = false;
            view.variables.clear();
            view.wall = false;
            if view.range.from == FROM_KEPT {
                view.range = TimeRange::default();
            }
        });
    }

    /// Opens a dashboard as it was kept, or the list of them.
    pub(crate) fn open_board(self, id: Option<String>) {
        self.ask(|view| {
            view.page = Page::Dashboards;
            view.range = match id {
                Some(_) => TimeRange::last(FROM_KEPT),
                None => TimeRange::default(),
            };
            view.item = id;
            view.variables.clear();
            view.wall = false;
        });
    }

    /// Changes what the address says without a step in the history and without asking.
    pub(crate) fn amend(self, change: impl FnOnce(&mut View)) {
        let mut view = self.view.get_untracked();
        change(&mut view);
        self.show(view, false);
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

    /// Goes to a part of the settings.
    pub(crate) fn go_to_settings(self, part: SettingsPart) {
        self.ask(|view| {
            view.page = Page::Settings;
            view.settings = part;
            view.item = None;
        });
    }

    /// Whether whoever this is may; nobody is kept from trying before that is known.
    pub(crate) fn may(self, permission: Permission) -> bool {
        self.access.may(permission)
    }

    /// Goes to a part of the alerts, or opens a rule there.
    pub(crate) fn go_to_alerts(self, part: AlertsPart, rule: Option<String>) {
        self.ask(|view| {
            view.page = Page::Alerts;
            view.alerts = part;
            view.item = rule;
            view.query.clear();
        });
    }

    /// Begins a silence of what these matchers fit.
    pub(crate) fn make_silence(self, matchers: &str) {
        self.ask(|view| {
            view.page = Page::Alerts;
            view.alerts = AlertsPart::Silences;
            view.item = None;
            view.query = matchers.to_owned();
        });
    }

    /// Begins a rule of this kind about what `query` finds.
    pub(crate) fn make_rule(self, kind: &str, query: &str) {
        self.ask(|view| {
            view.page = Page::Alerts;
            view.alerts = AlertsPart::Rules;
            view.item = Some(format!("{RULE_NEW}:{kind}"));
            view.query = query.to_owned();
            view.compare = false;
            view.apart = false;
        });
    }

    /// The lines of the page that is shown.
    pub(crate) fn feed(self) -> Feed {
        self.view.with_untracked(|view| match view.page {
            Page::Live => self.tail.feed,
            Page::Search if view.around.is_some() => self.file.feed,
            _ => self.search.feed,
        })
    }

    /// Shows the file around a record; within a file this is no step in the history.
    pub(crate) fn show_file(self, id: &str, timestamp: &str) {
        let mut view = self.view.get_untracked();
        let was_file = view.around.is_some();
        view.page = Page::Search;
        view.open = None;
        view.at = Some(timestamp.to_owned());
        view.around = Some(id.to_owned());
        self.show(view, !was_file);
        self.asked.update(|asked| *asked += 1);
    }

    /// From the file back to the answer.
    pub(crate) fn leave_file(self) {
        self.ask(|_| ());
    }

    /// Remembers what is looked for in the file.
    pub(crate) fn set_find(self, text: &str) {
        let mut view = self.view.get_untracked();
        view.find = text.to_owned();
        self.show(view, false);
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
