//! `GET /api/v1/alerts/targets`, `POST /api/v1/alerts/targets/{name}/test`.

use axum::Json;
use axum::extract::{Path, State};
use timberline_collector::access::Caller;
use timberline_proto::alert::notify::{TargetTestAnswer, TargetsAnswer};

use super::with;
use crate::http::error::HttpError;
use crate::http::state::HttpState;

pub(super) async fn list(State(state): State<HttpState>) -> Result<Json<TargetsAnswer>, HttpError> {
    Ok(Json(with(&state, |notifier| notifier.targets()).await?))
}

pub(super) async fn test(
    State(state): State<HttpState>,
    Path(name): Path<String>,
    caller: Caller,
) -> Result<Json<TargetTestAnswer>, HttpError> {
    let actor = caller.actor;
    Ok(Json(with(&state, move |notifier| notifier.test(&name, &actor)).await?))
}
