//! Values numbered as they first come.

use std::hash::{BuildHasher, Hasher};

use super::super::hash::FastState;

/// No value.
const NONE: u32 = u32::MAX;

/// Slots of the smallest table.
const SLOTS_MIN: usize = 128;

/// A hash table that is cheap to make: there is one for every column.
#[derive(Debug, Default)]
pub(super) struct Distinct<'a> {
    values: Vec<&'a [u8]>,
    /// A value's hash and its place, or `NONE`. Open addressing; a power of two, at most half full.
    slots: Vec<(u32, u32)>,
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
            self.grow();
        }
        let mut hasher = self.state.build_hasher();
        hasher.write(value);
        let hash = (hasher.finish() >> 32) as u32;
        let mask = self.slots.len() - 1;
        let mut slot = hash as usize & mask;
        self.last = loop {
            let (other, place) = self.slots[slot];
            if place == NONE {
                let place = self.values.len() as u32;
                self.slots[slot] = (hash, place);
                self.values.push(value);
                break place;
            }
            if other == hash && self.values[place as usize] == value {
                break place;
            }
            slot = (slot + 1) & mask;
        };
        self.last
    }

    pub(super) fn len(&self) -> usize {
        self.values.len()
    }

    /// The values by number.
    pub(super) fn into_values(self) -> Vec<&'a [u8]> {
        self.values
    }

    fn grow(&mut self) {
        let size = (self.slots.len() * 4).max(SLOTS_MIN);
        let before = std::mem::replace(&mut self.slots, vec![(0, NONE); size]);
        for (hash, place) in before.into_iter().filter(|slot| slot.1 != NONE) {
            let mut slot = hash as usize & (size - 1);
            while self.slots[slot].1 != NONE {
                slot = (slot + 1) & (size - 1);
            }
            self.slots[slot] = (hash, place);
        }
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
