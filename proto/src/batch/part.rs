//! Parts of a batch: what holds for one, and its records on their way into a batch of their own.

use super::{BatchMeta, Dropped, LogBatch, LogRecord, NewRecord};

impl LogBatch {
    /// What holds for the part of the batch that lies in `range`: of the dropped bytes those within.
    pub fn meta_of(&self, range: (u64, u64)) -> BatchMeta {
        BatchMeta {
            range,
            dropped: within(&self.meta.dropped, range),
            ..self.meta.clone()
        }
    }
}

fn within(dropped: &[Dropped], range: (u64, u64)) -> Vec<Dropped> {
    let clamped = dropped.iter().map(|dropped| Dropped {
        start: dropped.start.max(range.0),
        end: dropped.end.min(range.1),
        reason: dropped.reason.clone(),
    });
    clamped.filter(|dropped| dropped.start < dropped.end).collect()
}

impl<'a> From<&'a LogRecord<'_>> for NewRecord<'a> {
    /// The same record with the same place, for another batch.
    fn from(record: &'a LogRecord<'_>) -> Self {
        Self {
            time_nanos: record.time_nanos,
            time_parsed: record.time_parsed,
            observed_nanos: Some(record.observed_nanos),
            line: record.line,
            place: record.place,
            part: record.part,
            attributes: &record.attributes,
        }
    }
}
