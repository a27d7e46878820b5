//! A panel's question and its answer.

use leptos::{prelude::*, task::spawn_local};
use serde_json::Value;
use timberline_proto::api::{ApiError, Column, Frame, QueryRequest, Record};
use web_sys::AbortController;

use super::gate::Gate;
use crate::{
    api::{self, Failure},
    lang,
    model::search::{Bounds, Table},
};

/// Rows of a panel.
const ROWS_MAX: u64 = 2_000;
/// Lines of a panel whose query has no pipes.
const LINES_MAX: u64 = 100;

/// One panel's answer. Copies share it.
#[derive(Clone, Copy)]
pub(crate) struct PanelAnswer {
    /// What came last.
    pub table: RwSignal<Option<Table>>,
    /// The range that it is of.
    pub bounds: RwSignal<Bounds>,
    /// What went wrong the last time.
    pub error: RwSignal<Option<ApiError>>,
    /// An answer is awaited.
    pub busy: RwSignal<bool>,
    /// What the answer goes without.
    pub partial: RwSignal<Vec<String>>,
    running: StoredValue<Option<(AbortController, String)>, LocalStorage>,
}

impl PanelAnswer {
    pub(crate) fn new() -> PanelAnswer {
        PanelAnswer {
            table: RwSignal::new(None),
            bounds: RwSignal::new(Bounds::default()),
            error: RwSignal::new(None),
            busy: RwSignal::new(false),
            partial: RwSignal::new(Vec::new()),
            running: StoredValue::new_local(None),
        }
    }

    /// Asks; lets go of what was asked before.
    pub(crate) fn ask(self, query: String, bounds: Bounds, gate: &Gate) {
        self.leave();
        let Ok(abort) = AbortController::new() else { return };
        let signal = abort.signal();
        let query_id = format!("panel-{:x}", (js_sys::Math::random() * 1e15) as u64);
        self.running.set_value(Some((abort, query_id.clone())));
        self.busy.set(true);
        let (from, to) = bounds.request_ends();
        let request = QueryRequest {
            limit: Some(if lang::has_table(&query) { ROWS_MAX } else { LINES_MAX }),
            query,
            from,
            to,
            query_id: Some(query_id),
            ..QueryRequest::default()
        };
        gate.enter(move |pass| {
            if signal.aborted() {
                return;
            }
            spawn_local(async move {
                let _pass = pass;
                let mut found = Found::default();
                let result = api::query(&request, &signal, |frame| found.take(frame)).await;
                if signal.aborted() {
                    return;
                }
                self.busy.set(false);
                match result {
                    Ok(()) => {
                        self.bounds.set(bounds);
                        self.partial.set(std::mem::take(&mut found.partial));
                        self.table.set(Some(found.table()));
                        self.error.set(None);
                    }
                    Err(failure) => self.error.set(Failure::into_error(failure)),
                }
            });
        });
    }

    /// Asks for nothing any more.
    pub(crate) fn leave(self) {
        let is_busy = self.busy.try_get_untracked().unwrap_or(false);
        self.running.try_update_value(|running| {
            if let Some((abort, query_id)) = running.take() {
                abort.abort();
                if is_busy {
                    api::cancel(&query_id);
                }
            }
        });
        self.busy.try_set(false);
    }
}

#[derive(Default)]
struct Found {
    table: Option<Table>,
    records: Vec<Record>,
    partial: Vec<String>,
}

impl Found {
    fn take(&mut self, frame: Frame) {
        match frame {
            Frame::Schema { columns } => {
                self.table = Some(Table {
                    columns,
                    rows: Vec::new(),
                });
            }
            Frame::Rows { rows } => self.table.get_or_insert_default().rows.extend(rows),
            Frame::Records { records } => self.records.extend(records),
            Frame::Completeness(completeness) => self.partial = completeness.partial,
            Frame::Progress(_) | Frame::End(_) | Frame::Error(_) => {}
        }
    }

    /// Records are rows of their time, severity and line.
    fn table(self) -> Table {
        let column = |name: &str, kind: &str| Column {
            name: name.into(),
            kind: kind.into(),
        };
        self.table.unwrap_or_else(|| Table {
            columns: vec![
                column("timestamp", "timestamp"),
                column("severity", "text"),
                column("body", "text"),
            ],
            rows: self
                .records
                .into_iter()
                .map(|record| {
                    vec![
                        Value::String(record.timestamp),
                        record.severity.map_or(Value::Null, Value::String),
                        Value::String(record.body),
                    ]
                })
                .collect(),
        })
    }
}
