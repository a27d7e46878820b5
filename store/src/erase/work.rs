//! What was done for a request, as it is noted beside it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::catalog::ErasureWork;
use crate::integrity;

const SPLIT: &str = "split";
const QUEUE: &str = "queue";
const CATALOG: &str = "catalog";

/// A split was replaced, or deleted where nothing was left.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct SplitWork {
    pub(super) topic: String,
    pub(super) before: String,
    pub(super) after: Option<String>,
    pub(super) records: u64,
    pub(super) redacted: bool,
    /// Partition, first and last offset.
    pub(super) ranges: Vec<(u32, u64, u64)>,
}

/// Records of a partition go, or went.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct QueueWork {
    pub(super) topic: String,
    pub(super) partition: u32,
    pub(super) incarnation: String,
    pub(super) to: u64,
    /// First and last offset.
    pub(super) ranges: Vec<(u64, u64)>,
}

/// Rows of a table of the catalog.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct TableWork {
    pub(super) table: String,
    pub(super) rows: u64,
}

impl SplitWork {
    pub(super) fn noted(&self) -> ErasureWork {
        noted(SPLIT, self)
    }

    pub(super) fn of(work: &[ErasureWork]) -> impl Iterator<Item = Self> {
        read(SPLIT, work)
    }
}

impl QueueWork {
    pub(super) fn noted(&self) -> ErasureWork {
        noted(QUEUE, self)
    }

    pub(super) fn of(work: &[ErasureWork]) -> impl Iterator<Item = Self> {
        read(QUEUE, work)
    }
}

impl TableWork {
    pub(super) fn of(work: &[ErasureWork]) -> impl Iterator<Item = Self> {
        read(CATALOG, work)
    }
}

fn noted(place: &str, work: &impl Serialize) -> ErasureWork {
    ErasureWork {
        place: place.to_owned(),
        body: serde_json::to_string(work).expect("numbers and text are JSON"),
    }
}

fn read<'a, W: for<'de> Deserialize<'de>>(
    place: &'static str,
    work: &'a [ErasureWork],
) -> impl Iterator<Item = W> + use<'a, W> {
    let of_place = work.iter().filter(move |work| work.place == place);
    of_place.filter_map(|work| serde_json::from_str(&work.body).ok())
}

/// Places as partition, first and last offset of those that follow each other.
pub(super) fn ranges_of(places: impl Iterator<Item = (u32, u64)>) -> Vec<(u32, u64, u64)> {
    let mut by_partition: BTreeMap<u32, Vec<u64>> = BTreeMap::new();
    for (partition, offset) in places {
        by_partition.entry(partition).or_default().push(offset);
    }
    let mut ranges = Vec::new();
    for (partition, mut offsets) in by_partition {
        offsets.sort_unstable();
        let of = integrity::ranges_of(offsets).into_iter();
        ranges.extend(of.map(|(first, last)| (partition, first, last)));
    }
    ranges
}
