//! Receivers over HTTP, one route per file, and the server that carries them.

mod access;
mod agents;
mod authorize;
mod guard;
mod ingest;
mod serve;
mod tls;
mod topics;
mod unpack;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::routing::{get, post};

pub use access::{ACCESS_PATHS, access_router};
pub use authorize::authorize;
pub use guard::{HostGuard, guard};
pub use serve::{PeerAddress, ServeOptions, serve};
pub use tls::HttpTls;
pub use topics::MessageReaders;

use crate::Collector;

/// `GET /livez` and `GET /readyz` of a collector that runs alone. `also` says what else keeps it from
/// being ready, such as its listeners.
pub fn health(collector: Collector, also: impl Fn() -> Option<String> + Clone + Send + Sync + 'static) -> Router {
    let ready = move || {
        let (why, pressure) = (collector.not_ready().or_else(&also), collector.queue().pressure());
        async move {
            match (why, pressure) {
                (None, None) => (StatusCode::OK, "ok\n".to_owned()),
                (None, Some(pressure)) => (StatusCode::OK, format!("ok, but {pressure}\n")),
                (Some(why), _) => (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")),
            }
        }
    };
    Router::new()
        .route("/livez", get(async || "ok\n"))
        .route("/readyz", get(ready))
}

/// Every path of [`router`] with a method: what the API's description must hold.
pub const PATHS: &[(&str, &str)] = &[
    ("/api/v1/ingest", "post"),
    ("/api/v1/topics", "get"),
    ("/api/v1/topics/{topic}/{partition}/messages", "get"),
    ("/api/v1/agents/tokens", "post"),
    ("/api/v1/agents/tokens/{id}/revoke", "post"),
    ("/api/v1/agents/enrolled", "get"),
    ("/api/v1/agents/{id}/revoke", "post"),
    ("/api/v1/agents/{id}/allow", "post"),
    ("/api/v1/agents/{id}/labels", "post"),
    ("/api/v1/agents/audit", "get"),
    ("/api/v1/agents/config", "post"),
];

/// The receivers' routes, and what the queue holds, of which `readers` may read the messages.
pub fn router(collector: Collector, readers: MessageReaders) -> Router {
    let body_bytes_max = collector.options().ingest_body_bytes_max;
    Router::new()
        .route("/api/v1/ingest", post(ingest::post))
        .merge(agents::router())
        .merge(topics::router(readers))
        .layer(DefaultBodyLimit::max(body_bytes_max))
        .with_state(collector)
}
