//! `POST /api/v1/explain`: why a search found nothing.

use axum::Json;
use timberline_proto::api::{ExplainAnswer, ExplainRequest};

use crate::http::error::{Body, HttpError};
use crate::http::reader::CallersReader;
use crate::http::searches::OnRecord;

pub(super) async fn post(
    CallersReader(reader): CallersReader,
    on_record: OnRecord,
    Body(request): Body<ExplainRequest>,
) -> Result<Json<ExplainAnswer>, HttpError> {
    on_record
        .search(&request.query, request.from.as_deref(), request.to.as_deref())
        .await?;
    Ok(Json(reader.explain(request).await?))
}
