//! Answers that are tables: pipes and SQL, run by DataFusion, sent as frames.

use std::sync::Arc;
use std::time::{Duration, Instant};

use datafusion::arrow::array::RecordBatch;
use datafusion::common::tree_node::TreeNode;
use datafusion::dataframe::DataFrame;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::logical_expr::LogicalPlan;
use futures::StreamExt;
use timberline_proto::api::{Column, Frame, QueryRequest};
use timberline_proto::query::ast::{Explain, Filter, Search};
use tokio::runtime::Handle;
use tokio_util::task::AbortOnDropHandle;

use super::cells;
use super::frames::{FRAME_BYTES_MAX, FrameSender, Frames, ending};
use super::lower::{self, Lowering};
use super::reader::blocking;
use super::running::Running;
use super::time::TimeRange;
use super::turns::Task;
use super::workers::{ended, stopped};
use super::{ReadError, Reader, engine, memory, sql as sql_query};

/// Rows of one frame at most.
const FRAME_ROWS_MAX: usize = 1000;
/// Answers of so many rows at most are cut by the plan.
const CUT_ROWS_MAX: usize = 10_000;
/// So long tasks of a plan that was dropped may take to end.
pub(super) const FREED_AFTER: Duration = Duration::from_millis(50);
/// Between two frames of progress.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(100);

/// Answers a search with pipes.
pub(crate) async fn search(
    reader: &Reader,
    request: &QueryRequest,
    search: Search,
    range: TimeRange,
    task: Task,
    caller: Handle,
) -> Result<Frames, ReadError> {
    let limit = Limit::new(reader, request)?;
    let explain = search.explain;
    let lowering = Lowering::new(reader, &reader.topics(&search.filter)?, range, &task.running);
    let planned = tokio::time::timeout_at(task.running.deadline().into(), lower::lower(&lowering, search)).await;
    let frame = planned.map_err(|_| task.running.timeout())??;
    let frame = match explain {
        Explain::No => frame,
        Explain::Plan => frame.explain(false, false).map_err(|error| engine::failed(&error))?,
        Explain::Analyze => frame.explain(false, true).map_err(|error| engine::failed(&error))?,
    };
    answer(reader, frame, limit, task, caller).await
}

/// Answers SQL.
pub(crate) async fn sql(
    reader: &Reader,
    request: &QueryRequest,
    text: &str,
    range: TimeRange,
    task: Task,
    caller: Handle,
) -> Result<Frames, ReadError> {
    let limit = Limit::new(reader, request)?;
    let lowering = Lowering::new(reader, &reader.topics(&Filter::All)?, range, &task.running);
    let frame = sql_query::plan(reader, &lowering, text).await?;
    answer(reader, frame, limit, task, caller).await
}

/// How many rows may be sent, and what happens to the next one.
#[derive(Clone, Copy)]
struct Limit {
    rows: usize,
    /// Whether the request named it: then the answer ends there, else it is an error.
    asked: bool,
}

impl Limit {
    fn new(reader: &Reader, request: &QueryRequest) -> Result<Self, ReadError> {
        Ok(Self {
            rows: reader.limit(request.limit, reader.options().rows_max)?,
            asked: request.limit.is_some(),
        })
    }
}

/// Computes on the threads that this runs on; watches it, and ends the answer, on the caller's.
async fn answer(
    reader: &Reader,
    frame: DataFrame,
    limit: Limit,
    task: Task,
    caller: Handle,
) -> Result<Frames, ReadError> {
    // A plan to be explained stays as it is. A sort that is cut cannot spill: only short answers are cut
    // there, the others where they are sent.
    let is_short = limit.asked && limit.rows <= CUT_ROWS_MAX;
    let frame = match is_short && !is_explained(frame.logical_plan()) {
        true => frame
            .limit(0, Some(limit.rows))
            .map_err(|error| engine::failed(&error))?,
        false => frame,
    };
    let running = Arc::clone(&task.running);
    let spilling = spilling(&frame);
    let planned = tokio::time::timeout_at(running.deadline().into(), frame.execute_stream()).await;
    let stream = planned
        .map_err(|_| running.timeout())?
        .map_err(|error| engine::failed(&error))?;
    let (sender, turn, frames) = Frames::channel(task);
    let reader = reader.clone();
    let computing = AbortOnDropHandle::new(tokio::spawn({
        let (running, sender) = (Arc::clone(&running), sender.clone());
        async move {
            let _turn = turn;
            send_rows(stream, spilling, limit, &running, &sender).await
        }
    }));
    caller.spawn(async move {
        let outcome = tokio::select! {
            outcome = computing => ended(outcome),
            error = stopped(&running) => Err(error),
            () = sender.closed() => Err(ReadError::Cancelled),
        };
        // What is computed between two rows of an answer asks for it.
        running.cancel();
        running.release();
        if let Ok(ending) = blocking(move || Ok(ending(&reader, &running, outcome))).await {
            sender.end(ending).await;
        }
    });
    Ok(frames)
}

fn is_explained(plan: &LogicalPlan) -> bool {
    matches!(plan, LogicalPlan::Explain(_) | LogicalPlan::Analyze(_))
}

/// The same in less memory, for when there is not enough: smaller batches, fewer parts that each hold
/// some, and joins that sort both sides and can spill. `None` if nothing in it can spill.
pub(super) fn spilling(frame: &DataFrame) -> Option<DataFrame> {
    let (mut state, plan) = frame.clone().into_parts();
    let holds = |of: fn(&LogicalPlan) -> bool| plan.exists(|plan| Ok(of(plan))).unwrap_or(false);
    let has_join = holds(|plan| matches!(plan, LogicalPlan::Join(_)));
    let spills = holds(|plan| {
        matches!(
            plan,
            LogicalPlan::Sort(_) | LogicalPlan::Aggregate(_) | LogicalPlan::Window(_)
        )
    });
    if is_explained(&plan) || !(has_join || spills) {
        return None;
    }
    // What was spilled is merged batch by batch: of each part one is held.
    let batch_rows = (state.config().batch_size() / 8).max(64);
    *state.config_mut() = state.config().clone().with_batch_size(batch_rows);
    let options = state.config_mut().options_mut();
    options.optimizer.prefer_hash_join = false;
    // With one partition there are no joins of sorted sides.
    options.execution.target_partitions = if has_join { 2 } else { 1 };
    Some(DataFrame::new(state, plan))
}

async fn send_rows(
    mut stream: SendableRecordBatchStream,
    mut spilling: Option<DataFrame>,
    limit: Limit,
    running: &Running,
    sender: &FrameSender,
) -> Result<(u64, Option<String>), ReadError> {
    let schema = stream.schema();
    let columns: Vec<Column> = schema.fields().iter().map(|field| cells::column(field)).collect();
    sender.send(Frame::Schema { columns }).await?;
    let mut rows_sent = 0;
    let mut progress_sent = Instant::now();
    while let Some(batch) = stream.next().await {
        let batch = match batch {
            Ok(batch) => batch,
            Err(error) if rows_sent == 0 && engine::is_out_of_memory(&error) => {
                let Some(again) = spilling.take() else {
                    return Err(engine::failed(&error));
                };
                // Its tasks end and free their memory before others ask for it.
                drop(stream);
                tokio::time::sleep(FREED_AFTER).await;
                let again = again.execute_stream().await;
                stream = again.map_err(|error| engine::failed(&error))?;
                continue;
            }
            Err(error) => return Err(engine::failed(&error)),
        };
        let left = limit.rows - rows_sent;
        let (batch, is_last) = match limit.asked && batch.num_rows() >= left {
            true => (batch.slice(0, left), true),
            false => (batch, false),
        };
        rows_sent += batch.num_rows();
        if rows_sent > limit.rows {
            return Err(ReadError::Limit {
                what: format!("the answer has more than {} rows", limit.rows),
                key: "query.rows_max",
            });
        }
        let frame_rows = frame_rows(&batch);
        for start in (0..batch.num_rows()).step_by(frame_rows) {
            let portion = batch.slice(start, frame_rows.min(batch.num_rows() - start));
            let rows = cells::rows(&portion).map_err(|error| engine::failed(&error))?;
            sender.send(Frame::Rows { rows }).await?;
        }
        if is_last {
            break;
        }
        if progress_sent.elapsed() >= PROGRESS_INTERVAL {
            progress_sent = Instant::now();
            sender.send(Frame::Progress(running.progress())).await?;
        }
    }
    Ok((rows_sent as u64, None))
}

/// How many rows of a batch one frame takes.
fn frame_rows(batch: &RecordBatch) -> usize {
    let row_bytes = (memory::batch_bytes(batch) / batch.num_rows().max(1)).max(1);
    (FRAME_BYTES_MAX / row_bytes).clamp(1, FRAME_ROWS_MAX)
}
