//! The log format of Kubernetes' container runtime interface (design proposal "CRI: Log management
//! for container stdout/stderr streams"): `TIME OUTPUT TAGS TEXT`, of which the first tag is `P` if
//! the line goes on, else `F`; tags are divided by `:`.

use std::borrow::Cow;

use super::{Unwrapped, nanos_of, output_of};

pub(super) fn unwrap(line: &[u8]) -> Option<Unwrapped<'_>> {
    let mut words = line.splitn(4, |byte| *byte == b' ');
    let (time, output, tags) = (words.next()?, words.next()?, words.next()?);
    let goes_on = match tags.split(|byte| *byte == b':').next()? {
        b"F" => false,
        b"P" => true,
        _ => return None,
    };
    Some(Unwrapped {
        // An empty line may come without its last space.
        text: Cow::Borrowed(words.next().unwrap_or_default()),
        output: output_of(output)?,
        time: nanos_of(time)?,
        goes_on,
        attributes: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_a_time_an_output_tags_and_any_text() {
        let check = |line: &[u8], text: &[u8], output, goes_on| {
            let found = unwrap(line).unwrap();
            assert_eq!(&*found.text, text);
            assert_eq!(
                (found.output, found.goes_on, found.time),
                (output, goes_on, 1_500_000_000)
            );
        };
        check(b"1970-01-01T00:00:01.5Z stdout F a  b ", b"a  b ", 0, false);
        check(b"1970-01-01T02:00:01.5+02:00 stderr P \xff", b"\xff", 1, true);
        check(b"1970-01-01T00:00:01.5Z stdout F:x y", b"y", 0, false);
        check(b"1970-01-01T00:00:01.5Z stdout F ", b"", 0, false);
        check(b"1970-01-01T00:00:01.5Z stdout F", b"", 0, false);
        for other in [
            "1970-01-01T00:00:01Z stdout Q a",
            "stdout F a",
            "1970-01-01 stdout F a",
            "",
        ] {
            assert!(unwrap(other.as_bytes()).is_none(), "{other}");
        }
    }
}
