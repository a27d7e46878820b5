//! An opened line: all of its text, its fields with filter-for and filter-out, where it stands.

use std::sync::Arc;

use leptos::prelude::*;
use serde_json::Value;

use super::{
    icon::{self, Icon},
    search::exact,
};
use crate::{
    keys,
    model::{app::App, window::Line},
    text::{
        number,
        printable::{Layout, printable},
        time,
    },
};

/// Bytes of the text drawn at once; the rest on demand.
const TEXT_BYTES_MAX: usize = 50_000;

/// The opened line.
#[component]
pub(crate) fn Detail(line: Arc<Line>) -> impl IntoView {
    let app = App::get();
    let record = &line.record;
    let fields = record
        .fields
        .iter()
        .map(|(name, value)| (name.clone(), value_text(value), kind(value)))
        .collect::<Vec<_>>();
    let stream = record
        .stream
        .iter()
        .map(|(name, value)| (name.clone(), value.clone(), "text"))
        .collect::<Vec<_>>();
    let severity = record
        .severity
        .clone()
        .map(|severity| vec![("severity".to_owned(), severity, "text")])
        .unwrap_or_default();
    let place = record.place.clone().map(|place| {
        format!(
            "bytes {} – {} of generation {}, read by agent {}",
            number::grouped(place.start),
            number::grouped(place.start + place.length),
            place.generation,
            place.agent
        )
    });
    let delay = time::millis(&record.observed).map(|observed| {
        let delay = observed - line.time_ms;
        format!(
            ", read {} {}",
            number::duration(delay as f64),
            if delay < 0 { "before" } else { "later" }
        )
    });
    let (copied, linked, around, permalink) = (
        Arc::clone(&line),
        Arc::clone(&line),
        Arc::clone(&line),
        record.id.clone(),
    );
    let exact_time = {
        let time_ms = line.time_ms;
        move || exact(app, time_ms)
    };
    view! {
        <div class="detail">
            <div class="detail-actions">
                <button class="button small" title="Copy the line (y)" on:click=move |_| app.copy(&copied.record.body, "Line")>
                    <Icon path=icon::COPY/> "Copy line"
                </button>
                <button class="button small" on:click=move |_| {
                    app.copy(&serde_json::to_string_pretty(&linked.record).unwrap_or_default(), "JSON");
                }>
                    <Icon path=icon::COPY/> "Copy JSON"
                </button>
                <button class="button small" title="The same file around this line (c)" on:click=move |_| keys::show_context(app, &around)>
                    <Icon path=icon::CONTEXT/> "Context"
                </button>
                <button class="button small" on:click=move |_| app.copy(&window().location().href().unwrap_or_default(), "Link")>
                    <Icon path=icon::LINK/> "Copy link"
                </button>
                <button class="button small bare" title="Close (Esc)" aria-label="Close" on:click=move |_| app.open(None)>
                    <Icon path=icon::CLOSE/>
                </button>
            </div>
            <Text line=Arc::clone(&line)/>
            <table class="detail-fields">
                <tbody>
                    {severity.into_iter().chain(fields).map(|field| field_row(app, field)).collect_view()}
                    {stream.into_iter().map(|field| field_row(app, field)).collect_view()}
                </tbody>
            </table>
            <div class="detail-place">
                <span>{exact_time}{delay}</span>
                <span class="mono">{permalink}</span>
                {place.map(|place| view! { <span>{place}</span> })}
            </div>
        </div>
    }
}

#[component]
fn Text(line: Arc<Line>) -> impl IntoView {
    let whole = RwSignal::new(line.record.body.len() <= TEXT_BYTES_MAX);
    let size = number::bytes(line.record.body.len() as u64);
    let undecodable = line.record.body_base64.is_some();
    let text = move || {
        let body = &line.record.body;
        let mut end = if whole.get() { body.len() } else { TEXT_BYTES_MAX };
        while !body.is_char_boundary(end) {
            end -= 1;
        }
        printable(&body[..end], Layout::Block).into_owned()
    };
    view! {
        <pre class="detail-text">{text}</pre>
        {undecodable.then(|| view! { <p class="detail-note">"Some bytes of this line are not UTF-8 and are shown as \u{fffd}. Copy JSON to get them all, in base64."</p> })}
        <Show when=move || !whole.get()>
            <button class="button small" on:click=move |_| whole.set(true)>"Show all of " {size.clone()}</button>
        </Show>
    }
}

fn field_row(app: App, (name, value, kind): (String, String, &'static str)) -> impl IntoView {
    let shown = printable(&value, Layout::Block).into_owned();
    let field = Arc::new((name.clone(), value));
    let (keep, drop, copy) = (Arc::clone(&field), Arc::clone(&field), Arc::clone(&field));
    view! {
        <tr>
            <td class="detail-do">
                <button class="button bare" title="Keep only these" aria-label=format!("Keep only {name}") on:click=move |_| app.filter(Some(&keep.0), &keep.1, true)>
                    <Icon path=icon::KEEP/>
                </button>
                <button class="button bare" title="Leave these out" aria-label=format!("Leave out {name}") on:click=move |_| app.filter(Some(&drop.0), &drop.1, false)>
                    <Icon path=icon::DROP/>
                </button>
                <button class="button bare" title="Copy" aria-label=format!("Copy {name}") on:click=move |_| app.copy(&copy.1, "Value")>
                    <Icon path=icon::COPY/>
                </button>
            </td>
            <th scope="row">{name.clone()}</th>
            <td class=format!("detail-value {kind}")>{shown}</td>
        </tr>
    }
}

fn value_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Number(_) => "figure",
        Value::Bool(_) | Value::Null => "word",
        _ => "text",
    }
}
