//! `GET /api/v1/context?id=&before=&after=`: the records around one, in the order of its file.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use timberline_proto::api::ContextAnswer;
use timberline_proto::id::RecordId;

use crate::http::error::{HttpError, Query};
use crate::http::state::HttpState;

const AROUND_DEFAULT: usize = 10;
const AROUND_MAX: usize = 1000;

#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    id: String,
    before: Option<usize>,
    after: Option<usize>,
}

pub(super) async fn get(
    State(state): State<HttpState>,
    Query(asked): Query<Asked>,
) -> Result<Json<ContextAnswer>, HttpError> {
    let id: RecordId = asked
        .id
        .parse()
        .map_err(|error| HttpError::new("bad_request", format!("{error}")))?;
    let around = |n: Option<usize>| n.unwrap_or(AROUND_DEFAULT).min(AROUND_MAX);
    Ok(Json(
        state
            .reader
            .context(&id, around(asked.before), around(asked.after))
            .await?,
    ))
}
