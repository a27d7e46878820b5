//! `POST /api/v1/query` and `DELETE /api/v1/query/{id}`.
//!
//! By `Accept`: `application/json` one answer, `text/csv` a table, else frames, one JSON object
//! per line, as they are found.

use axum::Json;
use axum::body::{Body as HttpBody, Bytes};
use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures::StreamExt;
use timberline_proto::api::{Answer, Frame, QueryRequest};

use crate::http::error::{Body, HttpError};
use crate::http::reader::CallersReader;
use crate::http::searches::OnRecord;
use crate::read::{Formulas, csv_cell, csv_value};

pub(super) async fn post(
    CallersReader(reader): CallersReader,
    on_record: OnRecord,
    headers: HeaderMap,
    Body(request): Body<QueryRequest>,
) -> Result<Response, HttpError> {
    let accept = headers
        .get(header::ACCEPT)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let asked = (request.query.clone(), request.from.clone(), request.to.clone());
    let mut frames = reader.query(request).await?;
    // It runs meanwhile.
    on_record
        .search(&asked.0, asked.1.as_deref(), asked.2.as_deref())
        .await?;
    if accept.contains("application/json") {
        return Ok(Json(frames.collect().await.map_err(HttpError)?).into_response());
    }
    if accept.contains("text/csv") {
        let answer = frames.collect().await.map_err(HttpError)?;
        let headers = [
            (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
            (header::CONTENT_DISPOSITION, "attachment; filename=\"timberline.csv\""),
        ];
        return Ok((headers, csv(&answer)).into_response());
    }
    // The first frame is waited for, so that what fails at once has its status.
    let first = match frames.next().await {
        Some(Frame::Error(error)) => return Err(HttpError(error)),
        first => first,
    };
    let all = futures::stream::iter(first).chain(frames);
    let body = HttpBody::from_stream(all.map(|frame| line(&frame)));
    Ok(([(header::CONTENT_TYPE, "application/x-ndjson")], body).into_response())
}

fn line(frame: &Frame) -> Result<Bytes, serde_json::Error> {
    let mut line = serde_json::to_vec(frame)?;
    line.push(b'\n');
    Ok(line.into())
}

pub(super) async fn delete(
    CallersReader(reader): CallersReader,
    Path(id): Path<String>,
) -> Result<Response, HttpError> {
    match reader.cancel(&id) {
        true => Ok(StatusCode::NO_CONTENT.into_response()),
        false => Err(HttpError::new("not_found", format!("no query {id:?} is running"))),
    }
}

/// RFC 4180. Records become the columns that all of them have, and their fields as JSON.
fn csv(answer: &Answer) -> String {
    let mut out = String::new();
    let mut row = |cells: &[std::borrow::Cow<'_, str>]| {
        out.push_str(&cells.join(","));
        out.push_str("\r\n");
    };
    if !answer.columns.is_empty() {
        let names = answer.columns.iter().map(|column| cell(&column.name));
        row(&names.collect::<Vec<_>>());
        for cells in &answer.rows {
            let cells = cells.iter().map(|value| csv_value(value, Formulas::Quote));
            row(&cells.collect::<Vec<_>>());
        }
        return out;
    }
    row(&[
        "timestamp",
        "severity",
        "host",
        "service",
        "file",
        "body",
        "id",
        "fields",
    ]
    .map(Into::into));
    for record in &answer.records {
        let fields = serde_json::to_string(&record.fields).unwrap_or_default();
        let of_stream = |name: &str| cell(record.stream.get(name).map_or("", String::as_str));
        row(&[
            cell(&record.timestamp),
            cell(record.severity.as_deref().unwrap_or_default()),
            of_stream("host.name"),
            of_stream("service.name"),
            of_stream("log.file.path"),
            cell(&record.body),
            cell(&record.id),
            cell(&fields),
        ]);
    }
    out
}

fn cell(text: &str) -> std::borrow::Cow<'_, str> {
    csv_cell(text, Formulas::Quote)
}
