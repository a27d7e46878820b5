//! `GET /metrics`, in Prometheus' text format.

use std::fmt::Write;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use timberline_proto::gap;

use super::status::status;
use crate::http::error::HttpError;
use crate::http::state::HttpState;
use crate::read::ReadError;

pub(super) async fn get(State(state): State<HttpState>) -> Result<Response, HttpError> {
    let status = status(&state).await?;
    let mut text = String::new();
    let mut gauge = |name: &str, help: &str, value: u64| {
        // Writing to a String cannot fail.
        _ = write!(text, "# HELP {name} {help}\n# TYPE {name} gauge\n{name} {value}\n");
    };
    gauge(
        "timberline_store_records",
        "Records stored, live ones included.",
        status.records,
    );
    gauge(
        "timberline_store_raw_bytes",
        "Bytes of the lines in splits.",
        status.raw_bytes,
    );
    gauge(
        "timberline_store_disk_bytes",
        "Bytes of the splits' files.",
        status.disk_bytes,
    );
    gauge("timberline_store_splits", "Splits.", status.splits);
    gauge(
        "timberline_store_queued_records",
        "Records in the queue that the store has not taken.",
        status.completeness.queued_records,
    );
    let cache = state.reader.cache_stats();
    gauge(
        "timberline_query_cache_bytes",
        "Bytes kept of splits between queries.",
        cache.bytes,
    );
    gauge(
        "timberline_query_cache_hits",
        "Questions of a split whose answer was kept, since the start.",
        cache.hits,
    );
    gauge(
        "timberline_query_cache_misses",
        "Questions of a split whose answer was not kept, since the start.",
        cache.misses,
    );
    text.push_str(&ledger(&state).await?);
    if let Some(notifier) = state.notifier.clone() {
        let counts = tokio::task::spawn_blocking(move || notifier.metrics()).await;
        text.push_str(&counts.map_err(|error| HttpError::new("internal", error.to_string()))?);
    }
    if let Some(alerts) = state.alerts.clone() {
        let known = tokio::task::spawn_blocking(move || alerts.metrics()).await;
        let known = known.map_err(|error| HttpError::new("internal", error.to_string()))?;
        text.push_str(&known?);
    }
    text.push_str(&state.metrics.text());
    Ok((
        [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")],
        text,
    )
        .into_response())
}

/// What became of the bytes of files, and how the agents are.
async fn ledger(state: &HttpState) -> Result<String, HttpError> {
    let reader = state.reader.clone();
    let known =
        tokio::task::spawn_blocking(move || Ok::<_, ReadError>((reader.ledger_total()?, reader.agent_health()?)));
    let failed = |error| HttpError::new("internal", format!("the ledger cannot be read: {error}"));
    let (total, health) = known.await.map_err(failed)??;
    let mut text = String::new();
    let head = |name: &str, kind: &str, help: &str| format!("# HELP {name} {help}\n# TYPE {name} {kind}\n");
    for (what, help, bytes) in [
        ("read", "Bytes of files that agents have read.", total.read),
        (
            "acked",
            "Bytes of files that are durable in the queue, or were.",
            total.acked,
        ),
        ("indexed", "Bytes of files published in splits, ever.", total.indexed),
        (
            "removed",
            "Bytes of files in splits that retention deleted.",
            total.removed,
        ),
        ("doubled", "Bytes of files taken a second time.", total.doubled),
    ] {
        let name = format!("timberline_ledger_{what}_bytes_total");
        text.push_str(&head(&name, "counter", help));
        _ = writeln!(text, "{name} {bytes}");
    }
    for (name, help, bytes) in [
        (
            "timberline_ledger_damaged_bytes",
            "Bytes of files in splits that are damaged.",
            total.damaged as i64,
        ),
        (
            "timberline_ledger_unexplained_bytes",
            "Bytes of files that neither a split nor a gap explains; 0 unless something is at fault.",
            total.unexplained,
        ),
    ] {
        text.push_str(&head(name, "gauge", help));
        _ = writeln!(text, "{name} {bytes}");
    }
    let name = "timberline_ledger_gap_bytes_total";
    text.push_str(&head(
        name,
        "counter",
        "Bytes of files that became no record, by reason.",
    ));
    for kind in gap::kinds() {
        let bytes = total
            .gaps
            .iter()
            .find(|gap| gap.reason == kind)
            .map_or(0, |gap| gap.bytes);
        _ = writeln!(text, "{name}{{reason=\"{kind}\"}} {bytes}");
    }
    let name = "timberline_agents";
    text.push_str(&head(name, "gauge", "Agents by health."));
    for (word, agents) in [
        ("ok", health.ok),
        ("lagging", health.lagging),
        ("error", health.error),
        ("silent", health.silent),
    ] {
        _ = writeln!(text, "{name}{{health=\"{word}\"}} {agents}");
    }
    Ok(text)
}
