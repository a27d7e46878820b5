//! Threads of their own for DataFusion's plans. An operator that computes for long without a pause
//! (a join of everything with everything) holds up other plans, but neither the time limit nor
//! whatever else the process answers.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio_util::task::AbortOnDropHandle;

use super::ReadError;
use super::running::Running;

/// Planning and executing recurse as deep as a query nests.
const STACK_BYTES: usize = 64 << 20;
/// Threads that read for plans at most.
const BLOCKING_THREADS_MAX: usize = 64;
/// Between two looks at whether a query may go on.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);

/// How long work that may not go on has to end by itself.
const GRACE: Duration = Duration::from_millis(20);

// A query that is cancelled ends within 50 ms, whatever it computes.
const _: () = assert!(LOOK_INTERVAL.as_millis() + GRACE.as_millis() <= 50);

/// The threads. Dropping them waits for nothing.
#[derive(Debug)]
pub(crate) struct Workers(Option<Runtime>);

impl Workers {
    /// # Errors
    /// [`ReadError::Internal`] if threads cannot be made.
    pub(crate) fn new(threads: usize) -> Result<Self, ReadError> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(threads.max(1))
            .max_blocking_threads(BLOCKING_THREADS_MAX)
            .thread_name("plan")
            .thread_stack_size(STACK_BYTES)
            .enable_time()
            .build()
            .map_err(|error| ReadError::Internal(format!("threads for queries cannot be made: {error}")))?;
        Ok(Self(Some(runtime)))
    }

    /// Does `work` there; gives up when the query may not go on, whether the work notices or not.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        running: &Arc<Running>,
        work: impl Future<Output = Result<T, ReadError>> + Send + 'static,
    ) -> Result<T, ReadError> {
        let runtime = self.0.as_ref().expect("taken by the drop alone");
        let mut done = AbortOnDropHandle::new(runtime.spawn(work));
        let error = tokio::select! {
            biased;
            outcome = &mut done => return ended(outcome),
            error = stopped(running) => error,
        };
        // Work that fails drops its query, which then counts as cancelled: its own words come first.
        match tokio::time::timeout(GRACE, done).await {
            Ok(outcome) => ended(outcome),
            Err(_) => Err(error),
        }
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// What a task on the threads gave.
pub(crate) fn ended<T>(outcome: Result<Result<T, ReadError>, tokio::task::JoinError>) -> Result<T, ReadError> {
    outcome.unwrap_or_else(|error| {
        let error = error.to_string();
        // What Arrow says of an array of texts that its offsets do not reach the end of.
        Err(match error.contains("offset overflow") {
            true => ReadError::BadRequest(
                "rows at once would hold more than 2 GiB of text: join, sort or select shorter columns, or fewer rows"
                    .to_owned(),
            ),
            false => ReadError::Internal(format!("a query ended early: {error}")),
        })
    })
}

/// Returns when the query is cancelled or its time is over; a computation that reads no page asks nobody.
pub(crate) async fn stopped(running: &Running) -> ReadError {
    loop {
        if let Err(error) = running.check() {
            return error;
        }
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
}
