//! One line about the answer: how many, how long, how much was read, how complete.

use leptos::prelude::*;
use timberline_proto::api::Completeness;

use super::{
    export::ExportMenu,
    icon::{self, Icon},
    search::exact,
};
use crate::{
    lang,
    model::{app::App, reach::is_offline, search::Phase},
    text::{number, time},
};

/// The line.
#[component]
pub(crate) fn Summary() -> impl IntoView {
    let app = App::get();
    let search = app.search;
    let open = RwSignal::new(false);
    let fields = app.prefs.fields;
    view! {
        <div class="summary">
            <button
                class="button bare fields-toggle"
                title="Fields"
                aria-pressed=move || fields.get().to_string()
                on:click=move |_| {
                    fields.update(|shown| *shown = !*shown);
                    app.drawer.update(|open| *open = !*open);
                }
            >
                <Icon path=icon::FIELDS/>
                <span class="sr">"Fields"</span>
            </button>
            <span class="summary-count">{move || count(app)}</span>
            <span class="summary-cost">{move || cost(app)}</span>
            <LineTools/>
            <button class="button bare completeness" class:lacking=move || lacks(app) on:click=move |_| open.update(|open| *open = !*open)>
                {move || search.completeness.with(|completeness| completeness.as_ref().map(|c| complete_words(app, c)))}
            </button>
            <button class="button bare small summary-alert needs-alerts" title="Tell people about what this search finds" on:click=move |_| app.make_rule("threshold", &app.view.get_untracked().query)>
                <Icon path=icon::ALERTS/><span>"Alert"</span>
            </button>
            <ExportMenu/>
            <Show when=move || open.get()>
                <div class="panel completeness-panel">
                    {move || search.completeness.get().map(|completeness| completeness_details(app, completeness))}
                </div>
            </Show>
        </div>
    }
}

/// What can be done with lines wherever they are listed: copying those that are chosen, wrapping, density.
#[component]
pub(crate) fn LineTools() -> impl IntoView {
    let app = App::get();
    view! {
            <Show when=move || app.chosen_range().is_some()>
                <button class="button small" title="Copy the chosen lines (y)" on:click=move |_| app.copy_chosen()>
                    <Icon path=icon::COPY/>
                    {move || app.chosen_range().map(|(first, last)| format!("Copy {}", number::counted((last - first + 1) as u64, "line", "lines")))}
                </button>
            </Show>
            <span class="summary-toggles">
                {toggle("Wrap long lines (z)", icon::WRAP, app.prefs.wrap)}
                {toggle("Dense rows (d)", icon::DENSE, app.prefs.dense)}
            </span>
    }
}

fn toggle(title: &'static str, path: &'static str, on: RwSignal<bool>) -> impl IntoView {
    view! {
        <button
            class="button bare fields-toggle"
            title=title
            aria-label=title
            aria-pressed=move || on.get().to_string()
            on:click=move |_| on.update(|on| *on = !*on)
        >
            <Icon path/>
        </button>
    }
}

fn count(app: App) -> String {
    let search = app.search;
    match search.phase.get() {
        Phase::Waiting => return "Searching …".into(),
        Phase::Cancelled => return "Cancelled".into(),
        Phase::Streaming | Phase::Done => {}
    }
    if search
        .error
        .with(|error| error.is_some() && (!is_offline(error) || search.broken.get_value()))
    {
        return "No answer".into();
    }
    if let Some(rows) = search.table.with(|table| table.as_ref().map(|table| table.rows.len())) {
        if rows == 0 && search.phase.get() == Phase::Streaming {
            return "Running …".into();
        }
        return number::counted(rows as u64, "row", "rows");
    }
    let known = if search.answered.with(|query| lang::is_sql(query)) {
        None
    } else {
        search.histogram.with(|h| h.as_ref().map(|h| h.total))
    };
    match known {
        Some(total) => number::counted(total, "line", "lines"),
        None => search
            .window
            .with(|window| number::counted(window.len() as u64, "line", "lines")),
    }
}

fn cost(app: App) -> String {
    let progress = app.search.progress.get();
    if app.search.is_busy() && progress.elapsed_ms == 0.0 {
        return String::new();
    }
    let mut parts = vec![number::duration(progress.elapsed_ms)];
    if progress.pages_total > 0 {
        parts.push(format!(
            "read {} of {}",
            number::grouped(progress.pages_read),
            number::counted(progress.pages_total, "page", "pages")
        ));
    }
    parts.join(" · ")
}

fn lacks(app: App) -> bool {
    app.search.completeness.with(|completeness| {
        completeness
            .as_ref()
            .is_some_and(|c| c.sources_current < c.sources || !c.partial.is_empty() || c.queued_records > 0)
    })
}

fn complete_words(app: App, completeness: &Completeness) -> String {
    let all_current = completeness.sources_current == completeness.sources;
    // Of some sources: that to which they are complete, not what the slowest holds back.
    let to = match all_current {
        true => &completeness.complete_to,
        false => &completeness.current_to,
    };
    let to = to.as_deref().and_then(time::millis);
    let Completeness {
        sources,
        sources_current,
        ..
    } = *completeness;
    let mut words = match to {
        None if completeness.queued_records > 0 => format!(
            "{} still queued",
            number::counted(completeness.queued_records, "line", "lines")
        ),
        None if sources == 0 && completeness.partial.is_empty() => return String::new(),
        None if sources == 0 => return "part could not be read".to_owned(),
        None => "completeness not known yet".to_owned(),
        Some(ms) => format!("complete to {}", app.prefs.zone.get().civil(ms).clock_seconds()),
    };
    if sources_current < sources {
        words.push_str(&format!(
            " for {} of {}",
            number::grouped(sources_current),
            number::counted(sources, "source", "sources")
        ));
    } else if sources > 0 {
        words.push_str(&format!(" for {}", number::counted(sources, "source", "sources")));
    }
    if !completeness.partial.is_empty() {
        words.push_str(" · part could not be read");
    }
    words
}

fn completeness_details(app: App, completeness: Completeness) -> impl IntoView {
    let to = completeness
        .complete_to
        .as_deref()
        .and_then(time::millis)
        .map(|ms| exact(app, ms));
    let behind = completeness
        .behind
        .into_iter()
        .map(|source| {
            view! { <tr><td>{source.host}</td><td class="mono">{source.path}</td><td class="number">{number::bytes(source.bytes)}" behind"</td></tr> }
        })
        .collect_view();
    view! {
        <p>{to.map(|to| format!("Every source has been read to its end up to {to}."))}</p>
        <p>{(completeness.queued_records > 0).then(|| format!("{} wait in the queue and are not searchable yet.", number::counted(completeness.queued_records, "line", "lines")))}</p>
        {completeness.partial.into_iter().map(|sentence| view! { <p class="lacking">{sentence}</p> }).collect_view()}
        <table class="plain">{behind}</table>
    }
}
