//! `GET /api/v1/files?host=&path=&generation=&limit=`: the file generations that are held.
//! `GET /api/v1/files/{generation}/bytes?from=&to=&gaps=`: original bytes.

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderName, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;
use timberline_proto::api::FilesAnswer;
use timberline_proto::id::GenerationId;

use crate::http::disposition::{attachment, saved_name};
use crate::http::error::{HttpError, Query};
use crate::http::searches::OnRecord;
use crate::http::state::HttpState;
use crate::read::{FileBytes, FileRequest};

/// Names the ranges that were left out, `from-to` with a comma between, `to` not included.
const MISSING: HeaderName = HeaderName::from_static("timberline-missing");
/// Ranges named in it at most.
const MISSING_MAX: usize = 100;

#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    generation: Option<String>,
    host: Option<String>,
    path: Option<String>,
    limit: Option<usize>,
}

pub(super) async fn list(
    State(state): State<HttpState>,
    Query(asked): Query<Asked>,
) -> Result<Json<FilesAnswer>, HttpError> {
    let given = |text: Option<String>| text.filter(|text| !text.is_empty());
    let request = FileRequest {
        generation: given(asked.generation).as_deref().map(generation_of).transpose()?,
        host: given(asked.host),
        path: given(asked.path),
        limit: asked.limit,
    };
    Ok(Json(state.reader.files(request).await?))
}

#[derive(Debug, Deserialize)]
pub(super) struct Range {
    from: Option<u64>,
    to: Option<u64>,
    gaps: Option<String>,
}

pub(super) async fn bytes(
    State(state): State<HttpState>,
    on_record: OnRecord,
    Path(generation): Path<String>,
    Query(range): Query<Range>,
) -> Result<Response, HttpError> {
    let generation = generation_of(&generation)?;
    let skip_gaps = match range.gaps.as_deref() {
        None | Some("" | "error") => false,
        Some("skip") => true,
        Some(other) => {
            let message = format!("gaps={other} is neither error nor skip");
            return Err(HttpError::new("bad_request", message));
        }
    };
    let asked = json!({ "generation": generation.to_string(), "from": range.from, "to": range.to });
    on_record.look("file", asked).await?;
    let found = state
        .reader
        .file_bytes(generation, range.from.unwrap_or(0), range.to, skip_gaps)
        .await?;
    let named_as = FileRequest {
        generation: Some(generation),
        host: None,
        path: None,
        limit: Some(1),
    };
    let files = state.reader.files(named_as).await.map(|answer| answer.files);
    let name = files.ok().and_then(|files| files.into_iter().next()).map_or_else(
        || format!("{generation}.log"),
        |file| saved_name(&file.path, &file.newest),
    );
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (header::CONTENT_LENGTH, found.length.to_string()),
        (header::CONTENT_DISPOSITION, attachment(&name)),
        (MISSING, named(&found.missing)),
    ];
    Ok((headers, Body::from_stream(stream(found))).into_response())
}

/// An error ends the connection before the promised length, which every client notices.
fn stream(bytes: FileBytes) -> impl futures::Stream<Item = Result<bytes::Bytes, crate::read::ReadError>> {
    futures::stream::unfold(bytes, |mut bytes| async {
        let next = bytes.next().await?;
        Some((next, bytes))
    })
}

fn named(missing: &[(u64, u64)]) -> String {
    let ranges = missing
        .iter()
        .take(MISSING_MAX)
        .map(|(from, to)| format!("{from}-{to}"));
    ranges.collect::<Vec<_>>().join(",")
}

fn generation_of(text: &str) -> Result<GenerationId, HttpError> {
    text.parse().map_err(|error| {
        HttpError::new(
            "bad_request",
            format!("{error}: GET /api/v1/files lists the generations"),
        )
    })
}
