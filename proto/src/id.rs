//! Names that survive restarts, merges and moves.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// An identity of 128 random bits, written as 32 lower-case hexadecimal digits.
macro_rules! random_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name(pub [u8; 16]);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                parse_hex_16(text).map($name).ok_or_else(|| IdError { text: text.to_owned() })
            }
        }

        impl TryFrom<&[u8]> for $name {
            type Error = IdError;

            fn try_from(bytes: &[u8]) -> Result<Self, IdError> {
                <[u8; 16]>::try_from(bytes)
                    .map($name)
                    .map_err(|_| IdError { text: format!("{} bytes where 16 were expected", bytes.len()) })
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<str>::deserialize(d)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

random_id! {
    /// One installation of the agent. Durable on the agent before its first use.
    AgentId
}
random_id! {
    /// One life of one file: a rotated or re-created file is another generation.
    /// Durable on the agent before its first use.
    GenerationId
}
random_id! {
    /// One life of one partition directory of the queue. A directory that was lost and made
    /// again has another, so that old positions are not taken for new ones.
    IncarnationId
}

/// A record's place in the queue. It survives flushing and merging, and serves as permalink,
/// cursor and tie-break. Written `topic-partition-offset`; a topic may itself hold hyphens.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordId {
    /// The topic's name.
    pub topic: String,
    /// The partition's number.
    pub partition: u32,
    /// The record's offset in the partition.
    pub offset: u64,
}

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{}", self.topic, self.partition, self.offset)
    }
}

impl FromStr for RecordId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let parse = || {
            let (rest, offset) = text.rsplit_once('-')?;
            let (topic, partition) = rest.rsplit_once('-')?;
            (!topic.is_empty()).then_some(())?;
            Some(RecordId {
                topic: topic.to_owned(),
                partition: partition.parse().ok()?,
                offset: offset.parse().ok()?,
            })
        };
        parse().ok_or_else(|| IdError { text: text.to_owned() })
    }
}

/// Text that is no id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an id: {text:?}")]
pub struct IdError {
    /// What was given.
    pub text: String,
}

fn parse_hex_16(text: &str) -> Option<[u8; 16]> {
    let digits = text.as_bytes();
    if digits.len() != 32 {
        return None;
    }
    let mut bytes = [0; 16];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let high = (pair[0] as char).to_digit(16)?;
        let low = (pair[1] as char).to_digit(16)?;
        *byte = (high << 4 | low) as u8;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_read_back_what_they_print() {
        let id = GenerationId([7; 16]);
        assert_eq!(id.to_string().parse(), Ok(id));
        let record = RecordId {
            topic: "my-logs".into(),
            partition: 3,
            offset: 99,
        };
        assert_eq!(record.to_string(), "my-logs-3-99");
        assert_eq!(record.to_string().parse(), Ok(record));
    }

    #[test]
    fn text_that_is_no_id_is_refused() {
        assert!("zz".parse::<AgentId>().is_err());
        assert!("logs-1".parse::<RecordId>().is_err());
        assert!("-1-2".parse::<RecordId>().is_err());
    }
}
