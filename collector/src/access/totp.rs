//! Codes of authenticators: TOTP (RFC 6238) of HMAC-SHA-1, six digits, thirty seconds, which is what all
//! of them know; and recovery codes for whoever lost theirs. A code works once.

use ring::hmac;

/// RFC 6238, 4.1: the step.
const STEP_S: i64 = 30;
/// RFC 6238, 5.2: one step before and after, for clocks that differ.
const STEPS_BESIDE: i64 = 1;
const DIGITS: usize = 6;
/// RFC 4226, 4, R6: 160 bits.
const SECRET_BYTES: usize = 20;
const RECOVERY_CODES: usize = 10;
/// 80 bits each.
const RECOVERY_BYTES: usize = 10;
/// RFC 4648, 6.
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// A new secret, in base32.
pub(super) fn new_secret() -> String {
    base32(&rand::random::<[u8; SECRET_BYTES]>())
}

/// Codes that each work once, in groups of four.
pub(super) fn new_recovery_codes() -> Vec<String> {
    let code = |_| {
        let text = base32(&rand::random::<[u8; RECOVERY_BYTES]>()).to_lowercase();
        let groups: Vec<&str> = (0..text.len()).step_by(4).map(|at| &text[at..at + 4]).collect();
        groups.join("-")
    };
    (0..RECOVERY_CODES).map(code).collect()
}

/// As people type it: without regard to case, spaces and dashes.
pub(super) fn normal(code: &str) -> String {
    let kept = code.chars().filter(char::is_ascii_alphanumeric);
    kept.map(|c| c.to_ascii_lowercase()).collect()
}

/// What authenticators read from a picture (Google's Key Uri Format).
pub(super) fn uri(secret: &str, user: &str, server: &str) -> String {
    let issuer = format!("Timberline {server}").replace(' ', "%20").replace(':', "-");
    let user = user.replace('@', "%40");
    format!("otpauth://totp/{issuer}:{user}?secret={secret}&issuer={issuer}&algorithm=SHA1&digits=6&period=30")
}

/// The step of which a code is, if it is one that was not used before: steps up to `last_step` are over.
pub(super) fn step_of(secret: &str, code: &str, now_s: i64, last_step: i64) -> Option<i64> {
    let key = from_base32(secret)?;
    let now = now_s.div_euclid(STEP_S);
    let code = normal(code);
    (now - STEPS_BESIDE..=now + STEPS_BESIDE)
        .filter(|step| *step > last_step)
        .find(|step| subtle::ConstantTimeEq::ct_eq(code_of(&key, *step).as_bytes(), code.as_bytes()).into())
}

/// The code of a moment.
#[cfg(test)]
pub(super) fn code_at(secret: &str, now_s: i64) -> String {
    code_of(&from_base32(secret).unwrap(), now_s.div_euclid(STEP_S))
}

/// RFC 4226, 5.3.
fn code_of(key: &[u8], step: i64) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key);
    let tag = hmac::sign(&key, &step.to_be_bytes());
    let bytes = tag.as_ref();
    let at = usize::from(bytes[bytes.len() - 1] & 0xf);
    let number = u32::from_be_bytes([bytes[at] & 0x7f, bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
    format!("{:0DIGITS$}", number % 10u32.pow(DIGITS as u32))
}

fn base32(bytes: &[u8]) -> String {
    let mut text = String::new();
    let (mut held, mut bits) = (0u32, 0);
    for byte in bytes {
        held = held << 8 | u32::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            text.push(char::from(BASE32[(held >> bits & 31) as usize]));
        }
    }
    if bits > 0 {
        text.push(char::from(BASE32[(held << (5 - bits) & 31) as usize]));
    }
    text
}

fn from_base32(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let (mut held, mut bits) = (0u32, 0);
    for c in text.bytes() {
        let value = BASE32.iter().position(|known| known.eq_ignore_ascii_case(&c))?;
        held = held << 5 | value as u32;
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push((held >> bits) as u8);
            held &= (1 << bits) - 1;
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238, appendix B; the last six of its eight digits.
    #[test]
    fn codes_are_those_of_the_rfc() {
        let secret = base32(b"12345678901234567890");
        assert_eq!(secret, "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        for (time_s, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(step_of(&secret, code, time_s, 0), Some(time_s / 30), "{time_s}");
        }
    }

    #[test]
    fn a_code_works_once_and_not_for_long() {
        let secret = base32(b"12345678901234567890");
        let step = step_of(&secret, "287082", 59, 0).unwrap();
        assert_eq!(step_of(&secret, "287082", 59, step), None);
        assert_eq!(step_of(&secret, "287 082", 89, 0), Some(step));
        assert_eq!(step_of(&secret, "287082", 120, 0), None);
        assert_eq!(step_of(&secret, "", 59, 0), None);
    }

    #[test]
    fn a_secret_survives_base32() {
        for length in 0..25 {
            let bytes: Vec<u8> = (0..length).map(|n: u8| n.wrapping_mul(37).wrapping_add(11)).collect();
            assert_eq!(from_base32(&base32(&bytes)), Some(bytes));
        }
        assert_eq!(from_base32("0"), None);
    }

    #[test]
    fn recovery_codes_are_read_as_people_type_them() {
        let codes = new_recovery_codes();
        assert_eq!(codes.len(), RECOVERY_CODES);
        assert_eq!(normal(&codes[0].to_uppercase().replace('-', " ")), normal(&codes[0]));
        assert_ne!(codes[0], codes[1]);
    }
}
