//! `GET /api/v1/export?query=&from=&to=&format=…`: a whole result as a file.
//! `GET /api/v1/export/{id}`: how far one is.

use axum::Json;
use axum::body::Body;
use axum::extract::Path;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures::{StreamExt, stream};
use jiff::Timestamp;
use serde::Deserialize;
use timberline_collector::access::Caller;
use timberline_proto::api::{Direction, ExportAnswer};

use crate::http::error::{HttpError, Query};
use crate::http::reader::CallersReader;
use crate::read::{ExportRequest, Format};

/// Bytes of an id at most.
const ID_BYTES_MAX: usize = 128;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    #[serde(default)]
    query: String,
    from: Option<String>,
    to: Option<String>,
    format: String,
    limit: Option<u64>,
    direction: Option<Direction>,
    formulas: Option<String>,
    partial: Option<String>,
    id: Option<String>,
}

pub(super) async fn get(
    CallersReader(reader): CallersReader,
    caller: Caller,
    Query(asked): Query<Asked>,
) -> Result<Response, HttpError> {
    let format: Format = asked
        .format
        .parse()
        .map_err(|error: String| HttpError::new("bad_request", error))?;
    let id = match asked.id.filter(|id| !id.is_empty()) {
        Some(id) if id.len() > ID_BYTES_MAX => {
            let message = format!("an id has {ID_BYTES_MAX} bytes at most");
            return Err(HttpError::new("bad_request", message));
        }
        Some(id) => id,
        None => format!("export-{:016x}", rand::random::<u64>()),
    };
    let request = ExportRequest {
        query: asked.query,
        from: asked.from,
        to: asked.to,
        limit: asked.limit,
        direction: asked.direction.unwrap_or(Direction::Forward),
        format,
        id,
        actor: caller.actor,
        keep_formulas: chosen("formulas", asked.formulas.as_deref(), ["quote", "keep"])?,
        skip_unreadable: chosen("partial", asked.partial.as_deref(), ["error", "skip"])?,
    };
    let mut export = reader.export(request).await?;
    // The first bytes are waited for, so that what fails at once has its status.
    let first = match export.next().await {
        Some(Err(error)) => return Err(HttpError(error)),
        first => first,
    };
    let rest = stream::unfold(export, |mut export| async {
        let next = export.next().await?;
        Some((next, export))
    });
    let headers = [
        (header::CONTENT_TYPE, format.media_type().to_owned()),
        (
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"{}\"", file_name(format)),
        ),
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ];
    // An error ends the connection before the end of the body, which every client notices.
    let body = Body::from_stream(stream::iter(first).chain(rest));
    Ok((headers, body).into_response())
}

/// `timberline-20261130T120311Z.csv`
fn file_name(format: Format) -> String {
    let now = Timestamp::now().strftime("%Y%m%dT%H%M%SZ");
    format!("timberline-{now}.{}", format.extension())
}

/// Whether the second of two words was chosen; the first is meant where none is.
fn chosen(name: &str, text: Option<&str>, [first, second]: [&str; 2]) -> Result<bool, HttpError> {
    match text {
        None | Some("") => Ok(false),
        Some(word) if word == first => Ok(false),
        Some(word) if word == second => Ok(true),
        Some(word) => {
            let message = format!("{name}={word} is neither {first} nor {second}");
            Err(HttpError::new("bad_request", message))
        }
    }
}

pub(super) async fn state(
    CallersReader(reader): CallersReader,
    Path(id): Path<String>,
) -> Result<Json<ExportAnswer>, HttpError> {
    Ok(Json(reader.export_state(&id)?))
}
