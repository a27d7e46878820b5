//! `POST /api/v1/histogram`

use axum::Json;
use timberline_proto::api::{HistogramAnswer, HistogramRequest};

use crate::http::error::{Body, HttpError};
use crate::http::reader::CallersReader;
use crate::http::searches::OnRecord;

pub(super) async fn post(
    CallersReader(reader): CallersReader,
    on_record: OnRecord,
    Body(request): Body<HistogramRequest>,
) -> Result<Json<HistogramAnswer>, HttpError> {
    on_record
        .search(&request.query, request.from.as_deref(), request.to.as_deref())
        .await?;
    Ok(Json(reader.histogram(request).await?))
}
