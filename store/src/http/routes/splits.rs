//! `GET /api/v1/splits`: the catalog's splits, and why answers go without some.
//! `POST /api/v1/splits/{id}/check`: reads one whole. A split that was damaged and is sound again,
//! because its file was restored, is taken back.

use axum::Json;
use axum::extract::{Path, State};
use timberline_proto::api::{SplitState, SplitsAnswer};
use timberline_proto::query::time_range::format_rfc3339_nanos;

use crate::catalog::CatalogSplit;
use crate::http::error::HttpError;
use crate::http::state::HttpState;

pub(super) async fn list(State(state): State<HttpState>) -> Json<SplitsAnswer> {
    let snapshot = state.catalog.snapshot();
    Json(SplitsAnswer {
        splits: snapshot.splits.iter().map(|split| described(split)).collect(),
    })
}

pub(super) async fn check(
    State(state): State<HttpState>,
    Path(id): Path<String>,
) -> Result<Json<SplitState>, HttpError> {
    Ok(Json(described(&*state.reader.check_split(&id).await?)))
}

fn described(split: &CatalogSplit) -> SplitState {
    let meta = &split.meta;
    SplitState {
        id: meta.id.clone(),
        topic: split.topic.clone(),
        records: meta.rows,
        raw_bytes: meta.raw_bytes,
        file_bytes: meta.file_bytes,
        oldest: format_rfc3339_nanos(meta.time_min),
        newest: format_rfc3339_nanos(meta.time_max),
        level: meta.level,
        quarantined: split.quarantined.clone(),
    }
}
