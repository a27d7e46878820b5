//! `GET /api/v1/whoami`, `POST /api/v1/login`, `/logout`, `/setup`

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use timberline_proto::api::access::WhoAmI;

use super::{Refused, act, read};
use crate::access::{Access, Caller, LoggedIn, LoginFrom};
use crate::http::PeerAddress;

pub(super) async fn who_am_i(State(access): State<Access>, caller: Option<Extension<Caller>>) -> Response {
    let who = access.who_am_i(caller.as_ref().map(|Extension(caller)| caller));
    answered(who, None)
}

pub(super) async fn log_in(
    State(access): State<Access>,
    peer: Option<Extension<PeerAddress>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refused> {
    let logged_in = access.log_in(read(&body)?, from(peer, &headers)).await?;
    Ok(with_cookie(&access, logged_in))
}

pub(super) async fn set_up(
    State(access): State<Access>,
    peer: Option<Extension<PeerAddress>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refused> {
    let logged_in = access.set_up(read(&body)?, from(peer, &headers)).await?;
    Ok(with_cookie(&access, logged_in))
}

pub(super) async fn log_out(State(access): State<Access>, caller: Caller) -> Result<Response, Refused> {
    let cookie = cookie(&access, "", 0);
    act(move || access.log_out(&caller)).await?;
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie)]).into_response())
}

fn from(peer: Option<Extension<PeerAddress>>, headers: &HeaderMap) -> LoginFrom {
    let agent = headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok());
    LoginFrom {
        address: peer.map(|Extension(PeerAddress(address))| address.ip()),
        agent: agent.unwrap_or_default().to_owned(),
    }
}

fn with_cookie(access: &Access, logged_in: LoggedIn) -> Response {
    let life_s = access.options().session_lifetime.as_secs();
    answered(logged_in.who, Some(cookie(access, &logged_in.cookie, life_s)))
}

/// RFC 6265; no script reads it, and no other site's page sends it.
fn cookie(access: &Access, value: &str, life_s: u64) -> HeaderValue {
    let secure = if access.options().secure_cookies {
        "; Secure"
    } else {
        ""
    };
    let name = access.cookie_name();
    let text = format!("{name}={value}; Path=/; Max-Age={life_s}; HttpOnly; SameSite=Strict{secure}");
    HeaderValue::from_str(&text).expect("a session's cookie is of letters, digits, `_` and `-`")
}

fn answered(who: WhoAmI, cookie: Option<HeaderValue>) -> Response {
    let mut response = Json(who).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(cookie) = cookie {
        headers.insert(header::SET_COOKIE, cookie);
    }
    response
}
