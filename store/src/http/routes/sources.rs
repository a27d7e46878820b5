//! `GET /api/v1/sources?limit=`: every file that an agent follows, those most behind first.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use timberline_proto::api::SourcesAnswer;

use crate::http::error::{HttpError, Query};
use crate::http::state::HttpState;

const SOURCES_DEFAULT: usize = 1000;
const SOURCES_MAX: usize = 100_000;

#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    limit: Option<usize>,
}

pub(super) async fn get(
    State(state): State<HttpState>,
    Query(asked): Query<Asked>,
) -> Result<Json<SourcesAnswer>, HttpError> {
    let limit = asked.limit.unwrap_or(SOURCES_DEFAULT).min(SOURCES_MAX);
    Ok(Json(state.reader.sources(limit)))
}
