//! `GET /api/v1/alerts/targets`, `POST /api/v1/alerts/targets/{name}/test`.

use axum::extract::{Path, State};
use axum::{Extension, Json};
use timberline_collector::http::PeerAddress;
use timberline_proto::alert::notify::{TargetTestAnswer, TargetsAnswer};

use super::super::change::origin;
use super::with;
use crate::http::error::HttpError;
use crate::http::state::HttpState;

pub(super) async fn list(State(state): State<HttpState>) -> Result<Json<TargetsAnswer>, HttpError> {
    Ok(Json(with(&state, |notifier| notifier.targets()).await?))
}

pub(super) async fn test(
    State(state): State<HttpState>,
    Path(name): Path<String>,
    peer: Option<Extension<PeerAddress>>,
) -> Result<Json<TargetTestAnswer>, HttpError> {
    let origin = origin(peer);
    Ok(Json(
        with(&state, move |notifier| notifier.test(&name, origin.as_deref())).await?,
    ))
}
