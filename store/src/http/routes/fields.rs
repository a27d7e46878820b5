//! `POST /api/v1/fields`

use axum::Json;
use timberline_proto::api::{FieldsAnswer, FieldsRequest};

use crate::http::error::{Body, HttpError};
use crate::http::reader::CallersReader;

pub(super) async fn post(
    CallersReader(reader): CallersReader,
    Body(request): Body<FieldsRequest>,
) -> Result<Json<FieldsAnswer>, HttpError> {
    Ok(Json(reader.fields(request).await?))
}
