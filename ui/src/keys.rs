//! What each key does, outside of text fields.

use leptos::{ev::KeyboardEvent, prelude::*};
use timberline_proto::api::access::Permission;
use wasm_bindgen::JsCast;

use crate::{
    components::toggle_wall,
    model::{
        app::App,
        file::End,
        view::{AlertsPart, Page},
        window::Line,
    },
    text::{ansi::Ansi, segment::words},
};

/// The keys, as the sheet of keys shows them.
pub(crate) const KEYS: &[(&str, &str)] = &[
    ("Ctrl-K", "everything that can be done; on a Mac ⌘K"),
    ("/", "to the query; in a file: to what is looked for"),
    ("Tab", "take what is offered; Ctrl and Space asks for offers"),
    ("Enter", "run the query; open or close the line"),
    ("j ↓", "next line"),
    ("k ↑", "line before"),
    ("h ←", "word before in the line"),
    ("w →", "next word in the line"),
    ("f", "keep only lines with the word"),
    ("x", "leave out lines with the word"),
    ("J K", "choose several lines; Shift and a click does, too"),
    ("y", "copy the line, or the lines that are chosen"),
    ("c", "the same file around this line"),
    ("n N", "in a file: the next, the line before with what is looked for"),
    ("F", "in a file: follow its end"),
    ("Home g", "newest"),
    ("End G", "oldest"),
    ("[ ]", "day before, next day with lines"),
    ("t", "time"),
    ("l", "live, and back"),
    ("n", "patterns, and back"),
    ("D", "dashboards, and back"),
    ("S", "settings, and back"),
    ("a", "alerts, and back"),
    ("e f", "change a dashboard; let it fill the screen"),
    ("s", "saved searches"),
    ("p", "pipeline, and back"),
    ("Space", "pause live"),
    ("b", "what repeats is quiet, or not"),
    ("z", "long lines are wrapped, or not"),
    ("d", "dense rows, or not"),
    ("r", "run again"),
    ("Esc", "close, cancel"),
    ("?", "these keys"),
];

/// Hears keys until the page goes.
pub(crate) fn listen(app: App) {
    let handle = window_event_listener(leptos::ev::keydown, move |event| {
        if event.default_prevented() || event.is_composing() {
            return;
        }
        if (event.ctrl_key() || event.meta_key()) && event.key() == "k" {
            event.prevent_default();
            app.palette.update(|open| *open = !*open);
        } else if event.key() == "Escape" {
            escape(app);
        } else if !event.ctrl_key()
            && !event.meta_key()
            && !event.alt_key()
            && !in_text(&event)
            && act(app, &key_of(&event), on_button(&event))
        {
            event.prevent_default();
        }
    });
    on_cleanup(move || handle.remove());
}

/// An arrow with Shift extends what is chosen, as its letter does.
fn key_of(event: &KeyboardEvent) -> String {
    match event.key().as_str() {
        "ArrowDown" if event.shift_key() => "J".into(),
        "ArrowUp" if event.shift_key() => "K".into(),
        key => key.into(),
    }
}

fn in_text(event: &KeyboardEvent) -> bool {
    target_is(event, |tag| matches!(tag, "INPUT" | "TEXTAREA" | "SELECT"))
}

fn on_button(event: &KeyboardEvent) -> bool {
    target_is(event, |tag| matches!(tag, "BUTTON" | "A"))
}

fn target_is(event: &KeyboardEvent, test: impl Fn(&str) -> bool) -> bool {
    event
        .target()
        .and_then(|target| target.dyn_into::<web_sys::Element>().ok())
        .is_some_and(|element| test(&element.tag_name()))
}

/// Closes the topmost thing that is open.
fn escape(app: App) {
    if app.palette.get_untracked() {
        app.palette.set(false);
    } else if app.time_open.get_untracked() {
        app.time_open.set(false);
    } else if app.help.get_untracked() {
        app.help.set(false);
    } else if app.drawer.get_untracked() {
        app.drawer.set(false);
    } else if app.view.with_untracked(|view| view.open.is_some()) {
        app.open(None);
    } else if app.saved.open.get_untracked() {
        app.saved.open.set(false);
    } else if is_board(app) {
        escape_board(app);
    } else if app.view.with_untracked(|view| view.around.is_some()) {
        app.leave_file();
    } else if app.view.with_untracked(|view| view.item.is_some()) {
        match app.view.with_untracked(|view| view.page) {
            Page::Patterns => app.open_pattern(None),
            Page::Alerts => app.go_to_alerts(AlertsPart::Rules, None),
            _ => app.go_to_part(app.view.with_untracked(|view| view.part), None),
        }
    } else if untrack(|| app.patterns.is_busy()) {
        app.patterns.cancel();
    } else if untrack(|| app.search.is_busy()) {
        app.search.cancel();
    } else {
        app.unchoose();
    }
}

/// Leaves the full screen, then the panel, then the dashboard unless it is being changed.
fn escape_board(app: App) {
    if app.view.with_untracked(|view| view.wall) {
        toggle_wall(app);
    } else if app.boards.selected.get_untracked().is_some() {
        app.boards.selected.set(None);
    } else if !app.boards.editing.get_untracked() {
        app.open_board(None);
    }
}

/// Does what `key` says; says whether it meant anything. Enter and Space stay with a button.
fn act(app: App, key: &str, on_button: bool) -> bool {
    if app.view.with_untracked(|view| {
        matches!(
            view.page,
            Page::Patterns | Page::Dashboards | Page::Alerts | Page::Pipeline | Page::Settings
        )
    }) {
        return act_without_lines(app, key);
    }
    let in_file = app.view.with_untracked(|view| view.around.is_some());
    match key {
        "/" if !in_file => app.focus_query.update(|asked| *asked += 1),
        "?" => app.help.update(|open| *open = !*open),
        "t" => app.time_open.update(|open| *open = !*open),
        "l" => there_and_back(app, Page::Live),
        "n" if !in_file => there_and_back(app, Page::Patterns),
        "D" if !in_file => there_and_back(app, Page::Dashboards),
        "a" if !in_file => there_and_back(app, Page::Alerts),
        "s" if !in_file => toggle_saved(app),
        "p" => there_and_back(app, Page::Pipeline),
        "S" => there_and_back(app, Page::Settings),
        "b" => app.prefs.quiet.update(|quiet| *quiet = !*quiet),
        "z" => app.prefs.wrap.update(|wrap| *wrap = !*wrap),
        "d" => app.prefs.dense.update(|dense| *dense = !*dense),
        "r" => app.again(),
        "j" | "ArrowDown" => step(app, 1, false),
        "k" | "ArrowUp" => step(app, -1, false),
        "J" => step(app, 1, true),
        "K" => step(app, -1, true),
        "w" | "ArrowRight" => step_word(app, true),
        "h" | "ArrowLeft" => step_word(app, false),
        "Home" | "g" if in_file => app.file.travel(app, End::First),
        "End" | "G" if in_file => app.file.travel(app, End::Last),
        "F" if in_file => app.file.set_following(app, !app.file.follow.get_untracked()),
        "n" | "N" if in_file => app.file.find(app, &app.view.get_untracked().find, key == "n"),
        "/" if in_file => app.file.focus_find.update(|asked| *asked += 1),
        "Home" | "g" => app.search_page(|app| app.again()),
        "End" | "G" => app.search_page(|app| app.search.travel_to_oldest(&app.view.get_untracked().query)),
        "[" | "]" if !in_file => app.search_page(|app| {
            app.unchoose();
            let zone = app.prefs.zone.get_untracked();
            app.search.travel_by_day(&app.view.get_untracked(), zone, key == "]");
        }),
        "Enter" if !on_button => with_line(app, toggle),
        " " if !on_button => app.tail.paused.update(|paused| *paused = !*paused),
        "f" => with_line(app, |app, line| filter_word(app, line, true)),
        "x" => with_line(app, |app, line| filter_word(app, line, false)),
        "y" if untrack(|| app.chosen_range().is_some()) => app.copy_chosen(),
        "y" => with_line(app, |app, line| app.copy(&line.record.body, "Line")),
        "c" => with_line(app, show_context),
        _ => return false,
    }
    true
}

/// Where there are no lines: what leads elsewhere.
fn act_without_lines(app: App, key: &str) -> bool {
    let page = app.view.with_untracked(|view| view.page);
    match key {
        "/" => {
            if matches!(page, Page::Dashboards | Page::Alerts | Page::Pipeline | Page::Settings) {
                app.go(Page::Search);
            }
            app.focus_query.update(|asked| *asked += 1);
        }
        "?" => app.help.update(|open| *open = !*open),
        "a" => there_and_back(app, Page::Alerts),
        "t" if !matches!(page, Page::Alerts | Page::Pipeline | Page::Settings) => {
            app.time_open.update(|open| *open = !*open)
        }
        "l" => app.go(Page::Live),
        "n" => there_and_back(app, Page::Patterns),
        "D" => there_and_back(app, Page::Dashboards),
        "s" if page == Page::Patterns => toggle_saved(app),
        "e" if is_board(app) && untrack(|| app.may(Permission::WriteDocuments)) => {
            app.boards.editing.update(|editing| *editing = !*editing)
        }
        "f" if is_board(app) => toggle_wall(app),
        "p" => there_and_back(app, Page::Pipeline),
        "S" => there_and_back(app, Page::Settings),
        "r" => app.again(),
        _ => return false,
    }
    true
}

fn is_board(app: App) -> bool {
    app.view
        .with_untracked(|view| view.page == Page::Dashboards && view.item.is_some())
}

/// Opens the saved searches, or closes them.
pub(crate) fn toggle_saved(app: App) {
    if app.view.with_untracked(|view| {
        matches!(
            view.page,
            Page::Dashboards | Page::Alerts | Page::Pipeline | Page::Settings
        )
    }) {
        app.go(Page::Search);
    }
    app.saved.open.update(|open| *open = !*open);
    if app.saved.open.get_untracked() {
        app.saved.load();
    }
}

fn there_and_back(app: App, page: Page) {
    let is_there = app.view.with_untracked(|view| view.page == page);
    app.go(if is_there { Page::Search } else { page });
}

/// Goes on by some lines; what was chosen stays so if the choice is to `extend`.
fn step(app: App, by: i64, extend: bool) {
    let feed = app.feed();
    let (first, end) = feed.window.with_untracked(|window| (window.first(), window.end()));
    if first == end {
        return;
    }
    let next = match app.selected.get_untracked() {
        Some(index) => index + by,
        None if app.view.with_untracked(|view| view.page == Page::Live) => end - 1,
        None => feed.seen_first.get_untracked(),
    };
    let next = next.clamp(first, end - 1);
    if extend {
        app.choose_to(next);
    } else {
        app.choose(next);
    }
}

fn step_word(app: App, forward: bool) {
    with_line(app, |app, line| {
        let count = words(&line.record.body).len();
        app.word.update(|word| {
            *word = match (*word, forward) {
                (None, true) => Some(0),
                (None, false) => count.checked_sub(1),
                (Some(at), true) => Some((at + 1).min(count.saturating_sub(1))),
                (Some(at), false) => Some(at.saturating_sub(1)),
            }
            .filter(|_| count > 0);
        });
    });
}

fn with_line(app: App, act: impl FnOnce(App, &Line)) {
    let line = app
        .selected
        .get_untracked()
        .and_then(|index| app.feed().window.with_untracked(|window| window.get(index).cloned()));
    if let Some(line) = line {
        act(app, &line);
    }
}

/// Opens the line, or closes it.
pub(crate) fn toggle(app: App, line: &Line) {
    let record = &line.record;
    let open = app.view.with_untracked(|view| view.open.as_ref() == Some(&record.id));
    app.open((!open).then(|| (record.id.clone(), record.timestamp.clone())));
}

fn filter_word(app: App, line: &Line, keep: bool) {
    let body = &line.record.body;
    match app.word.get_untracked().and_then(|word| words(body).get(word).cloned()) {
        // Of a word that a colour's sequence touches, the store's word begins within the sequence.
        Some(range) if touches_sequence(body, &range) && keep => app.filter_fragment(&body[range]),
        Some(range) => app.filter(None, &body[range], keep),
        None => app.notice.set(Some("Choose a word with ← and → first".into())),
    }
}

fn touches_sequence(body: &str, range: &std::ops::Range<usize>) -> bool {
    let ansi = Ansi::of(body);
    range.start > 0 && ansi.is_sequence(range.start - 1)
}

/// Shows the same file around this line.
pub(crate) fn show_context(app: App, line: &Line) {
    app.show_file(&line.record.id, &line.record.timestamp);
}
