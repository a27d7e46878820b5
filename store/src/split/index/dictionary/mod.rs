//! The terms of a split, each with its pages, in a form that is small, that finds a term by reading
//! one block, and that is walked quickly where the beginning of a term is not known.
//!
//! Most terms of logs are numbers, perhaps behind a word (`blk_17`). Terms of the same word and the
//! same number of digits are a *group* if there are enough of them: they are kept as the differences
//! of ascending numbers. All others are *text*: ascending, each without what it shares with the one
//! before. Terms that are asked for with every other (`05` …, `06` alone) stand in the directory.
//! ARCHITECTURE.md says it byte for byte.
//!
//! | module | holds |
//! |---|---|
//! | `bits` | bits one after another |
//! | `numbers`, `text` | the terms of a block |
//! | `postings` | their pages |
//! | `directory` | where blocks stand, and what they begin with |
//! | `write`, `read`, `walk` | the ways through |

mod bits;
mod directory;
mod numbers;
mod postings;
mod read;
mod text;
mod walk;
mod write;

#[cfg(test)]
mod tests;

pub(crate) use read::Dictionary;
pub(crate) use walk::Wanted;
pub(crate) use write::DictionaryWriter;

/// Digits of a group's numbers at most: any more are above 64 bits.
const DIGITS_MAX: usize = 19;

/// A term's word and the number behind it: its digits, and what they say.
struct Numbered<'a> {
    word: &'a [u8],
    digits: usize,
    number: u64,
}

/// `None` for a term that no group holds.
fn numbered(term: &[u8]) -> Option<Numbered<'_>> {
    let digits = term.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    let (word, number) = term.split_at(term.len() - digits);
    let is_number = (1..=DIGITS_MAX).contains(&digits);
    // The kinds below 1 and from 3 on are few, or begin like no other.
    let has_words = word.first().is_none_or(|first| *first == 1 || *first > b' ');
    if !is_number || !has_words || word.iter().any(u8::is_ascii_digit) {
        return None;
    }
    let number = number.iter().fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0'));
    Some(Numbered { word, digits, number })
}

/// Whether a term stands in the directory.
fn is_resident(term: &[u8]) -> bool {
    term == b"\x06" || term.first() == Some(&5)
}
