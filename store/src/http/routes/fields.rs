//! `POST /api/v1/fields`

use axum::Json;
use timberline_proto::api::{FieldsAnswer, FieldsRequest};

use crate::http::error::{Body, HttpError};
use crate::http::reader::CallersReader;
use crate::http::searches::OnRecord;

pub(super) async fn post(
    CallersReader(reader): CallersReader,
    on_record: OnRecord,
    Body(request): Body<FieldsRequest>,
) -> Result<Json<FieldsAnswer>, HttpError> {
    on_record
        .search(&request.query, request.from.as_deref(), request.to.as_deref())
        .await?;
    Ok(Json(reader.fields(request).await?))
}
