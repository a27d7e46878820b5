//! Receivers over HTTP, one route per file, and the server that carries them.

mod guard;
mod ingest;
mod serve;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::post;

pub use guard::{HostGuard, guard};
pub use serve::{ServeOptions, serve};

use crate::Collector;

/// The receivers' routes.
pub fn router(collector: Collector) -> Router {
    let body_bytes_max = collector.options().ingest_body_bytes_max;
    Router::new()
        .route("/api/v1/ingest", post(ingest::post))
        .layer(DefaultBodyLimit::max(body_bytes_max))
        .with_state(collector)
}
