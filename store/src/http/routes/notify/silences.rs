//! `GET`, `POST /api/v1/alerts/silences`; `PUT`, `DELETE /api/v1/alerts/silences/{id}`.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use timberline_collector::http::PeerAddress;
use timberline_proto::alert::notify::{KeptSilence, Silence, SilenceChange, SilencesAnswer};

use super::super::change::{Deleted, origin};
use super::with;
use crate::http::error::{Body, HttpError, Query};
use crate::http::state::HttpState;

pub(super) async fn list(State(state): State<HttpState>) -> Result<Json<SilencesAnswer>, HttpError> {
    Ok(Json(with(&state, |notifier| notifier.silences()).await?))
}

pub(super) async fn create(
    State(state): State<HttpState>,
    peer: Option<Extension<PeerAddress>>,
    Body(silence): Body<Silence>,
) -> Result<(StatusCode, Json<KeptSilence>), HttpError> {
    let origin = origin(peer);
    let made = with(&state, move |notifier| {
        notifier.create_silence(&silence, origin.as_deref())
    })
    .await?;
    Ok((StatusCode::CREATED, Json(made)))
}

pub(super) async fn change(
    State(state): State<HttpState>,
    Path(id): Path<String>,
    peer: Option<Extension<PeerAddress>>,
    Body(change): Body<SilenceChange>,
) -> Result<Json<KeptSilence>, HttpError> {
    let origin = origin(peer);
    let changed = with(&state, move |notifier| {
        notifier.change_silence((&id, change.version), &change.silence, origin.as_deref())
    });
    Ok(Json(changed.await?))
}

pub(super) async fn delete(
    State(state): State<HttpState>,
    Path(id): Path<String>,
    Query(deleted): Query<Deleted>,
    peer: Option<Extension<PeerAddress>>,
) -> Result<StatusCode, HttpError> {
    let origin = origin(peer);
    with(&state, move |notifier| {
        notifier.delete_silence(&id, deleted.version, origin.as_deref())
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}
