//! Which fields matching records have, of what types, with their most frequent values.
//!
//! | module | what it does |
//! |---|---|
//! | [`whole`] | fields of all matching records, from cells and columns where they tell |
//! | [`held`] | what is held of fields meanwhile |
//! | [`sketch`] | about how many values there were beyond those held |
//!
//! Where all would be too much to look at, the newest are.

mod held;
mod sketch;
#[cfg(test)]
mod tests;
mod whole;

use std::ops::ControlFlow;
use std::sync::Arc;

use timberline_proto::api::{Direction, FieldsAnswer, FieldsRequest};
use timberline_proto::query::ast::Filter;

use self::held::Summaries;
use self::whole::{Budget, Whole};
use super::histogram::filter_of;
use super::reader::{blocking, range};
use super::running::Running;
use super::scan::Selection;
use super::search::Search;
use super::time::TimeRange;
use super::{ReadError, Reader};

/// Top values per field, where the request names no number.
const VALUES_DEFAULT: u32 = 10;

impl Reader {
    /// Summarises the fields of the records that a search's filter keeps: of all of them where that is
    /// little to look at, else of the newest.
    ///
    /// # Errors
    /// [`ReadError`]
    pub async fn fields(&self, request: FieldsRequest) -> Result<FieldsAnswer, ReadError> {
        let task = self.begin(request.query_id.clone()).await?;
        let range = range(request.from.as_deref(), request.to.as_deref())?;
        let filter = filter_of(&request.query)?;
        let asked = Asked {
            only: request.field,
            values: request.values.unwrap_or(VALUES_DEFAULT) as usize,
        };
        self.summarised(filter, range, asked, &task.running).await
    }

    /// The fields of all records in a range, as part of a query that runs already.
    pub(crate) async fn fields_within(
        &self,
        range: TimeRange,
        running: &Arc<Running>,
    ) -> Result<FieldsAnswer, ReadError> {
        let asked = Asked {
            only: None,
            values: VALUES_DEFAULT as usize,
        };
        let answer = self.summarised(Filter::All, range, asked, running).await?;
        if !answer.exact && answer.partial.is_empty() {
            running.note_partial(format!("fields are those of the newest {} records", answer.rows));
        }
        if answer.fields_capped {
            let shown = answer.fields.len();
            running.note_partial(format!("there are more fields than the {shown} of most records"));
        }
        Ok(answer)
    }

    async fn summarised(
        &self,
        filter: Filter,
        range: TimeRange,
        asked: Asked,
        running: &Arc<Running>,
    ) -> Result<FieldsAnswer, ReadError> {
        self.check_filter(&filter)?;
        let (sample, limits) = (self.options().fields_sample_rows, self.options().scan_limits());
        let (view, running) = (self.view_for(&filter)?, Arc::clone(running));
        let selection = Selection::prepared(&self.limits, filter, range).await?;
        blocking(move || {
            let budget = Budget::new(limits, &running);
            let summaries = Summaries::new(asked.only.clone());
            let whole = Whole::new(&view, &selection, &running, summaries, budget).run()?;
            let (summaries, rows, all) = match whole {
                Some((summaries, rows)) => (summaries, rows, true),
                None => {
                    let search = Search {
                        view,
                        selection,
                        direction: Direction::Backward,
                        after: None,
                        limit: sample,
                        running: Arc::clone(&running),
                    };
                    sampled(&search, Summaries::new(asked.only))?
                }
            };
            let (fields, fields_capped) = summaries.answer(asked.values);
            let partial = running.partial();
            Ok(FieldsAnswer {
                fields,
                rows,
                // What could not be read was not looked at.
                exact: all && partial.is_empty(),
                fields_capped,
                partial,
            })
        })
        .await
    }
}

/// The fields of what a search finds, how many records these were, and whether all.
fn sampled(search: &Search, mut summaries: Summaries) -> Result<(Summaries, u64, bool), ReadError> {
    let mut rows = 0;
    let more = search.run(&mut |hits| {
        rows += hits.len() as u64;
        hits.iter().for_each(|hit| summaries.record(&hit.view()));
        ControlFlow::Continue(())
    })?;
    Ok((summaries, rows, more.is_none()))
}

/// Which fields, and how many values of each.
struct Asked {
    only: Option<String>,
    values: usize,
}
