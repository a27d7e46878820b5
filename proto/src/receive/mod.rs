//! What other programs send over the network: where a message ends, and what it says of itself.
//!
//! | module | what it reads | source |
//! |---|---|---|
//! | `frame` | messages on a connection: octet counting, LF, NUL | RFC 6587, RFC 5425 |
//! | `syslog` | priority, time, host, program, structured data | RFC 5424, RFC 3164 |
//! | `gelf` | chunks of datagrams, packed messages, JSON | Graylog Extended Log Format 1.1 |
//!
//! A message is kept byte for byte as the record's line; what is read here stands beside it, as the
//! record's time and attributes and as the names of its stream. A message that cannot be read is kept
//! all the same and gets the attribute [`PARSE_ERROR`]. Bytes come from outside: nothing panics,
//! nothing grows without a bound.
//!
//! Syslog is read by our own code. The crate for it (`syslog_loose`) takes text, so bytes that are no
//! UTF-8 would have to be replaced before it sees them, knows no fractions in RFC 3164, and has a
//! calendar of its own; times are read in one place of this project ([`TimeReader`](crate::line::TimeReader)).

mod frame;
mod gelf;
mod syslog;

#[cfg(test)]
mod tests;

pub use frame::{Fault, Frame, Framer, Framing};
pub use gelf::{CHUNK_MAGIC, CHUNKS_MAX, Chunk, ChunkLimits, ChunkRefused, Chunks, UnpackError, gelf, unpack};
pub use syslog::syslog;

use crate::batch::AttributeValue;

/// The attribute of a record whose message could not be read, or not whole: what was expected.
pub const PARSE_ERROR: &str = "log.parse_error";
/// The attribute of a record whose message was not whole when its connection ended.
pub const PARTIAL: &str = "log.partial";

/// The attribute that names a record's severity.
const SEVERITY: &str = "severity_text";

/// The names of syslog's severities 0–7.
const SEVERITIES: [&str; 8] = ["emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"];

/// What a message says of itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Said {
    /// Its time, nanoseconds since the epoch.
    pub time_nanos: Option<i64>,
    /// The host that it names: `host.name`.
    pub host: Option<String>,
    /// The program that it names: `service.name`.
    pub service: Option<String>,
    /// Everything else that it names.
    pub attributes: Vec<(String, AttributeValue)>,
}

impl Said {
    fn put(&mut self, name: impl Into<String>, value: AttributeValue) {
        self.attributes.push((name.into(), value));
    }

    fn failed(mut self, expected: &str) -> Self {
        self.put(PARSE_ERROR, text(expected));
        self
    }
}

fn text(text: &str) -> AttributeValue {
    AttributeValue::Text(text.to_owned())
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
