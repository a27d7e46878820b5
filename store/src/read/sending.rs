//! The records of a search on their way out, from a thread of their own.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use timberline_proto::api::{Frame, QueryRequest, Record};
use timberline_proto::query::ast::Filter;
use tokio::sync::mpsc;

use super::frames::{Frames, ending};
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
        view: reader.view(),
        selection: Selection::prepared(filter, range).await?,
        direction: request.direction,
        after: request.cursor.as_deref().map(str::parse::<Key>).transpose()?,
        limit: reader.limit(request.limit, reader.options().rows_default)?,
        running: Arc::clone(&task.running),
    };
    let (sender, frames) = Frames::channel(task);
    let reader = reader.clone();
    tokio::task::spawn_blocking(move || {
        let outcome = send_records(&search, &sender);
        for frame in ending(&reader, &search.running, outcome) {
            if sender.blocking_send(frame).is_err() {
                return;
            }
        }
    });
    Ok(frames)
}

/// Between two frames of progress.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(100);
/// Records of one frame at most.
const FRAME_RECORDS_MAX: usize = 500;

fn send_records(search: &Search, sender: &mpsc::Sender<Frame>) -> Result<(u64, Option<String>), ReadError> {
    let mut rows = 0;
    let mut progress_sent = Instant::now();
    let send = |frame| match sender.blocking_send(frame) {
        Ok(()) => ControlFlow::Continue(()),
        Err(_) => ControlFlow::Break(()),
    };
    let last = search.run(&mut |hits: Vec<Hit>| {
        for portion in hits.chunks(FRAME_RECORDS_MAX) {
            let records: Vec<Record> = portion.iter().map(|hit| record(&hit.view())).collect();
            rows += records.len() as u64;
            send(Frame::Records { records })?;
        }
        if progress_sent.elapsed() >= PROGRESS_INTERVAL {
            progress_sent = Instant::now();
            send(Frame::Progress(search.running.progress()))?;
        }
        ControlFlow::Continue(())
    })?;
    Ok((rows, last.map(|key| key.to_string())))
}
