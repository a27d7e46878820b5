//! Records as they arrive.

use std::sync::Arc;

use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use timberline_proto::api::Record;

use crate::live::LiveBlock;

use super::histogram::filter_of;
use super::limits::Limits;
use super::reader::blocking;
use super::records::record;
use super::row::RowView;
use super::test::Tester;
use super::topics::Topics;
use super::{ReadError, Reader};

/// Matching records as they arrive.
#[derive(Debug)]
pub struct Tail {
    blocks: Receiver<LiveBlock>,
    tester: Arc<Tester>,
    limits: Arc<Limits>,
    topics: Topics,
    /// One of `query.tails_max`.
    _place: OwnedSemaphorePermit,
}

impl Reader {
    /// The records that a search's filter keeps, from now on.
    ///
    /// # Errors
    /// [`ReadError::Query`]; [`ReadError::Limit`] where as many listen as may.
    pub async fn tail(&self, query: &str) -> Result<Tail, ReadError> {
        let place = Arc::clone(&self.inner.tails).try_acquire_owned();
        let place = place.map_err(|_| ReadError::Limit {
            what: format!("{} listeners follow new records already", self.options().tails_max),
            key: "query.tails_max",
        })?;
        let filter = filter_of(query)?;
        self.check_filter(&filter)?;
        let topics = self.topics(&filter)?;
        let filter = self.limits.narrowed(filter);
        let tester = blocking(move || Tester::new(&filter)).await?;
        Ok(Tail {
            tester: Arc::new(tester),
            limits: Arc::clone(&self.limits),
            topics,
            blocks: self.subscribe(),
            _place: place,
        })
    }
}

impl Tail {
    /// The matching records of the next block that arrives; perhaps none.
    ///
    /// # Errors
    /// `Lagged` with the number of blocks missed by a slow listener; `Closed` at the end.
    pub async fn next(&mut self) -> Result<Vec<Record>, RecvError> {
        let block = self.blocks.recv().await?;
        if !self.topics.has(&block.topic) {
            return Ok(Vec::new());
        }
        let (tester, limits) = (Arc::clone(&self.tester), Arc::clone(&self.limits));
        // A regex over a large block takes too long for the threads that serve.
        let found = blocking(move || {
            let rows = match limits.hides() {
                true => Arc::new(limits.block(&block.rows, 0, &block.topic)),
                false => Arc::clone(&block.rows),
            };
            let views = rows.rows().map(|row| RowView::new(row, &block.topic));
            let found = views.filter(|view| tester.matches(view)).map(|view| record(&view));
            Ok(found.collect())
        });
        found.await.map_err(|_| RecvError::Closed)
    }
}
