//! Addresses of mail, in the form that people have: RFC 5321's without quotes and without addresses of
//! machines.

use super::Place;

/// RFC 5321, 4.5.3.1.
const LOCAL_BYTES_MAX: usize = 64;
const DOMAIN_BYTES_MAX: usize = 255;

pub(super) fn find(text: &[u8], each: &mut dyn FnMut(Place)) {
    let mut from = 0;
    while let Some(sign) = memchr::memchr(b'@', &text[from..]) {
        let sign = from + sign;
        // Beyond the limit it is an address still to whoever reads it: what is near the sign goes.
        let local = text[from..sign]
            .iter()
            .rev()
            .take(LOCAL_BYTES_MAX)
            .take_while(|b| is_local(**b))
            .count();
        let end = domain_end(text, sign + 1);
        match end.filter(|_| local > 0) {
            Some(end) => {
                each(sign - local..end);
                from = end;
            }
            None => from = sign + 1,
        }
    }
}

fn is_local(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'.' | b'_' | b'%' | b'+' | b'-' | b'\'' | b'~' | b'#' | b'!' | b'$' | b'&'
        )
        || byte >= 0x80
}

/// The end of the longest name of labels whose last has two letters or more.
fn domain_end(text: &[u8], start: usize) -> Option<usize> {
    let is_label = |b: &u8| b.is_ascii_alphanumeric() || *b == b'-' || *b >= 0x80;
    let mut at = start;
    let mut end = None;
    while at - start < DOMAIN_BYTES_MAX {
        let label = text[at..].iter().take_while(|b| is_label(b)).count();
        if label == 0 {
            break;
        }
        let letters = text[at..at + label]
            .iter()
            .filter(|b| !b.is_ascii_digit() && **b != b'-')
            .count();
        at += label;
        if at > start + label && letters >= 2 {
            end = Some(at);
        }
        if text.get(at) != Some(&b'.') {
            break;
        }
        at += 1;
    }
    end
}
