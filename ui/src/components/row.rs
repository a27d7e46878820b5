//! One line. Its text is only ever a text node.

use std::sync::Arc;

use leptos::{html, prelude::*};
use wasm_bindgen::{JsCast, JsValue, closure::Closure};

use super::{detail::Detail, search::exact};
use crate::{
    keys,
    lang::Hits,
    model::{
        app::App,
        layout::Layout,
        view::Page,
        window::{Line, Window},
    },
    text::{
        number,
        printable::{self, printable},
        segment::{segments, words},
        time,
    },
};

/// Bytes of a line that its row draws; the opened line shows all.
const ROW_BYTES_MAX: usize = 2_000;

/// The row, and under it the opened line.
#[component]
pub(crate) fn Row(
    index: i64,
    line: Arc<Line>,
    repeats_second: bool,
    window: RwSignal<Window>,
    layout: Memo<Layout>,
    opened_px: RwSignal<f64>,
    hits: Memo<Arc<Hits>>,
) -> impl IntoView {
    let app = App::get();
    let selected = move || app.selected.get() == Some(index);
    let id = line.record.id.clone();
    let opened = Memo::new(move |_| app.view.with(|view| view.open.as_deref() == Some(id.as_str())));
    let common = common(&line, window);
    let on_click = {
        let line = Arc::clone(&line);
        move |_| {
            if !selects_text() {
                app.word.set(None);
                app.selected.set(Some(index));
                keys::toggle(app, &line);
            }
        }
    };
    let level = line.level;
    let time_ms = line.time_ms;
    let hover = {
        let line = Arc::clone(&line);
        move || hover_words(app, &line)
    };
    let detail_line = Arc::clone(&line);
    let class = format!("row sev-{}", level.word());
    view! {
        <div
            class=class
            class:selected=selected
            class:opened=move || opened.get()
            class:common=common
            role="listitem"
            style:top=move || format!("{}px", layout.get().top(index))
        >
            <div class="row-line" on:click=on_click>
                <span class="row-time" class:repeats=repeats_second title=hover>{move || clock(app, time_ms)}</span>
                <i class="row-mark" title=level.word()></i>
                <b class="row-letter">{level.letter()}</b>
                <span class="row-text">{move || text(&line, &hits.get(), selected().then(|| app.word.get()).flatten())}</span>
            </div>
            {move || opened.get().then(|| view! { <Opened line=Arc::clone(&detail_line) opened_px/> })}
        </div>
    }
}

/// The opened line, measured so that the lines below make room.
#[component]
fn Opened(line: Arc<Line>, opened_px: RwSignal<f64>) -> impl IntoView {
    let node = NodeRef::<html::Div>::new();
    observe(move || node.get().map(|node| node.into()), move |px| opened_px.set(px));
    on_cleanup(move || opened_px.set(0.0));
    view! { <div class="opened-line" node_ref=node><Detail line/></div> }
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

/// Whether the line's template is common among the lines held.
fn common(line: &Line, window: RwSignal<Window>) -> Memo<bool> {
    let template = (!line.always_bright()).then(|| line.record.template.clone()).flatten();
    Memo::new(move |_| {
        template
            .as_deref()
            .is_some_and(|template| window.with(|window| window.is_common(template)))
    })
}

fn text(line: &Line, hits: &Hits, word: Option<usize>) -> Vec<AnyView> {
    let body = cut(&line.record.body);
    let chosen = word.and_then(|word| words(body).get(word).cloned());
    let found = hits.find(body);
    let marked = found.iter().chain(&chosen).map(|range| range.start).min();
    // What is marked stays as it is.
    let stamp = Some(time::stamp_bytes(body)).filter(|&end| end > 0 && marked.is_none_or(|start| start >= end));
    let stamp = stamp.unwrap_or(0);
    let head = (stamp > 0).then(|| view! { <span class="stamp">{body[..stamp].to_owned()}</span> }.into_any());
    let mut pieces: Vec<AnyView> = head
        .into_iter()
        .chain(
            segments(body, &found, chosen.as_ref())
                .into_iter()
                .filter(|segment| segment.range.end > stamp)
                .map(|segment| {
                    let range = segment.range.start.max(stamp)..segment.range.end;
                    let piece = printable(&body[range], printable::Layout::Row).into_owned();
                    match (segment.hit, segment.variable, segment.chosen) {
                        (false, false, false) => piece.into_any(),
                        (false, _, chosen) => view! { <span class="v" class:word=chosen>{piece}</span> }.into_any(),
                        (true, _, chosen) => view! { <mark class:word=chosen>{piece}</mark> }.into_any(),
                    }
                }),
        )
        .collect();
    if body.len() < line.record.body.len() {
        let rest = number::bytes((line.record.body.len() - body.len()) as u64);
        pieces.push(view! { <span class="row-more">{format!(" … {rest} more")}</span> }.into_any());
    }
    pieces
}

fn cut(body: &str) -> &str {
    let mut end = body.len().min(ROW_BYTES_MAX);
    while !body.is_char_boundary(end) {
        end -= 1;
    }
    &body[..end]
}

/// The time of day; with the day where the range is longer than one.
fn clock(app: App, ms: i64) -> String {
    let civil = app.prefs.zone.get().civil(ms);
    if app.view.with(|view| view.page == Page::Live) {
        return civil.clock();
    }
    let bounds = app.search.bounds.get();
    let now_ms = bounds.now_ms;
    let oldest = bounds.from_ms.unwrap_or(i64::MIN / 2);
    if bounds.to_ms.unwrap_or(now_ms) - oldest > time::DAY_MS || now_ms - ms > time::DAY_MS {
        format!("{} {}", civil.day_month(), civil.clock())
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
