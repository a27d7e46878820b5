//! `GET`, `POST /api/v1/dashboards`; `GET`, `PUT`, `DELETE /api/v1/dashboards/{id}`.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use timberline_collector::access::Caller;
use timberline_proto::api::dashboards::{Dashboard, DashboardChange, DashboardHead, DashboardsAnswer, KeptDashboard};
use timberline_proto::query::time_range::format_rfc3339_nanos;

use super::change::{Deleted, blocking};
use crate::catalog::{Catalog, Document, DocumentError, DocumentKind, NewDocument};
use crate::http::error::{Body, HttpError, Query};
use crate::http::state::HttpState;

const KIND: DocumentKind = DocumentKind::Dashboard;

/// What lists show besides the name.
#[derive(Default, Serialize, Deserialize)]
struct Summary {
    description: String,
    panels: u64,
}

pub(super) async fn list(State(state): State<HttpState>) -> Result<Json<DashboardsAnswer>, HttpError> {
    let documents = with(&state, |catalog| Ok(catalog.documents(KIND)?)).await?;
    let dashboards = documents.into_iter().map(head).collect();
    Ok(Json(DashboardsAnswer { dashboards }))
}

pub(super) async fn create(
    State(state): State<HttpState>,
    caller: Caller,
    Body(dashboard): Body<Dashboard>,
) -> Result<(StatusCode, Json<KeptDashboard>), HttpError> {
    let new = new(&dashboard)?;
    let (limits, actor) = (state.kept.dashboards(), caller.actor);
    let made = with(&state, move |catalog| {
        catalog.create_document(KIND, new, limits, &actor)
    })
    .await?;
    Ok((StatusCode::CREATED, Json(kept(made)?)))
}

pub(super) async fn get(
    State(state): State<HttpState>,
    Path(id): Path<String>,
) -> Result<Json<KeptDashboard>, HttpError> {
    let found = with(&state, move |catalog| catalog.document(KIND, &id)).await?;
    Ok(Json(kept(found)?))
}

pub(super) async fn change(
    State(state): State<HttpState>,
    Path(id): Path<String>,
    caller: Caller,
    Body(change): Body<DashboardChange>,
) -> Result<Json<KeptDashboard>, HttpError> {
    let new = new(&change.dashboard)?;
    let (limits, actor) = (state.kept.dashboards(), caller.actor);
    let changed = with(&state, move |catalog| {
        catalog.replace_document(KIND, (&id, change.version), new, limits, &actor)
    })
    .await?;
    Ok(Json(kept(changed)?))
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

/// Asks the catalog.
pub(super) async fn with<T: Send + 'static>(
    state: &HttpState,
    work: impl FnOnce(&Catalog) -> Result<T, DocumentError> + Send + 'static,
) -> Result<T, HttpError> {
    let catalog = state.catalog.clone();
    blocking(move || work(&catalog)).await
}

/// What a document says; one that this program did not write says why it cannot be read.
pub(super) fn of_json<'a, T: Deserialize<'a>>(document: &'a Document, json: &'a str) -> Result<T, HttpError> {
    serde_json::from_str(json).map_err(|error| {
        let message = format!("{:?} ({}) cannot be read: {error}", document.name, document.id);
        HttpError::new("internal", message)
    })
}

fn new(dashboard: &Dashboard) -> Result<NewDocument, HttpError> {
    dashboard.check()?;
    let summary = Summary {
        description: dashboard.description.clone(),
        panels: dashboard.panels.len() as u64,
    };
    Ok(NewDocument {
        name: dashboard.name.clone(),
        summary: serde_json::to_string(&summary).expect("text and a number are JSON"),
        body: serde_json::to_string(dashboard).expect("text and numbers are JSON"),
    })
}

fn head(document: Document) -> DashboardHead {
    let Summary { description, panels } = serde_json::from_str(&document.summary).unwrap_or_default();
    DashboardHead {
        id: document.id,
        name: document.name,
        description,
        panels,
        version: document.version,
        updated: format_rfc3339_nanos(document.updated_at_nanos),
    }
}

fn kept(document: Document) -> Result<KeptDashboard, HttpError> {
    Ok(KeptDashboard {
        dashboard: of_json(&document, &document.body)?,
        version: document.version,
        created: format_rfc3339_nanos(document.created_at_nanos),
        updated: format_rfc3339_nanos(document.updated_at_nanos),
        id: document.id,
    })
}
