//! The table behind collections that hold their values elsewhere: which place has a value of this hash.

/// No such slot. So there are never so many places.
const NONE: u32 = u32::MAX;

/// A value's hash and its place, or `NONE`. Open addressing; a power of two, kept so empty by who
/// uses it that a free slot is near.
#[derive(Debug, Default)]
pub(super) struct Slots(Vec<(u32, u32)>);

impl Slots {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The place of the value, if one of this hash `is_same`; else it becomes `place`.
    #[inline]
    pub(super) fn find_or_put(&mut self, hash: u32, place: u32, is_same: impl Fn(u32) -> bool) -> Option<u32> {
        let mask = self.0.len() - 1;
        let mut slot = hash as usize & mask;
        loop {
            let (other, known) = self.0[slot];
            if known == NONE {
                self.0[slot] = (hash, place);
                return None;
            }
            if other == hash && is_same(known) {
                return Some(known);
            }
            slot = (slot + 1) & mask;
        }
    }

    /// Makes it so large: a power of two.
    pub(super) fn grow(&mut self, slots: usize) {
        debug_assert!(slots.is_power_of_two() && slots > self.0.len(), "{slots} slots");
        let before = std::mem::replace(&mut self.0, vec![(0, NONE); slots]);
        for (hash, place) in before.into_iter().filter(|slot| slot.1 != NONE) {
            self.find_or_put(hash, place, |_| false);
        }
    }
}
