//! Which pages are read to tell what is in lines: spread evenly over the bytes of all lines, in the order
//! of their time.
//!
//! Every so many bytes one page is taken, the one that holds that byte. The distance is a power of two, so
//! what comes later changes nothing about the places before, and what was read of those pages is still
//! known; when there is twice as much, it doubles, and of the places every other one stays.

use std::sync::Arc;

use crate::catalog::CatalogSplit;

/// A place among the bytes of all lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// A number among the splits.
    pub(super) split: usize,
    /// A byte of its lines.
    pub(super) byte: u64,
}

/// What is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Sample {
    /// Every page.
    All,
    /// The pages at these places. Each stands for as many bytes as any other.
    Places(Vec<Place>),
}

/// Of `splits`, oldest first, about `pages_max` pages at most.
pub(super) fn choose(splits: &[Arc<CatalogSplit>], pages_max: usize) -> Sample {
    let pages: u64 = splits.iter().map(|split| u64::from(split.meta.pages)).sum();
    let bytes: u64 = splits.iter().map(|split| split.meta.raw_bytes).sum();
    if pages <= pages_max as u64 {
        return Sample::All;
    }
    if pages_max == 0 || bytes == 0 {
        return Sample::Places(Vec::new());
    }
    let distance = bytes.div_ceil(pages_max as u64).next_power_of_two();
    let mut places = Vec::new();
    let (mut next, mut before) = (distance / 2, 0);
    for (split, entry) in splits.iter().enumerate() {
        let end = before + entry.meta.raw_bytes;
        while next < end {
            places.push(Place {
                split,
                byte: next - before,
            });
            next += distance;
        }
        before = end;
    }
    Sample::Places(places)
}
