//! What is answered to a batch.

use timberline_proto::wire::v1::ShipResponse;
use timberline_proto::wire::v1::ship_response::Verdict;
use timberline_queue::{AppendError, Appended};
use tokio::sync::mpsc;
use tonic::Status;

pub(super) fn verdict(sequence: u64, outcome: Result<Appended, AppendError>, retry_after_ms: u32) -> ShipResponse {
    let mut response = ShipResponse {
        sequence,
        ..ShipResponse::default()
    };
    match outcome {
        Ok(Appended::At { partition, base_offset }) => {
            response.set_verdict(Verdict::Appended);
            response.partition = partition;
            response.base_offset = base_offset;
        }
        Ok(Appended::Duplicate { end }) => {
            response.set_verdict(Verdict::Duplicate);
            response.generation_end = end;
        }
        Ok(Appended::Refused { end }) => {
            response.set_verdict(Verdict::Refused);
            response.generation_end = end;
        }
        Err(AppendError::Rejected(message)) => return rejected(sequence, message),
        Err(error @ (AppendError::Full(_) | AppendError::Failed(_))) => {
            return try_again(sequence, error.to_string(), retry_after_ms);
        }
    }
    response
}

pub(super) fn rejected(sequence: u64, message: String) -> ShipResponse {
    let mut response = ShipResponse {
        sequence,
        message,
        ..ShipResponse::default()
    };
    response.set_verdict(Verdict::Rejected);
    response
}

pub(super) fn try_again(sequence: u64, message: String, retry_after_ms: u32) -> ShipResponse {
    let mut response = ShipResponse {
        sequence,
        message,
        retry_after_ms,
        ..ShipResponse::default()
    };
    response.set_verdict(Verdict::TryAgain);
    response
}

/// Called from the queue's commit thread, which must not wait for a slow agent. Without room or
/// without a listener the verdict is dropped: the agent sends the batch again and is told that it
/// is a duplicate.
pub(super) fn send(verdicts: &mpsc::Sender<Result<ShipResponse, Status>>, response: ShipResponse) {
    if let Err(error) = verdicts.try_send(Ok(response)) {
        tracing::debug!(%error, "a verdict found no listener");
    }
}
