//! What is made: of which shapes, how much, how fast, of which time.

use std::time::Duration;

use anyhow::Context;
use bytesize::ByteSize;

use super::Made;
use crate::cli::{LoadgenArgs, Shape};
use crate::exit::Exit;

/// What is made.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) streams: Vec<Stream>,
    pub(super) seed: u64,
    pub(super) rate: Rate,
    pub(super) until: Until,
    /// Times begin here, milliseconds since the epoch; those of the clock if absent.
    start_ms: Option<u64>,
}

/// Lines of one origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stream {
    /// `SHAPE-N`.
    pub(super) name: String,
    /// Whose lines they are.
    pub(super) service: &'static str,
}

/// How fast.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Rate {
    /// As fast as it goes.
    Unbound,
    /// Records a second.
    Records(f64),
    /// Bytes a second.
    Bytes(f64),
}

/// How much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Until {
    Stopped,
    Bytes(u64),
    Records(u64),
    Time(Duration),
}

impl Shape {
    fn services(self) -> &'static [&'static str] {
        match self {
            Self::Json => &["api", "shop", "edge"],
            Self::Logfmt => &["worker"],
            Self::Nginx => &["web"],
            Self::Syslog => &["auth"],
            Self::Java => &["billing"],
            Self::Sql => &["db"],
            Self::Text => &["cart"],
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Logfmt => "logfmt",
            Self::Nginx => "nginx",
            Self::Syslog => "syslog",
            Self::Java => "java",
            Self::Sql => "sql",
            Self::Text => "text",
        }
    }
}

const ALL: [Shape; 7] = [
    Shape::Json,
    Shape::Logfmt,
    Shape::Nginx,
    Shape::Syslog,
    Shape::Java,
    Shape::Sql,
    Shape::Text,
];

impl Plan {
    pub(super) fn new(args: &LoadgenArgs) -> anyhow::Result<Self> {
        let shapes = if args.shape.is_empty() {
            &ALL[..]
        } else {
            &args.shape[..]
        };
        let files = args.files.map_or(shapes.len(), usize::from);
        if files == 0 {
            return Err(Exit::usage("--files 0 writes nothing; write at least 1").into());
        }
        let streams = (0..files).map(|n| {
            let (shape, round) = (shapes[n % shapes.len()], n / shapes.len());
            Stream {
                name: format!("{}-{}", shape.name(), round + 1),
                service: shape.services()[round % shape.services().len()],
            }
        });
        let until = match (args.bytes, args.lines, args.duration) {
            (Some(bytes), ..) => Until::Bytes(bytes.as_u64()),
            (_, Some(lines), _) => Until::Records(lines),
            (.., Some(time)) => Until::Time(time.into()),
            (None, None, None) => Until::Stopped,
        };
        let start_ms = args.start.as_deref().map(|text| {
            let start: jiff::Timestamp = text
                .parse()
                .map_err(|error| Exit::usage(format!("--start {text:?}: {error}; write it as 2026-11-01T00:00:00Z")))?;
            u64::try_from(start.as_millisecond()).context("--start is before 1970")
        });
        Ok(Self {
            streams: streams.collect(),
            seed: args.seed,
            rate: args.rate.as_deref().map_or(Ok(Rate::Unbound), Rate::parse)?,
            until,
            start_ms: start_ms.transpose()?,
        })
    }

    /// The time of the next record: the clock's, or counted from the start at the rate (without one, a
    /// millisecond each).
    pub(super) fn time_of(&self, made: &Made, elapsed: Duration) -> u64 {
        let Some(start) = self.start_ms else {
            let now = std::time::UNIX_EPOCH.elapsed().unwrap_or(elapsed);
            return now.as_millis() as u64;
        };
        let after = match self.rate {
            Rate::Unbound => made.records as f64,
            Rate::Records(rate) => made.records as f64 * 1000.0 / rate,
            Rate::Bytes(rate) => made.bytes as f64 * 1000.0 / rate,
        };
        start + after as u64
    }
}

impl Rate {
    /// A plain number is records a second, one with a unit bytes a second.
    pub(super) fn parse(text: &str) -> anyhow::Result<Self> {
        let rate = match text.parse::<f64>() {
            Ok(records) => Some(Self::Records(records)).filter(|_| records.is_finite() && records > 0.0),
            Err(_) => {
                let bytes = text.trim_end_matches("/s").parse::<ByteSize>().ok();
                bytes
                    .filter(|bytes| bytes.as_u64() > 0)
                    .map(|bytes| Self::Bytes(bytes.as_u64() as f64))
            }
        };
        let wrong = || {
            Exit::usage(format!(
                "--rate {text:?} is neither lines a second, such as 500, nor bytes, such as 2MiB"
            ))
        };
        Ok(rate.ok_or_else(wrong)?)
    }

    /// Whether the next record's time has come.
    pub(super) fn is_due(self, made: &Made, elapsed: Duration) -> bool {
        let seconds = elapsed.as_secs_f64();
        match self {
            Self::Unbound => true,
            Self::Records(rate) => (made.records as f64) < seconds * rate,
            Self::Bytes(rate) => (made.bytes as f64) < seconds * rate,
        }
    }
}
