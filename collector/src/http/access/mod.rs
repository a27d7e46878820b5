//! Routes about accounts: logging in, one's own account, users, roles, keys, sessions.

mod account;
mod keys;
mod login;
mod roles;
mod users;

use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::routing::{delete, get, post, put};
use axum::{Json, Router};
use timberline_proto::api::access::AccessAudit;

use super::agents::{Refused, answer_error};
use crate::access::{Access, AccessError};

/// What a request may hold.
const BODY_BYTES_MAX: usize = 64 << 10;

/// Every path with a method: what the API's description must hold.
pub const ACCESS_PATHS: &[(&str, &str)] = &[
    ("/api/v1/whoami", "get"),
    ("/api/v1/login", "post"),
    ("/api/v1/setup", "post"),
    ("/api/v1/logout", "post"),
    ("/api/v1/account/password", "post"),
    ("/api/v1/account/totp", "post"),
    ("/api/v1/account/totp/confirm", "post"),
    ("/api/v1/users", "post"),
    ("/api/v1/users/{name}", "put"),
    ("/api/v1/users/{name}/password", "post"),
    ("/api/v1/roles", "get"),
    ("/api/v1/roles/{name}", "put"),
    ("/api/v1/keys", "post"),
    ("/api/v1/keys/{id}", "delete"),
    ("/api/v1/sessions", "get"),
    ("/api/v1/sessions/{id}", "delete"),
    ("/api/v1/access/audit", "get"),
];

/// The routes.
pub fn access_router(access: Access) -> Router {
    Router::new()
        .route("/api/v1/whoami", get(login::who_am_i))
        .route("/api/v1/login", post(login::log_in))
        .route("/api/v1/setup", post(login::set_up))
        .route("/api/v1/logout", post(login::log_out))
        .route("/api/v1/account/password", post(account::password))
        .route(
            "/api/v1/account/totp",
            post(account::offer_totp).delete(account::remove_totp),
        )
        .route("/api/v1/account/totp/confirm", post(account::confirm_totp))
        .route("/api/v1/sessions", get(account::sessions))
        .route("/api/v1/sessions/{id}", delete(account::end_session))
        .route("/api/v1/users", get(users::list).post(users::create))
        .route("/api/v1/users/{name}", put(users::change).delete(users::delete))
        .route("/api/v1/users/{name}/password", post(users::password))
        .route("/api/v1/roles", get(roles::list))
        .route("/api/v1/roles/{name}", put(roles::put).delete(roles::delete))
        .route("/api/v1/keys", get(keys::list).post(keys::create))
        .route("/api/v1/keys/{id}", delete(keys::revoke))
        .route("/api/v1/access/audit", get(audit))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(access)
}

async fn audit(axum::extract::State(access): axum::extract::State<Access>) -> Json<AccessAudit> {
    Json(access.audit())
}

impl From<AccessError> for Refused {
    fn from(error: AccessError) -> Self {
        let (status, code) = match &error {
            AccessError::LoginFailed => (StatusCode::UNAUTHORIZED, "login_failed"),
            AccessError::CodeNeeded => (StatusCode::UNAUTHORIZED, "code_needed"),
            AccessError::TooMany => (StatusCode::TOO_MANY_REQUESTS, "too_many"),
            AccessError::Busy => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
            AccessError::Bad(_) => (StatusCode::BAD_REQUEST, "bad_request"),
            AccessError::NotFound(_) => (StatusCode::NOT_FOUND, "not_found"),
            AccessError::Conflict(_) => (StatusCode::CONFLICT, "conflict"),
            AccessError::Forbidden(_) => (StatusCode::FORBIDDEN, "forbidden"),
            AccessError::Failed(_) => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
        };
        answer_error(status, code, error.to_string())
    }
}

/// Acts block: they write to the disk.
async fn act<T: Send + 'static>(work: impl FnOnce() -> Result<T, AccessError> + Send + 'static) -> Result<T, Refused> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => Ok(done?),
        Err(error) => Err(AccessError::Failed(error.to_string()).into()),
    }
}

/// A body of JSON; what is wrong with it is said without what it holds, which may be a password.
fn read<T: serde::de::DeserializeOwned>(body: &axum::body::Bytes) -> Result<T, Refused> {
    serde_json::from_slice(body).map_err(|error| {
        let place = format!("line {}, column {}", error.line(), error.column());
        let what = match error.classify() {
            serde_json::error::Category::Data => "the fields are not those that are documented",
            _ => "it is not JSON",
        };
        answer_error(
            StatusCode::BAD_REQUEST,
            "bad_request",
            format!("the body: {what} ({place})"),
        )
    })
}
