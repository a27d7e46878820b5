//! Level words in text.
//!
//! An upper-case word stands for itself when it is free: not part of a name, a path or an assignment.
//! In title case only the common ones do. In lower case, and for all others in title case, it must be
//! bracketed (`[error]`, `<warning>`, `[ssl:warn]`, between tabs or bars) or stand before a colon and a
//! blank (`error: …`), since these are ordinary words too.

use super::Severity;

/// A level word begins within so many bytes.
const HEAD_BYTES_MAX: usize = 96;

/// The level that a whole word stands for, without regard to case.
pub(super) fn from_word(word: &[u8]) -> Option<Severity> {
    let mut lower = [0; WORD_BYTES_MAX];
    let lower = lower.get_mut(..word.len())?;
    lower.copy_from_slice(word);
    lower.make_ascii_lowercase();
    use Severity::*;
    Some(match &*lower {
        b"t" | b"v" | b"trc" | b"trace" | b"vrb" | b"verbose" | b"finer" | b"finest" | b"all" => Trace,
        b"d" | b"dbg" | b"debug" | b"fine" | b"config" => Debug,
        b"i" | b"n" | b"inf" | b"info" | b"information" | b"informational" | b"notice" | b"log" => Info,
        b"w" | b"wrn" | b"warn" | b"warning" => Warn,
        b"e" | b"err" | b"eror" | b"error" | b"severe" | b"failure" => Error,
        b"f" | b"ftl" | b"fatal" | b"c" | b"crit" | b"critical" | b"a" | b"alert" | b"p" | b"panic" | b"emerg"
        | b"emergency" | b"dpanic" => Fatal,
        _ => return Option::None,
    })
}

/// `informational` is the longest.
const WORD_BYTES_MAX: usize = 13;
/// Words that are too common to be a level where they stand free.
const NEVER_FREE: &[&[u8]] = &[b"ALL", b"CONFIG", b"LOG", b"FINE", b"FAILURE"];
/// Words that are a level also where they stand free in title case.
const FREE_IN_TITLE_CASE: &[&[u8]] = &[b"Debug", b"Info", b"Warn", b"Warning", b"Error", b"Fatal"];

/// The first level word near the beginning.
pub(super) fn near_start(text: &[u8]) -> Option<Severity> {
    let mut at = 0;
    while at < text.len().min(HEAD_BYTES_MAX) {
        if !is_word_byte(text[at]) {
            at += 1;
            continue;
        }
        let end = at + text[at..].iter().take(256).take_while(|b| is_word_byte(**b)).count();
        if let Some(found) = level_at(text, at, end) {
            return Some(found);
        }
        at = end;
    }
    None
}

fn is_word_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

fn level_at(text: &[u8], start: usize, end: usize) -> Option<Severity> {
    let word = &text[start..end];
    if !(3..=WORD_BYTES_MAX).contains(&word.len()) || !word[0].is_ascii_alphabetic() {
        return None;
    }
    // Most words fail here, before they are compared with any level's name.
    let before = start.checked_sub(1).map(|before| text[before]);
    let (after, next) = (text.get(end).copied(), text.get(end + 1).copied());
    let counts = is_bracketed(before, after)
        || is_labelled(before, after, next)
        || (may_be_free(word, before) && is_free(before, after, next));
    if counts { from_word(word) } else { None }
}

/// Between brackets, bars or tabs; Apache puts the module and a colon before the word.
fn is_bracketed(before: Option<u8>, after: Option<u8>) -> bool {
    matches!(
        (before, after),
        (Some(b'[' | b':'), Some(b']'))
            | (Some(b'<'), Some(b'>'))
            | (Some(b'('), Some(b')'))
            | (Some(b'|'), Some(b'|'))
            | (Some(b'\t'), Some(b'\t'))
    )
}

/// Before a colon that ends a label.
fn is_labelled(before: Option<u8>, after: Option<u8>, next: Option<u8>) -> bool {
    matches!(before, None | Some(b' ' | b'\t' | b']' | b'>'))
        && after == Some(b':')
        && matches!(next, None | Some(b' ' | b'\t' | b'"' | b'['))
}

/// Title case after a colon is a type's name (`std::error::Error`).
fn may_be_free(word: &[u8], before: Option<u8>) -> bool {
    if word.iter().all(u8::is_ascii_uppercase) {
        return !NEVER_FREE.contains(&word);
    }
    word[0].is_ascii_uppercase() && FREE_IN_TITLE_CASE.contains(&word) && before != Some(b':')
}

/// Not part of a name, a path, a number or an assignment.
fn is_free(before: Option<u8>, after: Option<u8>, next: Option<u8>) -> bool {
    let opens = !before.is_some_and(|b| b"._-/\\=@#$%&+~".contains(&b));
    let closes = match after {
        Some(b'.') => !next.is_some_and(|b| b.is_ascii_alphanumeric()),
        Some(b) => !b"_-=(@\\&+~".contains(&b),
        None => true,
    };
    opens && closes
}
