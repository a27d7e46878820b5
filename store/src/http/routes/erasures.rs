//! `GET`, `POST /api/v1/erasures` and what is below them.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use timberline_collector::access::Caller;
use timberline_proto::api::access::Actor;
use timberline_proto::api::erasure::{
    ErasureDecision, ErasurePreview, ErasureReceipt, ErasureStatus, ErasuresAnswer, NewErasure,
};

use super::change::blocking;
use crate::erase::{ErasureError, Erasures};
use crate::http::error::{Body, HttpError};
use crate::http::state::HttpState;

pub(super) fn routes() -> Router<HttpState> {
    Router::new()
        .route("/api/v1/erasures", get(list).post(ask))
        .route("/api/v1/erasures/preview", post(preview))
        .route("/api/v1/erasures/{id}", get(show))
        .route("/api/v1/erasures/{id}/receipt", get(receipt))
        .route("/api/v1/erasures/{id}/approve", post(approve))
        .route("/api/v1/erasures/{id}/refuse", post(refuse))
        .route("/api/v1/erasures/{id}/cancel", post(cancel))
}

fn erasures(state: HttpState) -> Result<Erasures, HttpError> {
    state.erasures.ok_or_else(|| {
        HttpError::new(
            "unavailable",
            "this process does not erase: ask the one that writes the store",
        )
    })
}

async fn list(State(state): State<HttpState>) -> Result<Json<ErasuresAnswer>, HttpError> {
    let erasures = erasures(state)?;
    let erasures = blocking(move || erasures.list()).await?;
    Ok(Json(ErasuresAnswer { erasures }))
}

async fn show(State(state): State<HttpState>, Path(id): Path<String>) -> Result<Json<ErasureStatus>, HttpError> {
    let erasures = erasures(state)?;
    Ok(Json(blocking(move || erasures.show(&id)).await?))
}

async fn receipt(State(state): State<HttpState>, Path(id): Path<String>) -> Result<Json<ErasureReceipt>, HttpError> {
    let erasures = erasures(state)?;
    Ok(Json(blocking(move || erasures.receipt(&id)).await?))
}

async fn preview(
    State(state): State<HttpState>,
    caller: Caller,
    Body(new): Body<NewErasure>,
) -> Result<Json<ErasurePreview>, HttpError> {
    new.check(false)?;
    let erasures = erasures(state)?;
    Ok(Json(blocking(move || erasures.preview(&new, &caller.actor)).await?))
}

async fn ask(
    State(state): State<HttpState>,
    caller: Caller,
    Body(new): Body<NewErasure>,
) -> Result<(StatusCode, Json<ErasureStatus>), HttpError> {
    new.check(true)?;
    let erasures = erasures(state)?;
    let asked = blocking(move || erasures.ask(&new, &caller.actor)).await?;
    Ok((StatusCode::CREATED, Json(asked)))
}

type Decide = fn(&Erasures, &str, &str, &Actor) -> Result<ErasureStatus, ErasureError>;

async fn decide(
    state: HttpState,
    id: String,
    caller: Caller,
    decision: ErasureDecision,
    how: Decide,
) -> Result<Json<ErasureStatus>, HttpError> {
    decision.check()?;
    let erasures = erasures(state)?;
    let decided = blocking(move || how(&erasures, &id, &decision.note, &caller.actor)).await?;
    Ok(Json(decided))
}

async fn approve(
    State(state): State<HttpState>,
    Path(id): Path<String>,
    caller: Caller,
    Body(decision): Body<ErasureDecision>,
) -> Result<Json<ErasureStatus>, HttpError> {
    decide(state, id, caller, decision, Erasures::approve).await
}

async fn refuse(
    State(state): State<HttpState>,
    Path(id): Path<String>,
    caller: Caller,
    Body(decision): Body<ErasureDecision>,
) -> Result<Json<ErasureStatus>, HttpError> {
    decide(state, id, caller, decision, Erasures::refuse).await
}

async fn cancel(
    State(state): State<HttpState>,
    Path(id): Path<String>,
    caller: Caller,
    Body(decision): Body<ErasureDecision>,
) -> Result<Json<ErasureStatus>, HttpError> {
    decide(state, id, caller, decision, Erasures::cancel).await
}
