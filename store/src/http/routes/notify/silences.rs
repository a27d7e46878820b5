//! `GET`, `POST /api/v1/alerts/silences`; `PUT`, `DELETE /api/v1/alerts/silences/{id}`.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use timberline_collector::access::Caller;
use timberline_proto::alert::notify::{KeptSilence, Silence, SilenceChange, SilencesAnswer};

use super::super::change::Deleted;
use super::with;
use crate::http::error::{Body, HttpError, Query};
use crate::http::state::HttpState;

pub(super) async fn list(State(state): State<HttpState>) -> Result<Json<SilencesAnswer>, HttpError> {
    Ok(Json(with(&state, |notifier| notifier.silences()).await?))
}

pub(super) async fn create(
    State(state): State<HttpState>,
    caller: Caller,
    Body(silence): Body<Silence>,
) -> Result<(StatusCode, Json<KeptSilence>), HttpError> {
    let actor = caller.actor;
    let made = with(&state, move |notifier| notifier.create_silence(&silence, &actor)).await?;
    Ok((StatusCode::CREATED, Json(made)))
}

pub(super) async fn change(
    State(state): State<HttpState>,
    Path(id): Path<String>,
    caller: Caller,
    Body(change): Body<SilenceChange>,
) -> Result<Json<KeptSilence>, HttpError> {
    let actor = caller.actor;
    let changed = with(&state, move |notifier| {
        notifier.change_silence((&id, change.version), &change.silence, &actor)
    });
    Ok(Json(changed.await?))
}

pub(super) async fn delete(
    State(state): State<HttpState>,
    Path(id): Path<String>,
    Query(deleted): Query<Deleted>,
    caller: Caller,
) -> Result<StatusCode, HttpError> {
    let actor = caller.actor;
    with(&state, move |notifier| {
        notifier.delete_silence(&id, deleted.version, &actor)
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}
