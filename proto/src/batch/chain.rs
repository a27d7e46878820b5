//! The chain that an agent makes of the lines of a generation, so that one that goes missing on the
//! way to the store, or is changed there, is found back to its file.
//!
//! A *unit* is the lines that were cut from the file as one batch. It has a *value*:
//!
//! ```text
//! value    SHA-256( "timberline chain 1" 00 ‖ previous, 32 bytes ‖ salt, 16 ‖ agent, 16 ‖
//!                   generation, 16 ‖ first u64 ‖ lines u32 ‖ per line: start u64 ‖
//!                   source bytes u32 ‖ time i64 ‖ flags u8 ‖ part u32 ‖ line bytes u32 ‖
//!                   attribute bytes u32 ‖ line ‖ attributes, as they stand in the batch )
//! flags    1 its time was found in the line, 2 it is a part of a line, 4 the last one
//! ```
//!
//! Little-endian. *previous* is the value of the unit before, all zero where a *link* begins: at the
//! generation's first line, and where an agent reads on from a place at which it does not know the
//! value (it was killed after the collector had taken more than its checkpoint says). *first* counts
//! the lines of the link before the unit. A unit without lines has the value of the one before it.
//!
//! The batch says so in its header `tb.chain`, 93 bytes: flags u8 (1: nothing comes behind it), first
//! u64, lines u32, salt, previous, value. A batch that is divided, or whose lines were refused, keeps
//! the header of the whole; so what comes behind is chained to the same value. Lines are as they were
//! shipped: behind the agent's rules, and with the attributes that these gave them.
//!
//! The salt is random. Without it a value says nothing of a line that was erased; so it is not kept
//! behind the queue, and goes from the queue with the line.

use sha2::{Digest, Sha256};

use super::frame::{Cursor, RawRecord, put_header_parts};
use super::own::{NANOS_PER_MS, NextPlace, Own};
use super::{BatchError, BatchMeta, LogBatch};

/// Bytes of a unit's value.
pub const CHAIN_VALUE_BYTES: usize = 32;
/// Bytes of a unit's salt.
pub const CHAIN_SALT_BYTES: usize = 16;

const CONTEXT: &[u8] = b"timberline chain 1\0";
const HEADER_BYTES: usize = 1 + 8 + 4 + CHAIN_SALT_BYTES + 2 * CHAIN_VALUE_BYTES;
const CLOSES: u8 = 1;

/// A unit's value.
pub type ChainValue = [u8; CHAIN_VALUE_BYTES];
/// A unit's salt.
pub type ChainSalt = [u8; CHAIN_SALT_BYTES];

/// Where the chain of a generation stands; by default at the beginning of a link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChainState {
    /// The value of the last unit.
    pub value: ChainValue,
    /// The lines of the link so far.
    pub lines: u64,
}

/// What a batch says of its unit: the header `tb.chain`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chained {
    /// Nothing comes behind it: the file is gone, and all of it was read.
    pub closes: bool,
    /// Lines of the link before it.
    pub first: u64,
    /// Lines of the unit; a batch holds fewer if it was divided or some were refused.
    pub lines: u32,
    /// Random; all zero once one of its lines was erased.
    pub salt: ChainSalt,
    /// The value before it; all zero where a link begins.
    pub previous: ChainValue,
    /// Its value.
    pub value: ChainValue,
}

/// Whether a batch holds what was chained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChainCheck {
    /// Every line is as it was chained.
    Holds,
    /// It holds some lines of its unit alone, or one of them was erased: its value cannot be made.
    Partial,
    /// Its lines are not those that were chained.
    Broken,
}

impl Chained {
    /// A unit without lines.
    pub fn empty(from: ChainState, closes: bool) -> Self {
        Self {
            closes,
            first: from.lines,
            lines: 0,
            salt: ChainSalt::default(),
            previous: from.value,
            value: from.value,
        }
    }

    /// Where the chain stands behind it.
    pub fn end(&self) -> ChainState {
        ChainState {
            value: self.value,
            lines: self.first.saturating_add(self.lines.into()),
        }
    }

    /// Whether a link begins with it.
    pub fn begins_link(&self) -> bool {
        self.previous == ChainValue::default()
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER_BYTES);
        bytes.push(if self.closes { CLOSES } else { 0 });
        bytes.extend_from_slice(&self.first.to_le_bytes());
        bytes.extend_from_slice(&self.lines.to_le_bytes());
        bytes.extend_from_slice(&self.salt);
        bytes.extend_from_slice(&self.previous);
        bytes.extend_from_slice(&self.value);
        bytes
    }

    pub(super) fn read(value: &[u8]) -> Result<Self, BatchError> {
        let mut cursor = Cursor { rest: value };
        if value.len() != HEADER_BYTES {
            return Err(BatchError::Malformed("tb.chain is not 93 bytes"));
        }
        Ok(Self {
            closes: take::<1>(&mut cursor)?[0] & CLOSES != 0,
            first: u64::from_le_bytes(take(&mut cursor)?),
            lines: u32::from_le_bytes(take(&mut cursor)?),
            salt: take(&mut cursor)?,
            previous: take(&mut cursor)?,
            value: take(&mut cursor)?,
        })
    }
}

fn take<const N: usize>(cursor: &mut Cursor<'_>) -> Result<[u8; N], BatchError> {
    cursor
        .take(N)?
        .try_into()
        .map_err(|_| BatchError::Malformed("tb.chain is not 93 bytes"))
}

/// Makes the value of one unit, line by line.
pub(super) struct UnitHasher(Sha256);

impl UnitHasher {
    pub(super) fn new(meta: &BatchMeta, from: ChainState, lines: u32, salt: &ChainSalt) -> Self {
        let mut sha = Sha256::new();
        sha.update(CONTEXT);
        sha.update(from.value);
        sha.update(salt);
        sha.update(meta.agent.unwrap_or_default().0);
        sha.update(meta.generation.unwrap_or_default().0);
        sha.update(from.lines.to_le_bytes());
        sha.update(lines.to_le_bytes());
        Self(sha)
    }

    pub(super) fn line(&mut self, own: &Own, place: (u64, u32), time_nanos: i64, line: &[u8], attributes: &[u8]) {
        let (part, is_last) = own.part.unwrap_or_default();
        let flags = u8::from(!own.time_missing) | u8::from(own.part.is_some()) << 1 | u8::from(is_last) << 2;
        let mut head = [0; 33];
        head[..8].copy_from_slice(&place.0.to_le_bytes());
        head[8..12].copy_from_slice(&place.1.to_le_bytes());
        head[12..20].copy_from_slice(&time_nanos.to_le_bytes());
        head[20] = flags;
        head[21..25].copy_from_slice(&part.to_le_bytes());
        head[25..29].copy_from_slice(&(line.len() as u32).to_le_bytes());
        head[29..].copy_from_slice(&(attributes.len() as u32).to_le_bytes());
        self.0.update(head);
        self.0.update(line);
        if !attributes.is_empty() {
            self.0.update(attributes);
        }
    }

    pub(super) fn value(self) -> ChainValue {
        self.0.finalize().into()
    }
}

impl LogBatch {
    /// Holds the lines of the batch against what its agent chained; `None` if it chained nothing. What
    /// stands before the unit is not looked at.
    pub fn check_chain(&self) -> Option<ChainCheck> {
        let chained = self.meta.chain?;
        if self.marker.is_some() || chained.lines == 0 {
            let is_empty = chained.lines == 0 && self.marker.is_some() && chained.value == chained.previous;
            let is_kept_apart = chained.lines > 0 && self.marker.is_some();
            return Some(match (is_empty, is_kept_apart) {
                (true, _) => ChainCheck::Holds,
                (_, true) => ChainCheck::Partial,
                _ => ChainCheck::Broken,
            });
        }
        // Lines that are there and more than were chained are none of the unit's.
        if self.header.record_count > chained.lines {
            return Some(ChainCheck::Broken);
        }
        if self.header.record_count < chained.lines || chained.salt == ChainSalt::default() {
            return Some(ChainCheck::Partial);
        }
        let is_same = self.value_of(&chained).is_ok_and(|value| value == chained.value);
        Some(if is_same { ChainCheck::Holds } else { ChainCheck::Broken })
    }

    fn value_of(&self, chained: &Chained) -> Result<ChainValue, BatchError> {
        let from = ChainState {
            value: chained.previous,
            lines: chained.first,
        };
        let mut hasher = UnitHasher::new(&self.meta, from, chained.lines, &chained.salt);
        let mut cursor = Cursor { rest: &self.records };
        let mut attributes = Vec::new();
        let mut next_place = NextPlace {
            start: self.meta.range.0,
            eol_bytes: self.meta.eol_bytes,
        };
        for _ in 0..self.header.record_count {
            let record = cursor.record()?;
            let own = own_of(&record, &mut attributes)?;
            let line = record.value.unwrap_or_default();
            let place = own.place.unwrap_or_else(|| next_place.of_line(line));
            next_place.advance(place);
            let time = self.header.base_timestamp_ms.saturating_add(record.timestamp_delta);
            let time_nanos = time
                .saturating_mul(NANOS_PER_MS)
                .saturating_add(own.sub_ms_nanos.into());
            hasher.line(&own, place, time_nanos, line, &attributes);
        }
        Ok(hasher.value())
    }
}

/// A record's own headers, and its attributes as the builder wrote them.
fn own_of(record: &RawRecord<'_>, attributes: &mut Vec<u8>) -> Result<Own, BatchError> {
    attributes.clear();
    Own::read(record, |header| {
        put_header_parts(attributes, &[b"a:", header.name], &[header.value]);
        Ok(())
    })
}
