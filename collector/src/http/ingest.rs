//! `POST /api/v1/ingest`: NDJSON or plain lines, one record each. The answer comes after the
//! records are durable in the queue. A body may be packed with gzip or zstd.
//!
//! `?topic=` (default `logs`), `?host=`, `?service=` and any other parameter name the stream. Such
//! a sender has no identity, so a repeated request is stored twice: at least once.

use std::collections::BTreeMap;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use timberline_proto::api::{ApiError, IngestAnswer};
use timberline_proto::batch::{self, BatchBuilder, BatchMeta, NewRecord};
use timberline_proto::line::{TimeHints, TimeReader};
use timberline_queue::{Append, AppendError};

use super::unpack::Packing;
use crate::Collector;
use crate::fleet::now_nanos;

pub(super) async fn post(
    State(collector): State<Collector>,
    Query(parameters): Query<BTreeMap<String, String>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let packing = match Packing::of(&headers) {
        Ok(packing) => packing,
        Err(error) => return (StatusCode::UNSUPPORTED_MEDIA_TYPE, Json(error)).into_response(),
    };
    let answer = tokio::task::spawn_blocking(move || {
        let bytes_max = collector.options().ingest_body_bytes_max;
        let body = packing
            .unpack(body, bytes_max)
            .map_err(|error| (status_of(&error), error))?;
        take(&collector, parameters, &body)
    })
    .await;
    match answer {
        Ok(Ok(accepted)) => Json(IngestAnswer { accepted }).into_response(),
        Ok(Err((status, error))) => (status, Json(error)).into_response(),
        Err(error) => {
            let error = ApiError {
                code: "internal".into(),
                message: error.to_string(),
                ..ApiError::default()
            };
            (StatusCode::INTERNAL_SERVER_ERROR, Json(error)).into_response()
        }
    }
}

fn take(
    collector: &Collector,
    mut parameters: BTreeMap<String, String>,
    body: &[u8],
) -> Result<u64, (StatusCode, ApiError)> {
    let options = collector.options();
    let topic = parameters.remove("topic").unwrap_or_else(|| "logs".to_owned());
    let host = parameters.remove("host").unwrap_or_else(|| options.host.clone());
    let service = parameters.remove("service").unwrap_or_else(|| "http".to_owned());
    parameters.insert("host.name".to_owned(), host);
    parameters.insert("service.name".to_owned(), service);
    let observed_nanos = now_nanos();
    let meta = BatchMeta {
        stream: parameters,
        observed_nanos,
        eol_bytes: 1,
        ..BatchMeta::default()
    };
    let key = Bytes::copy_from_slice(&batch::stream_id(&meta.stream).to_be_bytes());
    let hints = TimeHints {
        reference_nanos: observed_nanos,
        zone: options.zone.clone(),
    };
    // A batch stays well below what the queue takes, also where nothing can be compressed.
    let bytes_max = usize::try_from(options.queue.batch_bytes_max / 2).unwrap_or(usize::MAX);

    let mut reader = TimeReader::new();
    let mut builder = BatchBuilder::new();
    let mut accepted = 0;
    let mut flush = |builder: &mut BatchBuilder| -> Result<(), (StatusCode, ApiError)> {
        if builder.is_empty() {
            return Ok(());
        }
        let records = builder.len() as u64;
        let batch = builder.finish(&meta, options.zstd_level);
        let append = Append {
            batch,
            origin: None,
            key: key.clone(),
        };
        let appended = collector.queue().append(&topic, append);
        collector.health().note(&appended);
        appended.map_err(|error| refusal(&error))?;
        accepted += records;
        Ok(())
    };
    for line in lines(body) {
        if !builder.is_empty() && builder.line_bytes() + line.len() > bytes_max
            || builder.len() >= options.ingest_batch_records_max
        {
            flush(&mut builder)?;
        }
        let found = reader.find(line, &hints);
        builder.push(&NewRecord {
            time_nanos: found.map_or(observed_nanos, |found| found.nanos),
            time_parsed: found.is_some(),
            line,
            ..NewRecord::default()
        });
    }
    flush(&mut builder)?;
    Ok(accepted)
}

fn status_of(error: &ApiError) -> StatusCode {
    match error.code.as_str() {
        "too_large" => StatusCode::PAYLOAD_TOO_LARGE,
        _ => StatusCode::BAD_REQUEST,
    }
}

/// The lines of a body without their ends; empty ones are left out.
fn lines(body: &[u8]) -> impl Iterator<Item = &[u8]> {
    body.split(|&byte| byte == b'\n')
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
        .filter(|line| !line.is_empty())
}

fn refusal(error: &AppendError) -> (StatusCode, ApiError) {
    let (status, code) = match error {
        AppendError::Rejected(_) => (StatusCode::BAD_REQUEST, "bad_request"),
        AppendError::Full(_) | AppendError::Failed(_) => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
    };
    (
        status,
        ApiError {
            code: code.to_owned(),
            message: error.to_string(),
            ..ApiError::default()
        },
    )
}

#[cfg(test)]
mod tests {
    use super::lines;

    #[test]
    fn lines_end_with_or_without_carriage_return_and_empty_ones_are_left_out() {
        let found: Vec<_> = lines(b"a\r\n\nb\n\xff").collect();
        assert_eq!(found, [&b"a"[..], b"b", b"\xff"]);
    }
}
