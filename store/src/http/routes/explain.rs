//! `POST /api/v1/explain`: why a search found nothing.

use axum::Json;
use timberline_proto::api::{ExplainAnswer, ExplainRequest};

use crate::http::error::{Body, HttpError};
use crate::http::reader::CallersReader;

pub(super) async fn post(
    CallersReader(reader): CallersReader,
    Body(request): Body<ExplainRequest>,
) -> Result<Json<ExplainAnswer>, HttpError> {
    Ok(Json(reader.explain(request).await?))
}
