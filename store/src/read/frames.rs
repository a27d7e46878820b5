//! An answer on its way: frames in order, from the threads that read to whoever asked.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures::Stream;
use timberline_proto::api::{Answer, ApiError, Completeness, End, Frame};
use tokio::sync::mpsc;

use super::running::Running;
use super::turns::Task;
use super::{ReadError, Reader};

/// Frames that wait for a slow listener; beyond it the query waits.
const FRAMES_WAITING_MAX: usize = 16;

/// An answer on its way. Dropping it ends the query.
#[derive(Debug)]
pub struct Frames {
    receiver: mpsc::Receiver<Frame>,
    _task: Task,
}

impl Frames {
    pub(crate) fn channel(task: Task) -> (mpsc::Sender<Frame>, Self) {
        let (sender, receiver) = mpsc::channel(FRAMES_WAITING_MAX);
        (sender, Self { receiver, _task: task })
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

/// The frames that end an answer.
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
