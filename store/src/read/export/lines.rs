//! The records of a search, from a thread of their own.

use std::ops::ControlFlow;
use std::sync::Arc;

use timberline_proto::query::ast::Filter;
use tokio::runtime::Handle;

use super::ExportRequest;
use super::encoder::Encoder;
use super::send::{ChunkSender, Held};
use crate::read::reader::blocking;
use crate::read::scan::Selection;
use crate::read::search::{Hit, Search};
use crate::read::time::TimeRange;
use crate::read::{ReadError, Reader};

/// Records that are written at once.
const RECORDS_AT_ONCE: usize = 1024;

pub(super) async fn begin(
    reader: &Reader,
    request: &ExportRequest,
    filter: Filter,
    range: TimeRange,
    (sender, held): (ChunkSender, Held),
    mut encoder: Encoder,
) -> Result<(), ReadError> {
    let limit = request
        .limit
        .map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
    let search = Search {
        view: reader.view_for(&filter)?,
        selection: Selection::prepared(&reader.limits, filter, range).await?,
        direction: request.direction,
        after: None,
        // One more is looked for than is asked for.
        limit: limit.min(usize::MAX - 1),
        running: Arc::clone(&sender.running),
    };
    let waiting = Handle::current();
    let work = blocking({
        let sender = sender.clone();
        move || {
            let outcome = write(&search, &mut encoder, &sender, &waiting);
            // What was seen and the turn are free before anyone is waited for.
            drop((search, held, encoder));
            Ok(outcome)
        }
    });
    tokio::spawn(async move {
        let outcome = work.await.and_then(|outcome| outcome);
        sender.end(outcome).await;
    });
    Ok(())
}

fn write(search: &Search, encoder: &mut Encoder, sender: &ChunkSender, waiting: &Handle) -> Result<(), ReadError> {
    encoder.begin_records()?;
    let mut failed = None;
    let outcome = search.run(&mut |hits: Vec<Hit>| {
        for portion in hits.chunks(RECORDS_AT_ONCE) {
            let written = encoder.records(portion);
            sender.add_rows(portion.len());
            let sent = written.and_then(|()| waiting.block_on(sender.send(encoder, false)));
            if let Err(error) = sent {
                failed = Some(error);
                return ControlFlow::Break(());
            }
        }
        ControlFlow::Continue(())
    });
    if let Some(error) = failed {
        return Err(error);
    }
    outcome?;
    encoder.finish()?;
    waiting.block_on(sender.send(encoder, true))
}
