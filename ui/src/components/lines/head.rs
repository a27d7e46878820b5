//! The heads of the columns beside the lines: they move, go, and change their width.

use leptos::{
    ev::{KeyboardEvent, PointerEvent},
    prelude::*,
};

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
    view! {
        <Show when=move || names.with(|names| !names.is_empty())>
            <div class="row-line lines-head" role="presentation">
                <span class="row-time"><b>"Time"</b><span aria-hidden="true">{move || clock(app, app.search.feed.seen.get().map_or(0, |(newest, _)| newest))}</span></span>
                <i></i>
                <b></b>
                {move || {
                    let names = names.get();
                    let count = names.len();
                    names.into_iter().enumerate().map(|(at, name)| view! { <ColumnHead at name count/> }).collect_view()
                }}
                <span>"Line"</span>
            </div>
        </Show>
    }
}

#[component]
fn ColumnHead(at: usize, name: String, count: usize) -> impl IntoView {
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
    view! {
        <span class="column-head" title=name.clone()>
            <span class="column-name">{name.clone()}</span>
            <span class="column-acts">
                {act(format!("Move {name} left"), icon::LEFT, at > 0, |columns, at| columns::shift(columns, at, false))}
                {act(format!("Move {name} right"), icon::RIGHT, at + 1 < count, |columns, at| columns::shift(columns, at, true))}
                {act(format!("Take {name} out"), icon::CLOSE, true, |columns, at| { columns.remove(at); })}
            </span>
            <Handle at name=handle_name/>
        </span>
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
