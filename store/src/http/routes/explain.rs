//! `POST /api/v1/explain`: why a search found nothing.

use axum::Json;
use axum::extract::State;
use timberline_proto::api::{ExplainAnswer, ExplainRequest};

use crate::http::error::{Body, HttpError};
use crate::http::state::HttpState;

pub(super) async fn post(
    State(state): State<HttpState>,
    Body(request): Body<ExplainRequest>,
) -> Result<Json<ExplainAnswer>, HttpError> {
    Ok(Json(state.reader.explain(request).await?))
}
