//! The terms of a split while it is written: each once, with the pages that hold it.

use std::hash::{BuildHasher, Hasher};

use super::super::hash::FastState;

/// Ends a list of pages; also: no such slot.
const NONE: u32 = u32::MAX;

/// Terms and, per term, ascending page numbers. A hash table with the terms' bytes in one place,
/// because there are about as many terms as half the rows.
#[derive(Debug, Default)]
pub(crate) struct TermTable {
    bytes: Vec<u8>,
    terms: Vec<Term>,
    /// A term's hash and its place, or `NONE`. Open addressing; a power of two, never more than half
    /// full.
    slots: Vec<(u32, u32)>,
    /// Pages of all terms, each with the place of the one before it of the same term.
    pages: Vec<(u32, u32)>,
    state: FastState,
}

#[derive(Clone, Copy, Debug)]
struct Term {
    start: usize,
    length: u32,
    hash: u32,
    /// Place in `pages`.
    last: u32,
}

impl TermTable {
    /// Adds a page to a term's; whether it was not among them. Pages come in ascending order, and may
    /// come again.
    pub(crate) fn add(&mut self, term: &[u8], page: u32) -> bool {
        if self.terms.len() * 2 >= self.slots.len() {
            self.grow();
        }
        let mut hasher = self.state.build_hasher();
        hasher.write(term);
        let hash = (hasher.finish() >> 32) as u32;
        let mask = self.slots.len() - 1;
        let mut slot = hash as usize & mask;
        loop {
            let (other, place) = self.slots[slot];
            if place == NONE {
                self.slots[slot] = (hash, self.terms.len() as u32);
                let last = self.pages.len() as u32;
                self.pages.push((page, NONE));
                self.terms.push(Term {
                    start: self.bytes.len(),
                    length: term.len() as u32,
                    hash,
                    last,
                });
                self.bytes.extend_from_slice(term);
                return true;
            }
            if other == hash && self.bytes_of(&self.terms[place as usize]) == term {
                let last = &mut self.terms[place as usize].last;
                let is_new = self.pages[*last as usize].0 != page;
                if is_new {
                    let before = std::mem::replace(last, self.pages.len() as u32);
                    self.pages.push((page, before));
                }
                return is_new;
            }
            slot = (slot + 1) & mask;
        }
    }

    fn bytes_of(&self, term: &Term) -> &[u8] {
        &self.bytes[term.start..term.start + term.length as usize]
    }

    fn grow(&mut self) {
        let size = (self.slots.len() * 2).max(1 << 12);
        self.slots.clear();
        self.slots.resize(size, (0, NONE));
        for (place, term) in self.terms.iter().enumerate() {
            let mut slot = term.hash as usize & (size - 1);
            while self.slots[slot].1 != NONE {
                slot = (slot + 1) & (size - 1);
            }
            self.slots[slot] = (term.hash, place as u32);
        }
    }

    /// Calls `each` with every term in ascending order and its pages.
    pub(crate) fn each<E>(&self, mut each: impl FnMut(&[u8], &[u32]) -> Result<(), E>) -> Result<(), E> {
        // Eight bytes decide most comparisons without a look at the terms.
        let mut order: Vec<(u64, u32)> = self
            .terms
            .iter()
            .enumerate()
            .map(|(place, term)| (beginning(self.bytes_of(term)), place as u32))
            .collect();
        let rest = |place: u32| self.bytes_of(&self.terms[place as usize]);
        order.sort_unstable_by(|a, b| a.0.cmp(&b.0).then_with(|| rest(a.1).cmp(rest(b.1))));
        let mut pages = Vec::new();
        for (_, place) in order {
            let term = &self.terms[place as usize];
            pages.clear();
            let mut at = term.last;
            while at != NONE {
                let (page, before) = self.pages[at as usize];
                pages.push(page);
                at = before;
            }
            pages.reverse();
            each(self.bytes_of(term), &pages)?;
        }
        Ok(())
    }
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
