//! What a container runtime writes around each line of a container's output.

mod cri;
mod docker;

use std::borrow::Cow;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use timberline_proto::batch::AttributeValue;

/// How the lines of a file are wrapped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// `Docker` or `Cri` if the file's first line looks so, else `Plain`.
    #[default]
    Auto,
    /// Not at all.
    Plain,
    /// Docker's `json-file` driver: `{"log":"text\n","stream":"stdout","time":"…"}`.
    Docker,
    /// Kubernetes' container runtime interface: `TIME stdout F text`.
    Cri,
}

/// Bytes of a first line that tell its format, if it has no end before.
const FIRST_LINE_BYTES: usize = 1024;

/// A line without what was around it.
#[derive(Debug, PartialEq)]
pub(super) struct Unwrapped<'a> {
    pub(super) text: Cow<'a, [u8]>,
    /// Whether it came from stdout (0) or stderr (1).
    pub(super) output: u8,
    /// Nanoseconds since the epoch.
    pub(super) time: i64,
    /// The runtime cut it here; what follows of the same output belongs to it.
    pub(super) goes_on: bool,
    /// What else stood there.
    pub(super) attributes: Vec<(String, AttributeValue)>,
}

/// The names of the outputs, in the order of their numbers.
pub(super) const OUTPUTS: [&str; 2] = ["stdout", "stderr"];

impl Format {
    /// What it is for a file that begins with `prefix`. `None` while that is too short to tell.
    pub(crate) fn of_file(self, prefix: &[u8]) -> Option<Self> {
        if self != Self::Auto {
            return Some(self);
        }
        let first = match memchr::memchr(b'\n', prefix) {
            Some(newline) => &prefix[..newline],
            None if prefix.len() < FIRST_LINE_BYTES => return None,
            // A container's first line may be longer; then its beginning tells.
            None if prefix.starts_with(docker::BEGINNING) => return Some(Self::Docker),
            None => prefix,
        };
        let first = first.strip_suffix(b"\r").unwrap_or(first);
        Some(match () {
            () if docker::unwrap(first).is_some() => Self::Docker,
            () if cri::unwrap(first).is_some() => Self::Cri,
            () => Self::Plain,
        })
    }

    /// Whether lines stand as they are.
    pub(crate) fn is_plain(self) -> bool {
        matches!(self, Self::Auto | Self::Plain)
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Plain => "plain",
            Self::Docker => "docker",
            Self::Cri => "cri",
        }
    }

    /// A line without what is around it; `None` if it is not of this format.
    pub(super) fn unwrap(self, line: &[u8]) -> Option<Unwrapped<'_>> {
        match self {
            Self::Auto | Self::Plain => None,
            Self::Docker => docker::unwrap(line),
            Self::Cri => cri::unwrap(line),
        }
    }
}

/// The number of an output of this name.
fn output_of(name: &[u8]) -> Option<u8> {
    OUTPUTS
        .iter()
        .position(|output| output.as_bytes() == name)
        .map(|at| at as u8)
}

/// RFC 3339, as nanoseconds since the epoch.
fn nanos_of(time: &[u8]) -> Option<i64> {
    let time: Timestamp = std::str::from_utf8(time).ok()?.parse().ok()?;
    i64::try_from(time.as_nanosecond()).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_format_is_told_by_a_whole_first_line() {
        let check = |prefix: &str, format| assert_eq!(Format::Auto.of_file(prefix.as_bytes()), format, "{prefix}");
        let docker = r#"{"log":"a\n","stream":"stdout","time":"2026-01-02T03:04:05.000000006Z"}"#;
        check(docker, None);
        check(&format!("{docker}\nx"), Some(Format::Docker));
        check("{\"log\":\"a\",\"level\":\"info\"}\n", Some(Format::Plain));
        check("2026-01-02T03:04:05.1Z stdout F text\n", Some(Format::Cri));
        check("2026-01-02T03:04:05.1Z INFO F text\n", Some(Format::Plain));
        check("\n", Some(Format::Plain));
        let long = format!("{{\"log\":\"{}", "x".repeat(2000));
        check(&long, Some(Format::Docker));
    }

    proptest! {
        #[test]
        fn any_line_is_unwrapped_or_not(line in proptest::collection::vec(any::<u8>(), 0..100)) {
            Format::Docker.unwrap(&line);
            Format::Cri.unwrap(&line);
            Format::Auto.of_file(&line);
        }

        #[test]
        fn what_a_runtime_wrapped_comes_out(text in "[^\n\r]{0,40}", nanos in 0i64..4_000_000_000_000_000_000, err: bool) {
            let time = Timestamp::from_nanosecond(nanos.into()).unwrap().to_string();
            let output = OUTPUTS[usize::from(err)];
            let docker = serde_json::json!({"log": format!("{text}\n"), "stream": output, "time": time}).to_string();
            for (format, line) in [(Format::Docker, docker), (Format::Cri, format!("{time} {output} F {text}"))] {
                let unwrapped = format.unwrap(line.as_bytes()).unwrap();
                prop_assert_eq!(&*unwrapped.text, text.as_bytes());
                prop_assert_eq!((unwrapped.output, unwrapped.time, unwrapped.goes_on), (u8::from(err), nanos, false));
            }
        }

        #[test]
        fn fuzz_any_bytes_are_unwrapped_or_left(
            bytes in proptest::collection::vec(any::<u8>(), 0..200),
            like in "(\\{\"log\":\"[a-z\\\\n\"]{0,9}\"(,\"stream\":\"(stdout|x)\")?(,\"time\":\"2026-1[0-9]-0[0-9]T.{0,9}Z?\")?\\}?|2026-[01][0-9]-..T[0-9:.]{0,12}Z (stdout|stderr|x) [FPx:]{1,3} .{0,9})",
        ) {
            for line in [bytes.as_slice(), like.as_bytes()] {
                Format::Docker.unwrap(line);
                Format::Cri.unwrap(line);
                Format::Auto.of_file(line);
            }
        }
    }
}
