//! Turns: so many queries run at once, and others wait.

use std::sync::Arc;
use std::time::Duration;

use datafusion::execution::memory_pool::MemoryPool;
use tokio::sync::OwnedSemaphorePermit;

use super::running::{Guard, Running};
use super::{ReadError, Reader};

/// What lives as long as a query does.
#[derive(Debug)]
pub(crate) struct Task {
    pub(crate) running: Arc<Running>,
    /// Whoever listens holds it.
    pub(crate) guard: Guard,
    /// Whoever works holds it, and gives it back when the work ends, whether or not its answer was
    /// taken.
    pub(crate) turn: Turn,
    /// The memory that all queries share.
    pub(crate) pool: Arc<dyn MemoryPool>,
}

/// The right to work: as many as [`ReadOptions::concurrent_max`](super::ReadOptions::concurrent_max).
#[derive(Debug)]
pub(crate) struct Turn(#[allow(dead_code, reason = "held, not read")] OwnedSemaphorePermit);

impl Reader {
    /// Waits for a turn, at most as long as a query may take.
    pub(crate) async fn begin(&self, query_id: Option<String>) -> Result<Task, ReadError> {
        self.begin_for(query_id, self.inner.options.time_limit, "query.time_limit")
            .await
    }

    /// The same for work that has a time limit of its own.
    pub(crate) async fn begin_for(
        &self,
        query_id: Option<String>,
        time_limit: Duration,
        key: &'static str,
    ) -> Result<Task, ReadError> {
        let running = Running::within(time_limit, key, self.inner.options.scan_limits());
        let guard = self.inner.registry.enter(query_id, &running);
        let permit = Arc::clone(&self.inner.permits).acquire_owned();
        let waited = self.inner.options.time_limit.min(time_limit);
        let permit = tokio::time::timeout(waited, permit).await;
        let Ok(Ok(permit)) = permit else {
            return Err(ReadError::Limit {
                what: format!("{} queries run already", self.inner.options.concurrent_max),
                key: "query.concurrent_max",
            });
        };
        Ok(Task {
            running,
            guard,
            turn: Turn(permit),
            pool: Arc::clone(&self.inner.runtime.memory_pool),
        })
    }
}
