//! `GET /api/v1/tail?query=`: matching records as they arrive, as server-sent events.
//!
//! | event | data |
//! |---|---|
//! | `record` | a record |
//! | `skipped` | `{"blocks": n}`: the listener was too slow for n blocks of records |

use std::convert::Infallible;
use std::time::Duration;

use axum::http::{HeaderValue, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::stream::{self, Stream};
use serde::Deserialize;
use serde_json::json;
use tokio::sync::broadcast::error::RecvError;

use crate::http::error::{HttpError, Query};
use crate::http::reader::CallersReader;
use crate::http::searches::OnRecord;
use crate::read::Tail;

/// Between two signs of life.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    query: String,
}

pub(super) async fn get(
    CallersReader(reader): CallersReader,
    on_record: OnRecord,
    Query(asked): Query<Asked>,
) -> Result<Response, HttpError> {
    let tail = reader.tail(&asked.query).await?;
    on_record.look("tail", json!({ "query": asked.query })).await?;
    let mut response = Sse::new(events(tail))
        .keep_alive(KeepAlive::new().interval(KEEP_ALIVE))
        .into_response();
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

fn events(tail: Tail) -> impl Stream<Item = Result<Event, Infallible>> {
    use futures::StreamExt;
    let portions = stream::unfold(tail, |mut tail| async move {
        let events = match tail.next().await {
            Ok(records) => records.iter().filter_map(|record| event("record", record)).collect(),
            Err(RecvError::Lagged(blocks)) => {
                let skipped = serde_json::json!({ "blocks": blocks });
                event("skipped", &skipped).into_iter().collect::<Vec<_>>()
            }
            Err(RecvError::Closed) => return None,
        };
        Some((stream::iter(events), tail))
    });
    portions.flatten().map(Ok)
}

fn event(name: &str, data: &impl serde::Serialize) -> Option<Event> {
    Event::default().event(name).json_data(data).ok()
}
