//! `google.rpc.RetryInfo` in a status's details: how long the server asks to wait.
//!
//! Three nested protobuf messages, of which one field each is wanted, so they are walked by hand:
//! `Status{3: Any}`, `Any{1: type_url, 2: value}`, `RetryInfo{1: Duration{1: seconds, 2: nanos}}`.

use std::time::Duration;

/// A longer wait than this is taken for this.
const WAIT_MAX: Duration = Duration::from_secs(300);

pub(super) fn retry_delay(details: &[u8]) -> Option<Duration> {
    for (field, any) in Fields(details).filter_map(Field::bytes) {
        if field != 3 {
            continue;
        }
        let part = |wanted| {
            Fields(any)
                .filter_map(Field::bytes)
                .find(|(field, _)| *field == wanted)
                .map(|(_, bytes)| bytes)
        };
        if !part(1).is_some_and(|url| url.ends_with(b"google.rpc.RetryInfo")) {
            continue;
        }
        let duration = Fields(part(2)?)
            .filter_map(Field::bytes)
            .find(|(field, _)| *field == 1)?
            .1;
        let number = |wanted| {
            Fields(duration)
                .filter_map(Field::number)
                .find(|(field, _)| *field == wanted)
                .map_or(0, |(_, n)| n)
        };
        let wait =
            Duration::from_secs(number(1).min(WAIT_MAX.as_secs())) + Duration::from_nanos(number(2).min(999_999_999));
        return Some(wait.min(WAIT_MAX));
    }
    None
}

enum Field<'a> {
    Number(u64, u64),
    Bytes(u64, &'a [u8]),
    Other,
}

impl<'a> Field<'a> {
    fn number(self) -> Option<(u64, u64)> {
        if let Self::Number(field, n) = self {
            Some((field, n))
        } else {
            None
        }
    }

    fn bytes(self) -> Option<(u64, &'a [u8])> {
        if let Self::Bytes(field, bytes) = self {
            Some((field, bytes))
        } else {
            None
        }
    }
}

struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.0.split_first()?;
            self.0 = rest;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Field<'a>;

    fn next(&mut self) -> Option<Field<'a>> {
        let tag = self.varint()?;
        let skip = match tag & 7 {
            0 => return Some(Field::Number(tag >> 3, self.varint()?)),
            1 => 8,
            2 => self.varint()?,
            5 => 4,
            _ => return None,
        };
        let (bytes, rest) = self.0.split_at_checked(usize::try_from(skip).ok()?)?;
        self.0 = rest;
        Some(if tag & 7 == 2 {
            Field::Bytes(tag >> 3, bytes)
        } else {
            Field::Other
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
        [&[number << 3 | 2, bytes.len() as u8], bytes].concat()
    }

    #[test]
    fn a34_the_wait_that_a_server_asks_for_is_found() {
        let duration = [0x08, 2, 0x10, 0x80, 0xe5, 0x9a, 0x77];
        let any = [
            field(1, b"type.googleapis.com/google.rpc.RetryInfo"),
            field(2, &field(1, &duration)),
        ]
        .concat();
        let status = [
            vec![0x08, 14],
            field(2, b"full"),
            field(3, &field(1, b"other")),
            field(3, &any),
        ]
        .concat();
        assert_eq!(retry_delay(&status), Some(Duration::from_millis(2250)));
        assert_eq!(retry_delay(b""), None);
    }

    proptest! {
        #[test]
        fn fuzz_any_details_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            let _ = retry_delay(&bytes);
        }
    }
}
