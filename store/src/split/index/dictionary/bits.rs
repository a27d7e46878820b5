//! Bits one after another, lowest first.

use crate::split::wire::Corrupt;

/// Bits that one call takes or puts at most.
pub(super) const BITS_MAX: u32 = 56;

#[derive(Debug, Default)]
pub(super) struct BitWriter {
    bytes: Vec<u8>,
    word: u64,
    /// Bits of `word` in use, below 8 between calls.
    used: u32,
}

impl BitWriter {
    /// The lowest `bits` of a value, at most 64.
    pub(super) fn put(&mut self, value: u64, bits: u32) {
        if bits > BITS_MAX {
            self.put(value & ((1 << 32) - 1), 32);
            return self.put(value >> 32, bits - 32);
        }
        self.word |= (value & mask(bits)) << self.used;
        self.used += bits;
        while self.used >= 8 {
            self.bytes.push(self.word as u8);
            self.word >>= 8;
            self.used -= 8;
        }
    }

    /// So many zeros, then a one.
    pub(super) fn put_unary(&mut self, mut zeros: u64) {
        while zeros >= u64::from(BITS_MAX) {
            self.put(0, BITS_MAX);
            zeros -= u64::from(BITS_MAX);
        }
        self.put(1 << zeros, zeros as u32 + 1);
    }

    /// A number from 1 on in Elias's gamma code.
    pub(super) fn put_gamma(&mut self, number: u64) {
        let bits = gamma_bits(number) / 2;
        self.put_unary(u64::from(bits));
        self.put(number, bits);
    }

    pub(super) fn finish(mut self) -> Vec<u8> {
        if self.used > 0 {
            self.bytes.push(self.word as u8);
        }
        self.bytes
    }
}

/// Bits of a number in Elias's gamma code.
pub(super) fn gamma_bits(number: u64) -> u32 {
    2 * (number | 1).ilog2() + 1
}

fn mask(bits: u32) -> u64 {
    (1 << bits) - 1
}

/// Beyond the end there are zeros; [`end`](BitReader::end) tells that it was passed.
#[derive(Clone, Debug)]
pub(super) struct BitReader<'a> {
    bytes: &'a [u8],
    /// In bits.
    at: usize,
}

impl<'a> BitReader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// At least [`BITS_MAX`] bits.
    #[inline]
    fn peek(&self) -> u64 {
        let byte = self.at >> 3;
        let word = match self.bytes.get(byte..byte + 8) {
            Some(word) => u64::from_le_bytes(word.try_into().expect("eight bytes")),
            None => {
                let rest = self.bytes.get(byte..).unwrap_or_default();
                let mut word = [0; 8];
                word[..rest.len()].copy_from_slice(rest);
                u64::from_le_bytes(word)
            }
        };
        word >> (self.at & 7)
    }

    #[inline]
    pub(super) fn take(&mut self, bits: u32) -> u64 {
        if bits > BITS_MAX {
            let low = self.take(32);
            return low | self.take(bits - 32) << 32;
        }
        let value = self.peek() & mask(bits);
        self.at += bits as usize;
        value
    }

    /// Zeros before the next one, which is taken too.
    #[inline]
    pub(super) fn unary(&mut self) -> u64 {
        let mut zeros = 0;
        loop {
            let run = self.peek().trailing_zeros().min(BITS_MAX);
            zeros += u64::from(run);
            self.at += run as usize;
            if run < BITS_MAX {
                self.at += 1;
                return zeros;
            }
            if self.at > self.bytes.len() * 8 {
                return zeros;
            }
        }
    }

    #[inline]
    pub(super) fn gamma(&mut self) -> u64 {
        let bits = self.unary().min(63) as u32;
        self.take(bits) | 1 << bits
    }

    /// Nothing was taken beyond the end.
    pub(super) fn end(&self) -> Result<(), Corrupt> {
        match self.at <= self.bytes.len() * 8 {
            true => Ok(()),
            false => Err(Corrupt("bits end too early")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_was_put_is_taken(values in prop::collection::vec((any::<u64>(), 0_u32..=64), 0..200)) {
            let mut bits = BitWriter::default();
            for &(value, width) in &values {
                bits.put(value, width);
                bits.put_unary(value % 200);
                bits.put_gamma(value.max(1));
            }
            let bytes = bits.finish();
            let mut reader = BitReader::new(&bytes);
            for &(value, width) in &values {
                let low = if width == 64 { value } else { value & mask(width) };
                prop_assert_eq!(reader.take(width), low);
                prop_assert_eq!(reader.unary(), value % 200);
                prop_assert_eq!(reader.gamma(), value.max(1));
            }
            prop_assert!(reader.end().is_ok());
            reader.take(9);
            prop_assert!(reader.end().is_err());
            prop_assert!(reader.unary() >= 1);
        }
    }
}
