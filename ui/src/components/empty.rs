//! An answer without lines: why, and the two most useful ways out.

use leptos::{prelude::*, task::spawn_local};
use timberline_proto::api::{Cause, ExplainRequest, Way};
use web_sys::AbortController;

use super::{sentence::Sentence, time_picker::label};
use crate::{
    api, lang,
    model::{
        app::App,
        search::Bounds,
        view::{Page, Part, TimeRange},
    },
};

/// Causes that are shown.
const CAUSES_MAX: usize = 5;
/// Ways out that are offered.
const WAYS_MAX: usize = 2;

/// The empty answer.
#[component]
pub(crate) fn Empty() -> impl IntoView {
    let app = App::get();
    let view = app.view.get_untracked();
    let time = label(&view.range, app.prefs.zone.get_untracked());
    let everywhere = view.range == TimeRange::all();
    let asked = !view.query.trim().is_empty();
    let why = match (asked, everywhere) {
        (true, true) => "No stored line matches this query.".to_owned(),
        (true, false) => format!("No line matches this query in “{time}”."),
        (false, true) => "Nothing is stored yet.".to_owned(),
        (false, false) => format!("There are no lines in “{time}”."),
    };
    let causes = RwSignal::new(None::<Vec<Cause>>);
    ask_why(app, causes);
    view! {
        <div class="empty">
            <h2>{why}</h2>
            {move || match causes.get() {
                None => view! { <p class="empty-looking" role="status">"Looking for the cause …"</p> }.into_any(),
                Some(causes) => known(app, causes).into_any(),
            }}
        </div>
    }
}

/// Asks the server why, for the question that was just answered.
fn ask_why(app: App, causes: RwSignal<Option<Vec<Cause>>>) {
    let view = app.view.get_untracked();
    let zone = app.prefs.zone.get_untracked();
    let bounds = Bounds::of(&view, zone, js_sys::Date::now() as i64).ok();
    let (Some(bounds), Ok(abort)) = (bounds, AbortController::new()) else {
        return causes.set(Some(Vec::new()));
    };
    let (from, to) = bounds.request_ends();
    let request = ExplainRequest {
        query: view.query.clone(),
        from,
        to,
    };
    let signal = abort.signal();
    let abort = StoredValue::new_local(abort);
    on_cleanup(move || abort.with_value(AbortController::abort));
    spawn_local(async move {
        let answer = api::explain(&request, &signal).await;
        if !signal.aborted() {
            causes.try_set(Some(answer.map_or_else(|_| Vec::new(), |answer| answer.causes)));
        }
    });
}

/// The causes, and the two most useful ways out; without a cause those that always are.
fn known(app: App, causes: Vec<Cause>) -> impl IntoView {
    let mut ways: Vec<Way> = Vec::new();
    for way in causes.iter().filter_map(|cause| cause.way.clone()) {
        if ways.len() < WAYS_MAX && ways.iter().all(|other| other.label != way.label) {
            ways.push(way);
        }
    }
    let view = app.view.get_untracked();
    for way in always(&view.query, view.range == TimeRange::all(), causes.is_empty()) {
        if ways.len() < WAYS_MAX && ways.iter().all(|other| other.label != way.label) {
            ways.push(way);
        }
    }
    let is_live = view.query.trim().is_empty();
    let causes = causes
        .into_iter()
        .take(CAUSES_MAX)
        .map(|cause| {
            let code = serde_json::to_value(cause.code).ok();
            let code = code
                .and_then(|code| code.as_str().map(str::to_owned))
                .unwrap_or_default();
            view! { <li data-cause=code><Sentence text=cause.message/></li> }
        })
        .collect_view();
    let ways = ways
        .into_iter()
        .enumerate()
        .map(|(at, way)| {
            let label = way.label.clone();
            view! { <button class="button" class:primary=at == 0 on:click=move |_| go(app, &way)>{label}</button> }
        })
        .collect_view();
    view! {
        <ul class="empty-causes">{causes}</ul>
        <div class="empty-ways">
            {ways}
            {is_live.then(|| view! { <button class="button" on:click=move |_| app.go(Page::Live)>"Watch what comes in"</button> })}
        </div>
    }
}

fn go(app: App, way: &Way) {
    match way.page.as_deref() {
        Some("ledger") => return app.go_to_part(Part::Ledger, None),
        Some("store") => return app.go_to_part(Part::Store, None),
        Some(_) => return app.go_to_part(Part::Agents, None),
        None => {}
    }
    app.ask(|view| {
        if let Some(query) = &way.query {
            view.query.clone_from(query);
        }
        if let Some(range) = &way.range {
            view.range = TimeRange {
                from: range.from.clone().unwrap_or_default(),
                to: range.to.clone().unwrap_or_default(),
            };
        }
    });
}

/// Ways out that need no cause.
fn always(query: &str, everywhere: bool, unexplained: bool) -> Vec<Way> {
    let mut ways = Vec::new();
    if !everywhere {
        ways.push(Way {
            label: "Search all time".into(),
            range: Some(Default::default()),
            ..Way::default()
        });
    } else if let Some(wider) = wider(query).filter(|_| unexplained) {
        ways.push(Way {
            label: format!("Search for {wider}"),
            query: Some(wider),
            ..Way::default()
        });
    }
    if !query.trim().is_empty() && !lang::has_table(query) {
        ways.push(Way {
            label: "Show every line in this time".into(),
            query: Some(String::new()),
            ..Way::default()
        });
    }
    ways
}

/// A query of plain words, as fragments.
fn wider(query: &str) -> Option<String> {
    let plain = |word: &str| {
        word.chars().all(|c| c.is_alphanumeric() || "._-".contains(c))
            && !matches!(word, "AND" | "OR" | "NOT")
            && !word.starts_with('-')
    };
    let words: Vec<&str> = query.split_whitespace().collect();
    (!words.is_empty() && words.iter().all(|word| plain(word))).then(|| {
        words
            .iter()
            .map(|word| format!("*{word}*"))
            .collect::<Vec<_>>()
            .join(" ")
    })
}

#[cfg(test)]
mod tests {
    use super::wider;

    #[test]
    fn only_plain_words_become_fragments() {
        assert_eq!(wider("time out-5"), Some("*time* *out-5*".into()));
        assert_eq!(wider("a AND b"), None);
        assert_eq!(wider("host:x"), None);
        assert_eq!(wider(""), None);
    }
}
