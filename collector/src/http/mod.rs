//! Receivers over HTTP, one route per file.

mod ingest;

use axum::Router;
use axum::routing::post;

use crate::Collector;

/// The receivers' routes.
pub fn router(collector: Collector) -> Router {
    Router::new().route("/api/v1/ingest", post(ingest::post)).with_state(collector)
}
