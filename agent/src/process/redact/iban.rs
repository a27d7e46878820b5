//! Bank accounts: ISO 13616, with the check of ISO 7064 (mod 97-10).

use super::{Place, stands_alone};

/// Characters of an IBAN.
const LENGTH: std::ops::RangeInclusive<usize> = 15..=34;

pub(super) fn find(text: &[u8], each: &mut dyn FnMut(Place)) {
    let mut at = 0;
    while at + 15 <= text.len() {
        let begins = text[at].is_ascii_alphabetic()
            && text[at + 1].is_ascii_alphabetic()
            && text[at + 2].is_ascii_digit()
            && text[at + 3].is_ascii_digit()
            && (at == 0 || !text[at - 1].is_ascii_alphanumeric());
        match begins.then(|| end_of(text, at)).flatten() {
            Some(end) => {
                each(at..end);
                at = end;
            }
            None => at += 1,
        }
    }
}

/// Where the longest IBAN ends that begins at `start`, grouped by fours or not.
fn end_of(text: &[u8], start: usize) -> Option<usize> {
    let mut plain = Vec::with_capacity(34);
    let mut found = None;
    let mut at = start;
    while plain.len() < 34 {
        match text.get(at) {
            Some(byte) if byte.is_ascii_alphanumeric() => plain.push(byte.to_ascii_uppercase()),
            Some(b' ') if plain.len() % 4 == 0 && text.get(at + 1).is_some_and(u8::is_ascii_alphanumeric) => {
                at += 1;
                continue;
            }
            _ => break,
        }
        at += 1;
        if LENGTH.contains(&plain.len()) && stands_alone(text, &(start..at)) && is_valid(&plain) {
            found = Some(at);
        }
    }
    found
}

fn is_valid(plain: &[u8]) -> bool {
    let moved = plain[4..].iter().chain(&plain[..4]);
    let rest = moved.fold(0u32, |rest, byte| match byte {
        b'0'..=b'9' => (rest * 10 + u32::from(byte - b'0')) % 97,
        _ => (rest * 100 + u32::from(byte - b'A') + 10) % 97,
    });
    rest == 1
}
