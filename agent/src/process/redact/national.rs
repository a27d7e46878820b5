//! National numbers. Each is told by its form and, where it has one, by its check; sources stand with
//! each. Numbers of nine or ten digits without more form than that are left out: too many are none.

use std::sync::LazyLock;

use regex::bytes::Regex;

use super::{Place, stands_alone};

/// Every place of a pattern that stands alone and passes a check of its digits (and letters).
fn each_checked(text: &[u8], pattern: &Regex, check: fn(&[u8]) -> bool, each: &mut dyn FnMut(Place)) {
    for found in pattern.find_iter(text) {
        let plain: Vec<u8> = found
            .as_bytes()
            .iter()
            .filter(|byte| byte.is_ascii_alphanumeric())
            .map(u8::to_ascii_uppercase)
            .collect();
        if stands_alone(text, &found.range()) && check(&plain) {
            each(found.range());
        }
    }
}

fn pattern(text: &str) -> Regex {
    let built = regex::bytes::RegexBuilder::new(text).unicode(false).build();
    built.expect("a pattern of the program, which the tests compile")
}

fn digit(byte: u8) -> u32 {
    u32::from(byte.wrapping_sub(b'0'))
}

/// United States: social security number, `123-45-6789`; Social Security Administration, "SSN
/// randomization": no area 000, 666 or from 900 on, no group 00, no serial 0000. There is no check
/// digit, so only the form with hyphens or spaces is taken.
pub(super) fn us_ssn(text: &[u8], each: &mut dyn FnMut(Place)) {
    static PATTERN: LazyLock<Regex> =
        LazyLock::new(|| pattern(r"[0-8][0-9]{2}(?:-[0-9]{2}-|\x20[0-9]{2}\x20)[0-9]{4}"));
    let is_given =
        |plain: &[u8]| !matches!(&plain[..3], b"000" | b"666") && &plain[3..5] != b"00" && &plain[5..] != b"0000";
    // A longer chain of numbers is none.
    each_checked(text, &PATTERN, is_given, &mut |place| {
        let hyphen = |at: Option<usize>| at.and_then(|at| text.get(at)) == Some(&b'-');
        if !hyphen(place.start.checked_sub(1)) && !hyphen(Some(place.end)) {
            each(place);
        }
    });
}

/// Brazil: CPF, `123.456.789-09` or eleven digits; two check digits, mod 11.
pub(super) fn br_cpf(text: &[u8], each: &mut dyn FnMut(Place)) {
    static PATTERN: LazyLock<Regex> =
        LazyLock::new(|| pattern(r"[0-9]{3}\.[0-9]{3}\.[0-9]{3}-[0-9]{2}|[0-9]{9}-[0-9]{2}"));
    each_checked(
        text,
        &PATTERN,
        |plain| {
            let check = |n: usize| {
                let sum: u32 = plain[..n]
                    .iter()
                    .zip((2..=n as u32 + 1).rev())
                    .map(|(b, weight)| digit(*b) * weight)
                    .sum();
                sum * 10 % 11 % 10
            };
            check(9) == digit(plain[9]) && check(10) == digit(plain[10])
        },
        each,
    );
}

/// Spain: DNI and NIE, `12345678Z`, `X1234567L`; the letter is the number mod 23.
pub(super) fn es_dni(text: &[u8], each: &mut dyn FnMut(Place)) {
    static PATTERN: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?:[0-9]{8}|[XYZxyz][0-9]{7})-?[A-Za-z]"));
    each_checked(
        text,
        &PATTERN,
        |plain| {
            let first = match plain[0] {
                letter @ b'X'..=b'Z' => u32::from(letter - b'X'),
                byte => digit(byte),
            };
            let number = plain[1..8]
                .iter()
                .fold(first, |number, byte| number * 10 + digit(*byte));
            b"TRWAGMYFPDXBNJZSQVHLCKE"[(number % 23) as usize] == plain[8]
        },
        each,
    );
}

/// France: NIR, fifteen digits (`2A`, `2B` for Corsica); the last two are 97 − number mod 97.
pub(super) fn fr_nir(text: &[u8], each: &mut dyn FnMut(Place)) {
    static PATTERN: LazyLock<Regex> = LazyLock::new(|| {
        pattern(r"[12]\x20?[0-9]{2}\x20?[0-9]{2}\x20?(?:[0-9]{2}|2[ABab])\x20?[0-9]{3}\x20?[0-9]{3}\x20?[0-9]{2}")
    });
    each_checked(
        text,
        &PATTERN,
        |plain| {
            let number = plain[..13].iter().fold(0u64, |number, byte| match byte {
                b'A' | b'B' => number * 10,
                byte => number * 10 + u64::from(digit(*byte)),
            });
            let less = match plain[6] {
                b'A' => 1_000_000,
                b'B' => 2_000_000,
                _ => 0,
            };
            // 2A counts as 19 and 2B as 18.
            let check = 97 - (number - less) % 97;
            check == u64::from(digit(plain[13]) * 10 + digit(plain[14]))
        },
        each,
    );
}

/// Italy: codice fiscale, `RSSMRA85T10A562S`; decree of 23 December 1976: values of characters at odd
/// places from a table, at even ones their own, mod 26.
pub(super) fn it_cf(text: &[u8], each: &mut dyn FnMut(Place)) {
    static PATTERN: LazyLock<Regex> =
        LazyLock::new(|| pattern(r"[A-Za-z]{6}[0-9]{2}[A-EHLMPR-Ta-ehlmpr-t][0-9]{2}[A-Za-z][0-9]{3}[A-Za-z]"));
    const ODD: [u32; 26] = [
        1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23,
    ];
    fn check(plain: &[u8]) -> bool {
        let value = |byte: u8| {
            if byte.is_ascii_digit() {
                digit(byte)
            } else {
                u32::from(byte - b'A')
            }
        };
        let sum: u32 = plain[..15]
            .iter()
            .enumerate()
            .map(|(at, byte)| {
                if at % 2 == 0 {
                    ODD[value(*byte) as usize]
                } else {
                    value(*byte)
                }
            })
            .sum();
        sum % 26 == u32::from(plain[15] - b'A')
    }
    each_checked(text, &PATTERN, check, each);
}

/// Poland: PESEL, eleven digits; weights 1 3 7 9, and a birth date that can be.
pub(super) fn pl_pesel(text: &[u8], each: &mut dyn FnMut(Place)) {
    static PATTERN: LazyLock<Regex> = LazyLock::new(|| pattern("[0-9]{11}"));
    each_checked(
        text,
        &PATTERN,
        |plain| {
            let weights = [1, 3, 7, 9, 1, 3, 7, 9, 1, 3];
            let sum: u32 = plain
                .iter()
                .zip(weights)
                .map(|(byte, weight)| digit(*byte) * weight)
                .sum();
            let month = (digit(plain[2]) * 10 + digit(plain[3])) % 20;
            let day = digit(plain[4]) * 10 + digit(plain[5]);
            (10 - sum % 10) % 10 == digit(plain[10]) && (1..=12).contains(&month) && (1..=31).contains(&day)
        },
        each,
    );
}
