//! In which pages terms stand: some bits a term.
//!
//! A block of terms begins with `sticky` (1 bit) and `closer` (2 bits). Then per term: a one if it
//! stands in one page, else a zero. One page: with `sticky` a one if it is that of the term in one page
//! before it (at first page 0), else a zero; then, unless so, the page in as many bits as the highest
//! page needs. More pages: their count − 1 in gamma; then the pages, or if they are more than half of
//! all, those that are missing, as gaps: page − page before − 1 (the first: page), by Rice with
//! max(0, ⌊log₂(pages of the split ÷ count)⌋ − `closer`) low bits.

use super::bits::{BitReader, BitWriter};
use crate::split::index::pages::Pages;
use crate::split::wire::Corrupt;

/// Pages that lists are read of: a list that names more is damaged.
#[derive(Clone, Copy, Debug)]
struct Code {
    pages: u32,
    sticky: bool,
    closer: u32,
}

impl Code {
    /// Bits of a page's number.
    fn width(self) -> u32 {
        self.pages.saturating_sub(1).checked_ilog2().map_or(0, |log| log + 1)
    }

    fn low(self, count: u32) -> u32 {
        (self.pages / count.max(1))
            .checked_ilog2()
            .unwrap_or(0)
            .saturating_sub(self.closer)
    }

    fn bits_of_gaps(self, lists: &PageLists) -> u64 {
        let of_list = |gaps: &[u32]| -> u64 {
            let low = self.low(gaps.len() as u32);
            gaps.iter().map(|gap| u64::from((gap >> low) + 1 + low)).sum()
        };
        lists.iter().map(of_list).sum()
    }
}

/// Whether the pages that are missing are named instead.
fn is_dense(count: u32, pages: u32) -> bool {
    count > pages / 2
}

/// Lists of pages, each ascending and not empty.
#[derive(Debug, Default)]
pub(super) struct PageLists {
    pages: Vec<u32>,
    ends: Vec<usize>,
}

impl PageLists {
    pub(super) fn push(&mut self, list: impl IntoIterator<Item = u32>) {
        self.pages.extend(list);
        self.ends.push(self.pages.len());
    }

    pub(super) fn clear(&mut self) {
        self.pages.clear();
        self.ends.clear();
    }

    fn iter(&self) -> impl Iterator<Item = &[u32]> {
        let starts = std::iter::once(&0).chain(&self.ends);
        starts.zip(&self.ends).map(|(&start, &end)| &self.pages[start..end])
    }
}

/// Writes the lists of a block's terms; all pages are below `pages`.
pub(super) fn put_lists(lists: &PageLists, pages: u32, out: &mut BitWriter) {
    let mut gaps = PageLists::default();
    let (mut alike, mut other, mut last) = (0, 0, 0);
    for list in lists.iter() {
        match list {
            [page] => {
                if *page == last {
                    alike += 1
                } else {
                    other += 1
                }
                last = *page;
            }
            list => gaps.push(gaps_of(list, pages)),
        }
    }
    let mut code = Code {
        pages,
        sticky: false,
        closer: 0,
    };
    code.sticky = alike * code.width() > alike + other;
    code.closer = (0..4)
        .min_by_key(|&closer| Code { closer, ..code }.bits_of_gaps(&gaps))
        .unwrap_or(0);
    out.put(u64::from(code.sticky), 1);
    out.put(u64::from(code.closer), 2);
    let mut gaps = gaps.iter();
    last = 0;
    for list in lists.iter() {
        if let [page] = list {
            out.put(1, 1);
            if code.sticky {
                out.put(u64::from(*page == last), 1);
            }
            if !code.sticky || *page != last {
                out.put(u64::from(*page), code.width());
            }
            last = *page;
            continue;
        }
        let gaps = gaps.next().unwrap_or_default();
        out.put(0, 1);
        out.put_gamma(list.len() as u64 - 1);
        let low = code.low(gaps.len() as u32);
        for &gap in gaps {
            out.put_unary(u64::from(gap >> low));
            out.put(u64::from(gap), low);
        }
    }
}

/// The gaps of a list of more than one page.
fn gaps_of(list: &[u32], pages: u32) -> Vec<u32> {
    let mut next = 0;
    let mut gap = |page: u32| {
        let gap = page - next;
        next = page + 1;
        gap
    };
    if !is_dense(list.len() as u32, pages) {
        return list.iter().map(|page| gap(*page)).collect();
    }
    let mut there = list.iter().peekable();
    let missing = (0..pages).filter(|page| there.next_if_eq(&page).is_none());
    missing.map(gap).collect()
}

/// Reads lists one after another.
#[derive(Debug)]
pub(super) struct Lists<'a> {
    bits: BitReader<'a>,
    code: Code,
    last: u64,
    scratch: Option<Pages>,
}

impl<'a> Lists<'a> {
    pub(super) fn new(mut bits: BitReader<'a>, pages: u32) -> Self {
        let sticky = bits.take(1) == 1;
        let closer = bits.take(2) as u32;
        Self {
            bits,
            code: Code { pages, sticky, closer },
            last: 0,
            scratch: None,
        }
    }

    /// Passes over a list.
    pub(super) fn skip(&mut self) -> Result<(), Corrupt> {
        self.next(None)
    }

    /// Adds a list's pages to others.
    pub(super) fn add_to(&mut self, into: &mut Pages) -> Result<(), Corrupt> {
        self.next(Some(into))
    }

    #[inline]
    fn next(&mut self, mut into: Option<&mut Pages>) -> Result<(), Corrupt> {
        let pages = u64::from(self.code.pages);
        if self.bits.take(1) == 1 {
            if !(self.code.sticky && self.bits.take(1) == 1) {
                self.last = self.bits.take(self.code.width());
            }
            if self.last >= pages {
                return Err(Corrupt("no page of that number"));
            }
            if let Some(into) = into {
                into.insert(self.last as u32);
            }
            return Ok(());
        }
        let count = self.bits.gamma().saturating_add(1);
        if count > pages {
            return Err(Corrupt("more pages than there are"));
        }
        let dense = is_dense(count as u32, self.code.pages);
        let named = if dense { pages - count } else { count };
        let low = self.code.low(named as u32);
        let mut missing = match (dense, &into) {
            (true, Some(_)) => Some(self.scratch.take().unwrap_or_else(|| Pages::none(self.code.pages))),
            _ => None,
        };
        let mut next: u64 = 0;
        for _ in 0..named {
            let gap = self.bits.unary().wrapping_shl(low) | self.bits.take(low);
            let page = next.saturating_add(gap);
            if page >= pages {
                return Err(Corrupt("no page of that number"));
            }
            match (&mut missing, &mut into) {
                (Some(missing), _) => missing.insert(page as u32),
                (None, Some(into)) => into.insert(page as u32),
                (None, None) => {}
            }
            next = page + 1;
        }
        if let (Some(mut missing), Some(into)) = (missing, into) {
            into.unite_all_but(&missing);
            missing.clear();
            self.scratch = Some(missing);
        }
        Ok(())
    }

    /// Nothing was read beyond the end.
    pub(super) fn end(&self) -> Result<(), Corrupt> {
        self.bits.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(lists: &[Vec<u32>], pages: u32) -> Vec<u8> {
        let mut all = PageLists::default();
        lists.iter().for_each(|list| all.push(list.iter().copied()));
        let mut bits = BitWriter::default();
        put_lists(&all, pages, &mut bits);
        bits.finish()
    }

    fn lists(pages: u32) -> impl Strategy<Value = Vec<Vec<u32>>> {
        let list = prop_oneof![
            prop::collection::btree_set(0..pages, 1..=1),
            prop::collection::btree_set(0..pages, 1..=(pages as usize).min(4)),
            prop::collection::btree_set(0..pages, 1..=pages as usize),
        ];
        prop::collection::vec(list.prop_map(|set| set.into_iter().collect()), 1..60)
    }

    proptest! {
        #[test]
        fn lists_come_back(
            (pages, lists) in (1_u32..200).prop_flat_map(|pages| (Just(pages), lists(pages))),
        ) {
            let bytes = written(&lists, pages);
            let mut reader = Lists::new(BitReader::new(&bytes), pages);
            for (at, list) in lists.iter().enumerate() {
                if at % 3 == 2 {
                    reader.skip().unwrap();
                    continue;
                }
                let mut found = Pages::none(pages);
                reader.add_to(&mut found).unwrap();
                prop_assert_eq!(&found.numbers(), list);
            }
            prop_assert!(reader.end().is_ok());
        }

        #[test]
        fn fuzz_any_bytes_are_lists_or_damage(bytes in prop::collection::vec(any::<u8>(), 0..40), pages in 1_u32..100) {
            let mut reader = Lists::new(BitReader::new(&bytes), pages);
            for _ in 0..100 {
                if reader.add_to(&mut Pages::none(pages)).is_err() {
                    break;
                }
            }
        }
    }
}
