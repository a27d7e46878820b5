//! An answer on its way: frames in order, from the threads that read to whoever asked.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use datafusion::execution::memory_pool::MemoryPool;
use futures::Stream;
use serde_json::Value;
use timberline_proto::api::{Answer, ApiError, Completeness, End, Frame, Record};
use tokio::sync::mpsc;

use super::memory::Held;
use super::running::{Guard, Running};
use super::turns::{Task, Turn};
use super::workers::stopped;
use super::{ReadError, Reader};

/// Frames that wait for a slow listener; beyond it the query waits, as long as it may run.
const FRAMES_WAITING_MAX: usize = 4;
/// Bytes of a frame's rows, about: one row may be more.
pub(crate) const FRAME_BYTES_MAX: usize = 256 << 10;

/// An answer on its way. Dropping it ends the query.
#[derive(Debug)]
pub struct Frames {
    receiver: mpsc::Receiver<Frame>,
    _guard: Guard,
    pool: Arc<dyn MemoryPool>,
}

/// Where frames go in.
#[derive(Clone, Debug)]
pub(crate) struct FrameSender {
    sender: mpsc::Sender<Frame>,
    running: Arc<Running>,
}

impl FrameSender {
    /// Sends a frame of a query that runs. Whoever takes nothing is waited for as long as the query
    /// may run.
    pub(crate) async fn send(&self, frame: Frame) -> Result<(), ReadError> {
        tokio::select! {
            biased;
            sent = self.sender.send(frame) => sent.map_err(|_| ReadError::Cancelled),
            error = stopped(&self.running) => Err(error),
        }
    }

    /// Sends the frames that [`ending`] made. The listener is waited for as long as it is there:
    /// nothing of the query may be held any more.
    pub(crate) async fn end(self, frames: Vec<Frame>) {
        for frame in frames {
            if self.sender.send(frame).await.is_err() {
                return;
            }
        }
    }

    /// Returns when nobody listens any more.
    pub(crate) async fn closed(&self) {
        self.sender.closed().await;
    }
}

impl Frames {
    /// The two ends, and the turn for whoever works.
    pub(crate) fn channel(task: Task) -> (FrameSender, Turn, Self) {
        let (sender, receiver) = mpsc::channel(FRAMES_WAITING_MAX);
        let sender = FrameSender {
            sender,
            running: task.running,
        };
        let frames = Self {
            receiver,
            _guard: task.guard,
            pool: task.pool,
        };
        (sender, task.turn, frames)
    }

    /// The next frame; `None` after [`Frame::End`] or [`Frame::Error`].
    pub async fn next(&mut self) -> Option<Frame> {
        self.receiver.recv().await
    }

    /// All frames as one answer, which stands in the memory that all queries share while it is collected.
    ///
    /// # Errors
    /// The one that the answer ended with, or that memory does not hold it.
    pub async fn collect(mut self) -> Result<Answer, ApiError> {
        let held = Held::new("answer", &self.pool);
        let mut answer = Answer::default();
        while let Some(frame) = self.next().await {
            // Once as values, once as the text that is made of them.
            held.grow(2 * frame_bytes(&frame)).map_err(|error| error.to_api())?;
            match frame {
                Frame::Schema { columns } => answer.columns = columns,
                Frame::Records { mut records } => answer.records.append(&mut records),
                Frame::Rows { mut rows } => answer.rows.append(&mut rows),
                Frame::Progress(_) => {}
                Frame::Completeness(completeness) => answer.completeness = completeness,
                Frame::End(end) => {
                    answer.end = end;
                    return Ok(answer);
                }
                Frame::Error(error) => return Err(error),
            }
        }
        Err(ReadError::Internal("the answer broke off before its end".to_owned()).to_api())
    }
}

/// Bytes of a frame's rows, about.
fn frame_bytes(frame: &Frame) -> usize {
    match frame {
        Frame::Records { records } => records.iter().map(record_bytes).sum(),
        Frame::Rows { rows } => rows.iter().flatten().map(value_bytes).sum(),
        _ => 0,
    }
}

fn record_bytes(record: &Record) -> usize {
    let stream = record.stream.iter().map(|(name, value)| name.len() + value.len());
    let fields = record
        .fields
        .iter()
        .map(|(name, value)| name.len() + value_bytes(value));
    let base64 = record.body_base64.as_ref().map_or(0, String::len);
    size_of::<Record>() + record.body.len() + base64 + stream.chain(fields).sum::<usize>()
}

fn value_bytes(value: &Value) -> usize {
    let within = match value {
        Value::String(text) => text.len(),
        Value::Array(values) => values.iter().map(value_bytes).sum(),
        Value::Object(values) => values.iter().map(|(name, value)| name.len() + value_bytes(value)).sum(),
        _ => 0,
    };
    size_of::<Value>() + within
}

impl Stream for Frames {
    type Item = Frame;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Frame>> {
        self.receiver.poll_recv(cx)
    }
}

/// The frames that end an answer. Blocks.
pub(crate) fn ending(
    reader: &Reader,
    running: &Running,
    outcome: Result<(u64, Option<String>), ReadError>,
) -> Vec<Frame> {
    match outcome {
        Err(error) => vec![Frame::Error(error.to_api())],
        Ok((rows, cursor)) => {
            let completeness: Completeness = reader.completeness(running);
            let end = End {
                rows,
                cursor,
                progress: running.progress(),
            };
            vec![Frame::Completeness(completeness), Frame::End(end)]
        }
    }
}
