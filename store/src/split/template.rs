//! Templates: a line with its variables taken out.
//!
//! Tokens that hold a digit are variables; everything else is fixed. A template's bytes are the
//! fixed text, with a slot where a variable stood: `00 01`. A zero byte of the line is written
//! `00 00`. `00 02` is a slot for the record's time: its value is the form in which the time stands
//! there (`TimeForm`, six bytes), and the text is made from that and the record's time.
//!
//! A template's id is the first 8 bytes, little-endian, of the SHA-256 of its bytes, and 1 where
//! that is 0; so it is the same in every split. 0 means: not known yet.

use sha2::{Digest, Sha256};
use timberline_proto::token::tokens;

use super::wire::Corrupt;

const ESCAPE: u8 = 0;
const ESCAPED_ZERO: u8 = 0;
const SLOT_VARIABLE: u8 = 1;
const SLOT_TIME: u8 = 2;

/// In place of a variable's start: the slot is the line's time.
pub(crate) const TIME: u32 = u32::MAX;

/// Cuts `line`: its template's bytes replace `template`, its variables' places are added to
/// `variables`. The time that stands at `time` becomes a slot, unless that would cut a token in
/// two; whether it did.
pub(crate) fn cut(
    line: &[u8],
    time: Option<(usize, usize)>,
    template: &mut Vec<u8>,
    variables: &mut Vec<(u32, u32)>,
) -> bool {
    template.clear();
    let first = variables.len();
    let mut time_left = time;
    let mut fixed_from = 0;
    for token in tokens(line) {
        if let Some((start, end)) = time_left {
            if token.end > start && token.start < end {
                if token.start < start || token.end > end {
                    variables.truncate(first);
                    return cut(line, None, template, variables);
                }
                continue;
            }
            if token.start >= end {
                put_fixed(&line[fixed_from..start], template);
                put_time(template, variables);
                fixed_from = end;
                time_left = None;
            }
        }
        if token.has_digit {
            put_fixed(&line[fixed_from..token.start], template);
            template.extend_from_slice(&[ESCAPE, SLOT_VARIABLE]);
            variables.push((token.start as u32, token.end as u32));
            fixed_from = token.end;
        }
    }
    if let Some((start, end)) = time_left {
        put_fixed(&line[fixed_from..start], template);
        put_time(template, variables);
        fixed_from = end;
    }
    put_fixed(&line[fixed_from..], template);
    time.is_some()
}

fn put_time(template: &mut Vec<u8>, variables: &mut Vec<(u32, u32)>) {
    template.extend_from_slice(&[ESCAPE, SLOT_TIME]);
    variables.push((TIME, 0));
}

fn put_fixed(fixed: &[u8], template: &mut Vec<u8>) {
    let mut rest = fixed;
    while let Some(at) = memchr::memchr(ESCAPE, rest) {
        template.extend_from_slice(&rest[..at]);
        template.extend_from_slice(&[ESCAPE, ESCAPED_ZERO]);
        rest = &rest[at + 1..];
    }
    template.extend_from_slice(rest);
}

/// A template's stable id.
pub(crate) fn stable_id(template: &[u8]) -> u64 {
    let hash = Sha256::digest(template);
    let id = u64::from_le_bytes(hash[..8].try_into().expect("a hash has 32 bytes"));
    id.max(1)
}

/// A template taken apart: fixed texts around its slots.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pieces {
    fixed: Vec<u8>,
    /// Where each fixed text ends; one more than there are slots.
    ends: Vec<usize>,
    /// Which slot is the time.
    time_slot: Option<usize>,
}

impl Pieces {
    pub(crate) fn of(template: &[u8]) -> Result<Self, Corrupt> {
        let mut pieces = Self::default();
        let mut rest = template;
        while let Some(at) = memchr::memchr(ESCAPE, rest) {
            pieces.fixed.extend_from_slice(&rest[..at]);
            match rest.get(at + 1) {
                Some(&ESCAPED_ZERO) => pieces.fixed.push(0),
                Some(&SLOT_VARIABLE) => pieces.ends.push(pieces.fixed.len()),
                Some(&SLOT_TIME) if pieces.time_slot.is_none() => {
                    pieces.time_slot = Some(pieces.ends.len());
                    pieces.ends.push(pieces.fixed.len());
                }
                _ => return Err(Corrupt("unknown slot in a template")),
            }
            rest = &rest[at + 2..];
        }
        pieces.fixed.extend_from_slice(rest);
        pieces.ends.push(pieces.fixed.len());
        Ok(pieces)
    }

    /// Bytes of all fixed texts.
    pub(crate) fn fixed_bytes(&self) -> usize {
        self.fixed.len()
    }

    pub(crate) fn slots(&self) -> usize {
        self.ends.len() - 1
    }

    pub(crate) fn time_slot(&self) -> Option<usize> {
        self.time_slot
    }

    /// The fixed texts, in order: before the first slot, between, after the last.
    pub(crate) fn fixed(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, &end)| &self.fixed[start..end])
    }
}
