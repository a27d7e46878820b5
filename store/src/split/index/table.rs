//! The terms of a split while it is written: each once, with the pages that hold it.

use std::hash::{BuildHasher, Hasher};

use super::super::hash::FastState;
use super::super::slots::Slots;

/// Ends a list of pages.
const NONE: u32 = u32::MAX;

/// Slots of the smallest table.
const SLOTS_MIN: usize = 1 << 12;

/// Marks a page that is a term's only one. There are never so many pages, nor so many of terms.
const SINGLE: u32 = 1 << 31;

/// Terms and, per term, ascending page numbers. A hash table with the terms' bytes in one place,
/// because there are about as many terms as half the rows.
#[derive(Debug, Default)]
pub(crate) struct TermTable {
    bytes: Vec<u8>,
    /// Per term, where it ends.
    ends: Vec<usize>,
    /// Per term, its only page and `SINGLE`, or the place in `pages` of its last page.
    lasts: Vec<u32>,
    /// Never more than two thirds full.
    slots: Slots,
    /// Pages of terms with several, each with the place of the one before it of the same term.
    pages: Vec<(u32, u32)>,
    state: FastState,
}

impl TermTable {
    /// Adds a page to a term's; whether it was not among them. Pages come in ascending order, and may
    /// come again.
    pub(crate) fn add(&mut self, term: &[u8], page: u32) -> bool {
        if self.ends.len() * 3 >= self.slots.len() * 2 {
            self.slots.grow((self.slots.len() * 2).max(SLOTS_MIN));
        }
        let mut hasher = self.state.build_hasher();
        hasher.write(term);
        let (hash, place) = ((hasher.finish() >> 32) as u32, self.ends.len() as u32);
        let is_same = |known: u32| of_place(&self.bytes, &self.ends, known) == term;
        if let Some(known) = self.slots.find_or_put(hash, place, is_same) {
            return self.add_page(known, page);
        }
        self.lasts.push(page | SINGLE);
        self.bytes.extend_from_slice(term);
        self.ends.push(self.bytes.len());
        true
    }

    #[inline]
    fn add_page(&mut self, place: u32, page: u32) -> bool {
        let last = self.lasts[place as usize];
        let before = if last & SINGLE != 0 {
            if last == page | SINGLE {
                return false;
            }
            self.pages.push((last & !SINGLE, NONE));
            self.pages.len() as u32 - 1
        } else {
            if self.pages[last as usize].0 == page {
                return false;
            }
            last
        };
        self.lasts[place as usize] = self.pages.len() as u32;
        self.pages.push((page, before));
        true
    }

    #[inline]
    fn bytes_of(&self, place: u32) -> &[u8] {
        of_place(&self.bytes, &self.ends, place)
    }

    /// Calls `each` with every term in ascending order and its pages.
    pub(crate) fn each<E>(&self, mut each: impl FnMut(&[u8], &[u32]) -> Result<(), E>) -> Result<(), E> {
        // Eight bytes decide most comparisons without a look at the terms.
        let places = 0..self.ends.len() as u32;
        let mut order: Vec<(u64, u32)> = places.map(|place| (beginning(self.bytes_of(place)), place)).collect();
        order.sort_unstable_by(|a, b| a.0.cmp(&b.0).then_with(|| self.bytes_of(a.1).cmp(self.bytes_of(b.1))));
        let mut pages = Vec::new();
        for (_, place) in order {
            pages.clear();
            let mut at = self.lasts[place as usize];
            if at & SINGLE != 0 {
                pages.push(at & !SINGLE);
                at = NONE;
            }
            while at != NONE {
                let (page, before) = self.pages[at as usize];
                pages.push(page);
                at = before;
            }
            pages.reverse();
            each(self.bytes_of(place), &pages)?;
        }
        Ok(())
    }
}

#[inline]
fn of_place<'a>(bytes: &'a [u8], ends: &[usize], place: u32) -> &'a [u8] {
    let place = place as usize;
    let start = place.checked_sub(1).map_or(0, |before| ends[before]);
    &bytes[start..ends[place]]
}

/// The first eight bytes, filled up with zeros, so that numbers compare as the bytes do.
fn beginning(term: &[u8]) -> u64 {
    let mut head = [0; 8];
    let length = term.len().min(8);
    head[..length].copy_from_slice(&term[..length]);
    u64::from_be_bytes(head)
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    #[test]
    fn terms_come_in_order_with_their_pages() {
        let mut table = TermTable::default();
        let mut model: BTreeMap<Vec<u8>, BTreeSet<u32>> = BTreeMap::new();
        for n in 0..40_000_u32 {
            let (word, page) = (n.wrapping_mul(2_654_435_761) % 9001, n / 1000);
            let mut term = format!("{:x}", word * word).into_bytes();
            term.extend(vec![0; word as usize % 3]);
            table.add(&term, page);
            model.entry(term).or_default().insert(page);
        }
        let mut expected = model.into_iter();
        let checked: Result<(), ()> = table.each(|term, pages| {
            let (expected_term, expected_pages) = expected.next().unwrap();
            assert_eq!(term, expected_term);
            assert_eq!(pages, expected_pages.into_iter().collect::<Vec<_>>());
            Ok(())
        });
        checked.unwrap();
        assert_eq!(expected.next(), None);
    }
}
