//! `/api/v1/users`

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use timberline_proto::api::access::{NewPassword, UserChange, UserInfo, UserList};

use super::{Refused, act, read};
use crate::access::{Access, Caller};

pub(super) async fn list(State(access): State<Access>) -> Json<UserList> {
    Json(access.users())
}

pub(super) async fn create(
    State(access): State<Access>,
    caller: Caller,
    body: Bytes,
) -> Result<(StatusCode, Json<UserInfo>), Refused> {
    let made = access.create_user(read(&body)?, caller).await?;
    Ok((StatusCode::CREATED, Json(made)))
}

pub(super) async fn change(
    State(access): State<Access>,
    caller: Caller,
    Path(name): Path<String>,
    body: Bytes,
) -> Result<Json<UserInfo>, Refused> {
    let change: UserChange = read(&body)?;
    act(move || access.change_user(&name, &change, &caller)).await.map(Json)
}

pub(super) async fn delete(
    State(access): State<Access>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<StatusCode, Refused> {
    act(move || access.delete_user(&name, &caller)).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn password(
    State(access): State<Access>,
    caller: Caller,
    Path(name): Path<String>,
    body: Bytes,
) -> Result<StatusCode, Refused> {
    let new: NewPassword = read(&body)?;
    access.set_password(name, new.password, caller).await?;
    Ok(StatusCode::NO_CONTENT)
}
