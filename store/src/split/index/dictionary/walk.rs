//! Looks at many terms.

use memchr::memmem::Finder;

use super::bits::BitReader;
use super::directory::{Group, NumberBlock, TextBlock};
use super::numbers::take_ascending;
use super::postings::Lists;
use super::read::{Dictionary, unpack};
use super::text::TextReader;
use crate::split::index::pages::Pages;
use crate::split::read::ReadFailure;
use crate::split::wire::Corrupt;

/// Bytes of blocks that are read at once, about.
const READ_BYTES: u64 = 256 << 10;

/// Tokens begin with no lower byte; all other kinds of terms do.
const TOKENS_FROM: u8 = b'0';

/// Which tokens to find.
pub(crate) struct Wanted<'a> {
    /// What they begin with.
    pub(crate) prefix: &'a [u8],
    /// What each of them holds, in any order; looked for before `test` is asked.
    pub(crate) within: &'a [&'a [u8]],
    pub(crate) test: &'a dyn Fn(&[u8]) -> bool,
    /// Terms of so many bytes may be beginnings of tokens, and are found whatever `test` says.
    pub(crate) cut_from: usize,
}

impl Wanted<'_> {
    /// Whether a term of the group can be one.
    fn possible_in(&self, group: &Group) -> bool {
        let (word, bytes) = (&*group.word, group.word.len() + usize::from(group.digits));
        // The beginning of a token may end in digits, and what is wanted follow.
        if bytes >= self.cut_from {
            return true;
        }
        let possible = |within: &&[u8]| {
            if within.len() > bytes {
                return false;
            }
            let Some(last) = within.iter().rposition(|byte| !byte.is_ascii_digit()) else {
                return true;
            };
            let (of_word, digits) = within.split_at(last + 1);
            match digits.is_empty() {
                true => memchr::memmem::find(word, of_word).is_some(),
                false => word.ends_with(of_word),
            }
        };
        self.within.iter().all(possible)
    }

    /// The longest text that tells the terms of a group apart; empty if none does.
    fn telling(&self, word: &[u8]) -> &[u8] {
        let tells = |within: &&&[u8]| memchr::memmem::find(word, within).is_none();
        self.longest(tells)
    }

    fn longest(&self, counts: impl Fn(&&&[u8]) -> bool) -> &[u8] {
        let longest = self.within.iter().filter(counts).max_by_key(|within| within.len());
        longest.copied().unwrap_or_default()
    }
}

/// The terms of one block, one behind the other.
#[derive(Debug, Default)]
struct Batch {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    numbers: Vec<u64>,
    longest: usize,
    found: Vec<usize>,
}

impl Batch {
    fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
        self.longest = 0;
    }

    fn fill_text(&mut self, block: &TextBlock, packed: &[u8]) -> Result<(), Corrupt> {
        self.clear();
        let raw = unpack(block, packed)?;
        let mut reader = TextReader::new(&raw, block.terms)?;
        let mut before = 0..0;
        for _ in 0..block.terms {
            let (shared, own) = reader.next_parts()?;
            if shared > before.len() || shared + own.len() > raw.len() {
                return Err(Corrupt("term shares more than there is"));
            }
            let start = self.bytes.len();
            self.bytes.extend_from_within(before.start..before.start + shared);
            self.bytes.extend_from_slice(own);
            before = start..self.bytes.len();
            self.longest = self.longest.max(before.len());
            self.ends.push(self.bytes.len());
        }
        Ok(())
    }

    fn fill_numbers(&mut self, group: &Group, block: &NumberBlock, terms: usize, bits: &mut BitReader<'_>) {
        self.clear();
        take_ascending(block.first, terms, bits, &mut self.numbers);
        let (word, digits) = (&*group.word, usize::from(group.digits));
        self.longest = word.len() + digits;
        self.bytes.resize(terms * self.longest, b'0');
        for (number, term) in self.numbers.iter().zip(self.bytes.chunks_exact_mut(self.longest)) {
            let (of_word, of_number) = term.split_at_mut(word.len());
            of_word.copy_from_slice(word);
            put_digits(*number, of_number);
        }
        self.ends.extend((1..=terms).map(|at| at * self.longest));
    }

    fn term(&self, at: usize) -> &[u8] {
        let start = at.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.bytes[start..self.ends[at]]
    }

    /// Finds the places of terms that are wanted, ascending.
    ///
    /// `finder` looks for one of the texts that they hold, or for none.
    fn find(&mut self, wanted: &Wanted<'_>, finder: &Finder<'_>) {
        let mut found = std::mem::take(&mut self.found);
        found.clear();
        let is_wanted = |term: &[u8]| {
            let begins = term.starts_with(wanted.prefix) && term.first() >= Some(&TOKENS_FROM);
            begins && (term.len() >= wanted.cut_from || (wanted.test)(term))
        };
        if finder.needle().is_empty() || self.longest >= wanted.cut_from {
            found.extend((0..self.ends.len()).filter(|at| is_wanted(self.term(*at))));
        } else {
            let mut from = 0;
            while let Some(hit) = finder.find(&self.bytes[from..]) {
                // A hit across the end of a term is none: is it wanted, it holds one of its own.
                let at = self.ends.partition_point(|end| *end <= from + hit);
                let end = self.ends[at];
                if is_wanted(self.term(at)) {
                    found.push(at);
                    from = end;
                } else {
                    from += hit + 1;
                }
            }
        }
        self.found = found;
    }
}

/// A number in decimal, with zeros before it.
fn put_digits(mut number: u64, out: &mut [u8]) {
    for digit in out.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

/// The numbers of so many digits that begin with `beginning`: the first and the last.
fn numbers_from(beginning: &[u8], digits: usize) -> Option<(u64, u64)> {
    if beginning.len() > digits || !beginning.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number = |fill: u64| {
        let digit = |at| beginning.get(at).map_or(fill, |byte| u64::from(byte - b'0'));
        (0..digits).fold(0, |sum, at| sum * 10 + digit(at))
    };
    Some((number(0), number(9)))
}

impl Dictionary {
    /// Adds the pages of the tokens that are wanted, until all pages are there.
    pub(crate) fn find(&self, wanted: &Wanted<'_>, into: &mut Pages) -> Result<(), ReadFailure> {
        let finder = Finder::new(wanted.longest(|_| true));
        let pages = self.directory.pages;
        let from = if wanted.prefix.is_empty() {
            &[TOKENS_FROM][..]
        } else {
            wanted.prefix
        };
        let mut batch = Batch::default();
        for run in runs(self.texts_from(from), |block| (block.offset, block.bytes())) {
            let bytes = self.section.read(run.offset, run.bytes)?;
            for block in run.blocks {
                if into.is_full() {
                    return Ok(());
                }
                if !block.first.starts_with(wanted.prefix) && *block.first > *wanted.prefix {
                    break;
                }
                let start = (block.offset - run.offset) as usize;
                let (packed, lists) = bytes[start..start + block.bytes() as usize].split_at(block.packed as usize);
                batch.fill_text(block, packed)?;
                batch.find(wanted, &finder);
                add(&batch.found, Lists::new(BitReader::new(lists), pages), into)?;
            }
        }
        for group in &self.directory.groups {
            let Some(blocks) = group_blocks(group, wanted.prefix) else {
                continue;
            };
            if group.word.first().is_some_and(|first| *first < TOKENS_FROM) || !wanted.possible_in(group) {
                continue;
            }
            let first = blocks.start;
            let finder = Finder::new(wanted.telling(&group.word));
            for run in runs(&group.blocks[blocks], |block| (block.offset, block.bytes.into())) {
                let bytes = self.section.read(run.offset, run.bytes)?;
                for (at, block) in run.blocks.iter().enumerate() {
                    if into.is_full() {
                        return Ok(());
                    }
                    let start = (block.offset - run.offset) as usize;
                    let mut bits = BitReader::new(&bytes[start..start + block.bytes as usize]);
                    let terms = group.terms_of(first + run.first + at);
                    batch.fill_numbers(group, block, terms, &mut bits);
                    batch.find(wanted, &finder);
                    add(&batch.found, Lists::new(bits, pages), into)?;
                }
            }
        }
        Ok(())
    }

    /// Calls `each` with every term that begins with `prefix` and its pages: first those that are text,
    /// ascending, then those of groups. Terms of the directory are left out.
    pub(crate) fn walk(&self, prefix: &[u8], each: &mut dyn FnMut(&[u8], &Pages)) -> Result<(), ReadFailure> {
        let pages = self.directory.pages;
        let mut batch = Batch::default();
        let mut give = |batch: &Batch, mut lists: Lists<'_>| -> Result<(), Corrupt> {
            for at in 0..batch.ends.len() {
                if !batch.term(at).starts_with(prefix) {
                    lists.skip()?;
                    continue;
                }
                let mut of_term = Pages::none(pages);
                lists.add_to(&mut of_term)?;
                each(batch.term(at), &of_term);
            }
            lists.end()
        };
        for block in self.texts_from(prefix) {
            if !block.first.starts_with(prefix) && *block.first > *prefix {
                break;
            }
            let bytes = self.section.read(block.offset, block.bytes())?;
            let (packed, lists) = bytes.split_at(block.packed as usize);
            batch.fill_text(block, packed)?;
            give(&batch, Lists::new(BitReader::new(lists), pages))?;
        }
        for group in &self.directory.groups {
            let Some(blocks) = group_blocks(group, prefix) else {
                continue;
            };
            for at in blocks {
                let block = &group.blocks[at];
                let bytes = self.section.read(block.offset, block.bytes.into())?;
                let mut bits = BitReader::new(&bytes);
                batch.fill_numbers(group, block, group.terms_of(at), &mut bits);
                give(&batch, Lists::new(bits, pages))?;
            }
        }
        Ok(())
    }

    /// The blocks of text from the one on that may hold the first term that begins with `prefix`.
    fn texts_from(&self, prefix: &[u8]) -> &[TextBlock] {
        let texts = &self.directory.texts;
        let after = texts.partition_point(|block| *block.first <= *prefix);
        &texts[after.saturating_sub(1)..]
    }
}

/// The blocks of a group that may hold terms that begin with `prefix`; `None` if none does.
fn group_blocks(group: &Group, prefix: &[u8]) -> Option<std::ops::Range<usize>> {
    if group.word.starts_with(prefix) {
        return Some(0..group.blocks.len());
    }
    let beginning = prefix.strip_prefix(&*group.word)?;
    let (first, last) = numbers_from(beginning, group.digits.into())?;
    let start = group
        .blocks
        .partition_point(|block| block.first <= first)
        .saturating_sub(1);
    let end = group.blocks.partition_point(|block| block.first <= last);
    Some(start..end.max(start))
}

/// Adds the lists at these places.
fn add(places: &[usize], mut lists: Lists<'_>, into: &mut Pages) -> Result<(), Corrupt> {
    let mut next = 0;
    for &place in places {
        (next..place).try_for_each(|_| lists.skip())?;
        lists.add_to(into)?;
        next = place + 1;
    }
    lists.end()
}

/// Neighbouring blocks that are read at once.
struct Run<'a, B> {
    blocks: &'a [B],
    /// The place of its first block among all.
    first: usize,
    offset: u64,
    bytes: u64,
}

fn runs<'a, B>(blocks: &'a [B], place: impl Fn(&B) -> (u64, u64)) -> impl Iterator<Item = Run<'a, B>> {
    let mut first = 0;
    std::iter::from_fn(move || {
        let left = blocks.get(first..).filter(|left| !left.is_empty())?;
        let (offset, mut bytes) = place(&left[0]);
        let mut count = 1;
        while let Some(block) = left.get(count)
            && bytes < READ_BYTES
        {
            bytes += place(block).1;
            count += 1;
        }
        let run = Run {
            blocks: &left[..count],
            first,
            offset,
            bytes,
        };
        first += count;
        Some(run)
    })
}
