//! A row of numbers about the whole way.

use leptos::prelude::*;

use super::ago;
use crate::{model::app::App, text::number};

/// The row.
#[component]
pub(crate) fn Overview() -> impl IntoView {
    let app = App::get();
    let pipeline = app.pipeline;
    let stored = move || {
        pipeline
            .status
            .with(|status| status.as_ref().map(|status| number::short(status.records)))
    };
    let stored_more = move || {
        pipeline.status.with(|status| {
            let status = status.as_ref()?;
            Some(format!(
                "{} of lines in {}, {}",
                number::bytes(status.raw_bytes),
                number::bytes(status.disk_bytes),
                number::share(status.disk_bytes, status.raw_bytes)
            ))
        })
    };
    let of_completeness = move |get: fn(&timberline_proto::api::Completeness) -> u64| {
        pipeline
            .status
            .with(|status| status.as_ref().map(|status| get(&status.completeness)))
    };
    let behind = move || of_completeness(|c| c.lag_bytes).map(number::bytes);
    let behind_more = move || {
        pipeline.status.with(|status| {
            let completeness = &status.as_ref()?.completeness;
            let late = completeness.sources - completeness.sources_current.min(completeness.sources);
            Some(match (completeness.sources, late) {
                (0, _) => "no source yet".to_owned(),
                (all, 0) => format!("all of {} current", number::counted(all, "source", "sources")),
                (all, late) => format!(
                    "{} of {} late",
                    number::grouped(late),
                    number::counted(all, "source", "sources")
                ),
            })
        })
    };
    let queued = move || of_completeness(|c| c.queued_records).map(number::short);
    let lost = move || of_completeness(|c| c.lost_bytes).map(number::bytes);
    let has_lost = move || of_completeness(|c| c.lost_bytes).is_some_and(|bytes| bytes > 0);
    let silent = move || of_completeness(|c| c.agents_silent).unwrap_or(0);
    let is_silent = move || silent() > 0;
    view! {
        <dl class="tiles">
            <div class="tile">
                <dt>"Stored lines"</dt>
                <dd>{stored}</dd>
                <dd class="tile-more">{stored_more}</dd>
            </div>
            <div class="tile">
                <dt>"Newest line"</dt>
                <dd>{move || pipeline.status.with(|status| status.as_ref().and_then(|status| status.newest.clone())).map(|newest| ago(app, &newest))}</dd>
                <dd class="tile-more">"by its own time"</dd>
            </div>
            <div class="tile" class:lacking=is_silent>
                <dt>"Behind"</dt>
                <dd>{behind}</dd>
                <dd class="tile-more">{behind_more}{move || is_silent().then(|| format!(" · {} silent", number::counted(silent(), "agent", "agents")))}</dd>
            </div>
            <div class="tile">
                <dt>"In the queue"</dt>
                <dd>{queued}</dd>
                <dd class="tile-more">"lines, taken and not searchable yet"</dd>
            </div>
            <div class="tile" class:bad=has_lost>
                <dt>"Lost"</dt>
                <dd>{lost}</dd>
                <dd class="tile-more">{move || if has_lost() { "gone before they were read: see the ledger" } else { "nothing is missing" }}</dd>
            </div>
        </dl>
    }
}
