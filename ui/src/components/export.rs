//! Export: into which form, how far it is, and its end.

use leptos::prelude::*;
use timberline_proto::api::ExportState;

use super::icon::{self, Icon};
use crate::{
    lang,
    model::{
        app::App,
        export::{FORMATS, Format, Running},
    },
    text::number,
};

/// The button with its panel.
#[component]
pub(crate) fn ExportMenu() -> impl IntoView {
    let app = App::get();
    let export = app.export;
    let open = RwSignal::new(false);
    let newest_first = RwSignal::new(false);
    let is_table = move || app.search.table.with(Option::is_some);
    let may = move || app.search.error.with(Option::is_none) && app.view.with(|view| view.around.is_none());
    let word = move || match export.running.get().filter(Running::is_on) {
        None => "Export".to_owned(),
        Some(running) => match running.percent() {
            Some(percent) => format!("Exporting {percent:.0} %"),
            None => "Exporting".to_owned(),
        },
    };
    let begin = move |format: Format| {
        let view = app.view.get_untracked();
        let zone = app.prefs.zone.get_untracked();
        export.begin(&view, zone, format, newest_first.get_untracked(), expected(app));
    };
    view! {
        <div class="export needs-export">
            <button
                class="button bare small export-open" aria-haspopup="true" aria-expanded=move || open.get().to_string()
                disabled=move || !may() on:click=move |_| open.update(|open| *open = !*open)
            >
                <Icon path=icon::EXPORT/>{word}
            </button>
            <Show when=move || open.get()>
                <div
                    class="panel export-panel" role="group" aria-label="Export"
                    on:keydown=move |event| if event.key() == "Escape" { event.stop_propagation(); open.set(false) }
                >
                    <p>{move || size(app)}</p>
                    <ul>
                        {FORMATS.map(|format| view! {
                            <li><button
                                class="export-format" disabled=move || export.running.with(|running| running.as_ref().is_some_and(Running::is_on))
                                on:click=move |_| begin(format)
                            ><b>{format.label}</b><span>{format.hint}</span></button></li>
                        })}
                    </ul>
                    <Show when=move || !is_table()>
                        <label class="export-order">
                            <input type="checkbox" prop:checked=move || newest_first.get() on:change=move |event| newest_first.set(event_target_checked(&event))/>
                            "Newest line first"
                        </label>
                    </Show>
                    <Show when=move || export.running.with(Option::is_some)><Progress/></Show>
                </div>
            </Show>
        </div>
    }
}

/// Rows that the whole result has, if that is known.
pub(super) fn expected(app: App) -> Option<u64> {
    let search = app.search;
    let query = app.view.with_untracked(|view| view.query.clone());
    if lang::has_table(&query) {
        let rows = search
            .table
            .with_untracked(|table| table.as_ref().map_or(0, |table| table.rows.len() as u64));
        return (rows < crate::model::search::TABLE_ROWS).then_some(rows);
    }
    search
        .histogram
        .with_untracked(|histogram| histogram.as_ref().map(|histogram| histogram.total))
}

fn size(app: App) -> String {
    app.search.phase.track();
    let is_table = app.search.table.with(Option::is_some);
    let (one, many) = if is_table { ("row", "rows") } else { ("line", "lines") };
    match expected(app) {
        Some(rows) => format!("All {}, whatever is shown.", number::counted(rows, one, many)),
        None => format!("All {many}, whatever is shown."),
    }
}

/// How far it is. Its parts stay where they are while it goes on.
#[component]
fn Progress() -> impl IntoView {
    let app = App::get();
    let running = app.export.running;
    let is_on = Memo::new(move |_| running.with(|running| running.as_ref().is_some_and(Running::is_on)));
    let percent = Memo::new(move |_| running.with(|running| running.as_ref().and_then(Running::percent)));
    let failed = move || {
        running.with(|running| {
            let state = running.as_ref().map(|running| running.answer.state);
            state == Some(ExportState::Failed)
        })
    };
    view! {
        <div class="export-progress" class:lacking=failed>
            <Show when=move || is_on.get()>
                <progress max="100" value=move || percent.get().map(|percent| format!("{percent:.1}")) aria-label="Exported"></progress>
            </Show>
            <span role="status">{move || running.get().map(says)}</span>
            <Show when=move || is_on.get()>
                <button class="button small" on:click=move |_| app.export.cancel()>"Cancel"</button>
            </Show>
        </div>
    }
}

fn says(running: Running) -> String {
    let is_on = running.is_on();
    let answer = running.answer;
    let so_far = format!(
        "{} · {}",
        number::counted(answer.rows, "row", "rows"),
        number::bytes(answer.bytes)
    );
    let of = match running.expected.filter(|_| is_on) {
        Some(expected) => format!(" of {}", number::grouped(expected)),
        None => String::new(),
    };
    let label = running.format.label;
    match answer.state {
        ExportState::Running => format!("{label}: {so_far}{of}"),
        ExportState::Done => format!("{label} is whole: {so_far} in {}", number::duration(answer.elapsed_ms)),
        ExportState::Cancelled => format!("{label} was cancelled after {so_far}; the file is not whole."),
        ExportState::Failed => {
            let why = answer
                .error
                .map_or("it did not begin".to_owned(), |error| error.message);
            format!("{label} broke off after {so_far}: {why}")
        }
    }
}
