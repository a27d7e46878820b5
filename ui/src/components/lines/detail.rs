//! An opened line: all of its text, its fields with filter-for and filter-out, where it stands.

use std::sync::Arc;

use leptos::prelude::*;
use serde_json::Value;

use super::{
    super::{
        icon::{self, Icon},
        search::exact,
    },
    text::block_text,
};
use crate::{
    keys,
    lang::Hits,
    model::{app::App, columns, view::encode, window::Line},
    text::{
        json::{self, Kind},
        number,
        printable::{Layout, printable},
        time,
    },
};

/// Bytes of the text drawn at once; the rest on demand.
const TEXT_BYTES_MAX: usize = 50_000;

/// The opened line.
#[component]
pub(crate) fn Detail(line: Arc<Line>, hits: Memo<Arc<Hits>>) -> impl IntoView {
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
    let request = curl(&record.id);
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
                <button class="button small" title="A command that fetches this line" on:click=move |_| app.copy(&request, "Command")>
                    <Icon path=icon::COPY/> "Copy curl"
                </button>
                <button class="button small bare" title="Close (Esc)" aria-label="Close" on:click=move |_| app.open(None)>
                    <Icon path=icon::CLOSE/>
                </button>
            </div>
            <Text line=Arc::clone(&line) hits/>
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

/// The permalink's page of a line, as a command.
fn curl(id: &str) -> String {
    let origin = window().location().origin().unwrap_or_default();
    format!("curl -s '{origin}/api/v1/record/{}'", encode(id))
}

#[component]
fn Text(line: Arc<Line>, hits: Memo<Arc<Hits>>) -> impl IntoView {
    let whole = RwSignal::new(line.record.body.len() <= TEXT_BYTES_MAX);
    let size = number::bytes(line.record.body.len() as u64);
    let undecodable = line.record.body_base64.is_some();
    let laid_out = whole
        .get_untracked()
        .then(|| json::laid_out(&line.record.body))
        .flatten();
    let is_json = laid_out.is_some();
    let as_written = RwSignal::new(!is_json);
    let text = move || match &laid_out {
        Some(parts) if !as_written.get() => hits.with(|hits| parts.iter().map(|found| part(found, hits)).collect()),
        _ => {
            let body = &line.record.body;
            let end = if whole.get() { body.len() } else { TEXT_BYTES_MAX };
            hits.with(|hits| block_text(&body[..body.floor_char_boundary(end)], hits))
        }
    };
    let form = move |written: bool, word: &'static str| {
        let current = move || as_written.get() == written;
        view! {
            <button class="switch-part" class:current=current aria-pressed=move || current().to_string() on:click=move |_| as_written.set(written)>
                {word}
            </button>
        }
    };
    view! {
        <div class="detail-body">
            {is_json.then(|| view! { <div class="switch detail-form" role="group" aria-label="Form of the text">{form(false, "Laid out")}{form(true, "As written")}</div> })}
            <pre class="detail-text" tabindex="0" aria-label="Text of the line">{text}</pre>
        </div>
        {undecodable.then(|| view! { <p class="detail-note">"Some bytes of this line are not UTF-8 and are shown as \u{fffd}. Copy JSON to get them all, in base64."</p> })}
        <Show when=move || !whole.get()>
            <button class="button small" on:click=move |_| whole.set(true)>"Show all of " {size.clone()}</button>
        </Show>
    }
}

fn part((kind, text): &(Kind, String), hits: &Hits) -> AnyView {
    let class = match kind {
        Kind::Mark => return printable(text, Layout::Block).into_owned().into_any(),
        Kind::Key => "json-key",
        Kind::Text => "json-text",
        Kind::Word => "json-word",
    };
    view! { <span class=class>{block_text(text, hits)}</span> }.into_any()
}

fn field_row(app: App, (name, value, kind): (String, String, &'static str)) -> impl IntoView {
    let shown = printable(&value, Layout::Block).into_owned();
    let is_column = {
        let name = name.clone();
        Memo::new(move |_| app.view.with(|view| columns::has(&view.columns, &name)))
    };
    let field = Arc::new((name.clone(), value));
    let act = |title: &'static str, label: String, path, act: fn(App, &str, &str)| {
        let field = Arc::clone(&field);
        view! {
            <button class="button bare" title=title aria-label=label on:click=move |_| act(app, &field.0, &field.1)>
                <Icon path/>
            </button>
        }
    };
    view! {
        <tr>
            <td class="detail-do">
                {act("Keep only these", format!("Keep only {name}"), icon::KEEP, |app, name, value| app.filter(Some(name), value, true))}
                {act("Leave these out", format!("Leave out {name}"), icon::DROP, |app, name, value| app.filter(Some(name), value, false))}
                {act("Keep lines that have this field", format!("Keep lines that have {name}"), icon::HAS, |app, name, _| app.filter_exists(name, true))}
                <span class:current=move || is_column.get()>
                    {act("Show as a column, or not", format!("Column {name}"), icon::COLUMN, |app, name, _| app.change_columns(|columns| columns::toggle(columns, name)))}
                </span>
                {act("Copy", format!("Copy {name}"), icon::COPY, |app, _, value| app.copy(value, "Value"))}
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
