//! `GET /livez`: the process answers. `GET /readyz`: it takes records and questions.

use axum::extract::State;

use crate::http::error::HttpError;
use crate::http::state::HttpState;

pub(super) async fn live() -> &'static str {
    "ok\n"
}

pub(super) async fn ready(State(state): State<HttpState>) -> Result<&'static str, HttpError> {
    match state.metrics.not_ready() {
        None => Ok("ok\n"),
        Some(reason) => Err(HttpError::new("unavailable", reason)),
    }
}
