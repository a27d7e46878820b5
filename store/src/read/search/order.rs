//! The total order of records, and cursors.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use timberline_proto::api::Direction;

use crate::read::ReadError;

/// A record's place in the total order, and a cursor's content.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) time: i64,
    pub(crate) partition: u32,
    pub(crate) offset: u64,
    /// Decides between topics, whose partitions are numbered alike.
    pub(crate) topic: Arc<str>,
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_{}_{}_{}", self.time, self.partition, self.offset, self.topic)
    }
}

impl FromStr for Key {
    type Err = ReadError;

    fn from_str(text: &str) -> Result<Self, ReadError> {
        let parse = || {
            let mut parts = text.splitn(4, '_');
            Some(Key {
                time: parts.next()?.parse().ok()?,
                partition: parts.next()?.parse().ok()?,
                offset: parts.next()?.parse().ok()?,
                topic: Arc::from(parts.next()?),
            })
        };
        parse().ok_or_else(|| {
            ReadError::BadRequest(format!(
                "{text:?} is no cursor: send back the cursor of an earlier answer's end, or none"
            ))
        })
    }
}

/// A key that sorts what comes first as smallest, in either direction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rank {
    pub(super) key: Key,
    pub(super) direction: Direction,
}

impl Ord for Rank {
    fn cmp(&self, other: &Self) -> Ordering {
        match self.direction {
            Direction::Forward => self.key.cmp(&other.key),
            Direction::Backward => other.key.cmp(&self.key),
        }
    }
}

impl PartialOrd for Rank {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
