//! `GET /metrics`, in Prometheus' text format.

use std::fmt::Write;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};

use super::status::status;
use crate::http::error::HttpError;
use crate::http::state::HttpState;

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
    text.push_str(&state.metrics.text());
    Ok((
        [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")],
        text,
    )
        .into_response())
}
