//! Errors as JSON, with the status that says whose fault it is.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use timberline_proto::api::ApiError;
use timberline_proto::api::dashboards::Fault;

use crate::catalog::{CatalogError, DocumentError, HoldError, PolicyError, RuleError};
use crate::erase::ErasureError;
use crate::read::ReadError;

/// An error on its way to the client.
#[derive(Clone, Debug)]
pub struct HttpError(pub ApiError);

impl HttpError {
    /// With a code of [`ApiError::code`] and a sentence.
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        Self(ApiError {
            code: code.to_owned(),
            message: message.into(),
            ..ApiError::default()
        })
    }

    /// The status of its code.
    pub fn status(&self) -> StatusCode {
        match self.0.code.as_str() {
            "bad_query" | "bad_request" => StatusCode::BAD_REQUEST,
            "forbidden" => StatusCode::FORBIDDEN,
            "unauthenticated" => StatusCode::UNAUTHORIZED,
            "not_found" => StatusCode::NOT_FOUND,
            "incomplete" | "conflict" => StatusCode::CONFLICT,
            "limit" => StatusCode::UNPROCESSABLE_ENTITY,
            "too_large" => StatusCode::PAYLOAD_TOO_LARGE,
            // nginx's "client closed request": HTTP has no status of its own for it.
            "cancelled" => StatusCode::from_u16(499).unwrap_or(StatusCode::CONFLICT),
            "timeout" => StatusCode::GATEWAY_TIMEOUT,
            "unavailable" => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl From<ReadError> for HttpError {
    fn from(error: ReadError) -> Self {
        Self(error.to_api())
    }
}

impl From<DocumentError> for HttpError {
    fn from(error: DocumentError) -> Self {
        let code = match &error {
            DocumentError::Full { .. } => "limit",
            DocumentError::TooLarge { .. } => "too_large",
            DocumentError::NotThere { .. } => "not_found",
            DocumentError::Conflict { .. } => "conflict",
            DocumentError::Catalog(_) => "internal",
        };
        Self::new(code, error.to_string())
    }
}

impl From<RuleError> for HttpError {
    fn from(error: RuleError) -> Self {
        let code = match &error {
            RuleError::Full { .. } => "limit",
            RuleError::TooLarge { .. } => "too_large",
            RuleError::NotThere { .. } => "not_found",
            RuleError::NameTaken { .. } | RuleError::Conflict { .. } => "conflict",
            RuleError::Catalog(_) => "internal",
        };
        Self::new(code, error.to_string())
    }
}

impl From<PolicyError> for HttpError {
    fn from(error: PolicyError) -> Self {
        let code = match &error {
            PolicyError::Fault(_) | PolicyError::Select { .. } => "bad_request",
            PolicyError::Conflict { .. } => "conflict",
            PolicyError::Catalog(_) => "internal",
        };
        Self::new(code, error.to_string())
    }
}

impl From<HoldError> for HttpError {
    fn from(error: HoldError) -> Self {
        let code = match &error {
            HoldError::Select(_) | HoldError::EmptyRange => "bad_request",
            HoldError::Full => "limit",
            HoldError::NotThere { .. } => "not_found",
            HoldError::Released { .. } => "conflict",
            HoldError::Catalog(_) => "internal",
        };
        Self::new(code, error.to_string())
    }
}

impl From<ErasureError> for HttpError {
    fn from(error: ErasureError) -> Self {
        let code = match &error {
            ErasureError::Text(_) => "bad_request",
            ErasureError::NotThere { .. } => "not_found",
            ErasureError::State { .. } => "conflict",
            ErasureError::Own { .. } => "forbidden",
            ErasureError::Full { .. } => "limit",
            ErasureError::Later(_) | ErasureError::Source(_) => "unavailable",
            ErasureError::Catalog(_)
            | ErasureError::Split(_)
            | ErasureError::Store(_)
            | ErasureError::Backup(_)
            | ErasureError::Io { .. } => "internal",
        };
        Self::new(code, error.to_string())
    }
}

impl From<CatalogError> for HttpError {
    fn from(error: CatalogError) -> Self {
        Self::new("internal", error.to_string())
    }
}

impl From<Fault> for HttpError {
    fn from(fault: Fault) -> Self {
        Self::new("bad_request", fault.to_string())
    }
}

impl IntoResponse for HttpError {
    fn into_response(self) -> Response {
        (self.status(), Json(self.0)).into_response()
    }
}

/// A JSON body; what is wrong with it is said in our form.
#[derive(Clone, Debug)]
pub(super) struct Body<T>(pub(super) T);

impl<S: Send + Sync, T: serde::de::DeserializeOwned> axum::extract::FromRequest<S> for Body<T> {
    type Rejection = HttpError;

    async fn from_request(request: axum::extract::Request, state: &S) -> Result<Self, HttpError> {
        match Json::<T>::from_request(request, state).await {
            Ok(Json(body)) => Ok(Self(body)),
            Err(rejection) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => {
                Err(HttpError::new("too_large", rejection.body_text()))
            }
            Err(rejection) => Err(HttpError::new("bad_request", rejection.body_text())),
        }
    }
}

/// The query of the address; what is wrong with it is said in our form.
#[derive(Clone, Debug)]
pub(super) struct Query<T>(pub(super) T);

impl<S: Send + Sync, T: serde::de::DeserializeOwned> axum::extract::FromRequestParts<S> for Query<T> {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut axum::http::request::Parts, state: &S) -> Result<Self, HttpError> {
        match axum::extract::Query::<T>::from_request_parts(parts, state).await {
            Ok(axum::extract::Query(query)) => Ok(Self(query)),
            Err(rejection) => Err(HttpError::new("bad_request", rejection.body_text())),
        }
    }
}
