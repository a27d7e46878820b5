//! Values numbered as they first come.

use std::hash::{BuildHasher, Hasher};

use super::super::hash::FastState;
use super::super::slots::Slots;

/// Slots of the smallest table.
const SLOTS_MIN: usize = 128;

/// A hash table that is cheap to make: there is one for every column. At most half full.
#[derive(Debug, Default)]
pub(super) struct Distinct<'a> {
    values: Vec<&'a [u8]>,
    slots: Slots,
    /// The place given last: neighbours are often the same.
    last: u32,
    state: FastState,
}

impl<'a> Distinct<'a> {
    /// The number of a value.
    #[inline]
    pub(super) fn place(&mut self, value: &'a [u8]) -> u32 {
        if self.values.get(self.last as usize).is_some_and(|last| *last == value) {
            return self.last;
        }
        if self.values.len() * 2 >= self.slots.len() {
            self.slots.grow((self.slots.len() * 4).max(SLOTS_MIN));
        }
        let mut hasher = self.state.build_hasher();
        hasher.write(value);
        let (hash, place) = ((hasher.finish() >> 32) as u32, self.values.len() as u32);
        let is_same = |known: u32| self.values[known as usize] == value;
        self.last = self.slots.find_or_put(hash, place, is_same).unwrap_or(place);
        if self.last == place {
            self.values.push(value);
        }
        self.last
    }

    pub(super) fn len(&self) -> usize {
        self.values.len()
    }

    /// The values by number.
    pub(super) fn into_values(self) -> Vec<&'a [u8]> {
        self.values
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_numbered_as_they_first_come() {
        let texts: Vec<Vec<u8>> = (0..5000_u32)
            .map(|n| format!("{}", n.wrapping_mul(2_654_435_761) % 1777).into_bytes())
            .collect();
        let mut distinct = Distinct::default();
        let mut expected: Vec<&[u8]> = Vec::new();
        for text in &texts {
            let place = expected.iter().position(|known| known == text).unwrap_or_else(|| {
                expected.push(text);
                expected.len() - 1
            });
            assert_eq!(distinct.place(text) as usize, place);
            assert_eq!(distinct.place(text) as usize, place);
        }
        assert_eq!(distinct.len(), expected.len());
        assert_eq!(distinct.into_values(), expected);
    }
}
