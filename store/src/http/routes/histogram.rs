//! `POST /api/v1/histogram`

use axum::Json;
use timberline_proto::api::{HistogramAnswer, HistogramRequest};

use crate::http::error::{Body, HttpError};
use crate::http::reader::CallersReader;

pub(super) async fn post(
    CallersReader(reader): CallersReader,
    Body(request): Body<HistogramRequest>,
) -> Result<Json<HistogramAnswer>, HttpError> {
    Ok(Json(reader.histogram(request).await?))
}
