//! `GET /api/v1/status`

use axum::Json;
use axum::extract::State;
use timberline_proto::api::Status;

use crate::http::error::HttpError;
use crate::http::state::HttpState;

pub(super) async fn get(State(state): State<HttpState>) -> Result<Json<Status>, HttpError> {
    Ok(Json(status(&state).await?))
}

/// Asks the catalog, which may wait for a transaction: not on the async threads.
pub(super) async fn status(state: &HttpState) -> Result<Status, HttpError> {
    let state = state.clone();
    let status = tokio::task::spawn_blocking(move || looked_up(&state)).await;
    status.map_err(|error| HttpError::new("internal", format!("the status cannot be said: {error}")))
}

fn looked_up(state: &HttpState) -> Status {
    let stored = state.reader.stored();
    Status {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        data_dir: state.data_dir.to_string(),
        records: stored.records,
        raw_bytes: stored.raw_bytes,
        disk_bytes: stored.disk_bytes,
        splits: stored.splits,
        oldest: stored.oldest,
        newest: stored.newest,
        completeness: state.reader.status_completeness(),
    }
}
