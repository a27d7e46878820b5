//! Payment cards: 12 to 19 digits, in groups or not, that begin as an issuer's do and end with the
//! check digit of ISO/IEC 7812-1 (Luhn).

use super::{Place, stands_alone};

/// Groups of digits that one number has at most.
const GROUPS_MAX: usize = 6;

pub(super) fn find(text: &[u8], each: &mut dyn FnMut(Place)) {
    let groups = &mut Vec::new();
    let mut at = 0;
    while let Some(first) = text[at..].iter().position(u8::is_ascii_digit) {
        at = read_groups(text, at + first, groups);
        in_groups(text, groups, each);
    }
}

/// Reads groups of digits with one separator between them; gives back where they end.
fn read_groups(text: &[u8], mut at: usize, groups: &mut Vec<Place>) -> usize {
    groups.clear();
    loop {
        let length = text[at..].iter().take_while(|b| b.is_ascii_digit()).count();
        groups.push(at..at + length);
        at += length;
        let is_separated =
            matches!(text.get(at), Some(b' ' | b'-')) && text.get(at + 1).is_some_and(u8::is_ascii_digit);
        if !is_separated {
            return at;
        }
        at += 1;
    }
}

fn in_groups(text: &[u8], groups: &[Place], each: &mut dyn FnMut(Place)) {
    let mut first = 0;
    while first < groups.len() {
        let last_max = groups.len().min(first + GROUPS_MAX);
        // The longest that is one.
        let found = (first..last_max)
            .rev()
            .find(|last| is_card(text, &groups[first..=*last]));
        match found {
            Some(last) => {
                each(groups[first].start..groups[last].end);
                first = last + 1;
            }
            None => first += 1,
        }
    }
}

fn is_card(text: &[u8], groups: &[Place]) -> bool {
    let place = groups[0].start..groups[groups.len() - 1].end;
    // The same separator throughout, and no group of a single digit.
    let mut separators = groups[1..].iter().map(|group| text[group.start - 1]);
    let same = separators.next().is_none_or(|one| separators.all(|other| other == one));
    let length: usize = groups.iter().map(Place::len).sum();
    if !same || !(12..=19).contains(&length) || (groups.len() > 1 && groups.iter().any(|group| group.len() < 2)) {
        return false;
    }
    let mut digits = [0; 19];
    let all = groups.iter().flat_map(|group| &text[group.clone()]);
    digits
        .iter_mut()
        .zip(all)
        .for_each(|(digit, byte)| *digit = byte - b'0');
    let digits = &digits[..length];
    stands_alone(text, &place) && is_issued(digits) && luhn(digits)
}

/// Whether an issuer's numbers begin so and are so long.
fn is_issued(digits: &[u8]) -> bool {
    let number = |n: usize| {
        digits[..n]
            .iter()
            .fold(0u32, |number, digit| number * 10 + u32::from(*digit))
    };
    let (two, four) = (number(2), number(4));
    match digits.len() {
        13 => digits[0] == 4,
        14 => matches!(two, 30 | 36 | 38 | 39),
        15 => matches!(two, 34 | 37) || four == 2014 || four == 2149,
        16 => {
            digits[0] == 4
                || matches!(two, 51..=55 | 60..=65 | 35 | 81)
                || (2200..=2204).contains(&four)
                || (2221..=2720).contains(&four)
                || matches!(two, 50 | 56..=59 | 66..=69)
        }
        19 => digits[0] == 4 || matches!(two, 50 | 56..=69),
        _ => matches!(two, 50 | 56..=69),
    }
}

/// ISO/IEC 7812-1, annex B.
pub(super) fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(at, digit)| match (at % 2, u32::from(*digit)) {
            (0, digit) => digit,
            (_, digit) => digit * 2 - if digit > 4 { 9 } else { 0 },
        })
        .sum();
    sum.is_multiple_of(10) && digits.iter().any(|digit| *digit != digits[0])
}
