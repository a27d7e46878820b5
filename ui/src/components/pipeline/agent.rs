//! One agent with its files: what is read, acked and still to come of each.

use leptos::prelude::*;
use timberline_proto::api::{AgentAnswer, AgentFile, AgentState};

use super::{ROWS_DRAWN_MAX, ago, rest, skeleton};
use crate::{
    components::{
        find::Find,
        sorted::{Head, Key, Order, sort},
    },
    model::{
        app::App,
        view::{Page, TimeRange},
    },
    text::number,
};

/// What is opened below the agent's row. The row is drawn anew with each answer: what is looked for, and
/// the order, are kept by the list.
#[component]
pub(crate) fn Agent(wanted: RwSignal<String>, order: Order) -> impl IntoView {
    let app = App::get();
    let agent = app.pipeline.agent;
    let files = Memo::new(move |_| {
        let wanted = wanted.get();
        let mut files = agent.with(|answer| answer.as_ref().map_or_else(Vec::new, files_of));
        files.retain(|file| file.path.contains(&wanted));
        sort(&mut files, order.get(), key);
        files
    });
    view! {
        <div class="agent">
            {move || agent.with(|answer| match answer {
                None => skeleton().into_any(),
                Some(answer) => facts(app, &answer.agent).into_any(),
            })}
            <div class="tools">
                <Find word="Find a file" wanted/>
            </div>
            <table class="rows wide">
                <thead><tr>
                    <Head at=0 word="File" order/>
                    <Head at=1 word="Acknowledged" title="Of the bytes in the file" numeric=true order/>
                    <Head at=2 word="Size" numeric=true order/>
                    <Head at=3 word="Behind" numeric=true order/>
                    <Head at=4 word="For" title="How long it has been behind" numeric=true order/>
                    <Head at=5 word="Rate" title="Bytes read a second, lately" numeric=true order/>
                    <Head at=6 word="Read to its end" order/>
                    <Head at=7 word="State" order/>
                </tr></thead>
                <tbody>
                    {move || files.with(|files| files.iter().take(ROWS_DRAWN_MAX).map(|file| row(app, file)).collect_view())}
                </tbody>
            </table>
            {move || rest(ROWS_DRAWN_MAX, files.with(Vec::len))}
        </div>
    }
}

/// Those that are behind first.
fn files_of(answer: &AgentAnswer) -> Vec<AgentFile> {
    let mut files = answer.most_behind.clone();
    let rest = answer
        .file_list
        .iter()
        .filter(|file| !answer.most_behind.iter().any(|known| known.path == file.path));
    files.extend(rest.cloned());
    files.extend(answer.left_out.iter().cloned());
    files
}

fn facts(app: App, agent: &AgentState) -> impl IntoView + use<> {
    let machine = agent.machine.as_ref().map(|machine| {
        format!(
            "{} {} · {} · {}",
            machine.os,
            machine.kernel,
            machine.arch,
            number::counted(machine.cpus.into(), "processor", "processors")
        )
    });
    let started = agent
        .started_at
        .as_deref()
        .map(|at| view! { <span>"started "{ago(app, at)}</span> });
    let dead = (agent.dead_letter_records > 0).then(|| {
        let count = number::counted(agent.dead_letter_records, "record", "records");
        view! { <span class="bad">{count}" refused for good, kept under dead-letter"</span> }
    });
    let pending = (agent.batches_pending > 0).then(
        || view! { <span>{number::counted(agent.batches_pending, "batch", "batches")}" without an answer"</span> },
    );
    let reason = agent
        .reason
        .clone()
        .map(|reason| view! { <p class="agent-reason">{reason}</p> });
    let host = agent.host.clone();
    view! {
        {reason}
        <div class="agent-facts">
            <span>"agent "<code>{agent.agent.clone()}</code></span>
            {machine.map(|machine| view! { <span>{machine}</span> })}
            {started}
            <span>{number::counted(agent.open_files, "file", "files")}" open"</span>
            {pending}
            {dead}
            <button class="button small" on:click=move |_| lines_of(app, &format!("host:{}", quoted(&host)))>"Lines of this host"</button>
        </div>
    }
}

fn row(app: App, file: &AgentFile) -> impl IntoView + use<> {
    let path = file.path.clone();
    let share = if file.end == 0 {
        100.0
    } else {
        file.acked.min(file.end) as f64 * 100.0 / file.end as f64
    };
    let behind = if file.lag_bytes == 0 {
        "–".to_owned()
    } else {
        number::bytes(file.lag_bytes)
    };
    let behind_for = if file.lag_bytes == 0 {
        "–".to_owned()
    } else {
        number::duration(file.lag_seconds * 1_000.0)
    };
    let state = match (&file.error, file.lost_bytes) {
        (Some(error), _) => view! { <span class="bad">{error.clone()}</span> }.into_any(),
        (None, 0) => view! { <span>"followed"</span> }.into_any(),
        (None, lost) => view! { <span class="bad">{number::bytes(lost)}" lost"</span> }.into_any(),
    };
    let query = format!("file:{}", quoted(&path));
    view! {
        <tr>
            <td><button class="link mono" title="Lines of this file" on:click=move |_| lines_of(app, &query)>{path.clone()}</button></td>
            <td class="number"><span class="meter" title=format!("{} of {}", number::bytes(file.acked), number::bytes(file.end))><i style:width=format!("{share:.1}%")></i></span></td>
            <td class="number">{number::bytes(file.end)}</td>
            <td class="number">{behind}</td>
            <td class="number">{behind_for}</td>
            <td class="number">{number::bytes(file.rate_bytes_per_second.max(0.0) as u64)}"/s"</td>
            <td>{file.read_to_end_at.as_deref().map(|at| ago(app, at))}</td>
            <td>{state}</td>
        </tr>
    }
}

/// Asks for all lines that match, whenever they were written.
fn lines_of(app: App, query: &str) {
    let query = query.to_owned();
    app.ask(|view| {
        view.page = Page::Search;
        view.item = None;
        view.part = crate::model::view::Part::default();
        view.query = query;
        view.range = TimeRange::all();
    });
}

/// As a value in a query.
fn quoted(value: &str) -> String {
    format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
}

fn key(file: &AgentFile, column: usize) -> Key {
    match column {
        0 => Key::Text(file.path.clone()),
        1 => Key::Number(file.acked as f64 / file.end.max(1) as f64),
        2 => Key::Number(file.end as f64),
        3 => Key::Number(file.lag_bytes as f64),
        4 => Key::Number(file.lag_seconds),
        5 => Key::Number(file.rate_bytes_per_second),
        6 => Key::Text(file.read_to_end_at.clone().unwrap_or_default()),
        _ => Key::Text(file.error.clone().unwrap_or_default()),
    }
}
