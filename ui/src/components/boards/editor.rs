//! What a panel asks, how it is drawn, and where it stands, as fields.

use leptos::{ev::KeyboardEvent, prelude::*};
use timberline_proto::api::dashboards::{ChartKind, Panel, Reduce};

use crate::{
    components::{
        chart::word,
        icon::{self, Icon},
    },
    model::{app::App, boards::grid::Place},
};

/// The fields of one panel.
#[component]
pub(super) fn Editor(id: u32) -> impl IntoView {
    let app = App::get();
    let boards = app.boards;
    let form = Memo::new(move |_| {
        boards.opened.with(|opened| {
            let panels = opened.as_ref().map(|opened| &opened.draft.panels);
            panels
                .and_then(|panels| panels.iter().find(|panel| panel.id == id).cloned())
                .unwrap_or_default()
        })
    });
    let set_query = move |text: String| boards.edit_panel(id, |panel| panel.query = text);
    let on_key = move |event: KeyboardEvent| {
        if event.key() == "Enter" && !event.shift_key() && !event.is_composing() {
            event.prevent_default();
            set_query(event_target_value(&event));
        }
    };
    let kinds = ChartKind::ALL
        .map(|kind| view! { <option value=kind.word() selected=move || form.with(|form| form.chart == kind)>{word(kind)}</option> })
        .collect_view();
    let reduces = move || {
        Reduce::ALL
        .map(|reduce| {
            let words = match reduce {
                Reduce::Last => "the last",
                Reduce::Sum => "the sum",
                Reduce::Mean => "the mean",
                Reduce::Min => "the smallest",
                Reduce::Max => "the largest",
            };
            view! { <option value=reduce.word() selected=move || form.with(|form| form.reduce == reduce)>{words}</option> }
        })
        .collect_view()
    };
    view! {
        <aside class="board-editor" aria-label="Panel">
            <div class="sheet-head">
                <h2>"Panel"</h2>
                <button class="button bare" aria-label="Close" on:click=move |_| boards.selected.set(None)><Icon path=icon::CLOSE/></button>
            </div>
            <label class="form-field">
                <span>"Title"</span>
                <input class="input" prop:value=move || form.with(|form| form.title.clone())
                    on:input=move |event| { let title = event_target_value(&event); boards.edit_panel(id, |panel| panel.title = title) }/>
            </label>
            <label class="form-field">
                <span>"Query"</span>
                <textarea class="input area mono board-query" rows="5" spellcheck="false" prop:value=move || form.with(|form| form.query.clone())
                    on:keydown=on_key on:change=move |event| set_query(event_target_value(&event))></textarea>
            </label>
            <label class="form-field">
                <span>"Chart"</span>
                <select class="input select" on:change=move |event| {
                    let kind = ChartKind::of(&event_target_value(&event)).unwrap_or_default();
                    boards.edit_panel(id, |panel| panel.chart = kind);
                }>{kinds}</select>
            </label>
            <Show when=move || form.with(|form| form.chart == ChartKind::Stat)>
                <label class="form-field">
                    <span>"Number of several"</span>
                    <select class="input select" on:change=move |event| {
                        let reduce = Reduce::of(&event_target_value(&event)).unwrap_or_default();
                        boards.edit_panel(id, |panel| panel.reduce = reduce);
                    }>{reduces()}</select>
                </label>
            </Show>
            <div class="form-numbers">
                <Number id form word="Column" get=|panel| panel.x + 1 set=|place, n| Place { x: n.saturating_sub(1), ..place }/>
                <Number id form word="Row" get=|panel| panel.y + 1 set=|place, n| Place { y: n.saturating_sub(1), ..place }/>
                <Number id form word="Width" get=|panel| panel.w set=|place, n| Place { w: n, ..place }/>
                <Number id form word="Height" get=|panel| panel.h set=|place, n| Place { h: n, ..place }/>
            </div>
            <div class="ask-back-tools">
                <button class="button small" on:click=move |_| boards.add_panel(form.get_untracked())>"Duplicate"</button>
                <button class="button small" on:click=move |_| boards.remove_panel(id)>"Remove"</button>
            </div>
        </aside>
    }
}

/// One number of a panel's place.
#[component]
fn Number(
    id: u32,
    form: Memo<Panel>,
    word: &'static str,
    get: fn(&Panel) -> u32,
    set: fn(Place, u32) -> Place,
) -> impl IntoView {
    let boards = App::get().boards;
    view! {
        <label class="form-field">
            <span>{word}</span>
            <input class="input" type="number" min="1" prop:value=move || form.with(get).to_string()
                on:change=move |event| {
                    if let Ok(number) = event_target_value(&event).parse() {
                        boards.put_panel(id, |place| set(place, number));
                    }
                }/>
        </label>
    }
}
