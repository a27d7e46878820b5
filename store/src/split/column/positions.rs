//! Values of one length, of which each place holds few different bytes: random hexadecimal ids.
//! The bytes' places in their alphabets are the digits of numbers.

use super::super::block::{Sinks, Sources};
use super::super::wire::{Corrupt, put_varint};
use super::ints;

/// Bytes of a value at most.
const LENGTH_MAX: usize = 64;

/// Positions are put into one number while it stays below this.
const CHUNK_MAX: u64 = 1 << 62;

pub(super) struct Positions {
    /// Per position, the bytes that stand there, ascending.
    alphabets: Vec<Vec<u8>>,
    pub(super) bits: f64,
}

impl Positions {
    /// None if the values are not of one length, or are shorter than 2 or longer than 64 bytes.
    pub(super) fn of(values: &[&[u8]]) -> Option<Self> {
        let length = values.first()?.len();
        if !(2..=LENGTH_MAX).contains(&length) || values.iter().any(|value| value.len() != length) {
            return None;
        }
        let mut sets = vec![[false; 256]; length];
        for value in values {
            for (set, &byte) in sets.iter_mut().zip(*value) {
                set[usize::from(byte)] = true;
            }
        }
        let bytes = |set: &[bool; 256]| (0..=u8::MAX).filter(|&b| set[usize::from(b)]).collect();
        let alphabets: Vec<Vec<u8>> = sets.iter().map(bytes).collect();
        if alphabets.iter().any(|a| a.len() == 256) {
            return None;
        }
        let sizes: Vec<u64> = alphabets.iter().map(|a| a.len() as u64).collect();
        let width: u32 = chunks(&sizes)
            .map(|(_, product)| 64 - (product - 1).leading_zeros())
            .sum();
        let head: usize = alphabets.iter().map(Vec::len).sum();
        Some(Self {
            alphabets,
            bits: values.len() as f64 * f64::from(width) + head as f64 * 4.0,
        })
    }

    pub(super) fn write(&self, values: &[&[u8]], out: &mut Sinks) {
        put_varint(&mut out.meta, self.alphabets.len() as u64);
        let mut before: &[u8] = &[];
        for alphabet in &self.alphabets {
            if alphabet == before {
                out.meta.push(0);
            } else {
                out.meta.push(alphabet.len() as u8);
                out.meta.extend_from_slice(alphabet);
            }
            before = alphabet;
        }
        let mut places = vec![[0_u8; 256]; self.alphabets.len()];
        for (places, alphabet) in places.iter_mut().zip(&self.alphabets) {
            alphabet
                .iter()
                .enumerate()
                .for_each(|(at, &b)| places[usize::from(b)] = at as u8);
        }
        let sizes: Vec<u64> = self.alphabets.iter().map(|a| a.len() as u64).collect();
        for (chunk, _) in chunks(&sizes) {
            let number = |value: &&[u8]| {
                // From the last position to the first, so that the first is taken off first.
                let digits = chunk.clone().rev();
                digits.fold(0_u64, |n, at| {
                    n * sizes[at] + u64::from(places[at][usize::from(value[at])])
                }) as i64
            };
            ints::encode(&values.iter().map(number).collect::<Vec<_>>(), out);
        }
    }
}

/// Positions that share a number, and how many numbers that are.
fn chunks(sizes: &[u64]) -> impl Iterator<Item = (std::ops::Range<usize>, u64)> {
    let mut start = 0;
    std::iter::from_fn(move || {
        let mut product = *sizes.get(start)?;
        let mut end = start + 1;
        while let Some(longer) = sizes.get(end).and_then(|&size| product.checked_mul(size))
            && longer <= CHUNK_MAX
        {
            product = longer;
            end += 1;
        }
        let chunk = start..end;
        start = end;
        Some((chunk, product))
    })
}

/// Such a column, read.
#[derive(Debug)]
pub(crate) struct PositionColumn {
    alphabets: Vec<Vec<u8>>,
    /// Per number of a value: how many positions it holds, and the numbers.
    chunks: Vec<(usize, Vec<i64>)>,
}

impl PositionColumn {
    pub(super) fn decode(count: usize, from: &mut Sources<'_>) -> Result<Self, Corrupt> {
        let length = from.meta.varint()?;
        if length == 0 || length > LENGTH_MAX as u64 {
            return Err(Corrupt("values of another length"));
        }
        let mut alphabets: Vec<Vec<u8>> = Vec::with_capacity(length as usize);
        for _ in 0..length {
            let alphabet = match from.meta.u8()? {
                0 => alphabets.last().ok_or(Corrupt("position without bytes"))?.clone(),
                size => from.meta.take(usize::from(size))?.to_vec(),
            };
            alphabets.push(alphabet);
        }
        let sizes: Vec<u64> = alphabets.iter().map(|a| a.len() as u64).collect();
        let chunks = chunks(&sizes).map(|(chunk, _)| Ok((chunk.len(), ints::decode(count, from)?)));
        Ok(Self {
            chunks: chunks.collect::<Result<_, Corrupt>>()?,
            alphabets,
        })
    }

    pub(super) fn value_length(&self) -> usize {
        self.alphabets.len()
    }

    pub(super) fn value_into(&self, row: usize, out: &mut Vec<u8>) {
        let mut alphabets = self.alphabets.iter();
        for (positions, numbers) in &self.chunks {
            let mut number = numbers[row] as u64;
            for alphabet in alphabets.by_ref().take(*positions) {
                let size = alphabet.len() as u64;
                out.push(alphabet[(number % size) as usize]);
                number /= size;
            }
        }
    }
}
