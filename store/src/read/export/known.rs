//! Exports that run, and the last that ran, by their ids.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use parking_lot::Mutex;
use timberline_proto::api::{ApiError, ExportAnswer, ExportState};

use crate::read::ReadError;
use crate::read::running::Running;

/// Exports that are remembered.
const KNOWN_MAX: usize = 64;

/// One export.
#[derive(Debug)]
pub(crate) struct State {
    id: String,
    running: Arc<Running>,
    rows: AtomicU64,
    bytes: AtomicU64,
    ended: Mutex<Option<(ExportState, Option<ApiError>, f64)>>,
}

impl State {
    /// Rows that were written.
    pub(super) fn add_rows(&self, rows: usize) {
        self.rows.fetch_add(rows as u64, Relaxed);
    }

    /// Bytes that were taken.
    pub(super) fn sent(&self, bytes: usize) {
        self.bytes.fetch_add(bytes as u64, Relaxed);
    }

    pub(super) fn rows(&self) -> u64 {
        self.rows.load(Relaxed)
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Relaxed)
    }

    /// How it ended. What is said first holds.
    pub(super) fn end(&self, state: ExportState, error: Option<ApiError>) {
        let elapsed_ms = self.running.progress().elapsed_ms;
        self.ended.lock().get_or_insert((state, error, elapsed_ms));
    }

    fn answer(&self) -> ExportAnswer {
        let (state, error, elapsed_ms) = match &*self.ended.lock() {
            Some((state, error, elapsed_ms)) => (*state, error.clone(), *elapsed_ms),
            None => {
                // Whoever asked may have gone before it could begin.
                let state = match self.running.check() {
                    Err(ReadError::Cancelled) => ExportState::Cancelled,
                    _ => ExportState::Running,
                };
                (state, None, self.running.progress().elapsed_ms)
            }
        };
        ExportAnswer {
            id: self.id.clone(),
            state,
            rows: self.rows(),
            bytes: self.bytes(),
            elapsed_ms,
            error,
        }
    }
}

/// All that are known, the oldest first.
#[derive(Debug, Default)]
pub(crate) struct Known(Mutex<VecDeque<Arc<State>>>);

impl Known {
    pub(super) fn enter(&self, id: &str, running: &Arc<Running>) -> Arc<State> {
        let state = Arc::new(State {
            id: id.to_owned(),
            running: Arc::clone(running),
            rows: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            ended: Mutex::new(None),
        });
        let mut known = self.0.lock();
        known.push_back(Arc::clone(&state));
        while known.len() > KNOWN_MAX {
            known.pop_front();
        }
        state
    }

    pub(super) fn get(&self, id: &str) -> Option<ExportAnswer> {
        let known = self.0.lock();
        known
            .iter()
            .rev()
            .find(|state| state.id == id)
            .map(|state| state.answer())
    }
}
