//! An answer on its way: frames in order, from the threads that read to whoever asked.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::Stream;
use timberline_proto::api::{Answer, ApiError, Completeness, End, Frame};
use tokio::sync::mpsc;

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
        };
        (sender, task.turn, frames)
    }

    /// The next frame; `None` after [`Frame::End`] or [`Frame::Error`].
    pub async fn next(&mut self) -> Option<Frame> {
        self.receiver.recv().await
    }

    /// All frames as one answer.
    ///
    /// # Errors
    /// The one that the answer ended with.
    pub async fn collect(mut self) -> Result<Answer, ApiError> {
        let mut answer = Answer::default();
        while let Some(frame) = self.next().await {
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
