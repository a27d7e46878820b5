//! Whole results as files: CSV, NDJSON, Parquet, or the lines' own bytes, streamed.
//!
//! An export has no limit of rows and holds little: a batch of rows, what the format keeps back (of
//! Parquet a row group of [`parquet::GROUP_BYTES_MAX`] about), and [`CHUNKS_WAITING_MAX`] chunks of
//! [`CHUNK_BYTES`]. Whoever takes it slowly is waited for within `query.export_time_limit`. It takes a
//! turn as a query does, and one of `query.exports_max`; it is cancelled by its id, or when nobody
//! takes it any more; its begin and its end stand in the audit.
//!
//! A file is whole or visibly broken: [`Export::next`] gives an error before it ends, by which the
//! connection breaks off, also where something stored could not be read, unless that is asked for.

mod csv;
mod encoder;
mod known;
mod lines;
mod ndjson;
mod parquet;
mod raw;
mod send;
mod table;
#[cfg(test)]
mod tests;

use std::str::FromStr;
use std::sync::Arc;

use serde_json::json;
use timberline_proto::api::access::Actor;
use timberline_proto::api::{ApiError, Direction, ExportAnswer};
use timberline_proto::query::ast::{Explain, Query};
use timberline_proto::query::parse;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use self::encoder::Encoder;
use self::known::State;
use super::reader::{blocking, range};
use super::running::Guard;
use super::{ReadError, Reader};

pub(crate) use self::csv::{Formulas, cell as csv_cell, value as csv_value};
pub(crate) use self::known::Known;

/// Bytes of a chunk, about.
const CHUNK_BYTES: usize = 64 << 10;
/// Chunks that wait for a slow taker.
const CHUNKS_WAITING_MAX: usize = 4;

/// What a file is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// RFC 4180.
    Csv,
    /// A JSON object per line.
    Ndjson,
    /// Apache Parquet.
    Parquet,
    /// The lines' own bytes, each with a line end; of tables the values, with tabs between.
    Raw,
}

impl Format {
    /// All of them.
    pub const ALL: [Format; 4] = [Format::Csv, Format::Ndjson, Format::Parquet, Format::Raw];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Format::Csv => "csv",
            Format::Ndjson => "ndjson",
            Format::Parquet => "parquet",
            Format::Raw => "raw",
        }
    }

    /// What a file of it is called.
    pub fn extension(self) -> &'static str {
        match self {
            Format::Raw => "log",
            other => other.name(),
        }
    }

    /// Its media type.
    pub fn media_type(self) -> &'static str {
        match self {
            Format::Csv => "text/csv; charset=utf-8; header=present",
            Format::Ndjson => "application/x-ndjson",
            Format::Parquet => "application/vnd.apache.parquet",
            Format::Raw => "application/octet-stream",
        }
    }
}

impl FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|format| format.name() == text);
        known.ok_or_else(|| format!("format={text} is none of csv, ndjson, parquet, raw"))
    }
}

/// What is to be exported, and how.
#[derive(Clone, Debug)]
pub struct ExportRequest {
    /// As in [`QueryRequest`](timberline_proto::api::QueryRequest).
    pub query: String,
    /// As there.
    pub from: Option<String>,
    /// As there.
    pub to: Option<String>,
    /// At most so many rows; all of them if `None`.
    pub limit: Option<u64>,
    /// In which order records come. Tables come in their own.
    pub direction: Direction,
    /// The format.
    pub format: Format,
    /// By which its progress is asked for, and by which it is cancelled.
    pub id: String,
    /// Who takes it out, as it goes on record.
    pub actor: Actor,
    /// Whether values that a spreadsheet would compute are written as they are.
    pub keep_formulas: bool,
    /// Whether what cannot be read is left out, where the export would break off.
    pub skip_unreadable: bool,
}

/// A file on its way. Dropping it ends the export.
#[derive(Debug)]
pub struct Export {
    receiver: mpsc::Receiver<Chunk>,
    state: Arc<State>,
    ended: bool,
    _guard: Guard,
}

/// What is sent.
#[derive(Debug)]
enum Chunk {
    Bytes(bytes::Bytes),
    /// The last, of an export that is whole.
    End,
    Failed(ReadError),
}

impl Export {
    /// The next bytes; `None` after the last of a whole export.
    ///
    /// # Errors
    /// Why it is not whole.
    pub async fn next(&mut self) -> Option<Result<bytes::Bytes, ApiError>> {
        if self.ended {
            return None;
        }
        match self.receiver.recv().await {
            Some(Chunk::Bytes(bytes)) => {
                self.state.sent(bytes.len());
                Some(Ok(bytes))
            }
            Some(Chunk::End) => {
                self.ended = true;
                None
            }
            Some(Chunk::Failed(error)) => {
                self.ended = true;
                Some(Err(error.to_api()))
            }
            None => {
                self.ended = true;
                let error = ReadError::Internal("the export broke off before its end".to_owned());
                Some(Err(error.to_api()))
            }
        }
    }
}

impl Reader {
    /// Begins an export. What fails before the first chunk is full is the first that
    /// [`Export::next`] gives, or said here.
    ///
    /// # Errors
    /// [`ReadError`]
    pub async fn export(&self, request: ExportRequest) -> Result<Export, ReadError> {
        super::sql::refuse_writes(&request.query)?;
        let range = range(request.from.as_deref(), request.to.as_deref())?;
        let query = match parse(&request.query)? {
            Query::Search(search) => Query::Search(super::lower::fold_wheres(search)),
            sql => sql,
        };
        if let Query::Search(search) = &query {
            self.check_search(search)?;
            if search.explain != Explain::No {
                return Err(ReadError::BadRequest(
                    "a plan is not exported: leave out `explain`".to_owned(),
                ));
            }
        }
        let options = self.options();
        let permit = Arc::clone(&self.inner.exports).try_acquire_owned();
        let permit = permit.map_err(|_| ReadError::Limit {
            what: format!("{} exports run already", options.exports_max),
            key: "query.exports_max",
        })?;
        let task = self
            .begin_for(
                Some(request.id.clone()),
                options.export_time_limit,
                "query.export_time_limit",
            )
            .await?;
        let state = self.inner.exports_known.enter(&request.id, &task.running);
        note_begin(self, &request).await?;
        let (sender, turn, export) = send::channel(self, &request, task, permit, state);
        let encoder = Encoder::new(request.format, &request);
        let (ending, caller) = (sender.clone(), Handle::current());
        let begun = match query {
            Query::Search(search) if search.pipes.is_empty() => {
                lines::begin(self, &request, search.filter, range, (sender, turn), encoder).await
            }
            Query::Search(search) => {
                let plan = table::Plan::Search(Box::new(search));
                table::begin(self.clone(), request, plan, range, (sender, turn), encoder, caller).await
            }
            Query::Sql(text) => {
                let plan = table::Plan::Sql(text);
                table::begin(self.clone(), request, plan, range, (sender, turn), encoder, caller).await
            }
        };
        if let Err(error) = begun {
            // What it says is said at once: nothing goes out.
            ending.note_end(&Err(error.clone())).await;
            return Err(error);
        }
        Ok(export)
    }

    /// How far an export is, or how it ended; the last few are known.
    ///
    /// # Errors
    /// [`ReadError::NotFound`]
    pub fn export_state(&self, id: &str) -> Result<ExportAnswer, ReadError> {
        let known = self.inner.exports_known.get(id);
        known.ok_or_else(|| ReadError::NotFound(format!("no export {id:?} is known")))
    }
}

/// Puts on record that someone takes data out, before any goes.
async fn note_begin(reader: &Reader, request: &ExportRequest) -> Result<(), ReadError> {
    let detail = json!({
        "query": request.query,
        "from": request.from,
        "to": request.to,
        "limit": request.limit,
        "format": request.format.name(),
    });
    let (catalog, id, actor) = (reader.catalog().clone(), request.id.clone(), request.actor.clone());
    blocking(move || {
        let noted = catalog.note_export(&actor, ("export.begin", &id), "ok", &detail);
        noted.map_err(|error| ReadError::Internal(format!("the export cannot be put on record: {error}")))
    })
    .await
}
