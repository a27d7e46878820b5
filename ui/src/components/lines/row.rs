//! One line. Its text is only ever a text node.

use std::sync::Arc;

use leptos::{ev::MouseEvent, html, prelude::*};
use wasm_bindgen::{JsCast, JsValue, closure::Closure};

use super::{super::search::exact, detail::Detail, text::row_text, ticks::Ticks};
use crate::{
    keys,
    lang::Hits,
    model::{app::App, columns, feed::Feed, layout::Layout, view::Page, window::Line},
    text::{
        number,
        printable::{self, printable},
        time,
    },
};

/// The row, and under it the opened line. It listens to `ticks` alone, and looks at all else.
#[component]
pub(crate) fn Row(
    index: i64,
    line: Arc<Line>,
    repeats_second: bool,
    feed: Feed,
    layout: Memo<Layout>,
    opened_px: RwSignal<f64>,
    hits: Memo<Arc<Hits>>,
    ticks: Ticks,
) -> impl IntoView {
    let app = App::get();
    let id = line.record.id.clone();
    let opened = Memo::new(move |_| {
        ticks.looks.track();
        app.view
            .with_untracked(|view| view.open.as_deref() == Some(id.as_str()))
    });
    // What the text is drawn by, so that it is not drawn anew with every choice of a line.
    let marks = Memo::new(move |_| {
        ticks.looks.track();
        let selected = app.selected.get_untracked() == Some(index);
        let word = selected.then(|| app.word.get_untracked()).flatten();
        (word, Arc::as_ptr(&hits.get_untracked()).addr())
    });
    let class = {
        let line = Arc::clone(&line);
        move || {
            ticks.looks.track();
            ticks.held.track();
            untrack(|| class(app, feed, &line, index, opened.get()))
        }
    };
    let on_click = {
        let line = Arc::clone(&line);
        move |event: MouseEvent| {
            if event.shift_key() {
                app.choose_to(index);
            } else if !selects_text() {
                app.choose(index);
                keys::toggle(app, &line);
            }
        }
    };
    let level = line.level;
    let time_ms = line.time_ms;
    let looked = move |of: &dyn Fn() -> String| {
        ticks.looks.track();
        untrack(of)
    };
    let hover = {
        let line = Arc::clone(&line);
        move || looked(&|| hover_words(app, &line))
    };
    let detail_line = Arc::clone(&line);
    let cells = {
        let line = Arc::clone(&line);
        move || {
            ticks.looks.track();
            cells(app, &line)
        }
    };
    let top = move || {
        ticks.places.track();
        layout.with_untracked(|layout| format!("{}px", layout.top(index)))
    };
    view! {
        <div class=class role="listitem" style:top=top>
            <div class="row-line" on:click=on_click on:mousedown=keep_from_selecting>
                <span class="row-time" class:repeats=repeats_second title=hover>{move || looked(&|| clock(app, time_ms))}</span>
                <i class="row-mark" title=level.word()></i>
                <b class="row-letter">{level.letter()}</b>
                {cells}
                <span class="row-text">{move || {
                    let (word, _) = marks.get();
                    row_text(&line, &hits.get_untracked(), word)
                }}</span>
            </div>
            {move || opened.get().then(|| view! { <Opened line=Arc::clone(&detail_line) hits opened_px/> })}
        </div>
    }
}

fn class(app: App, feed: Feed, line: &Line, index: i64, opened: bool) -> String {
    let mut class = format!("row sev-{}", line.level.word());
    let mut add = |on: bool, word: &str| {
        if on {
            class.push(' ');
            class.push_str(word);
        }
    };
    add(app.selected.get_untracked() == Some(index), "selected");
    add(app.is_chosen(index), "chosen");
    add(opened, "opened");
    let template = line.record.template.as_deref().filter(|_| !line.always_bright());
    let common = |template| feed.window.with_untracked(|window| window.is_common(template));
    add(template.is_some_and(common), "common");
    class
}

/// The fields that stand beside the line.
fn cells(app: App, line: &Line) -> Vec<AnyView> {
    app.view.with_untracked(|view| {
        let cell = |column: &columns::FieldColumn| {
            let value = columns::value_of(&line.record, &column.name);
            match value {
                Some(value) => {
                    let shown = printable(&value, printable::Layout::Row).into_owned();
                    view! { <span class="row-cell" title=shown.clone()>{shown.clone()}</span> }.into_any()
                }
                None => view! { <span class="row-cell absent">"–"</span> }.into_any(),
            }
        };
        view.columns.iter().map(cell).collect()
    })
}

/// A click with Shift chooses lines, not the text between.
fn keep_from_selecting(event: MouseEvent) {
    if event.shift_key() {
        event.prevent_default();
    }
}

/// The opened line, measured so that the lines below make room.
#[component]
fn Opened(line: Arc<Line>, hits: Memo<Arc<Hits>>, opened_px: RwSignal<f64>) -> impl IntoView {
    let node = NodeRef::<html::Div>::new();
    observe(move || node.get().map(|node| node.into()), move |px| opened_px.set(px));
    on_cleanup(move || opened_px.set(0.0));
    view! { <div class="opened-line" node_ref=node><Detail line hits/></div> }
}

/// Tells `seen` the height of an element whenever it changes.
pub(crate) fn observe(element: impl Fn() -> Option<web_sys::Element> + 'static, seen: impl Fn(f64) + 'static) {
    let callback = Closure::<dyn Fn(js_sys::Array)>::new(move |entries: js_sys::Array| {
        if let Ok(entry) = entries.get(0).dyn_into::<web_sys::ResizeObserverEntry>() {
            seen(entry.target().get_bounding_client_rect().height());
        }
    });
    let Ok(observer) = web_sys::ResizeObserver::new(callback.as_ref().unchecked_ref()) else {
        return;
    };
    let kept = StoredValue::new_local((observer, callback));
    Effect::new(move || {
        if let Some(element) = element() {
            kept.with_value(|(observer, _)| observer.observe(&element));
        }
    });
    on_cleanup(move || {
        if let Some(observer) = kept.try_with_value(|(observer, _)| observer.clone()) {
            observer.disconnect();
        }
    });
}

/// The time of day; with the day where the range is longer than one.
pub(crate) fn clock(app: App, ms: i64) -> String {
    let civil = app.prefs.zone.get().civil(ms);
    if app.view.with(|view| view.page == Page::Live) {
        return civil.clock();
    }
    let bounds = app.search.bounds.get();
    let now_ms = bounds.now_ms;
    let oldest = bounds.from_ms.unwrap_or(i64::MIN / 2);
    if bounds.to_ms.unwrap_or(now_ms) - oldest > time::DAY_MS || now_ms - ms > time::DAY_MS {
        let now = app.prefs.zone.get().civil(now_ms);
        match civil.year == now.year {
            true => format!("{} {}", civil.day_month(), civil.clock()),
            // As wide as the others.
            false => format!("{} {}", civil.day_of(&now), civil.clock_seconds()),
        }
    } else {
        civil.clock()
    }
}

fn hover_words(app: App, line: &Line) -> String {
    let mut words = exact(app, line.time_ms);
    if let Some(observed) = time::millis(&line.record.observed) {
        let delay = observed - line.time_ms;
        let word = if delay < 0 { "before" } else { "after" };
        words.push_str(&format!("\nread {} {word} its time", number::duration(delay as f64)));
    }
    words
}

/// Someone who marks text does not want to open the line.
fn selects_text() -> bool {
    window().get_selection().ok().flatten().is_some_and(|selection| {
        !selection.is_collapsed()
            && JsValue::from(selection.to_string())
                .as_string()
                .is_some_and(|text| !text.trim().is_empty())
    })
}
