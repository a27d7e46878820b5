//! One panel: its head and menu, its chart or rows, and how it is moved and sized by pointer and by keys.

use leptos::{
    ev::{KeyboardEvent, PointerEvent},
    prelude::*,
};
use timberline_proto::api::dashboards::{COLUMNS, ChartKind, Panel as PanelForm};
use wasm_bindgen::JsCast;

use crate::{
    components::{
        chart::{Chart, Chooser, chosen},
        histogram::capture,
        icon::{self, Icon},
        table::{Rows, Sorted},
    },
    model::{
        app::App,
        boards::{PanelAnswer, grid::Place},
        reach::OFFLINE,
        view::{Page, TimeRange},
    },
    text::printable::{Layout, printable},
};

/// A row of the grid with the gap below it, as the style sheet says.
const ROW_PX: f64 = 48.0;

/// What the pointer does.
#[derive(Clone, Copy)]
struct Drag {
    from: Place,
    x: f64,
    y: f64,
    column_px: f64,
    sizes: bool,
}

/// The panel.
#[component]
pub(super) fn Panel(id: u32) -> impl IntoView {
    let app = App::get();
    let boards = app.boards;
    let answer = PanelAnswer::new();
    on_cleanup(move || answer.leave());
    let form = Memo::new(move |_| {
        boards.opened.with(|opened| {
            let panels = opened.as_ref().map(|opened| &opened.draft.panels);
            panels
                .and_then(|panels| panels.iter().find(|panel| panel.id == id).cloned())
                .unwrap_or_default()
        })
    });
    let query = Memo::new(move |_| boards.filled(app, id));
    let asked = StoredValue::new(None::<String>);
    Effect::new(move || {
        let turn = boards.turn.get();
        let Some(query) = query.get() else { return };
        let is_same = asked.with_value(|asked| asked.as_ref() == Some(&query));
        // One question at a time: the clock does not push away what is still on its way.
        if turn.by_clock && is_same && answer.busy.get_untracked() {
            return;
        }
        asked.set_value(Some(query.clone()));
        answer.ask(query, turn.bounds, &boards.gate());
    });
    let drag = StoredValue::new(None::<Drag>);
    let begin = move |event: PointerEvent, sizes: bool| {
        if event.button() != 0 || !boards.editing.get_untracked() || is_control(&event) {
            return;
        }
        let Some(grid) = grid_of(&event) else { return };
        drag.set_value(Some(Drag {
            from: Place::of(&form.get_untracked()),
            x: f64::from(event.client_x()),
            y: f64::from(event.client_y()),
            column_px: f64::from(grid.client_width()) / f64::from(COLUMNS),
            sizes,
        }));
        boards.dragging.set(true);
        event.prevent_default();
        capture(&event);
    };
    let go_on = move |event: PointerEvent| {
        let Some(drag) = drag.get_value() else { return };
        let columns = ((f64::from(event.client_x()) - drag.x) / drag.column_px.max(1.0)).round() as i64;
        let rows = ((f64::from(event.client_y()) - drag.y) / ROW_PX).round() as i64;
        let to = if drag.sizes {
            drag.from.resized(columns, rows)
        } else {
            drag.from.moved(columns, rows)
        };
        if to != Place::of(&form.get_untracked()) {
            boards.put_panel(id, |_| to);
        }
    };
    let end = move |_: PointerEvent| {
        drag.set_value(None);
        boards.dragging.set(false);
    };
    let on_key = move |event: KeyboardEvent| {
        let own = event
            .target()
            .zip(event.current_target())
            .is_some_and(|(target, own)| target == own);
        if !own || !boards.editing.get_untracked() {
            return;
        }
        let (columns, rows) = match event.key().as_str() {
            "ArrowLeft" => (-1, 0),
            "ArrowRight" => (1, 0),
            "ArrowUp" => (0, -1),
            "ArrowDown" => (0, 1),
            "Enter" => {
                boards.selected.set(Some(id));
                event.prevent_default();
                return;
            }
            "Delete" => {
                boards.remove_panel(id);
                event.prevent_default();
                return;
            }
            _ => return,
        };
        event.prevent_default();
        boards.put_panel(id, |place| {
            if event.shift_key() {
                place.resized(columns, rows)
            } else {
                place.moved(columns, rows)
            }
        });
    };
    let style = move || {
        let place = Place::of(&form.get());
        (
            format!("{} / span {}", place.x + 1, place.w.max(1)),
            format!("{} / span {}", place.y + 1, place.h.max(1)),
        )
    };
    let title = move || {
        let form = form.get();
        let text = if form.title.trim().is_empty() {
            form.query
        } else {
            form.title
        };
        printable(&text, Layout::Row).into_owned()
    };
    let label = move || match boards.editing.get() {
        true => format!(
            "{}: arrows move it, with Shift they size it, Enter changes it, Delete removes it",
            title()
        ),
        false => title(),
    };
    view! {
        <article
            class="board-panel" data-panel=id.to_string()
            class:current=move || boards.selected.get() == Some(id) && boards.editing.get()
            aria-label=label
            tabindex=move || if boards.editing.get() { "0" } else { "-1" }
            style:grid-column=move || style().0
            style:grid-row=move || style().1
            on:keydown=on_key
        >
            <header class="board-panel-head" on:pointerdown=move |event| begin(event, false) on:pointermove=go_on on:pointerup=end on:pointercancel=end on:lostpointercapture=end>
                <h2 title=title>{title}</h2>
                <Show when=move || answer.busy.get()><span class="board-busy" title="An answer is on its way">"…"</span></Show>
                <Menu id form answer query/>
            </header>
            <Body form answer/>
            <Show when=move || boards.editing.get()>
                <div class="board-corner" aria-hidden="true" on:pointerdown=move |event| begin(event, true) on:pointermove=go_on on:pointerup=end on:pointercancel=end on:lostpointercapture=end></div>
            </Show>
        </article>
    }
}

/// Whether the pointer is on something that is for itself: the menu's veil, too, lies in the head.
fn is_control(event: &PointerEvent) -> bool {
    let target = event
        .target()
        .and_then(|target| target.dyn_into::<web_sys::Element>().ok());
    target.is_some_and(|element| {
        element
            .closest("button, select, input, .board-menu")
            .ok()
            .flatten()
            .is_some()
    })
}

fn grid_of(event: &PointerEvent) -> Option<web_sys::Element> {
    let target = event.current_target()?.dyn_into::<web_sys::Element>().ok()?;
    target.closest(".board-grid").ok().flatten()
}

#[component]
fn Body(form: Memo<PanelForm>, answer: PanelAnswer) -> impl IntoView {
    let app = App::get();
    let kind = Memo::new(move |_| form.with(|form| form.chart));
    let reduce = Memo::new(move |_| form.with(|form| form.reduce));
    let on_zoom = Callback::new(move |(from, to)| app.set_range(TimeRange::absolute(from, to)));
    let is_rows = Memo::new(move |_| {
        answer.table.with(|table| {
            table
                .as_ref()
                .map(|table| chosen(table, kind.get()) == ChartKind::Table)
        })
    });
    let no_rows = Memo::new(move |_| {
        answer
            .table
            .with(|table| table.as_ref().is_some_and(|table| table.rows.is_empty()))
    });
    view! {
        <div class="board-panel-body" class:stale=move || answer.error.with(Option::is_some)>
            {move || answer.error.get().filter(|error| error.code != OFFLINE).map(|error| view! { <p class="board-error" role="alert">{error.message}</p> })}
            {move || {
                let partial = answer.partial.get();
                (!partial.is_empty()).then(|| view! { <p class="board-partial" title=partial.join("\n")>"! not all of it could be read"</p> })
            }}
            {move || match is_rows.get() {
                None if answer.error.with(Option::is_some) => ().into_any(),
                None => view! { <div class="skeleton" aria-label="Loading"><div class="skeleton-row"></div><div class="skeleton-row"></div></div> }.into_any(),
                Some(_) if no_rows.get() => view! { <p class="board-none">"Nothing in this time"</p> }.into_any(),
                Some(true) => view! { <Rows sorted=Sorted::of(answer.table.into())/> }.into_any(),
                Some(false) => view! { <Chart table=answer.table kind reduce bounds=answer.bounds on_zoom/> }.into_any(),
            }}
        </div>
    }
}

#[component]
fn Menu(id: u32, form: Memo<PanelForm>, answer: PanelAnswer, query: Memo<Option<String>>) -> impl IntoView {
    let app = App::get();
    let boards = app.boards;
    let open = RwSignal::new(false);
    let kind = Memo::new(move |_| form.with(|form| form.chart));
    let search = move |_| {
        let query = query.get_untracked().unwrap_or_default();
        let chart = kind.get_untracked();
        app.ask(|view| {
            view.page = Page::Search;
            view.query = query;
            view.chart = chart;
            view.item = None;
            view.variables.clear();
            view.wall = false;
        });
    };
    let edit = move |_| {
        open.set(false);
        boards.editing.set(true);
        boards.selected.set(Some(id));
    };
    let duplicate = move |_| {
        open.set(false);
        boards.editing.set(true);
        boards.add_panel(form.get_untracked());
    };
    let remove = move |_| {
        boards.editing.set(true);
        boards.remove_panel(id);
    };
    let choose = Callback::new(move |kind| {
        boards.editing.set(true);
        boards.edit_panel(id, |panel| panel.chart = kind);
    });
    view! {
        <div class="board-menu" on:keydown=move |event| {
            if event.key() == "Escape" && open.get_untracked() {
                open.set(false);
                event.prevent_default();
            }
        }>
            <button class="button bare" aria-label="What can be done with the panel" aria-expanded=move || open.get().to_string() on:click=move |_| open.update(|open| *open = !*open)>
                <Icon path=icon::MORE/>
            </button>
            <Show when=move || open.get()>
                <div class="time-veil" on:click=move |_| open.set(false)></div>
                <div class="panel board-menu-list">
                    <Chooser table=answer.table kind on_choose=choose/>
                    <button class="menu-item" on:click=search>"Open in Search"</button>
                    <button class="menu-item needs-documents" on:click=edit>"Change"</button>
                    <button class="menu-item needs-documents" on:click=duplicate>"Duplicate"</button>
                    <button class="menu-item needs-documents" on:click=remove>"Remove"</button>
                </div>
            </Show>
        </div>
    }
}
