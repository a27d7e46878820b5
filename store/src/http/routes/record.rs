//! `GET /api/v1/record/{id}`: a record by its permalink.

use axum::Json;
use axum::extract::Path;
use serde_json::json;
use timberline_proto::api::Record;
use timberline_proto::id::RecordId;

use crate::http::error::HttpError;
use crate::http::reader::CallersReader;
use crate::http::searches::OnRecord;

pub(super) async fn get(
    CallersReader(reader): CallersReader,
    on_record: OnRecord,
    Path(id): Path<String>,
) -> Result<Json<Record>, HttpError> {
    let id: RecordId = id
        .parse()
        .map_err(|error| HttpError::new("bad_request", format!("{error}")))?;
    on_record.look("record", json!({ "id": id.to_string() })).await?;
    Ok(Json(reader.record(&id).await?))
}
