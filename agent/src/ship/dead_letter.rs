//! Batches that the collector refuses for good are kept here for a human to see: the encoded
//! batch, and beside it why. Bounded: when the directory is full, the file waits instead.

use std::fs;
use std::io;
use std::path::Path;

use timberline_proto::batch::{BatchBuilder, Dropped};
use timberline_proto::crash::{Point, reached};
use timberline_proto::gap;

use super::Batch;
use crate::registry::write_durably;

/// Bytes kept at most.
const BYTES_MAX: u64 = 256 << 20;

/// When this returns, the batch and the reason are durable.
pub(super) fn write(dir: &Path, batch: &Batch, reason: &str) -> io::Result<()> {
    fs::create_dir_all(dir)?;
    let held: u64 = fs::read_dir(dir)?
        .filter_map(Result::ok)
        .filter_map(|entry| entry.metadata().ok())
        .map(|meta| meta.len())
        .sum();
    if held + batch.bytes.len() as u64 > BYTES_MAX {
        let why = format!(
            "{} holds {held} bytes of refused batches, the most that is kept; look at them and remove them",
            dir.display()
        );
        return Err(io::Error::new(io::ErrorKind::StorageFull, why));
    }
    let name = format!("{}-{}-{}", batch.generation, batch.start, batch.end);
    let note = serde_json::json!({
        "reason": reason,
        "records": batch.records,
        "generation": batch.generation.to_string(),
        "range": [batch.start, batch.end],
        "stream": batch.meta.stream,
    });
    let temporary = dir.join("tmp");
    write_durably(&temporary, &dir.join(format!("{name}.batch")), dir, &batch.bytes)?;
    reached(Point::DeadLetterKept);
    write_durably(
        &temporary,
        &dir.join(format!("{name}.json")),
        dir,
        note.to_string().as_bytes(),
    )?;
    reached(Point::DeadLetterNoted);
    Ok(())
}

/// What is sent instead: the range with no record, so that the generation goes on behind it. What was
/// dropped of it before stays dropped for its own reason.
pub(super) fn marker(mut batch: Batch, level: i32) -> Batch {
    let rejected = |start, end| Dropped {
        start,
        end,
        reason: gap::REJECTED.into(),
    };
    let (mut all, mut at) = (Vec::new(), batch.start);
    for dropped in std::mem::take(&mut batch.meta.dropped) {
        if at < dropped.start {
            all.push(rejected(at, dropped.start));
        }
        at = dropped.end;
        all.push(dropped);
    }
    if at < batch.end {
        all.push(rejected(at, batch.end));
    }
    batch.meta.dropped = all;
    batch.bytes = BatchBuilder::new().finish(&batch.meta, level);
    batch.records = 0;
    batch
}
