//! Records as they arrive.

use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use timberline_proto::api::Record;

use crate::live::LiveBlock;

use super::histogram::filter_of;
use super::records::record;
use super::row::RowView;
use super::test::Tester;
use super::{ReadError, Reader};

/// Matching records as they arrive.
#[derive(Debug)]
pub struct Tail {
    blocks: Receiver<LiveBlock>,
    tester: Tester,
}

impl Reader {
    /// The records that a search's filter keeps, from now on.
    ///
    /// # Errors
    /// [`ReadError::Query`]
    pub fn tail(&self, query: &str) -> Result<Tail, ReadError> {
        let filter = filter_of(query)?;
        self.check_filter(&filter)?;
        Ok(Tail {
            tester: Tester::new(&filter)?,
            blocks: self.subscribe(),
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
        let views = block.rows.rows().map(|row| RowView::new(row, &block.topic));
        Ok(views
            .filter(|view| self.tester.matches(view))
            .map(|view| record(&view))
            .collect())
    }
}
