//! Addresses of the Internet Protocol: four numbers to 255 (RFC 791), and what RFC 4291 calls text of
//! an address of version 6.

use std::net::Ipv6Addr;

use super::Place;

/// Characters of an address of version 6 at most.
const V6_BYTES_MAX: usize = 45;

pub(super) fn v4(text: &[u8], each: &mut dyn FnMut(Place)) {
    let mut at = 0;
    while let Some(dot) = memchr::memchr(b'.', &text[at..]) {
        let dot = at + dot;
        let before = text[..dot]
            .iter()
            .rev()
            .take(3)
            .take_while(|b| b.is_ascii_digit())
            .count();
        let start = dot - before;
        match (before > 0).then(|| v4_end(text, start)).flatten() {
            Some(end) => {
                each(start..end);
                at = end;
            }
            None => at = dot + 1,
        }
    }
}

fn v4_end(text: &[u8], start: usize) -> Option<usize> {
    let joins = |byte: Option<&u8>| byte.is_some_and(|b| b.is_ascii_alphanumeric());
    if start > 0 && joins(text.get(start - 1)) {
        return None;
    }
    // A version of five numbers is none.
    if start > 1 && text[start - 1] == b'.' && text[start - 2].is_ascii_digit() {
        return None;
    }
    let mut at = start;
    for part in 0..4 {
        let length = text[at..].iter().take(4).take_while(|b| b.is_ascii_digit()).count();
        let number = text[at..at + length]
            .iter()
            .fold(0u32, |n, b| n * 10 + u32::from(b - b'0'));
        if !(1..=3).contains(&length) || number > 255 {
            return None;
        }
        at += length;
        if part < 3 {
            (text.get(at) == Some(&b'.')).then(|| at += 1)?;
        }
    }
    let goes_on = text.get(at) == Some(&b'.') && text.get(at + 1).is_some_and(u8::is_ascii_digit);
    (!joins(text.get(at)) && !goes_on).then_some(at)
}

pub(super) fn v6(text: &[u8], each: &mut dyn FnMut(Place)) {
    let mut at = 0;
    while let Some(colon) = memchr::memchr(b':', &text[at..]) {
        let colon = at + colon;
        let of_address = |b: &&u8| b.is_ascii_hexdigit() || matches!(b, b':' | b'.');
        let before = text[at..colon].iter().rev().take_while(of_address).count();
        let start = colon - before;
        let length = text[start..].iter().take_while(of_address).count();
        let end = start + length;
        if let Some(place) = v6_place(text, start, end) {
            each(place);
        }
        at = end.max(colon + 1);
    }
}

fn v6_place(text: &[u8], start: usize, mut end: usize) -> Option<Place> {
    // Punctuation behind it.
    while end > start && (text[end - 1] == b'.' || (text[end - 1] == b':' && !text[..end].ends_with(b"::"))) {
        end -= 1;
    }
    let joins = |byte: Option<&u8>| byte.is_some_and(|b| b.is_ascii_alphanumeric());
    let run = text.get(start..end).filter(|run| run.len() <= V6_BYTES_MAX)?;
    if joins(start.checked_sub(1).and_then(|at| text.get(at))) || joins(text.get(end)) {
        return None;
    }
    // `Bad::Face` is a name in a program.
    let is_numbered = run.iter().any(u8::is_ascii_digit) || run.iter().filter(|b| **b == b':').count() > 2;
    let address: Option<Ipv6Addr> = std::str::from_utf8(run).ok()?.parse().ok();
    (is_numbered && address.is_some()).then_some(start..end)
}
