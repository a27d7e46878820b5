//! `GET /api/v1/context?id=&before=&after=`: the records around one, in the order of its file; with
//! `edge=first` or `edge=last`, the first or last ones of that file.
//! `GET /api/v1/context/find?id=&text=&direction=`: the next of them that holds a text.

use axum::Json;
use serde::Deserialize;
use serde_json::json;
use timberline_proto::api::{ContextAnswer, FindAnswer};
use timberline_proto::id::RecordId;

use crate::http::error::{HttpError, Query};
use crate::http::reader::CallersReader;
use crate::http::searches::OnRecord;
use crate::read::FindDirection;

const AROUND_DEFAULT: usize = 10;
const AROUND_MAX: usize = 1000;

#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    id: String,
    before: Option<usize>,
    after: Option<usize>,
    edge: Option<String>,
}

pub(super) async fn get(
    CallersReader(reader): CallersReader,
    on_record: OnRecord,
    Query(asked): Query<Asked>,
) -> Result<Json<ContextAnswer>, HttpError> {
    let id: RecordId = asked
        .id
        .parse()
        .map_err(|error| HttpError::new("bad_request", format!("{error}")))?;
    on_record.look("context", json!({ "id": id.to_string() })).await?;
    let around = |n: Option<usize>| n.unwrap_or(AROUND_DEFAULT).min(AROUND_MAX);
    let (before, after) = (around(asked.before), around(asked.after));
    let answer = match asked.edge.as_deref() {
        None | Some("") => reader.context(&id, before, after).await?,
        Some("first") => reader.edge(&id, FindDirection::Before, after.max(1)).await?,
        Some("last") => reader.edge(&id, FindDirection::After, before.max(1)).await?,
        Some(other) => {
            let message = format!("edge={other} is neither first nor last");
            return Err(HttpError::new("bad_request", message));
        }
    };
    Ok(Json(answer))
}

#[derive(Debug, Deserialize)]
pub(super) struct Wanted {
    id: String,
    text: String,
    direction: Option<String>,
}

pub(super) async fn find(
    CallersReader(reader): CallersReader,
    on_record: OnRecord,
    Query(wanted): Query<Wanted>,
) -> Result<Json<FindAnswer>, HttpError> {
    let id: RecordId = wanted
        .id
        .parse()
        .map_err(|error| HttpError::new("bad_request", format!("{error}")))?;
    let direction = match wanted.direction.as_deref() {
        None | Some("" | "after") => FindDirection::After,
        Some("before") => FindDirection::Before,
        Some(other) => {
            let message = format!("direction={other} is neither before nor after");
            return Err(HttpError::new("bad_request", message));
        }
    };
    on_record
        .look("context", json!({ "id": id.to_string(), "text": wanted.text }))
        .await?;
    Ok(Json(reader.find_in_file(&id, &wanted.text, direction).await?))
}
