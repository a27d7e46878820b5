//! `GET /api/v1/record/{id}`: a record by its permalink.

use axum::Json;
use axum::extract::{Path, State};
use timberline_proto::api::Record;
use timberline_proto::id::RecordId;

use crate::http::error::HttpError;
use crate::http::state::HttpState;

pub(super) async fn get(State(state): State<HttpState>, Path(id): Path<String>) -> Result<Json<Record>, HttpError> {
    let id: RecordId = id
        .parse()
        .map_err(|error| HttpError::new("bad_request", format!("{error}")))?;
    Ok(Json(state.reader.record(&id).await?))
}
