//! `GET`, `POST /api/v1/saved`; `GET`, `PUT`, `DELETE /api/v1/saved/{id}`: searches with a name.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use timberline_collector::access::Caller;
use timberline_proto::api::dashboards::{KeptSearch, SavedAnswer, SavedSearch, SearchChange};
use timberline_proto::query::time_range::format_rfc3339_nanos;

use super::change::Deleted;
use super::dashboards::{of_json, with};
use crate::catalog::{Document, DocumentKind, NewDocument};
use crate::http::error::{Body, HttpError, Query};
use crate::http::state::HttpState;

const KIND: DocumentKind = DocumentKind::Search;

pub(super) async fn list(State(state): State<HttpState>) -> Result<Json<SavedAnswer>, HttpError> {
    let documents = with(&state, |catalog| Ok(catalog.documents(KIND)?)).await?;
    // Searches are short: a list shows them whole.
    let searches = documents
        .into_iter()
        .map(|document| {
            let search = of_json(&document, &document.summary)?;
            Ok(kept(document, search))
        })
        .collect::<Result<_, HttpError>>()?;
    Ok(Json(SavedAnswer { searches }))
}

pub(super) async fn create(
    State(state): State<HttpState>,
    caller: Caller,
    Body(search): Body<SavedSearch>,
) -> Result<(StatusCode, Json<KeptSearch>), HttpError> {
    let new = new(&search)?;
    let (limits, actor) = (state.kept.searches(), caller.actor);
    let made = with(&state, move |catalog| {
        catalog.create_document(KIND, new, limits, &actor)
    })
    .await?;
    Ok((StatusCode::CREATED, Json(kept(made, search))))
}

pub(super) async fn get(State(state): State<HttpState>, Path(id): Path<String>) -> Result<Json<KeptSearch>, HttpError> {
    let found = with(&state, move |catalog| catalog.document(KIND, &id)).await?;
    let search = of_json(&found, &found.body)?;
    Ok(Json(kept(found, search)))
}

pub(super) async fn change(
    State(state): State<HttpState>,
    Path(id): Path<String>,
    caller: Caller,
    Body(SearchChange { version, search }): Body<SearchChange>,
) -> Result<Json<KeptSearch>, HttpError> {
    let new = new(&search)?;
    let (limits, actor) = (state.kept.searches(), caller.actor);
    let changed = with(&state, move |catalog| {
        catalog.replace_document(KIND, (&id, version), new, limits, &actor)
    })
    .await?;
    Ok(Json(kept(changed, search)))
}

pub(super) async fn delete(
    State(state): State<HttpState>,
    Path(id): Path<String>,
    Query(deleted): Query<Deleted>,
    caller: Caller,
) -> Result<StatusCode, HttpError> {
    let actor = caller.actor;
    with(&state, move |catalog| {
        catalog.delete_document(KIND, &id, deleted.version, &actor)
    })
    .await?;
    Ok(StatusCode::NO_CONTENT)
}

fn new(search: &SavedSearch) -> Result<NewDocument, HttpError> {
    search.check()?;
    let body = serde_json::to_string(search).expect("text is JSON");
    Ok(NewDocument {
        name: search.name.clone(),
        summary: body.clone(),
        body,
    })
}

fn kept(document: Document, search: SavedSearch) -> KeptSearch {
    KeptSearch {
        id: document.id,
        version: document.version,
        updated: format_rfc3339_nanos(document.updated_at_nanos),
        search,
    }
}
