//! `GET /api/v1/alerts/deliveries`

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use timberline_proto::alert::notify::DeliveriesAnswer;

use super::with;
use crate::catalog::notify::DeliveryFilter;
use crate::http::error::{HttpError, Query};
use crate::http::state::HttpState;

const LIMIT: usize = 100;

#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    target: Option<String>,
    /// `waiting`, `delivered`, `failed`.
    state: Option<String>,
    /// An incident's id.
    incident: Option<String>,
    /// A delivery's id: those before it.
    before: Option<u64>,
    limit: Option<usize>,
}

pub(super) async fn list(
    State(state): State<HttpState>,
    Query(asked): Query<Asked>,
) -> Result<Json<DeliveriesAnswer>, HttpError> {
    let filter = DeliveryFilter {
        target: asked.target,
        state: asked.state,
        incident: asked.incident,
        before: asked.before,
    };
    let limit = asked.limit.unwrap_or(LIMIT);
    Ok(Json(
        with(&state, move |notifier| notifier.deliveries(&filter, limit)).await?,
    ))
}
