//! `/api/v1/roles`

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use timberline_proto::api::access::{Role, RoleList};

use super::{Refused, act, read};
use crate::access::{Access, Caller};

pub(super) async fn list(State(access): State<Access>) -> Json<RoleList> {
    Json(access.roles())
}

/// The name is the path's, whatever the body says.
pub(super) async fn put(
    State(access): State<Access>,
    caller: Caller,
    Path(name): Path<String>,
    body: Bytes,
) -> Result<Json<Role>, Refused> {
    let role = Role { name, ..read(&body)? };
    act(move || access.put_role(&role, &caller)).await.map(Json)
}

pub(super) async fn delete(
    State(access): State<Access>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<StatusCode, Refused> {
    act(move || access.delete_role(&name, &caller)).await?;
    Ok(StatusCode::NO_CONTENT)
}
