//! The severity that a line names.

use serde::{Deserialize, Serialize};

/// How bad, in OpenTelemetry's six ranges. Ordered; `None` is below all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Severity {
    /// The line names none.
    #[default]
    None = 0,
    /// Trace.
    Trace = 1,
    /// Debug.
    Debug = 2,
    /// Info, notice.
    Info = 3,
    /// Warning.
    Warn = 4,
    /// Error.
    Error = 5,
    /// Fatal, critical, alert, emergency, panic.
    Fatal = 6,
}

impl Severity {
    /// Its name: `trace` … `fatal`; `None` is the empty text.
    pub fn name(self) -> &'static str {
        ["", "trace", "debug", "info", "warn", "error", "fatal"][self as usize]
    }
    /// By its rank 0–6.
    pub fn from_rank(rank: u8) -> Option<Self> {
        use Severity::*;
        [None, Trace, Debug, Info, Warn, Error, Fatal]
            .get(usize::from(rank))
            .copied()
    }
    /// By a word people write for it: `warning`, `ERR`, `I`, `notice`, `crit`, … without regard to case.
    pub fn from_word(_word: &str) -> Option<Self> {
        todo!()
    }
}

/// The severity that `line` names: a level key of JSON or logfmt, klog's and Android's letters, a
/// bracketed or free-standing level word near its start, an HTTP status in access logs (5xx error, 4xx warn).
pub fn severity(_line: &[u8]) -> Severity {
    todo!()
}
