//! Keeps a part of the records, chosen by a hash of the place in the file or of a field's value: the
//! same bytes give the same choice, whenever and wherever they are read.

use super::config::SampleConfig;
use super::event::Event;

#[derive(Debug)]
pub(super) struct Sample {
    /// Hashes below it are kept.
    below: u128,
    by: String,
}

impl Sample {
    pub(super) fn new(config: &SampleConfig) -> Result<Self, String> {
        if !(0.0..=1.0).contains(&config.keep) {
            return Err(format!("sample: keep = {} is not within 0 to 1", config.keep));
        }
        Ok(Self {
            below: (config.keep * 2f64.powi(64)) as u128,
            by: config.by.clone(),
        })
    }

    pub(super) fn keeps(&self, event: &Event<'_>) -> bool {
        let value = if self.by.is_empty() {
            None
        } else {
            event.text_of(&self.by)
        };
        let hash = match value {
            Some(value) => hash(value.as_bytes(), 0),
            None => hash(&event.origin.generation.0, event.origin.start),
        };
        u128::from(hash) < self.below
    }
}

/// FNV-1a, and the finisher of SplitMix64 that spreads it over all bits. Not to be changed: it
/// decides what is kept.
fn hash(bytes: &[u8], number: u64) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in bytes.iter().copied().chain(number.to_le_bytes()) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}
