//! `GET /api/v1/record/{id}`: a record by its permalink.

use axum::Json;
use axum::extract::Path;
use timberline_proto::api::Record;
use timberline_proto::id::RecordId;

use crate::http::error::HttpError;
use crate::http::reader::CallersReader;

pub(super) async fn get(
    CallersReader(reader): CallersReader,
    Path(id): Path<String>,
) -> Result<Json<Record>, HttpError> {
    let id: RecordId = id
        .parse()
        .map_err(|error| HttpError::new("bad_request", format!("{error}")))?;
    Ok(Json(reader.record(&id).await?))
}
