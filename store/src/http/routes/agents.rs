//! `GET /api/v1/agents?health=&host=&limit=&cursor=`: the agents, how each is and why.
//! `GET /api/v1/agents/{id}?limit=&cursor=`: one of them with its files.

use axum::Json;
use axum::extract::{Path, State};
use serde::Deserialize;
use timberline_proto::api::{AgentAnswer, AgentHealth, AgentsAnswer};

use crate::http::error::{HttpError, Query};
use crate::http::state::HttpState;
use crate::read::AgentsRequest;

const AGENTS_DEFAULT: usize = 100;
const AGENTS_MAX: usize = 1000;
const FILES_DEFAULT: usize = 1000;
const FILES_MAX: usize = 10_000;

#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    health: Option<AgentHealth>,
    host: Option<String>,
    limit: Option<usize>,
    cursor: Option<String>,
}

pub(super) async fn list(
    State(state): State<HttpState>,
    Query(asked): Query<Asked>,
) -> Result<Json<AgentsAnswer>, HttpError> {
    let request = AgentsRequest {
        health: asked.health,
        host: asked.host.filter(|host| !host.is_empty()),
        limit: asked.limit.unwrap_or(AGENTS_DEFAULT).clamp(1, AGENTS_MAX),
        cursor: asked.cursor,
    };
    Ok(Json(state.reader.agents_page(request).await?))
}

#[derive(Debug, Deserialize)]
pub(super) struct Page {
    limit: Option<usize>,
    cursor: Option<String>,
}

pub(super) async fn one(
    State(state): State<HttpState>,
    Path(id): Path<String>,
    Query(page): Query<Page>,
) -> Result<Json<AgentAnswer>, HttpError> {
    let limit = page.limit.unwrap_or(FILES_DEFAULT).clamp(1, FILES_MAX);
    Ok(Json(state.reader.agent(&id, limit, page.cursor.as_deref()).await?))
}
