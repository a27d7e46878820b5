//! `GET /api/v1/store/room?rows=&query_id=`: what takes the room of the store.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use timberline_proto::api::room::RoomAnswer;

use crate::http::error::{HttpError, Query};
use crate::http::state::HttpState;
use crate::read::RoomRequest;

#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    rows: Option<usize>,
    query_id: Option<String>,
}

pub(super) async fn get(
    State(state): State<HttpState>,
    Query(asked): Query<Asked>,
) -> Result<Json<RoomAnswer>, HttpError> {
    let request = RoomRequest {
        rows: asked.rows,
        query_id: asked.query_id.filter(|id| !id.is_empty()),
    };
    let answer = state.reader.room(request).await?;
    // Planning goes through all splits.
    let merges = tokio::task::spawn_blocking(move || state.metrics.merges()).await;
    let merges = merges.map_err(|error| HttpError::new("internal", format!("merges cannot be planned: {error}")))?;
    Ok(Json(RoomAnswer { merges, ..answer }))
}
