//! A set of page numbers.

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pages {
    words: Vec<u64>,
    /// All numbers are below.
    count: u32,
}

impl Pages {
    pub(crate) fn none(count: u32) -> Self {
        Self {
            words: vec![0; count.div_ceil(64) as usize],
            count,
        }
    }

    pub(crate) fn all(count: u32) -> Self {
        let mut pages = Self::none(count);
        (0..count).for_each(|page| pages.insert(page));
        pages
    }

    /// Numbers that are no page are left out.
    pub(crate) fn insert(&mut self, page: u32) {
        if page < self.count {
            self.words[page as usize / 64] |= 1 << (page % 64);
        }
    }

    pub(crate) fn unite(&mut self, other: &Self) {
        self.words
            .iter_mut()
            .zip(&other.words)
            .for_each(|(word, other)| *word |= other);
    }

    /// Adds all pages but these.
    pub(crate) fn unite_all_but(&mut self, missing: &Self) {
        for (at, (word, missing)) in self.words.iter_mut().zip(&missing.words).enumerate() {
            let within = self.count - 64 * at as u32;
            let all = if within < 64 { (1 << within) - 1 } else { u64::MAX };
            *word |= all & !missing;
        }
    }

    pub(crate) fn clear(&mut self) {
        self.words.fill(0);
    }

    pub(crate) fn intersect(&mut self, other: &Self) {
        self.words
            .iter_mut()
            .zip(&other.words)
            .for_each(|(word, other)| *word &= other);
    }

    /// How many.
    pub(crate) fn count(&self) -> u32 {
        self.words.iter().map(|word| word.count_ones()).sum()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.words.iter().all(|&word| word == 0)
    }

    pub(crate) fn is_full(&self) -> bool {
        self.count() == self.count
    }

    /// Ascending.
    pub(crate) fn numbers(&self) -> Vec<u32> {
        (0..self.count)
            .filter(|page| self.words[*page as usize / 64] >> (page % 64) & 1 == 1)
            .collect()
    }
}
