//! The first and the last time of matching rows, each by an early stop.

use std::ops::ControlFlow;
use std::sync::Arc;

use timberline_proto::api::Direction;

use super::table::Output;
use crate::read::ReadError;
use crate::read::provider::Source;
use crate::read::search::Search;

/// The times, nanoseconds; none where no row matches, or nobody asks.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Ends {
    pub(super) first: Option<i64>,
    pub(super) last: Option<i64>,
}

impl Ends {
    /// Those that are asked for. Blocks.
    pub(super) fn find(source: &Source, outputs: &[Output]) -> Result<Self, ReadError> {
        let mut ends = Self::default();
        if outputs.contains(&Output::First) {
            ends.first = end(source, Direction::Forward)?;
            if ends.first.is_none() {
                return Ok(ends);
            }
        }
        if outputs.contains(&Output::Last) {
            ends.last = end(source, Direction::Backward)?;
        }
        Ok(ends)
    }
}

fn end(source: &Source, direction: Direction) -> Result<Option<i64>, ReadError> {
    let search = Search {
        view: source.view.clone(),
        selection: source.selection.clone(),
        direction,
        after: None,
        limit: 1,
        running: Arc::clone(&source.running),
    };
    let mut time = None;
    search.run(&mut |hits| {
        time = time.or(hits.first().map(|hit| hit.key.time));
        ControlFlow::Continue(())
    })?;
    Ok(time)
}
