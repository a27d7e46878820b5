//! What changed, the latest first.

use leptos::prelude::*;
use timberline_proto::alert::HistoryEntry;

use super::{group::Why, words};
use crate::{
    components::{find::Find, pipeline::skeleton, search::exact_now},
    model::{app::App, view::Page},
    text::printable::{Layout, printable},
};

const MS: i64 = 1_000_000;

/// Changes of state are records, too, of a topic of the store's own.
const AS_RECORDS: &str = "topic:timberline.alerts";

fn search(app: App) {
    app.ask(|view| {
        view.page = Page::Search;
        view.query = AS_RECORDS.to_owned();
        view.item = None;
    });
}

/// The part.
#[component]
pub(super) fn History() -> impl IntoView {
    let app = App::get();
    let alerts = app.alerts;
    let wanted = RwSignal::new(String::new());
    let opened = RwSignal::new(None::<u64>);
    let shown = Memo::new_with_compare(
        move |_| {
            let wanted = wanted.get().to_lowercase();
            let fits = |entry: &&HistoryEntry| {
                let change = &entry.transition;
                let texts = [&change.rule.name, &words::group(&change.group), &change.reason];
                texts.iter().any(|text| text.to_lowercase().contains(&wanted))
            };
            alerts
                .history
                .with(|history| history.iter().flatten().filter(fits).cloned().collect::<Vec<_>>())
        },
        |_, _| true,
    );
    // Only when one of these changes is the whole list made anew.
    let is_empty = Memo::new(move |_| alerts.history.with(|history| history.as_ref().map(Vec::is_empty)));
    let has_failed = Memo::new(move |_| alerts.error.with(Option::is_some));
    move || {
        match is_empty.get() {
        None if has_failed.get() => ().into_any(),
        None => skeleton().into_any(),
        Some(true) => view! {
            <div class="empty"><h2>"Nothing has changed yet"</h2><p>"Each time a rule begins to hold, fires or ends, it is on record here, with what was measured and the lines."</p></div>
        }
        .into_any(),
        Some(false) => view! {
            <div class="tools">
                <Find word="Find in what is shown" label="Find in the history" wanted/>
                <button class="button small" title="All that is on record, as lines are searched" on:click=move |_| search(app)>"Search it"</button>
            </div>
            <div class="table-scroll">
                <div class="alert-list" role="list">
                    <For each=move || shown.get() key=|entry| entry.sequence let(entry)><Entry entry opened/></For>
                </div>
                {move || shown.with(Vec::is_empty).then(|| view! { <p class="table-rest">"Nothing of what is shown is like this."</p> })}
                {move || alerts.older.with(Option::is_some).then(|| view! { <button class="button" on:click=move |_| alerts.show_older()>"Older"</button> })}
            </div>
        }
        .into_any(),
    }
    }
}

#[component]
fn Entry(entry: HistoryEntry, opened: RwSignal<Option<u64>>) -> impl IntoView {
    let app = App::get();
    let sequence = entry.sequence;
    let change = entry.transition;
    let is_open = Memo::new(move |_| opened.get() == Some(sequence));
    let ms = change.decided_at_nanos / MS;
    let civil = app.prefs.zone.get_untracked().civil(ms);
    let when = format!("{} {}", civil.day_month(), civil.clock_seconds());
    let values = printable(&words::group(&change.group), Layout::Row).into_owned();
    let reason = printable(&change.reason, Layout::Row).into_owned();
    let from = change.from.spoken();
    let why = change.clone();
    view! {
        <div class=format!("alert is-{}", change.rule.severity.word()) role="listitem">
            <button class="alert-head" aria-expanded=move || is_open.get().to_string() on:click=move |_| opened.update(|opened| *opened = (*opened != Some(sequence)).then_some(sequence))>
                <time class="alert-when" title=exact_now(app, ms)>{when}</time>
                {words::state_mark(change.to)}
                <b class="alert-name">{change.rule.name.clone()}</b>
                <span class="alert-group mono">{values}</span>
                {change.late.then(|| view! { <span class="alert-severity">"by late lines"</span> })}
                <span class="alert-reason">{format!("was {from}: {reason}")}</span>
            </button>
            {move || is_open.get().then(|| view! { <div class="alert-why"><Why last=why.clone()/></div> })}
        </div>
    }
}
