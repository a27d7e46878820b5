//! Everything that can be done, found by typing a few of its letters.

use leptos::{ev::KeyboardEvent, html, prelude::*};
use timberline_proto::api::access::Permission;

use super::{
    boards::toggle_wall, export::expected, full_screen::toggle_full_screen, settings::needed, time_picker::PRESETS,
};
use crate::{
    lang,
    model::{
        app::App,
        columns, complete,
        export::{FORMATS, Format},
        history,
        prefs::Zone,
        view::{Page, TimeRange},
    },
};

/// Entries shown at most.
const ENTRIES_MAX: usize = 14;
/// Questions asked before among them.
const PAST_MAX: usize = 50;
const LIST_ID: &str = "palette";

/// One thing that can be done.
#[derive(Clone)]
struct Entry {
    words: String,
    note: String,
    act: Act,
}

#[derive(Clone)]
enum Act {
    Go(Page),
    Range(TimeRange),
    Ask(String),
    Top(String),
    Column(String),
    Export(Format),
    MoveColumn(usize, bool),
    Do(fn(App)),
}

/// The palette, when it is open.
#[component]
pub(crate) fn Palette() -> impl IntoView {
    let app = App::get();
    view! {
        <Show when=move || app.palette.get()>
            <div class="palette-veil" on:click=move |_| app.palette.set(false)></div>
            <Open/>
        </Show>
    }
}

#[component]
fn Open() -> impl IntoView {
    let app = App::get();
    let all = StoredValue::new(entries(app));
    let wanted = RwSignal::new(String::new());
    let current = RwSignal::new(0_usize);
    let shown = Memo::new_with_compare(
        move |_| wanted.with(|wanted| all.with_value(|all| best(all, wanted))),
        |_, _| true,
    );
    let field = NodeRef::<html::Input>::new();
    Effect::new(move || {
        if let Some(field) = field.get() {
            let focused = field.focus().is_ok();
            debug_assert!(focused);
        }
    });
    let run = move |at: usize| {
        if let Some(entry) = shown.with_untracked(|shown| shown.get(at).cloned()) {
            app.palette.set(false);
            act(app, entry.act);
        }
    };
    let on_key = move |event: KeyboardEvent| {
        let count = shown.with_untracked(Vec::len);
        match event.key().as_str() {
            "ArrowDown" => current.update(|at| *at = (*at + 1).min(count.saturating_sub(1))),
            "ArrowUp" => current.update(|at| *at = at.saturating_sub(1)),
            "Enter" => run(current.get_untracked()),
            "Escape" => app.palette.set(false),
            "Tab" => {}
            _ => return,
        }
        event.prevent_default();
        event.stop_propagation();
    };
    let list = move || {
        shown
            .get()
            .into_iter()
            .enumerate()
            .map(|(at, entry)| {
                let is_current = move || current.get() == at;
                view! {
                    <div
                        id=format!("{LIST_ID}-{at}")
                        class="complete-item"
                        class:current=is_current
                        role="option"
                        aria-selected=move || is_current().to_string()
                        on:click=move |_| run(at)
                    >
                        <b>{entry.words}</b>
                        <span>{entry.note}</span>
                    </div>
                }
            })
            .collect_view()
    };
    view! {
        <div class="panel palette" role="dialog" aria-label="What to do">
            <input
                class="input"
                node_ref=field
                spellcheck="false"
                autocomplete="off"
                role="combobox"
                aria-label="What to do"
                aria-controls=LIST_ID
                aria-expanded="true"
                aria-activedescendant=move || format!("{LIST_ID}-{}", current.get())
                placeholder="Go to, show, ask …"
                on:input=move |event| {
                    wanted.set(event_target_value(&event));
                    current.set(0);
                }
                on:keydown=on_key
            />
            <div class="palette-list" id=LIST_ID role="listbox" aria-label="What can be done">{list}</div>
            <Show when=move || shown.with(Vec::is_empty)><p class="palette-none">"Nothing of this name"</p></Show>
        </div>
    }
}

fn act(app: App, act: Act) {
    match act {
        Act::Go(page) => app.go(page),
        Act::Range(range) => app.set_range(range),
        Act::Ask(query) => app.ask(|view| {
            view.page = Page::Search;
            view.query = query;
        }),
        Act::Top(field) => app.ask(|view| {
            view.page = Page::Search;
            let filter = lang::filter_text(&view.query);
            view.query = format!("{filter} | top 20 {}", complete::name(&field))
                .trim()
                .to_owned();
        }),
        Act::Column(field) => app.change_columns(|columns| columns::toggle(columns, &field)),
        Act::Export(format) => {
            let (view, zone) = (app.view.get_untracked(), app.prefs.zone.get_untracked());
            app.export.begin(&view, zone, format, false, expected(app));
        }
        Act::MoveColumn(at, forward) => app.change_columns(|columns| columns::shift(columns, at, forward)),
        Act::Do(act) => act(app),
    }
}

fn entries(app: App) -> Vec<Entry> {
    let entry = |words: &str, note: &str, act: Act| Entry {
        words: words.to_owned(),
        note: note.to_owned(),
        act,
    };
    let mut all = vec![
        entry("Go to Search", "", Act::Go(Page::Search)),
        entry("Go to Live", "l", Act::Go(Page::Live)),
        entry("Go to Patterns", "n", Act::Go(Page::Patterns)),
        entry("Go to Dashboards", "D", Act::Go(Page::Dashboards)),
        entry("Go to Alerts", "a", Act::Go(Page::Alerts)),
        entry("Go to Pipeline", "p", Act::Go(Page::Pipeline)),
        entry("Go to Settings", "S", Act::Go(Page::Settings)),
        entry("Saved searches", "s", Act::Do(crate::keys::toggle_saved)),
        entry(
            "Write a query",
            "/",
            Act::Do(|app| {
                app.go(Page::Search);
                app.focus_query.update(|asked| *asked += 1);
            }),
        ),
        entry("Run the query again", "r", Act::Do(App::again)),
        entry("Choose a time", "t", Act::Do(|app| app.time_open.set(true))),
        entry(
            "Wrap long lines, or not",
            "z",
            Act::Do(|app| app.prefs.wrap.update(|on| *on = !*on)),
        ),
        entry(
            "Dense rows, or not",
            "d",
            Act::Do(|app| app.prefs.dense.update(|on| *on = !*on)),
        ),
        entry(
            "Quiet what repeats, or not",
            "b",
            Act::Do(|app| app.prefs.quiet.update(|on| *on = !*on)),
        ),
        entry(
            "List of fields, or not",
            "",
            Act::Do(|app| app.prefs.fields.update(|on| *on = !*on)),
        ),
        entry("Without columns", "", Act::Do(|app| app.change_columns(Vec::clear))),
        entry("Dark", "theme", Act::Do(|app| app.prefs.theme.set(Some("dark")))),
        entry("Light", "theme", Act::Do(|app| app.prefs.theme.set(Some("light")))),
        entry(
            "Dark or light as the system is",
            "theme",
            Act::Do(|app| app.prefs.theme.set(None)),
        ),
        entry("Times in UTC", "", Act::Do(|app| app.prefs.zone.set(Zone::Utc))),
        entry("Times in my zone", "", Act::Do(|app| app.prefs.zone.set(Zone::Local))),
        entry(
            "Copy the link to this view",
            "",
            Act::Do(|app| {
                app.copy(&window().location().href().unwrap_or_default(), "Link");
            }),
        ),
        entry("Keys", "?", Act::Do(|app| app.help.set(true))),
        entry("Full screen, or not", "", Act::Do(|_| toggle_full_screen())),
        entry(
            "Light or dark, the other one",
            "theme",
            Act::Do(|app| app.prefs.switch_theme()),
        ),
    ];
    let may = |permission| untrack(|| app.may(permission));
    all.retain(|entry| match entry.act {
        Act::Go(page) => needed(page).is_none_or(may),
        _ => true,
    });
    if untrack(|| app.access.user()).is_some() {
        all.push(entry("Log out", "", Act::Do(|app| app.access.log_out())));
    }
    if may(Permission::WriteAlerts) {
        all.push(entry(
            "Make an alert of this search",
            "",
            Act::Do(|app| app.make_rule("threshold", &app.view.get_untracked().query)),
        ));
    }
    let page = app.view.with_untracked(|view| view.page);
    if page == Page::Dashboards && app.view.with_untracked(|view| view.item.is_some()) {
        all.push(entry(
            "On the wall: the dashboard alone, or not",
            "",
            Act::Do(toggle_wall),
        ));
    }
    if page == Page::Search && may(Permission::ExportLogs) && app.search.error.with_untracked(Option::is_none) {
        all.extend(
            FORMATS.map(|format| entry(&format!("Export as {}", format.label), format.hint, Act::Export(format))),
        );
    }
    app.view.with_untracked(|view| {
        let count = view.columns.len();
        for (at, column) in view.columns.iter().enumerate() {
            if at > 0 {
                all.push(entry(
                    &format!("Column {} to the left", column.name),
                    "",
                    Act::MoveColumn(at, false),
                ));
            }
            if at + 1 < count {
                all.push(entry(
                    &format!("Column {} to the right", column.name),
                    "",
                    Act::MoveColumn(at, true),
                ));
            }
        }
    });
    let last = |(text, words): (&str, &str)| entry(&format!("Last {words}"), "time", Act::Range(TimeRange::last(text)));
    all.extend(PRESETS.into_iter().map(last));
    all.push(entry("All time", "time", Act::Range(TimeRange::all())));
    app.search.fields.with_untracked(|answer| {
        for field in answer.iter().flat_map(|answer| &answer.fields) {
            all.push(entry(
                &format!("Top values of {}", field.name),
                "",
                Act::Top(field.name.clone()),
            ));
            all.push(entry(
                &format!("Column {}", field.name),
                "",
                Act::Column(field.name.clone()),
            ));
        }
    });
    all.extend(
        history::load()
            .into_iter()
            .take(PAST_MAX)
            .map(|query| entry(&query, "asked before", Act::Ask(query.clone()))),
    );
    all
}

/// Those whose letters stand in this order, the closest first.
fn best(all: &[Entry], wanted: &str) -> Vec<Entry> {
    let mut found: Vec<(u32, &Entry)> = all
        .iter()
        .filter_map(|entry| Some((distance(&entry.words, wanted)?, entry)))
        .collect();
    found.sort_by_key(|(distance, _)| *distance);
    found
        .into_iter()
        .take(ENTRIES_MAX)
        .map(|(_, entry)| entry.clone())
        .collect()
}

/// How far apart the letters of `wanted` stand in `words`; letters that begin a word are near.
/// `None` if they do not stand there in this order.
fn distance(words: &str, wanted: &str) -> Option<u32> {
    let mut letters = wanted
        .chars()
        .flat_map(char::to_lowercase)
        .filter(|c| !c.is_whitespace())
        .peekable();
    let (mut distance, mut gap, mut begins, mut began) = (0, 0, true, false);
    for c in words.chars().flat_map(char::to_lowercase) {
        let Some(letter) = letters.peek() else { break };
        if c == *letter {
            if began || !begins {
                distance += if gap == 0 && began {
                    0
                } else if begins {
                    1
                } else {
                    2 + gap
                };
            }
            letters.next();
            began = true;
            gap = 0;
        } else {
            gap += 1;
        }
        begins = !c.is_alphanumeric();
    }
    letters.peek().is_none().then_some(distance)
}

#[cfg(test)]
mod tests {
    use super::distance;

    #[test]
    fn letters_stand_in_their_order() {
        assert!(distance("Go to Patterns", "gpat").is_some());
        assert_eq!(distance("Go to Live", "evil"), None);
        assert_eq!(distance("Last 15 min", ""), Some(0));
    }

    #[test]
    fn what_begins_a_word_is_nearer_than_what_stands_within() {
        assert!(distance("Go to Live", "live") < distance("Believe it", "live"));
        assert!(distance("Dark", "da") < distance("Quiet what repeats", "ua"));
    }
}
