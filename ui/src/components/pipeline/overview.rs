//! A row of numbers about the whole way.

use leptos::prelude::*;
use timberline_proto::api::Status;

use super::ago;
use crate::{model::app::App, text::number};

/// The row.
#[component]
pub(crate) fn Overview() -> impl IntoView {
    let app = App::get();
    // What a tile says, once the store has said how it is.
    let said = move |get: fn(&Status) -> String| move || app.pipeline.status.with(|status| status.as_ref().map(get));
    let is =
        move |test: fn(&Status) -> bool| move || app.pipeline.status.with(|status| status.as_ref().is_some_and(test));
    let newest = move || {
        app.pipeline
            .status
            .with(|status| status.as_ref().and_then(|status| status.newest.clone()))
    };
    let data_dir = said(|status| format!("Data in {}", status.data_dir));
    view! {
        <dl class="tiles">
            <div class="tile">
                <dt>"Stored lines"</dt>
                <dd>{said(|status| number::short(status.records))}</dd>
                <dd class="tile-more">{said(stored)}</dd>
            </div>
            <div class="tile">
                <dt>"Newest line"</dt>
                <dd>{move || newest().map(|newest| ago(app, &newest))}</dd>
                <dd class="tile-more">"by its own time"</dd>
            </div>
            <div class="tile" class:lacking=is(|status| status.completeness.agents_silent > 0)>
                <dt>"Behind"</dt>
                <dd>{said(|status| number::bytes(status.completeness.lag_bytes))}</dd>
                <dd class="tile-more">{said(behind)}</dd>
            </div>
            <div class="tile">
                <dt>"In the queue"</dt>
                <dd>{said(|status| number::short(status.completeness.queued_records))}</dd>
                <dd class="tile-more">"lines, taken and not searchable yet"</dd>
            </div>
            <div class="tile" class:bad=is(has_lost)>
                <dt>"Lost"</dt>
                <dd>{said(|status| number::bytes(status.completeness.lost_bytes))}</dd>
                <dd class="tile-more">{said(|status| match has_lost(status) {
                    true => "gone before they were read: see the ledger".to_owned(),
                    false => "nothing is missing".to_owned(),
                })}</dd>
            </div>
            <div class="tile" class:bad=is(|status| status.not_ready.is_some())>
                <dt>"This node"</dt>
                <dd>{said(|status| if status.not_ready.is_some() { "Not ready" } else { "Ready" }.to_owned())}</dd>
                <dd class="tile-more" title=data_dir>{said(node)}</dd>
            </div>
        </dl>
    }
}

fn stored(status: &Status) -> String {
    format!(
        "{} of lines in {}, {}",
        number::bytes(status.raw_bytes),
        number::bytes(status.disk_bytes),
        number::share(status.disk_bytes, status.raw_bytes)
    )
}

fn behind(status: &Status) -> String {
    let completeness = &status.completeness;
    let late = completeness.sources - completeness.sources_current.min(completeness.sources);
    let sources = match (completeness.sources, late) {
        (0, _) => "no source yet".to_owned(),
        (all, 0) => format!("all of {} current", number::counted(all, "source", "sources")),
        (all, late) => format!(
            "{} of {} late",
            number::grouped(late),
            number::counted(all, "source", "sources")
        ),
    };
    match completeness.agents_silent {
        0 => sources,
        silent => format!("{sources} · {} silent", number::counted(silent, "agent", "agents")),
    }
}

fn has_lost(status: &Status) -> bool {
    status.completeness.lost_bytes > 0
}

/// Why it takes nothing, or what it uses.
fn node(status: &Status) -> String {
    if let Some(why) = &status.not_ready {
        return why.clone();
    }
    let memory = status
        .memory_bytes
        .map(|bytes| format!("{} of memory", number::bytes(bytes)));
    let free = status
        .disk_free_bytes
        .map(|bytes| format!("{} free on disk", number::bytes(bytes)));
    let known: Vec<String> = memory.into_iter().chain(free).collect();
    match known.is_empty() {
        true => format!("version {}", status.version),
        false => known.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_says_why_it_takes_nothing_before_anything_else() {
        let mut status = Status {
            memory_bytes: Some(3 << 20),
            disk_free_bytes: Some(5 << 30),
            ..Status::default()
        };
        assert_eq!(node(&status), "3 MiB of memory, 5 GiB free on disk");
        status.not_ready = Some("logs-0: disk full".into());
        assert_eq!(node(&status), "logs-0: disk full");
    }
}
