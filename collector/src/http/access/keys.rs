//! `/api/v1/keys`

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use timberline_proto::api::access::{KeyInfo, KeyList, NewKey};

use super::{Refused, act, read};
use crate::access::{Access, Caller};

pub(super) async fn list(State(access): State<Access>) -> Json<KeyList> {
    Json(access.keys())
}

/// The secret is shown in this answer, and never again.
pub(super) async fn create(
    State(access): State<Access>,
    caller: Caller,
    body: Bytes,
) -> Result<impl IntoResponse, Refused> {
    let new: NewKey = read(&body)?;
    let made = act(move || access.create_key(&new, &caller)).await?;
    Ok((StatusCode::CREATED, [(header::CACHE_CONTROL, "no-store")], Json(made)))
}

pub(super) async fn revoke(
    State(access): State<Access>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<KeyInfo>, Refused> {
    act(move || access.revoke_key(&id, &caller)).await.map(Json)
}
