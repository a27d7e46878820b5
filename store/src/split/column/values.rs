//! A column of byte strings. Its length is known to the reader from elsewhere.
//!
//! Sink `meta`: encoding (u8), then:
//!
//! | encoding | |
//! |---|---|
//! | 0 `CONST` | `delta`: the length; `text`: the value |
//! | 1 `DICTIONARY` | `meta`: entries (varint); `delta`: a length each; `text`: the entries; then a column of whole numbers: which entry |
//! | 2 `INTEGER` | `meta`: prefix and suffix (varint length and bytes each), digits (u8: 0 as they come, else padded with zeros to so many); then a column of whole numbers, read as unsigned, between prefix and suffix |
//! | 3 `TEXT` | a column of whole numbers: the lengths; `text`: the values |
//! | 5 `PARTS` | `meta`: how many numbers (varint, 2–8), the texts before, between and after them (varint length and bytes each); then a column of values for each number, none of them `PARTS` |
//! | 6 `POSITIONS` | `meta`: bytes of a value (varint, 1–64), per byte: how many different ones stand there (u8) and these, or 0: the same as at the byte before; then columns of whole numbers: bytes' places among these are the digits, lowest first, of one number, as many as stay below 2^62 |

use super::super::block::Sinks;
use super::super::wire::{put_bytes, put_varint};
use super::distinct::Distinct;
use super::ints;
use super::parts::Parts;
use super::positions::Positions;

pub(super) const CONST: u8 = 0;
pub(super) const DICTIONARY: u8 = 1;
pub(super) const INTEGER: u8 = 2;
pub(super) const TEXT: u8 = 3;

/// Digits that always fit 64 bits.
pub(super) const DIGITS_MAX: usize = 19;

/// Bits that zstd is expected to leave of a byte of a variable's text.
const TEXT_BITS: f64 = 4.8;

/// A leaf's values cut into templates (`page::text`): no encoding of this module.
pub(crate) const CUT: u8 = 4;
pub(super) const PARTS: u8 = 5;
pub(super) const POSITIONS: u8 = 6;

/// Bits of a value at most that leave nothing to gain by cutting it.
const GOOD_BITS: f64 = 6.0;

pub(crate) fn encode(values: &[&[u8]], out: &mut Sinks) {
    if !values.is_empty() {
        plan(values).write(values, out);
    }
}

/// How a column will be written.
pub(crate) struct Plan<'a> {
    choice: Choice<'a>,
    /// Expected size in bits.
    pub(super) bits: f64,
}

enum Choice<'a> {
    Const,
    Dictionary(Dictionary<'a>),
    Integers(Integers<'a>),
    Text,
    Parts(Parts<'a>),
    Positions(Positions),
}

/// Bits of a value of a column of numbers at most beyond which a dictionary of values is tried.
const NUMBER_BITS: f64 = 9.0;

/// Chooses the smallest encoding. `values` are not empty.
pub(crate) fn plan<'a>(values: &[&'a [u8]]) -> Plan<'a> {
    let first = values[0];
    if values.iter().all(|&v| v == first) {
        return Plan {
            choice: Choice::Const,
            bits: 0.0,
        };
    }
    let count = values.len() as f64;
    let bytes: usize = values.iter().map(|v| v.len()).sum();
    let mut best = Plan {
        choice: Choice::Text,
        bits: bytes as f64 * TEXT_BITS + count,
    };
    if let Some(integers) = Integers::of(values) {
        best.offer(integers.plan.bits, Choice::Integers(integers));
        if best.bits <= count * NUMBER_BITS {
            return best;
        }
    }
    if let Some(dictionary) = Dictionary::of(values) {
        best.offer(dictionary.bits, Choice::Dictionary(dictionary));
    }
    if best.bits > count * GOOD_BITS && !matches!(best.choice, Choice::Integers(_)) {
        if let Some(parts) = Parts::of(values) {
            best.offer(parts.bits, Choice::Parts(parts));
        } else if let Some(positions) = Positions::of(values) {
            best.offer(positions.bits, Choice::Positions(positions));
        }
    }
    best
}

impl<'a> Plan<'a> {
    fn offer(&mut self, bits: f64, choice: Choice<'a>) {
        if bits <= self.bits {
            *self = Self { choice, bits };
        }
    }

    /// Whether cutting the values would hardly make them smaller.
    pub(crate) fn is_good(&self, values: &[&[u8]]) -> bool {
        let of_numbers = matches!(
            self.choice,
            Choice::Integers(_) | Choice::Parts(_) | Choice::Positions(_)
        );
        of_numbers || self.bits <= values.len() as f64 * GOOD_BITS
    }

    /// Gives `each` every value once, as far as that is known already: some may come again.
    /// `values`: those that it was made for.
    pub(crate) fn each_distinct(&self, values: &[&[u8]], mut each: impl FnMut(&[u8])) {
        match &self.choice {
            Choice::Const => each(values[0]),
            Choice::Dictionary(dictionary) => dictionary.entries.iter().for_each(|entry| each(entry)),
            Choice::Integers(integers) => integers.plan.each_distinct(|row| each(values[row])),
            Choice::Text | Choice::Parts(_) | Choice::Positions(_) => {
                let mut before = None;
                for &value in values {
                    if before != Some(value) {
                        each(value);
                    }
                    before = Some(value);
                }
            }
        }
    }

    /// `values`: those that it was made for.
    pub(crate) fn write(&self, values: &[&[u8]], out: &mut Sinks) {
        match &self.choice {
            Choice::Const => {
                out.meta.push(CONST);
                put_varint(&mut out.delta, values[0].len() as u64);
                out.text.extend_from_slice(values[0]);
            }
            Choice::Dictionary(dictionary) => dictionary.write(out),
            Choice::Integers(integers) => integers.write(out),
            Choice::Text => {
                out.meta.push(TEXT);
                let lengths: Vec<i64> = values.iter().map(|v| v.len() as i64).collect();
                ints::encode(&lengths, out);
                values.iter().for_each(|v| out.text.extend_from_slice(v));
            }
            Choice::Parts(parts) => {
                out.meta.push(PARTS);
                parts.write(out);
            }
            Choice::Positions(positions) => {
                out.meta.push(POSITIONS);
                positions.write(values, out);
            }
        }
    }
}

struct Dictionary<'a> {
    entries: Vec<&'a [u8]>,
    plan: ints::Plan,
    bits: f64,
}

impl<'a> Dictionary<'a> {
    /// None if too many values are distinct for it to pay.
    fn of(values: &[&'a [u8]]) -> Option<Self> {
        let mut distinct = Distinct::default();
        let mut which = Vec::with_capacity(values.len());
        for (at, &value) in values.iter().enumerate() {
            which.push(i64::from(distinct.place(value)));
            if at >= 64 && distinct.len() * 4 > at * 3 {
                return None;
            }
        }
        let entries = distinct.into_values();
        let bytes: usize = entries.iter().map(|e| e.len() + 1).sum();
        let plan = ints::plan(&which);
        let bits = plan.bits + bytes as f64 * TEXT_BITS;
        Some(Self { entries, plan, bits })
    }

    fn write(&self, out: &mut Sinks) {
        out.meta.push(DICTIONARY);
        put_varint(&mut out.meta, self.entries.len() as u64);
        for entry in &self.entries {
            put_varint(&mut out.delta, entry.len() as u64);
            out.text.extend_from_slice(entry);
        }
        ints::write(&self.plan, out);
    }
}

struct Integers<'a> {
    prefix: &'a [u8],
    suffix: &'a [u8],
    digits: u8,
    plan: ints::Plan,
}

impl<'a> Integers<'a> {
    /// None unless every value is prefix, decimal number, suffix, and is printed the same again.
    fn of(values: &[&'a [u8]]) -> Option<Self> {
        let first = *values.first()?;
        let from = first.iter().position(u8::is_ascii_digit)?;
        let to = from
            + first[from..]
                .iter()
                .position(|b| !b.is_ascii_digit())
                .unwrap_or(first.len() - from);
        let (prefix, suffix) = (&first[..from], &first[to..]);
        let width = to - from;
        let mut padded = true;
        let mut canonical = true;
        let mut numbers = Vec::with_capacity(values.len());
        for &value in values {
            let digits = value.strip_prefix(prefix)?.strip_suffix(suffix)?;
            if digits.is_empty() || digits.len() > DIGITS_MAX {
                return None;
            }
            padded &= digits.len() == width;
            canonical &= digits[0] != b'0' || digits.len() == 1;
            if !padded && !canonical {
                return None;
            }
            numbers.push(number(digits)?);
        }
        Some(Self {
            prefix,
            suffix,
            digits: if canonical { 0 } else { width as u8 },
            plan: ints::plan(&numbers),
        })
    }

    fn write(&self, out: &mut Sinks) {
        out.meta.push(INTEGER);
        put_bytes(&mut out.meta, self.prefix);
        put_bytes(&mut out.meta, self.suffix);
        out.meta.push(self.digits);
        ints::write(&self.plan, out);
    }
}

/// At most `DIGITS_MAX` digits and nothing else, as a number of 64 bits without a sign.
fn number(digits: &[u8]) -> Option<i64> {
    let mut number = 0_u64;
    for &byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        number = number * 10 + u64::from(digit);
    }
    Some(number as i64)
}
