//! `/api/v1/account` and `/api/v1/sessions`: what everybody changes of their own account.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use timberline_proto::api::access::{RecoveryCodes, SessionList, TotpSecret};

use super::{Refused, act, read};
use crate::access::{Access, Caller};

pub(super) async fn password(State(access): State<Access>, caller: Caller, body: Bytes) -> Result<StatusCode, Refused> {
    access.change_own_password(read(&body)?, caller).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn offer_totp(
    State(access): State<Access>,
    caller: Caller,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<TotpSecret>, Refused> {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let host = host.unwrap_or_default().to_owned();
    Ok(Json(access.offer_totp(read(&body)?, caller, host).await?))
}

pub(super) async fn confirm_totp(
    State(access): State<Access>,
    caller: Caller,
    body: Bytes,
) -> Result<Json<RecoveryCodes>, Refused> {
    Ok(Json(access.confirm_totp(read(&body)?, caller).await?))
}

pub(super) async fn remove_totp(
    State(access): State<Access>,
    caller: Caller,
    body: Bytes,
) -> Result<StatusCode, Refused> {
    access.remove_totp(read(&body)?, caller).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn sessions(State(access): State<Access>, caller: Caller) -> Json<SessionList> {
    Json(access.sessions(&caller))
}

pub(super) async fn end_session(
    State(access): State<Access>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, Refused> {
    act(move || access.end_session(&id, &caller)).await?;
    Ok(StatusCode::NO_CONTENT)
}
