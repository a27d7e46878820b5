//! A batch that the collector does not take as it is. It is divided, so that its sound records arrive,
//! until a record is refused alone: that is kept as a dead letter, and a marker is sent in its place.
//!
//! The batch itself is all that this takes. Its records may stand nowhere else by now: their file can be
//! truncated or deleted. Places stay as they are, so a part is to the collector what a smaller batch of
//! the file would have been; and whoever reads on from where the collector's end is goes on behind one.

use std::path::Path;

use timberline_proto::batch::{BatchBuilder, LogBatch, LogRecord};

use super::{Batch, UNPACKED_BYTES_MAX, dead_letter};

/// Why it is not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// For good, as the collector says.
    Rejected(String),
    /// It is larger than the collector takes now.
    TooLarge,
}

/// What became of it.
#[derive(Debug)]
pub(super) enum Settled {
    /// Its two parts are sent in its place.
    Divided(Box<[Batch; 2]>),
    /// It is a dead letter, and this marker is sent in its place.
    Kept(Box<Batch>),
    /// It cannot be kept now.
    NotKept,
    /// It cannot be divided: what it was made of is to be cut anew.
    ToCutAnew,
}

/// Divides it or keeps it. Blocks: a batch is unpacked, or synced.
pub(super) fn settle(batch: &Batch, why: &Why, dead_letter_dir: &Path, level: i32) -> Settled {
    if let Some(parts) = divide(batch, level) {
        tracing::debug!(generation = %batch.generation, batch.start, batch.end, batch.records, ?why, "divided");
        return Settled::Divided(Box::new(parts));
    }
    let Why::Rejected(reason) = why else {
        return Settled::ToCutAnew;
    };
    let path = batch.meta.stream.get("log.file.path").cloned().unwrap_or_default();
    match dead_letter::write(dead_letter_dir, batch, reason) {
        Ok(()) => {
            tracing::error!(path, records = batch.records, reason, dir = %dead_letter_dir.display(), "the collector refused a batch for good; it is kept as a dead letter");
            Settled::Kept(Box::new(dead_letter::marker(batch.clone(), level)))
        }
        Err(error) => {
            tracing::error!(path, %error, reason, "the collector refused a batch for good and it cannot be kept; tried again");
            Settled::NotKept
        }
    }
}

/// Its records in two batches that lie side by side; none where no record ends amid it at which reading
/// could begin.
fn divide(batch: &Batch, level: i32) -> Option<[Batch; 2]> {
    if batch.records < 2 {
        return None;
    }
    let parsed = LogBatch::parse(&batch.bytes, UNPACKED_BYTES_MAX).ok()?;
    let records: Vec<LogRecord<'_>> = parsed.records().collect();
    let borders = records.iter().enumerate().skip(1).filter_map(|(at, record)| {
        let (start, _) = record.place?;
        let is_amid = start > batch.start && start < batch.end;
        (is_amid && batch.bound.binary_search(&start).is_err()).then_some((at, start))
    });
    let (at, border) = borders.min_by_key(|(at, _)| at.abs_diff(records.len() / 2))?;
    let part = |records: &[LogRecord<'_>], range: (u64, u64)| {
        let meta = parsed.meta_of(range);
        let mut builder = BatchBuilder::new();
        records.iter().for_each(|record| builder.push(&record.into()));
        let is_within = |end: &&u64| (range.0..range.1).contains(*end);
        Batch {
            start: range.0,
            end: range.1,
            records: records.len() as u32,
            bound: batch.bound.iter().filter(is_within).copied().collect(),
            bytes: builder.finish(&meta, level),
            meta,
            topic: batch.topic.clone(),
            ..*batch
        }
    };
    let (first, second) = records.split_at(at);
    Some([part(first, (batch.start, border)), part(second, (border, batch.end))])
}

#[cfg(test)]
mod tests;
