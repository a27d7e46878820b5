//! A column of byte strings. Its length is known to the reader from elsewhere.
//!
//! Sink `meta`: encoding (u8), then:
//!
//! | encoding | |
//! |---|---|
//! | 0 `CONST` | `delta`: the length; `text`: the value |
//! | 1 `DICTIONARY` | `meta`: entries (varint); `delta`: a length each; `text`: the entries; then a column of whole numbers: which entry |
//! | 2 `INTEGER` | `meta`: prefix and suffix (varint length and bytes each), digits (u8: 0 as they come, else padded with zeros to so many); then a column of whole numbers, ≥ 0, between prefix and suffix |
//! | 3 `TEXT` | a column of whole numbers: the lengths; `text`: the values |

use super::super::block::Sinks;
use super::super::hash::FastMap;
use super::super::wire::{put_bytes, put_varint};
use super::ints;

pub(super) const CONST: u8 = 0;
pub(super) const DICTIONARY: u8 = 1;
pub(super) const INTEGER: u8 = 2;
pub(super) const TEXT: u8 = 3;

/// Digits that always fit an `i64`.
pub(super) const DIGITS_MAX: usize = 18;

/// Bits that zstd is expected to leave of a byte of a variable's text.
const TEXT_BITS: f64 = 4.8;

pub(crate) fn encode(values: &[&[u8]], out: &mut Sinks) {
    let Some(&first) = values.first() else { return };
    if values.iter().all(|&v| v == first) {
        out.meta.push(CONST);
        put_varint(&mut out.delta, first.len() as u64);
        out.text.extend_from_slice(first);
        return;
    }
    let dictionary = Dictionary::of(values);
    let integers = Integers::of(values);
    let bytes: usize = values.iter().map(|v| v.len()).sum();
    let text_bits = bytes as f64 * TEXT_BITS + values.len() as f64;
    let dictionary_bits = dictionary.as_ref().map_or(f64::INFINITY, |d| d.bits);
    let integer_bits = integers.as_ref().map_or(f64::INFINITY, |i| i.plan.bits);
    match (dictionary, integers) {
        (Some(dictionary), _) if dictionary_bits <= integer_bits && dictionary_bits <= text_bits => {
            dictionary.write(out);
        }
        (_, Some(integers)) if integer_bits <= text_bits => integers.write(out),
        _ => {
            out.meta.push(TEXT);
            let lengths: Vec<i64> = values.iter().map(|v| v.len() as i64).collect();
            ints::encode(&lengths, out);
            values.iter().for_each(|v| out.text.extend_from_slice(v));
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
        let mut places: FastMap<&[u8], u32> = FastMap::default();
        let mut entries = Vec::new();
        let mut which = Vec::with_capacity(values.len());
        for (at, &value) in values.iter().enumerate() {
            let place = *places.entry(value).or_insert_with(|| {
                entries.push(value);
                entries.len() as u32 - 1
            });
            which.push(i64::from(place));
            if at >= 64 && entries.len() * 4 > at * 3 {
                return None;
            }
        }
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
            numbers.push(digits.iter().try_fold(0_i64, |number, &b| {
                b.is_ascii_digit().then(|| number * 10 + i64::from(b - b'0'))
            })?);
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
