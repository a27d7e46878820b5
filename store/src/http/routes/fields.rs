//! `POST /api/v1/fields`

use axum::Json;
use axum::extract::State;
use timberline_proto::api::{FieldsAnswer, FieldsRequest};

use crate::http::error::{Body, HttpError};
use crate::http::state::HttpState;

pub(super) async fn post(
    State(state): State<HttpState>,
    Body(request): Body<FieldsRequest>,
) -> Result<Json<FieldsAnswer>, HttpError> {
    Ok(Json(state.reader.fields(request).await?))
}
