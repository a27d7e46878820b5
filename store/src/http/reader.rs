//! The reader of a request: it shows no more than its caller may see.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use timberline_collector::access::Caller;
use timberline_proto::api::access::Permission;

use super::error::HttpError;
use super::state::HttpState;
use crate::read::{For, Reader};

/// What a caller may see.
pub(super) fn sees(caller: &Caller) -> For {
    For::scope(
        &caller.scope,
        caller.may(Permission::ReadAudit),
        caller.may(Permission::ReadAlerts),
    )
}

/// Reads for the caller, within the limits of its roles. Routes that the table of routes calls `Held` read by it
/// alone.
#[derive(Clone, Debug)]
pub(super) struct CallersReader(pub(super) Reader);

impl FromRequestParts<HttpState> for CallersReader {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &HttpState) -> Result<Self, Response> {
        let caller = Caller::from_request_parts(parts, state)
            .await
            .map_err(IntoResponse::into_response)?;
        let limited = state.reader.limited(&sees(&caller));
        limited
            .map(Self)
            .map_err(|error| HttpError::from(error).into_response())
    }
}
