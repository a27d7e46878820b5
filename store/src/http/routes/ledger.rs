//! `GET /api/v1/ledger?source=&host=&agent=&generation=&from=&to=&only=&gaps=&limit=&cursor=`: what
//! became of every byte of every file.

use std::str::FromStr;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use timberline_proto::api::LedgerAnswer;
use timberline_proto::query::time_range;

use crate::catalog::LedgerFilter;
use crate::http::error::{HttpError, Query};
use crate::http::state::HttpState;
use crate::read::LedgerRequest;

const SOURCES_DEFAULT: usize = 100;
const SOURCES_MAX: usize = 1000;
const GAPS_DEFAULT: usize = 20;
const GAPS_MAX: usize = 1000;

#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    source: Option<String>,
    host: Option<String>,
    agent: Option<String>,
    generation: Option<String>,
    from: Option<String>,
    to: Option<String>,
    only: Option<String>,
    gaps: Option<usize>,
    limit: Option<usize>,
    cursor: Option<String>,
}

pub(super) async fn get(
    State(state): State<HttpState>,
    Query(asked): Query<Asked>,
) -> Result<Json<LedgerAnswer>, HttpError> {
    let only_loss = match asked.only.as_deref() {
        None | Some("" | "all") => false,
        Some("loss") => true,
        Some(other) => {
            let message = format!("only={other} is neither all nor loss");
            return Err(HttpError::new("bad_request", message));
        }
    };
    let given = |text: Option<String>| text.filter(|text| !text.is_empty());
    let request = LedgerRequest {
        filter: LedgerFilter {
            agent: id("agent", asked.agent.as_deref())?,
            generation: id("generation", asked.generation.as_deref())?,
            host: given(asked.host),
            path: given(asked.source),
            from_nanos: instant("from", asked.from.as_deref())?,
            to_nanos: instant("to", asked.to.as_deref())?,
            only_loss,
        },
        limit: asked.limit.unwrap_or(SOURCES_DEFAULT).clamp(1, SOURCES_MAX),
        gaps: asked.gaps.unwrap_or(GAPS_DEFAULT).min(GAPS_MAX),
        cursor: given(asked.cursor),
    };
    Ok(Json(state.reader.ledger(request).await?))
}

fn id<T: FromStr>(name: &str, text: Option<&str>) -> Result<Option<T>, HttpError>
where
    T::Err: std::fmt::Display,
{
    let text = text.filter(|text| !text.is_empty());
    let id = text.map(T::from_str).transpose();
    id.map_err(|error| HttpError::new("bad_request", format!("{name}: {error}")))
}

fn instant(name: &str, text: Option<&str>) -> Result<Option<i64>, HttpError> {
    let now = timberline_collector::fleet::now_nanos();
    let text = text.filter(|text| !text.is_empty());
    let instant = text.map(|text| time_range::parse_time(text, now)).transpose();
    instant.map_err(|error| HttpError::new("bad_request", format!("{name}: {error}")))
}
