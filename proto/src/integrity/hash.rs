//! SHA-256, with the prefixes that keep leaves and nodes apart (RFC 9162, 2.1.1).

use std::fmt;
use std::str::FromStr;

use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};

/// Before a leaf.
pub(super) const LEAF: u8 = 0;
/// Before two nodes.
const NODE: u8 = 1;
/// Bytes of a hash.
pub const HASH_BYTES: usize = 32;

/// A SHA-256, written as 64 hexadecimal digits.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash(pub [u8; HASH_BYTES]);

impl Hash {
    /// Of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        let digest = digest(&SHA256, bytes);
        Self(digest.as_ref().try_into().expect("SHA-256 has 32 bytes"))
    }

    /// Of a leaf with this content.
    pub fn leaf(content: &[u8]) -> Self {
        let mut bytes = Vec::with_capacity(1 + content.len());
        bytes.push(LEAF);
        bytes.extend_from_slice(content);
        Self::of(&bytes)
    }

    /// Of a node above two others.
    #[inline]
    pub fn node(left: &Self, right: &Self) -> Self {
        let mut bytes = [0; 1 + 2 * HASH_BYTES];
        bytes[0] = NODE;
        bytes[1..=HASH_BYTES].copy_from_slice(&left.0);
        bytes[1 + HASH_BYTES..].copy_from_slice(&right.0);
        Self::of(&bytes)
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl TryFrom<&[u8]> for Hash {
    type Error = std::array::TryFromSliceError;

    fn try_from(bytes: &[u8]) -> Result<Self, Self::Error> {
        bytes.try_into().map(Self)
    }
}

impl FromStr for Hash {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.as_bytes();
        if digits.len() != 2 * HASH_BYTES {
            return Err("a hash has 64 hexadecimal digits");
        }
        let digit = |digit: u8| (digit as char).to_digit(16).ok_or("a hash has 64 hexadecimal digits");
        let mut hash = Self::default();
        for (byte, pair) in hash.0.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = (digit(pair[0])? << 4 | digit(pair[1])?) as u8;
        }
        Ok(hash)
    }
}

impl Serialize for Hash {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Hash {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(d)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}
