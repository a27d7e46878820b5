//! The heads of the columns beside the lines: they are dragged or sent to another place, go, and change
//! their width.

use leptos::{
    ev::{KeyboardEvent, PointerEvent},
    prelude::*,
};
use wasm_bindgen::JsCast;

use super::{
    super::{
        histogram::capture,
        icon::{self, Icon},
    },
    row::clock,
};
use crate::model::{
    app::App,
    columns::{self, FieldColumn, WIDTH_PX_MAX, WIDTH_PX_MIN},
};

/// By how much a key resizes, in pixels.
const STEP_PX: i32 = 10;
/// A pointer that moved less did not mean to drag.
const DRAG_PX: f64 = 4.0;
const HEAD_ID: &str = "column";

/// The heads, where there are columns.
#[component]
pub(crate) fn Head() -> impl IntoView {
    let app = App::get();
    let names = Memo::new(move |_| {
        app.view.with(|view| {
            view.columns
                .iter()
                .map(|column| column.name.clone())
                .collect::<Vec<_>>()
        })
    });
    let dragged = RwSignal::new(None::<(usize, usize)>);
    view! {
        <Show when=move || names.with(|names| !names.is_empty())>
            <div class="row-line lines-head" role="presentation">
                <span class="row-time"><b>"Time"</b><span aria-hidden="true">{move || clock(app, app.search.feed.seen.get().map_or(0, |(newest, _)| newest))}</span></span>
                <i></i>
                <b></b>
                {move || {
                    let names = names.get();
                    let count = names.len();
                    names.into_iter().enumerate().map(|(at, name)| view! { <ColumnHead at name count dragged/> }).collect_view()
                }}
                <span>"Line"</span>
            </div>
        </Show>
    }
}

#[component]
fn ColumnHead(
    at: usize,
    name: String,
    count: usize,
    /// Which column is dragged, and where it would come to stand.
    dragged: RwSignal<Option<(usize, usize)>>,
) -> impl IntoView {
    let app = App::get();
    let act = move |label: String, path, enabled: bool, act: fn(&mut Vec<FieldColumn>, usize)| {
        view! {
            <button
                class="button bare"
                title=label.clone()
                aria-label=label
                disabled=!enabled
                on:click=move |_| app.change_columns(|columns| act(columns, at))
            >
                <Icon path/>
            </button>
        }
    };
    let handle_name = name.clone();
    let grabbed = StoredValue::new(None::<f64>);
    let on_down = move |event: PointerEvent| {
        if event.button() == 0 {
            capture(&event);
            grabbed.set_value(Some(f64::from(event.client_x())));
        }
    };
    let on_move = move |event: PointerEvent| {
        if let Some(from) = grabbed.get_value() {
            let by_px = f64::from(event.client_x()) - from;
            let to = app
                .view
                .with_untracked(|view| columns::dropped_at(&view.columns, at, by_px));
            let drags = by_px.abs() > DRAG_PX || dragged.get_untracked().is_some();
            dragged.set(drags.then_some((at, to)));
        }
    };
    let let_go = move || {
        grabbed.set_value(None);
        dragged.try_update(Option::take).flatten()
    };
    let on_up = move |_: PointerEvent| {
        if let Some((from, to)) = let_go().filter(|(from, to)| from != to) {
            app.change_columns(|columns| columns::move_to(columns, from, to));
        }
    };
    let on_key = move |event: KeyboardEvent| {
        let forward = match event.key().as_str() {
            "ArrowLeft" => false,
            "ArrowRight" => true,
            "Escape" => {
                let_go();
                return;
            }
            _ => return,
        };
        event.prevent_default();
        event.stop_propagation();
        app.change_columns(|columns| columns::shift(columns, at, forward));
        // The heads are drawn anew: the keyboard goes along with the column.
        let place = if forward {
            (at + 1).min(count - 1)
        } else {
            at.saturating_sub(1)
        };
        request_animation_frame(move || focus(&format!("{HEAD_ID}-{place}")));
    };
    let is_dragged = move || dragged.get().is_some_and(|(from, _)| from == at);
    let drops = move |after: bool| {
        dragged
            .get()
            .is_some_and(|(from, to)| to == at && from != to && (to > from) == after)
    };
    view! {
        <span class="column-head" class:dragged=is_dragged class:drop-before=move || drops(false) class:drop-after=move || drops(true)>
            <button
                class="column-name"
                id=format!("{HEAD_ID}-{at}")
                title=format!("{name}: drag it to another place, or use ← and →")
                aria-label=format!("Column {name}: the left and right arrow move it")
                on:pointerdown=on_down
                on:pointermove=on_move
                on:pointerup=on_up
                on:pointercancel=move |_| { let_go(); }
                on:keydown=on_key
            >{name.clone()}</button>
            <span class="column-acts">
                {act(format!("Move {name} left"), icon::LEFT, at > 0, |columns, at| columns::shift(columns, at, false))}
                {act(format!("Move {name} right"), icon::RIGHT, at + 1 < count, |columns, at| columns::shift(columns, at, true))}
                {act(format!("Take {name} out"), icon::CLOSE, true, |columns, at| { columns.remove(at); })}
            </span>
            <Handle at name=handle_name/>
        </span>
    }
}

fn focus(id: &str) {
    let element = document().get_element_by_id(id);
    if let Some(element) = element.and_then(|element| element.dyn_into::<web_sys::HtmlElement>().ok()) {
        let focused = element.focus().is_ok();
        debug_assert!(focused);
    }
}

/// The right edge: drag it, or use the arrow keys.
#[component]
fn Handle(at: usize, name: String) -> impl IntoView {
    let app = App::get();
    let grabbed = StoredValue::new(None::<(f64, u32)>);
    let width = move || {
        app.view
            .with(|view| view.columns.get(at).map_or(0, |column| column.width_px))
    };
    let resize = move |width_px: i64| {
        app.change_columns(|columns| {
            if let Some(column) = columns.get_mut(at) {
                column.width_px = width_px.clamp(i64::from(WIDTH_PX_MIN), i64::from(WIDTH_PX_MAX)) as u32;
            }
        });
    };
    let on_down = move |event: PointerEvent| {
        event.prevent_default();
        capture(&event);
        grabbed.set_value(Some((f64::from(event.client_x()), untrack(width))));
    };
    let on_move = move |event: PointerEvent| {
        if let Some((from, width_px)) = grabbed.get_value() {
            resize(i64::from(width_px) + (f64::from(event.client_x()) - from) as i64);
        }
    };
    let on_key = move |event: KeyboardEvent| {
        let by = match event.key().as_str() {
            "ArrowLeft" => -STEP_PX,
            "ArrowRight" => STEP_PX,
            _ => return,
        };
        event.prevent_default();
        event.stop_propagation();
        resize(i64::from(untrack(width)) + i64::from(by));
    };
    view! {
        <div
            class="column-edge"
            role="separator"
            aria-orientation="vertical"
            aria-label=format!("Width of {name}")
            aria-valuenow=move || width().to_string()
            aria-valuemin=WIDTH_PX_MIN.to_string()
            aria-valuemax=WIDTH_PX_MAX.to_string()
            tabindex="0"
            on:pointerdown=on_down
            on:pointermove=on_move
            on:pointerup=move |_| grabbed.set_value(None)
            on:pointercancel=move |_| grabbed.set_value(None)
            on:keydown=on_key
        ></div>
    }
}
