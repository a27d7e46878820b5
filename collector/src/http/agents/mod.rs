//! Routes below `/api/v1/agents` about tokens and about machines that enrolled with them.
//!
//! They take the permission `fleet.manage`; while there is no account, this machine only is asked nothing (see
//! [`Operator`]). What a proxy passes on comes from elsewhere. Host and Origin are checked as for every route.

mod audit;
mod config;
mod enrolled;
mod tokens;

use axum::extract::{DefaultBodyLimit, FromRequestParts};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use timberline_proto::api::ApiError;
use timberline_proto::api::access::Actor;
use timberline_proto::id::AgentId;

use super::serve::PeerAddress;
use crate::Collector;
use crate::access::{Asked, Caller, Proof};
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

/// Who says which machines may connect. Whoever is known by an account or a key may ask from anywhere; who is
/// let in without, from this machine alone, and through no proxy.
pub(in crate::http) struct Operator(pub(in crate::http) Actor);

impl<S: Send + Sync> FromRequestParts<S> for Operator {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refused> {
        let caller = Caller::from_request_parts(parts, state).await;
        let caller = caller.map_err(|_| {
            answer_error(
                StatusCode::INTERNAL_SERVER_ERROR,
                "internal",
                "nobody asked who is there: this route is not guarded".to_owned(),
            )
        })?;
        let asked = Asked {
            method: &parts.method,
            headers: &parts.headers,
            from: parts
                .extensions
                .get::<PeerAddress>()
                .map(|PeerAddress(address)| address.ip()),
        };
        let is_known = !matches!(caller.proof, Proof::Anyone | Proof::Local);
        if is_known || asked.is_local() {
            return Ok(Self(caller.actor));
        }
        Err(answer_error(
            StatusCode::FORBIDDEN,
            "forbidden",
            "without an account, who may connect is decided on the collector's own machine: ask it there, at 127.0.0.1, without a proxy between".to_owned(),
        ))
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
    use crate::access::Access;

    async fn asked_from(address: Option<&str>) -> Result<Operator, StatusCode> {
        asked_with(address, None).await
    }

    async fn asked_with(address: Option<&str>, header: Option<&'static str>) -> Result<Operator, StatusCode> {
        let mut request = Request::new(());
        if let Some(header) = header {
            request.headers_mut().insert(header, "127.0.0.1".parse().unwrap());
        }
        if let Some(address) = address {
            let address = PeerAddress(address.parse().unwrap());
            request.extensions_mut().insert(address);
        }
        let mut parts = request.into_parts().0;
        let access = Access::anyone();
        let asked = Asked {
            method: &parts.method,
            headers: &parts.headers,
            from: None,
        };
        let caller = access.identify(asked).unwrap();
        parts.extensions.insert(caller);
        let operator = Operator::from_request_parts(&mut parts, &()).await;
        operator.map_err(|refused| refused.status)
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
