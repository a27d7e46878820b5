//! From who writes to who takes, chunk by chunk; and how an export ends.

use std::sync::Arc;

use serde_json::json;
use timberline_proto::api::ExportState;
use tokio::sync::{OwnedSemaphorePermit, mpsc};

use super::encoder::Encoder;
use super::known::State;
use super::{CHUNK_BYTES, CHUNKS_WAITING_MAX, Chunk, Export, ExportRequest};
use crate::read::reader::blocking;
use crate::read::running::Running;
use crate::read::turns::{Task, Turn};
use crate::read::workers::stopped;
use crate::read::{ReadError, Reader};

/// Where chunks go in.
#[derive(Clone, Debug)]
pub(super) struct ChunkSender {
    reader: Reader,
    id: String,
    /// Who takes it out.
    actor: timberline_proto::api::access::Actor,
    skip_unreadable: bool,
    sender: mpsc::Sender<Chunk>,
    pub(super) running: Arc<Running>,
    state: Arc<State>,
}

/// What whoever writes holds until the writing ends.
#[derive(Debug)]
#[allow(dead_code, reason = "held, not read")]
pub(super) struct Held(Turn, OwnedSemaphorePermit);

/// The two ends.
pub(super) fn channel(
    reader: &Reader,
    request: &ExportRequest,
    task: Task,
    permit: OwnedSemaphorePermit,
    state: Arc<State>,
) -> (ChunkSender, Held, Export) {
    let (sender, receiver) = mpsc::channel(CHUNKS_WAITING_MAX);
    let sender = ChunkSender {
        reader: reader.clone(),
        id: request.id.clone(),
        actor: request.actor.clone(),
        skip_unreadable: request.skip_unreadable,
        sender,
        running: task.running,
        state: Arc::clone(&state),
    };
    let export = Export {
        receiver,
        state,
        ended: false,
        _guard: task.guard,
    };
    (sender, Held(task.turn, permit), export)
}

impl ChunkSender {
    /// Sends what is written once it is a chunk, or all of it. What could not be read ends the export
    /// here, if that was not asked for.
    pub(super) async fn send(&self, encoder: &mut Encoder, all: bool) -> Result<(), ReadError> {
        self.whole()?;
        while encoder.out.len() >= CHUNK_BYTES || (all && !encoder.out.is_empty()) {
            // A batch of long lines goes out as it is, no longer than it is held anyway.
            let chunk = Chunk::Bytes(std::mem::take(&mut encoder.out).into());
            tokio::select! {
                biased;
                sent = self.sender.send(chunk) => sent.map_err(|_| ReadError::Cancelled)?,
                error = stopped(&self.running) => return Err(error),
            }
        }
        Ok(())
    }

    pub(super) fn add_rows(&self, rows: usize) {
        self.state.add_rows(rows);
    }

    /// Fails if something was left out.
    fn whole(&self) -> Result<(), ReadError> {
        let partial = self.running.partial();
        match partial.first().filter(|_| !self.skip_unreadable) {
            None => Ok(()),
            Some(sentence) => Err(ReadError::Incomplete(format!(
                "the export would lack records, so it ends here: {sentence}; with partial=skip it goes on without them"
            ))),
        }
    }

    /// Returns when nobody takes it any more.
    pub(super) async fn closed(&self) {
        self.sender.closed().await;
    }

    /// Says how it ended, also to who takes it. Nothing of the export may be held any more.
    pub(super) async fn end(self, outcome: Result<(), ReadError>) {
        self.note_end(&outcome).await;
        let last = match outcome {
            Ok(()) => Chunk::End,
            Err(error) => Chunk::Failed(error),
        };
        // Whoever went does not need to know.
        drop(self.sender.send(last).await);
    }

    /// Says how it ended: on record, and to who asks for its progress.
    pub(super) async fn note_end(&self, outcome: &Result<(), ReadError>) {
        self.running.release();
        let (state, word) = match outcome {
            Ok(()) => (ExportState::Done, "ok".to_owned()),
            Err(ReadError::Cancelled) => (ExportState::Cancelled, "cancelled".to_owned()),
            Err(error) => (ExportState::Failed, error.to_string()),
        };
        let detail = json!({ "rows": self.state.rows() });
        let (catalog, id, actor) = (self.reader.catalog().clone(), self.id.clone(), self.actor.clone());
        let noted = blocking(move || {
            let noted = catalog.note_export(&actor, ("export.end", &id), &word, &detail);
            noted.map_err(|error| ReadError::Internal(error.to_string()))
        })
        .await;
        if let Err(error) = noted {
            tracing::error!(export = self.id, %error, "the end of an export cannot be put on record");
        }
        self.state.end(state, outcome.as_ref().err().map(ReadError::to_api));
    }
}
