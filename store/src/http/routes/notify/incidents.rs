//! `GET /api/v1/alerts/incidents`; `GET`, `POST /api/v1/alerts/incidents/{id}`.

use axum::Json;
use axum::extract::{Path, State};
use serde::Deserialize;
use timberline_collector::access::Caller;
use timberline_proto::alert::notify::{IncidentAction, IncidentAnswer, IncidentsAnswer};
use timberline_proto::query::time_range::parse_time;

use super::with;
use crate::http::error::{Body, HttpError, Query};
use crate::http::state::HttpState;

const LIMIT: usize = 100;

#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    /// Only those that are not resolved.
    #[serde(default)]
    open: bool,
    /// Opened before, RFC 3339 or `-1h`.
    before: Option<String>,
    limit: Option<usize>,
}

pub(super) async fn list(
    State(state): State<HttpState>,
    Query(asked): Query<Asked>,
) -> Result<Json<IncidentsAnswer>, HttpError> {
    let before = asked.before.as_deref().map(instant).transpose()?;
    let limit = asked.limit.unwrap_or(LIMIT);
    Ok(Json(
        with(&state, move |notifier| notifier.incidents(asked.open, before, limit)).await?,
    ))
}

pub(super) async fn one(
    State(state): State<HttpState>,
    Path(id): Path<String>,
) -> Result<Json<IncidentAnswer>, HttpError> {
    Ok(Json(with(&state, move |notifier| notifier.incident(&id)).await?))
}

pub(super) async fn act(
    State(state): State<HttpState>,
    Path(id): Path<String>,
    caller: Caller,
    Body(action): Body<IncidentAction>,
) -> Result<Json<IncidentAnswer>, HttpError> {
    let actor = caller.actor;
    Ok(Json(
        with(&state, move |notifier| notifier.act(&id, &action, &actor)).await?,
    ))
}

fn instant(text: &str) -> Result<i64, HttpError> {
    let now = i64::try_from(jiff::Timestamp::now().as_nanosecond()).unwrap_or(i64::MAX);
    parse_time(text, now).map_err(|error| HttpError::new("bad_request", format!("before = {text:?}: {error}")))
}
