//! `POST /api/v1/histogram`

use axum::Json;
use axum::extract::State;
use timberline_proto::api::{HistogramAnswer, HistogramRequest};

use crate::http::error::{Body, HttpError};
use crate::http::state::HttpState;

pub(super) async fn post(
    State(state): State<HttpState>,
    Body(request): Body<HistogramRequest>,
) -> Result<Json<HistogramAnswer>, HttpError> {
    Ok(Json(state.reader.histogram(request).await?))
}
