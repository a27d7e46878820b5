//! The records of a search on their way out, from a thread of their own.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use timberline_proto::api::{Frame, QueryRequest, Record};
use timberline_proto::query::ast::Filter;
use tokio::runtime::Handle;

use super::frames::{FRAME_BYTES_MAX, FrameSender, Frames, ending};
use super::reader::blocking;
use super::records::record;
use super::scan::Selection;
use super::search::{Hit, Key, Search};
use super::time::TimeRange;
use super::turns::Task;
use super::{ReadError, Reader};

/// Looks for records, and sends them as they are found.
pub(super) async fn search(
    reader: &Reader,
    request: &QueryRequest,
    filter: Filter,
    range: TimeRange,
    task: Task,
) -> Result<Frames, ReadError> {
    let search = Search {
        view: reader.view_for(&filter)?,
        selection: Selection::prepared(&reader.limits, filter, range).await?,
        direction: request.direction,
        after: request.cursor.as_deref().map(str::parse::<Key>).transpose()?,
        limit: reader.limit(request.limit, reader.options().rows_default)?,
        running: Arc::clone(&task.running),
    };
    let (sender, turn, frames) = Frames::channel(task);
    let (reader, waiting) = (reader.clone(), Handle::current());
    let work = blocking(move || {
        let outcome = send_records(&search, &sender, &waiting);
        let ending = ending(&reader, &search.running, outcome);
        // What was seen and the turn are free before anyone is waited for.
        drop((search, turn));
        Ok((sender, ending))
    });
    tokio::spawn(async move {
        if let Ok((sender, ending)) = work.await {
            sender.end(ending).await;
        }
    });
    Ok(frames)
}

/// Between two frames of progress.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(100);
/// Records of one frame at most.
const FRAME_RECORDS_MAX: usize = 500;

fn send_records(search: &Search, sender: &FrameSender, waiting: &Handle) -> Result<(u64, Option<String>), ReadError> {
    let mut rows = 0;
    let mut progress_sent = Instant::now();
    let mut failed = None;
    let mut send = |frame| match waiting.block_on(sender.send(frame)) {
        Ok(()) => ControlFlow::Continue(()),
        Err(error) => {
            failed = Some(error);
            ControlFlow::Break(())
        }
    };
    let last = search.run(&mut |hits: Vec<Hit>| {
        for portion in portions(&hits) {
            let records: Vec<Record> = portion.iter().map(|hit| record(&hit.view())).collect();
            rows += records.len() as u64;
            send(Frame::Records { records })?;
        }
        if progress_sent.elapsed() >= PROGRESS_INTERVAL {
            progress_sent = Instant::now();
            send(Frame::Progress(search.running.progress()))?;
        }
        ControlFlow::Continue(())
    });
    match failed {
        Some(error) => Err(error),
        None => Ok((rows, last?.map(|key| key.to_string()))),
    }
}

/// Hits by frames, which neither rows nor long lines make large.
fn portions(hits: &[Hit]) -> impl Iterator<Item = &[Hit]> {
    let mut rest = hits;
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let fits = |hit: &&Hit| {
            let fits = bytes < FRAME_BYTES_MAX;
            bytes += hit.view().row.line.len();
            fits
        };
        let rows = rest.iter().take(FRAME_RECORDS_MAX).take_while(fits).count();
        let (portion, others) = rest.split_at(rows);
        rest = others;
        (!portion.is_empty()).then_some(portion)
    })
}
