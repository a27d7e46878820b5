//! What is stored, in numbers.

use super::Reader;
use super::time::rfc3339;
use super::topics::Topics;

/// What is stored, in numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stored {
    /// Records, live ones included.
    pub records: u64,
    /// Bytes of the lines in splits.
    pub raw_bytes: u64,
    /// Bytes of the splits' files, those of the store's own topics among them.
    pub disk_bytes: u64,
    /// Splits, likewise.
    pub splits: u64,
    /// Time of the oldest record, RFC 3339.
    pub oldest: Option<String>,
    /// Time of the newest record, RFC 3339.
    pub newest: Option<String>,
}

impl Reader {
    /// What is stored, live rows included: records of the queue's topics.
    pub fn stored(&self) -> Stored {
        let all = self.view_of(&Topics::All);
        let files = || all.snapshot.splits.iter().map(|split| &split.meta);
        let view = all.clone().only(&Topics::Queue);
        let metas = || view.snapshot.splits.iter().map(|split| &split.meta);
        let live: usize = view.live.iter().map(|part| part.rows.len() - part.first).sum();
        let bounds = view.time_bounds();
        Stored {
            records: metas().map(|meta| meta.rows).sum::<u64>() + live as u64,
            raw_bytes: metas().map(|meta| meta.raw_bytes).sum(),
            disk_bytes: files().map(|meta| meta.file_bytes).sum(),
            splits: files().count() as u64,
            oldest: bounds.map(|(min, _)| rfc3339(min)),
            newest: bounds.map(|(_, max)| rfc3339(max)),
        }
    }
}
