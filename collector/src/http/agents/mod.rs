//! Routes below `/api/v1/agents` about tokens and about machines that enrolled with them.
//!
//! Until there are accounts, whoever may use them is decided by where they come from: this machine
//! only (see [`Origin`]). What a proxy passes on comes from elsewhere. Host and Origin are checked as for
//! every route.

mod audit;
mod config;
mod enrolled;
mod tokens;

use std::net::IpAddr;

use axum::extract::{DefaultBodyLimit, FromRequestParts};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use timberline_proto::api::ApiError;
use timberline_proto::id::AgentId;

use super::serve::PeerAddress;
use crate::Collector;
use crate::trust::{ManageError, Trust};

/// What a request may hold.
const BODY_BYTES_MAX: usize = 1 << 20;

/// The routes.
pub(super) fn router() -> Router<Collector> {
    Router::new()
        .route("/api/v1/agents/tokens", get(tokens::list).post(tokens::create))
        .route("/api/v1/agents/tokens/{id}/revoke", post(tokens::revoke))
        .route("/api/v1/agents/enrolled", get(enrolled::list))
        .route("/api/v1/agents/{id}/revoke", post(enrolled::revoke))
        .route("/api/v1/agents/{id}/allow", post(enrolled::allow))
        .route("/api/v1/agents/{id}/labels", post(enrolled::label))
        .route("/api/v1/agents/audit", get(audit::list))
        .route("/api/v1/agents/config", get(config::list).post(config::set))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
}

/// What proxies add to what they pass on (RFC 7239; RFC 9110, 7.6.3; and what was usual before).
const PASSED_ON_BY: [&str; 8] = [
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-forwarded-server",
    "x-real-ip",
    "x-client-ip",
    "via",
];

/// From where an operator asks. Only this machine's own addresses are let through, and of them no proxy.
pub(in crate::http) struct Origin(IpAddr);

impl Origin {
    fn text(&self) -> Option<String> {
        Some(self.0.to_string())
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Origin {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refused> {
        let forbidden = |message: &str| Err(answer_error(StatusCode::FORBIDDEN, "forbidden", message.to_owned()));
        if let Some(header) = PASSED_ON_BY.iter().find(|name| parts.headers.contains_key(**name)) {
            return forbidden(&format!(
                "who may connect is decided on the collector's own machine, and this request was passed on (`{header}`): ask it there, at 127.0.0.1"
            ));
        }
        match parts.extensions.get::<PeerAddress>() {
            Some(PeerAddress(address)) if address.ip().to_canonical().is_loopback() => Ok(Self(address.ip())),
            _ => forbidden("who may connect is decided on the collector's own machine: ask it there, at 127.0.0.1"),
        }
    }
}

/// What knows the machines, if this collector asks who they are.
fn trust(collector: &Collector) -> Result<Trust, Refused> {
    collector.trust().cloned().ok_or_else(|| {
        answer_error(
            StatusCode::CONFLICT,
            "unavailable",
            "this collector speaks plain text and enrolls nobody: set `server.grpc_tls.mode = \"mutual\"` and start it again".to_owned(),
        )
    })
}

fn machine_id(text: &str) -> Result<AgentId, Refused> {
    text.parse::<AgentId>()
        .map_err(|error| answer_error(StatusCode::BAD_REQUEST, "bad_request", error.to_string()))
}

/// Acts block: they write to the disk.
async fn act<T: Send + 'static>(work: impl FnOnce() -> Result<T, ManageError> + Send + 'static) -> Result<T, Refused> {
    let failed = |message| answer_error(StatusCode::INTERNAL_SERVER_ERROR, "internal", message);
    match tokio::task::spawn_blocking(work).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(ManageError::Bad(message))) => Err(answer_error(StatusCode::BAD_REQUEST, "bad_request", message)),
        Ok(Err(ManageError::NotFound(message))) => Err(answer_error(StatusCode::NOT_FOUND, "not_found", message)),
        Ok(Err(ManageError::Failed(error))) => {
            tracing::error!(%error, "the list of machines could not be written");
            Err(failed(error.to_string()))
        }
        Err(error) => Err(failed(error.to_string())),
    }
}

pub(super) fn answer_error(status: StatusCode, code: &'static str, message: String) -> Refused {
    Refused { status, code, message }
}

/// Why a request is not granted.
#[derive(Debug)]
pub(super) struct Refused {
    status: StatusCode,
    code: &'static str,
    message: String,
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let error = ApiError {
            code: self.code.into(),
            message: self.message,
            ..ApiError::default()
        };
        (self.status, Json(error)).into_response()
    }
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    async fn asked_from(address: Option<&str>) -> Result<Origin, StatusCode> {
        asked_with(address, None).await
    }

    async fn asked_with(address: Option<&str>, header: Option<&'static str>) -> Result<Origin, StatusCode> {
        let mut request = Request::new(());
        if let Some(header) = header {
            request.headers_mut().insert(header, "127.0.0.1".parse().unwrap());
        }
        if let Some(address) = address {
            let address = PeerAddress(address.parse().unwrap());
            request.extensions_mut().insert(address);
        }
        let (mut parts, ()) = request.into_parts();
        let origin = Origin::from_request_parts(&mut parts, &()).await;
        origin.map_err(|refused| refused.status)
    }

    #[tokio::test]
    async fn who_may_connect_is_decided_on_the_machine_itself() {
        for address in ["127.0.0.1:9", "[::1]:9", "[::ffff:127.0.0.1]:9"] {
            assert!(asked_from(Some(address)).await.is_ok(), "{address}");
        }
        for address in [Some("10.0.0.1:9"), Some("[2001:db8::1]:9"), None] {
            assert!(
                asked_from(address)
                    .await
                    .is_err_and(|status| status == StatusCode::FORBIDDEN),
                "{address:?}"
            );
        }
    }

    #[tokio::test]
    async fn what_a_proxy_on_the_machine_passes_on_does_not_come_from_the_machine() {
        for header in ["Forwarded", "X-Forwarded-For", "X-Real-IP", "Via"] {
            let header: &'static str = header.to_lowercase().leak();
            let asked = asked_with(Some("127.0.0.1:9"), Some(header)).await;
            assert!(asked.is_err_and(|status| status == StatusCode::FORBIDDEN), "{header}");
        }
        assert!(asked_with(Some("127.0.0.1:9"), Some("user-agent")).await.is_ok());
    }
}
