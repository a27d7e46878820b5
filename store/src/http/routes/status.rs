//! `GET /api/v1/status`

use axum::Json;
use axum::extract::State;
use timberline_proto::api::Status;

use crate::http::state::HttpState;

pub(super) async fn get(State(state): State<HttpState>) -> Json<Status> {
    Json(status(&state))
}

pub(super) fn status(state: &HttpState) -> Status {
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
