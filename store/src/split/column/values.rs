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

use std::io::Write;

use super::super::block::{Sinks, Sources};
use super::super::hash::FastMap;
use super::super::wire::{Corrupt, put_bytes, put_varint};
use super::ints;

const CONST: u8 = 0;
const DICTIONARY: u8 = 1;
const INTEGER: u8 = 2;
const TEXT: u8 = 3;

/// Digits that always fit an `i64`.
const DIGITS_MAX: usize = 18;

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

/// A decoded column: its values come one after another.
#[derive(Debug)]
pub(crate) enum Values<'a> {
    Const(&'a [u8]),
    Dictionary {
        entries: Vec<&'a [u8]>,
        which: Vec<i64>,
        at: usize,
    },
    Integer {
        prefix: &'a [u8],
        suffix: &'a [u8],
        digits: usize,
        numbers: Vec<i64>,
        at: usize,
    },
    Text {
        lengths: Vec<i64>,
        bytes: &'a [u8],
        at: usize,
    },
}

/// Reads a column of `count` values; `count` is bounded by the caller and above 0.
pub(crate) fn decode<'a>(count: usize, from: &mut Sources<'a>) -> Result<Values<'a>, Corrupt> {
    match from.meta.u8()? {
        CONST => {
            let length = length(from.delta.varint()?)?;
            Ok(Values::Const(from.text.take(length)?))
        }
        DICTIONARY => {
            let entries = from.meta.varint()?;
            if entries == 0 || entries > count as u64 {
                return Err(Corrupt("dictionary of another size"));
            }
            let mut texts = Vec::with_capacity(entries as usize);
            for _ in 0..entries {
                let length = length(from.delta.varint()?)?;
                texts.push(from.text.take(length)?);
            }
            let which = ints::decode(count, from)?;
            if which.iter().any(|&w| w < 0 || w as u64 >= entries) {
                return Err(Corrupt("entry beyond the dictionary"));
            }
            Ok(Values::Dictionary {
                entries: texts,
                which,
                at: 0,
            })
        }
        INTEGER => {
            let (prefix, suffix) = (from.meta.bytes()?, from.meta.bytes()?);
            let digits = usize::from(from.meta.u8()?);
            if digits > DIGITS_MAX {
                return Err(Corrupt("more digits than a number has"));
            }
            let numbers = ints::decode(count, from)?;
            Ok(Values::Integer {
                prefix,
                suffix,
                digits,
                numbers,
                at: 0,
            })
        }
        TEXT => {
            let lengths = ints::decode(count, from)?;
            let total = lengths
                .iter()
                .try_fold(0_u64, |sum, &l| sum.checked_add(u64::try_from(l).ok()?));
            let bytes = from.text.take(length(total.ok_or(Corrupt("negative length"))?)?)?;
            Ok(Values::Text { lengths, bytes, at: 0 })
        }
        _ => Err(Corrupt("unknown text encoding")),
    }
}

fn length(length: u64) -> Result<usize, Corrupt> {
    usize::try_from(length).map_err(|_| Corrupt("length beyond memory"))
}

impl Values<'_> {
    /// Appends the next value. The caller takes as many as the column was decoded with.
    pub(crate) fn next_into(&mut self, out: &mut Vec<u8>) {
        match self {
            Values::Const(value) => out.extend_from_slice(value),
            Values::Dictionary { entries, which, at } => {
                out.extend_from_slice(entries[which[*at] as usize]);
                *at += 1;
            }
            Values::Integer {
                prefix,
                suffix,
                digits,
                numbers,
                at,
            } => {
                out.extend_from_slice(prefix);
                put_decimal(numbers[*at], *digits, out);
                out.extend_from_slice(suffix);
                *at += 1;
            }
            Values::Text { lengths, bytes, at } => {
                let (value, rest) = bytes.split_at(lengths[*at] as usize);
                out.extend_from_slice(value);
                *bytes = rest;
                *at += 1;
            }
        }
    }
}

fn put_decimal(number: i64, digits: usize, out: &mut Vec<u8>) {
    if number < 0 {
        write!(out, "{number}").expect("writing to memory");
        return;
    }
    let mut text = [b'0'; 20];
    let mut at = text.len();
    let mut rest = number;
    while rest > 0 || at == text.len() {
        at -= 1;
        text[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    let at = at.min(text.len() - digits);
    out.extend_from_slice(&text[at..]);
}
