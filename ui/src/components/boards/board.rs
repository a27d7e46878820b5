//! One dashboard: its head and its panels.

use std::time::Duration;

use leptos::prelude::*;
use timberline_proto::api::dashboards::{ChartKind, Panel as PanelForm, REFRESH_SECONDS};
use wasm_bindgen::{JsCast, JsValue};

use super::{
    conflict::Conflict,
    editor::Editor,
    page::Trouble,
    panel::Panel,
    variables::{Values, VariablesEditor},
};
use crate::{
    components::{
        icon::{self, Icon},
        time_picker::TimePicker,
    },
    model::{app::App, boards::grid},
    text::number,
};

/// The opened dashboard.
#[component]
pub(super) fn Board() -> impl IntoView {
    let app = App::get();
    let boards = app.boards;
    refresh_by_clock(app);
    leave_wall_with_full_screen(app);
    let is_here = Memo::new(move |_| boards.opened.with(Option::is_some));
    let is_empty = Memo::new(move |_| {
        boards
            .opened
            .with(|opened| opened.as_ref().is_some_and(|opened| opened.draft.panels.is_empty()))
    });
    let order = Memo::new(move |before: Option<&Vec<u32>>| {
        let now = boards.opened.with(|opened| {
            opened
                .as_ref()
                .map_or_else(Vec::new, |opened| grid::reading_order(&opened.draft.panels))
        });
        match before {
            Some(before) if boards.dragging.get() && before.len() == now.len() => before.clone(),
            _ => now,
        }
    });
    view! {
        <BoardHead/>
        <Trouble/>
        <Conflict/>
        <Show when=move || boards.editing.get() && is_here.get()><VariablesEditor/></Show>
        <div class="board-body">
            <section class="board-scroll" aria-label="Panels" aria-busy=move || boards.busy.get().to_string()>
                {move || is_empty.get().then(|| view! { <Empty/> })}
                <div class="board-grid" class:editing=move || boards.editing.get()>
                    <For each=move || order.get() key=|id| *id children=move |id| view! { <Panel id/> }/>
                </div>
            </section>
            {move || boards.selected.get().filter(|_| boards.editing.get()).map(|id| view! { <Editor id/> })}
        </div>
    }
}

#[component]
fn BoardHead() -> impl IntoView {
    let app = App::get();
    let boards = app.boards;
    let name = Memo::new(move |_| {
        boards
            .opened
            .with(|opened| opened.as_ref().map(|opened| opened.draft.name.clone()))
    });
    let is_changed = Memo::new(move |_| {
        boards
            .opened
            .with(|opened| opened.as_ref().is_some_and(|opened| opened.is_changed()))
    });
    let editing = boards.editing;
    let export = move |_| {
        let text = boards.opened.with_untracked(|opened| {
            opened
                .as_ref()
                .and_then(|opened| serde_json::to_string_pretty(&opened.draft).ok())
        });
        if let Some(text) = text {
            hand_over(
                &format!("{}.json", file_name(&name.get_untracked().unwrap_or_default())),
                &text,
            );
        }
    };
    let refresh = move || {
        let options = REFRESH_SECONDS
            .map(|seconds| {
                let word = match seconds {
                    0 => "Refresh: off".to_owned(),
                    seconds => format!("every {}", number::duration(f64::from(seconds) * 1_000.0)),
                };
                view! { <option value=seconds.to_string() selected=move || boards.refresh_seconds.get() == seconds>{word}</option> }
            })
            .collect_view();
        view! {
            <select class="input select" aria-label="Refresh" on:change=move |event| boards.refresh_seconds.set(event_target_value(&event).parse().unwrap_or(0))>{options}</select>
        }
    };
    view! {
        <header class="page-head board-head">
            <button class="button bare board-back" title="All dashboards (Esc)" on:click=move |_| app.open_board(None)>"Dashboards ›"</button>
            {move || if editing.get() {
                view! {
                    <input
                        class="input board-title" aria-label="Name" spellcheck="false"
                        prop:value=move || name.get().unwrap_or_default()
                        on:input=move |event| { let name = event_target_value(&event); boards.edit(|draft| draft.name = name) }
                    />
                }.into_any()
            } else {
                view! { <h1>{move || name.get().unwrap_or_else(|| "Dashboard".into())}</h1> }.into_any()
            }}
            <Values/>
            <div class="page-tools">
                <Show when=move || is_changed.get() && !editing.get()><span class="board-changed">"changed, not saved"</span></Show>
                <TimePicker/>
                {refresh}
                <Show
                    when=move || editing.get() || is_changed.get()
                    fallback=move || view! { <button class="button needs-documents" title="Change it (e)" on:click=move |_| editing.set(true)>"Edit"</button> }
                >
                    <button class="button" on:click=move |_| { editing.set(true); boards.add_panel(new_panel()) }><Icon path=icon::KEEP/>"Panel"</button>
                    <button class="button" on:click=move |_| boards.discard()>{move || if is_changed.get() { "Discard changes" } else { "Done" }}</button>
                    <button class="button primary" on:click=move |_| boards.save(app)>"Save"</button>
                </Show>
                <Show when=move || !editing.get()>
                    <button class="button" title="As JSON, to keep or to import elsewhere" on:click=export>"Export"</button>
                </Show>
                <button class="button" title="Fill the screen (f)" on:click=move |_| toggle_wall(app)>"Full screen"</button>
            </div>
        </header>
    }
}

fn new_panel() -> PanelForm {
    PanelForm {
        title: "Lines".into(),
        query: "| timechart count() as lines by severity".into(),
        chart: ChartKind::Auto,
        ..PanelForm::default()
    }
}

#[component]
fn Empty() -> impl IntoView {
    let app = App::get();
    view! {
        <div class="empty">
            <h2>"No panel yet"</h2>
            <p>"A panel is a query and a chart of what it finds."</p>
            <div class="empty-ways">
                <button class="button primary needs-documents" on:click=move |_| { app.boards.editing.set(true); app.boards.add_panel(new_panel()) }>"Add a panel"</button>
            </div>
        </div>
    }
}

/// Asks the panels again every so often, while the page is in sight, and once it comes back into it.
fn refresh_by_clock(app: App) {
    let boards = app.boards;
    Effect::new(move || {
        let seconds = boards.refresh_seconds.get();
        if seconds == 0 {
            return;
        }
        let interval = Duration::from_secs(u64::from(seconds));
        if let Ok(timer) = set_interval_with_handle(move || boards.refresh(app), interval) {
            on_cleanup(move || timer.clear());
        }
    });
    let back = window_event_listener_untyped("visibilitychange", move |_| {
        if boards.refresh_seconds.get_untracked() > 0 {
            boards.refresh(app);
        }
    });
    on_cleanup(move || back.remove());
}

/// Fills the screen with the dashboard, or no longer. Where the browser refuses the screen, it fills the page.
pub(crate) fn toggle_wall(app: App) {
    let on = !app.view.with_untracked(|view| view.wall);
    app.amend(|view| view.wall = on);
    if on {
        if let Some(root) = document().document_element() {
            _ = root.request_fullscreen();
        }
    } else if document().fullscreen_element().is_some() {
        document().exit_fullscreen();
    }
}

/// Esc takes the screen back before the page hears of it.
fn leave_wall_with_full_screen(app: App) {
    let listener = window_event_listener_untyped("fullscreenchange", move |_| {
        if document().fullscreen_element().is_none() && app.view.with_untracked(|view| view.wall) {
            app.amend(|view| view.wall = false);
        }
    });
    on_cleanup(move || {
        listener.remove();
        if document().fullscreen_element().is_some() {
            document().exit_fullscreen();
        }
    });
}

fn file_name(name: &str) -> String {
    let plain: String = name
        .chars()
        .map(|c| if c.is_alphanumeric() { c } else { '-' })
        .collect();
    let plain = plain.trim_matches('-').to_lowercase();
    if plain.is_empty() { "dashboard".into() } else { plain }
}

/// Gives a file to the browser to keep.
fn hand_over(name: &str, text: &str) {
    let parts = js_sys::Array::of1(&JsValue::from_str(text));
    let kind = web_sys::BlobPropertyBag::new();
    kind.set_type("application/json");
    let Ok(blob) = web_sys::Blob::new_with_str_sequence_and_options(&parts, &kind) else {
        return;
    };
    let Ok(address) = web_sys::Url::create_object_url_with_blob(&blob) else {
        return;
    };
    if let Ok(link) = document().create_element("a")
        && let Ok(link) = link.dyn_into::<web_sys::HtmlAnchorElement>()
    {
        link.set_href(&address);
        link.set_download(name);
        link.click();
    }
    _ = web_sys::Url::revoke_object_url(&address);
}
