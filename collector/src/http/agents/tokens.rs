//! `GET` and `POST /api/v1/agents/tokens`, `POST /api/v1/agents/tokens/{id}/revoke`

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use timberline_proto::api::enrollment::{CreatedToken, NewToken, TokenInfo, TokenList};

use super::{Operator, Refused, act, answer_error, trust};
use crate::Collector;

pub(super) async fn list(_: Operator, State(collector): State<Collector>) -> Result<Json<TokenList>, Refused> {
    Ok(Json(trust(&collector)?.tokens()))
}

/// An empty body makes a token for one agent and one hour.
pub(super) async fn create(
    operator: Operator,
    State(collector): State<Collector>,
    body: Bytes,
) -> Result<Json<CreatedToken>, Refused> {
    let trust = trust(&collector)?;
    let body = if body.is_empty() {
        Bytes::from_static(b"{}")
    } else {
        body
    };
    let wanted: NewToken = serde_json::from_slice(&body)
        .map_err(|error| answer_error(StatusCode::BAD_REQUEST, "bad_request", error.to_string()))?;
    act(move || trust.create_token(&wanted, &operator.0)).await.map(Json)
}

pub(super) async fn revoke(
    operator: Operator,
    State(collector): State<Collector>,
    Path(id): Path<String>,
) -> Result<Json<TokenInfo>, Refused> {
    let trust = trust(&collector)?;
    act(move || trust.revoke_token(&id, &operator.0)).await.map(Json)
}
