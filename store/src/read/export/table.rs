//! The rows of pipes and SQL, from the threads on which plans run.

use std::sync::Arc;

use datafusion::dataframe::DataFrame;
use datafusion::execution::SendableRecordBatchStream;
use futures::StreamExt;
use timberline_proto::query::ast::{Filter, Search};
use tokio::runtime::Handle;
use tokio_util::task::AbortOnDropHandle;

use super::ExportRequest;
use super::encoder::Encoder;
use super::send::{ChunkSender, Held};
use crate::read::lower::{self, Lowering};
use crate::read::table::{FREED_AFTER, spilling};
use crate::read::time::TimeRange;
use crate::read::workers::{ended, stopped};
use crate::read::{ReadError, Reader, engine, sql};

/// What makes the rows.
pub(super) enum Plan {
    Search(Box<Search>),
    Sql(String),
}

pub(super) async fn begin(
    reader: Reader,
    request: ExportRequest,
    plan: Plan,
    range: TimeRange,
    (sender, held): (ChunkSender, Held),
    encoder: Encoder,
    caller: Handle,
) -> Result<(), ReadError> {
    let running = Arc::clone(&sender.running);
    let work = {
        let reader = reader.clone();
        async move { plan_and_send(&reader, &request, plan, range, (sender, held), encoder, caller).await }
    };
    reader.inner.workers.run(&running, work).await
}

async fn plan_and_send(
    reader: &Reader,
    request: &ExportRequest,
    plan: Plan,
    range: TimeRange,
    (sender, held): (ChunkSender, Held),
    encoder: Encoder,
    caller: Handle,
) -> Result<(), ReadError> {
    let running = Arc::clone(&sender.running);
    let topics = match &plan {
        Plan::Search(search) => reader.topics(&search.filter)?,
        Plan::Sql(_) => reader.topics(&Filter::All)?,
    };
    let lowering = Lowering::new(reader, &topics, range, &running);
    let frame = match plan {
        Plan::Search(search) => lower::lower(&lowering, *search).await?,
        Plan::Sql(text) => sql::plan(reader, &lowering, &text).await?,
    };
    let limit = request
        .limit
        .map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
    let again = spilling(&frame);
    let stream = frame.execute_stream().await.map_err(|error| engine::failed(&error))?;
    let computing = AbortOnDropHandle::new(tokio::spawn({
        let sender = sender.clone();
        async move {
            let _held = held;
            write(stream, again, limit, encoder, &sender).await
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
        sender.end(outcome).await;
    });
    Ok(())
}

async fn write(
    mut stream: SendableRecordBatchStream,
    mut again: Option<DataFrame>,
    limit: usize,
    mut encoder: Encoder,
    sender: &ChunkSender,
) -> Result<(), ReadError> {
    encoder.begin_table(&stream.schema())?;
    let mut left = limit;
    while left > 0 {
        let Some(batch) = stream.next().await else { break };
        let batch = match batch {
            Ok(batch) => batch,
            Err(error) if left == limit && engine::is_out_of_memory(&error) && again.is_some() => {
                drop(stream);
                tokio::time::sleep(FREED_AFTER).await;
                let frame = again.take().expect("looked at in the guard");
                stream = frame.execute_stream().await.map_err(|error| engine::failed(&error))?;
                continue;
            }
            Err(error) => return Err(engine::failed(&error)),
        };
        let batch = batch.slice(0, batch.num_rows().min(left));
        left -= batch.num_rows();
        encoder.batch(&batch)?;
        sender.add_rows(batch.num_rows());
        sender.send(&mut encoder, false).await?;
    }
    encoder.finish()?;
    sender.send(&mut encoder, true).await
}
