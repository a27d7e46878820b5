//! The counts for Prometheus to fetch.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context;
use axum::Router;
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::get;
use parking_lot::Mutex;

/// The text as it is now.
#[derive(Clone, Debug, Default)]
pub(super) struct Text(Arc<Mutex<String>>);

impl Text {
    pub(super) fn set(&self, text: String) {
        *self.0.lock() = text;
    }
}

/// Serves `GET /metrics` at the address; gives the address with the port that was taken.
///
/// # Errors
/// If it cannot be listened on.
pub(super) fn serve(runtime: &tokio::runtime::Runtime, address: &str, text: Text) -> anyhow::Result<SocketAddr> {
    let listener = runtime
        .block_on(tokio::net::TcpListener::bind(address))
        .with_context(|| format!("--metrics {address} cannot be listened on"))?;
    let local = listener.local_addr()?;
    let router = Router::new().route("/metrics", get(metrics)).with_state(text);
    runtime.spawn(async move { axum::serve(listener, router).await });
    Ok(local)
}

async fn metrics(State(text): State<Text>) -> impl IntoResponse {
    let text = text.0.lock().clone();
    (
        [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")],
        text,
    )
}
