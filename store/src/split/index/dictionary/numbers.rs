//! Ascending numbers as differences: of those of a block, the code and its parameter that take the
//! fewest bits.
//!
//! `kind` (1 bit), `low` (6 bits), then per number but the first, for *n* = difference to the one
//! before − 1: by Rice (kind 0) n >> low in unary, by Golomb's exponential code (kind 1) (n >> low) + 1
//! in gamma; then the `low` lowest bits of n.

use super::bits::{BitReader, BitWriter, gamma_bits};

/// Parameters tried on either side of the likely one.
const AROUND: u32 = 2;

#[derive(Clone, Copy, Debug)]
struct Code {
    exponential: bool,
    low: u32,
}

impl Code {
    fn bits(self, numbers: &[u64]) -> u64 {
        let one = |high: u64| match self.exponential {
            true => u64::from(gamma_bits(high + 1)),
            false => high + 1,
        };
        let of = |pair: &[u64]| one(gap(pair) >> self.low) + u64::from(self.low);
        // A long unary number alone decides against it; no sum of these overflows.
        numbers.windows(2).map(|pair| of(pair).min(1 << 32)).sum()
    }

    fn best(numbers: &[u64]) -> Self {
        let gaps = numbers.len().saturating_sub(1).max(1) as u64;
        let span = numbers.last().unwrap_or(&0) - numbers.first().unwrap_or(&0);
        let likely = (span / gaps).checked_ilog2().unwrap_or(0);
        let lows = likely.saturating_sub(AROUND + 2)..=(likely + AROUND).min(62);
        let codes = lows.flat_map(|low| [false, true].map(|exponential| Self { exponential, low }));
        let best = codes.min_by_key(|code| code.bits(numbers));
        best.unwrap_or(Self {
            exponential: true,
            low: 0,
        })
    }
}

fn gap(pair: &[u64]) -> u64 {
    pair[1] - pair[0] - 1
}

/// Writes all but the first of ascending numbers, each once.
pub(super) fn put_ascending(numbers: &[u64], out: &mut BitWriter) {
    let code = Code::best(numbers);
    out.put(u64::from(code.exponential), 1);
    out.put(u64::from(code.low), 6);
    for pair in numbers.windows(2) {
        let gap = gap(pair);
        match code.exponential {
            true => out.put_gamma((gap >> code.low) + 1),
            false => out.put_unary(gap >> code.low),
        }
        out.put(gap, code.low);
    }
}

/// Reads `count` numbers of which the first is known, in place of what is in `numbers`.
pub(super) fn take_ascending(first: u64, count: usize, from: &mut BitReader<'_>, numbers: &mut Vec<u64>) {
    numbers.clear();
    let exponential = from.take(1) == 1;
    let low = from.take(6) as u32;
    let mut number = first;
    numbers.push(number);
    for _ in 1..count {
        let high = match exponential {
            true => from.gamma().wrapping_sub(1),
            false => from.unary(),
        };
        let gap = high.wrapping_shl(low) | from.take(low);
        number = number.wrapping_add(gap).wrapping_add(1);
        numbers.push(number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(mut numbers: Vec<u64>) {
        numbers.sort_unstable();
        numbers.dedup();
        let mut bits = BitWriter::default();
        put_ascending(&numbers, &mut bits);
        let bytes = bits.finish();
        let mut reader = BitReader::new(&bytes);
        let mut read = Vec::new();
        take_ascending(numbers[0], numbers.len(), &mut reader, &mut read);
        assert_eq!(read, numbers);
        assert!(reader.end().is_ok());
    }

    proptest! {
        #[test]
        fn numbers_come_back(
            near in prop::collection::vec(0..5000_u64, 1..300),
            far in prop::collection::vec(any::<u64>(), 0..20),
        ) {
            check(near.clone());
            check(near.into_iter().chain(far).collect());
        }
    }

    #[test]
    fn the_ends_of_numbers_come_back() {
        check(vec![7]);
        check(vec![0, u64::MAX]);
        check(vec![u64::MAX - 1, u64::MAX]);
    }
}
