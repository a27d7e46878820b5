//! What the evaluation of alert rules asks of a reader.

use std::ops::{ControlFlow, Range};
use std::sync::Arc;

use timberline_collector::fleet::{Fleet, Source};
use timberline_proto::api::{Answer, Direction, QueryRequest};
use timberline_proto::query::ast::Filter;

use super::limits::Limits;
use super::row::RowView;
use super::scan::{Selection, Unit, units_of_offsets};
use super::search::{Hit, Search};
use super::time::{TimeRange, rfc3339};
use super::topics::Topics;
use super::{AgentFile, ReadError, Reader};
use crate::catalog::Catalog;
use crate::live::LiveRows;
use crate::split::Columns;

impl Reader {
    /// The rows not yet published.
    pub(crate) fn live_rows(&self) -> &dyn LiveRows {
        &*self.inner.live
    }

    /// The catalog.
    pub(crate) fn catalog_of(&self) -> &Catalog {
        self.catalog()
    }

    /// The sources as far as all that they say is in answers, and to when what comes without any is.
    pub(crate) fn settled_sources(&self) -> (Arc<[Source]>, i64) {
        let settled = self.inner.settled.lock();
        (Arc::clone(&settled.sources), settled.taken_to_nanos)
    }

    /// What agents said last.
    pub(crate) fn reports(&self) -> Vec<AgentFile> {
        self.agents()
    }

    /// Who reports, if anybody can.
    pub(crate) fn fleet(&self) -> Option<&Fleet> {
        self.inner.sources.fleet()
    }

    /// Refuses what is beyond the limits of whom this reads for.
    ///
    /// # Errors
    /// [`ReadError::Forbidden`]
    pub(crate) fn refuse(&self, what: &str) -> Result<(), ReadError> {
        self.limits.refuse(what)
    }

    /// Refuses topics of our own that whoever this reads for may not see.
    ///
    /// # Errors
    /// [`ReadError::Forbidden`]
    pub(crate) fn topics_allowed(&self, filter: &Filter) -> Result<(), ReadError> {
        self.topics(filter).map(drop)
    }

    /// What is seen of rows; none if that is everything.
    pub(crate) fn limits(&self) -> Option<Arc<Limits>> {
        (!self.limits.is_none()).then(|| Arc::clone(&self.limits))
    }

    /// The time of the oldest row.
    pub(crate) fn oldest_row(&self) -> Option<i64> {
        self.view().time_bounds().map(|(oldest, _)| oldest)
    }

    /// Gives the rows that a filter keeps, by time, oldest first, until `each` breaks off. Whether these
    /// were all: no more than `limit` are given. Waits for a turn; blocks.
    ///
    /// # Errors
    /// [`ReadError`]
    pub(crate) async fn replay(
        &self,
        filter: Filter,
        range: (i64, i64),
        limit: usize,
        each: &mut dyn FnMut(&RowView<'_>) -> ControlFlow<()>,
    ) -> Result<bool, ReadError> {
        let task = self.begin(None).await?;
        let search = Search {
            view: self.view_for(&filter)?,
            selection: Selection::new(&self.limits, filter, TimeRange::new(Some(range.0), Some(range.1)))?,
            direction: Direction::Forward,
            after: None,
            limit,
            running: Arc::clone(&task.running),
        };
        let mut broken = false;
        let outcome = search.run(&mut |hits: Vec<Hit>| {
            for hit in &hits {
                if each(&hit.view()).is_break() {
                    broken = true;
                    return ControlFlow::Break(());
                }
            }
            ControlFlow::Continue(())
        });
        match outcome {
            Ok(rest) => Ok(rest.is_none()),
            Err(ReadError::Cancelled) if broken => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Gives the rows of the offsets that `wanted` says of a topic's partition, as they are stored, in no order.
    /// Waits for a turn; blocks.
    ///
    /// # Errors
    /// [`ReadError`], also if some of them cannot be read.
    pub(crate) async fn reread(
        &self,
        wanted: &dyn Fn(&str, u32) -> Range<u64>,
        each: &mut dyn FnMut(&RowView<'_>),
    ) -> Result<(), ReadError> {
        let task = self.begin(None).await?;
        let (view, running) = (self.view_of(&Topics::All), &task.running);
        let mut units: Vec<Unit> = view.live.iter().cloned().map(Unit::Live).collect();
        for entry in &view.snapshot.splits {
            running.check()?;
            let of_topic = |partition| wanted(&entry.topic, partition);
            units.extend(units_of_offsets(&view, entry, &of_topic, running));
        }
        for unit in &units {
            running.check()?;
            let Some(rows) = unit.read(&view, Columns::ALL, running) else {
                continue;
            };
            for at in rows.first..rows.block.len() {
                let row = rows.block.row(at);
                if wanted(&rows.topic, row.partition).contains(&row.offset) {
                    each(&RowView::new(row, &rows.topic));
                }
            }
        }
        match running.partial().into_iter().next() {
            Some(reason) => Err(ReadError::Incomplete(reason)),
            None => Ok(()),
        }
    }

    /// A query's whole answer, of a range of time.
    ///
    /// # Errors
    /// A sentence.
    pub(crate) async fn answer(&self, query: String, range: (i64, i64), limit: Option<u64>) -> Result<Answer, String> {
        let request = QueryRequest {
            query,
            from: (range.0 > i64::MIN).then(|| rfc3339(range.0)),
            to: (range.1 < i64::MAX).then(|| rfc3339(range.1)),
            limit,
            direction: Direction::Backward,
            ..QueryRequest::default()
        };
        let frames = self.query(request).await.map_err(|error| error.to_string())?;
        frames.collect().await.map_err(|error| error.message)
    }
}
