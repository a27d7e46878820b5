//! The severity that a line names.
//!
//! | what the line is | what names its severity | module |
//! |---|---|---|
//! | JSON | a member `level`, `severity`, …; failing that the prefix before the object | `keys` |
//! | klog, logcat | the letter at its place | `letters` |
//! | an access log | the HTTP status: 5xx error, 4xx warn, else info | `access` |
//! | `key=value` anywhere near the beginning | `level=`, `lvl=`, `severity=`, … | `keys` |
//! | text | a word near the beginning: upper case, bracketed, or before a colon | `words` |
//! | syslog with `<priority>` | the priority, where nothing above does | here |

mod access;
mod keys;
mod letters;
mod words;

use serde::{Deserialize, Serialize};

use super::{fields, time};

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
    pub fn from_word(word: &str) -> Option<Self> {
        words::from_word(word.trim().as_bytes())
    }
    /// By a syslog severity 0–7.
    fn from_syslog(number: u8) -> Option<Self> {
        use Severity::*;
        [Fatal, Fatal, Fatal, Error, Warn, Info, Info, Debug]
            .get(usize::from(number))
            .copied()
    }
}

/// The severity that `line` names: a level key of JSON or logfmt, klog's and Android's letters, a
/// bracketed or free-standing level word near its start, an HTTP status in access logs (5xx error, 4xx warn).
pub fn severity(line: &[u8]) -> Severity {
    let text = match fields::json_start(line) {
        Some(start) => match keys::in_object(line, start) {
            Some(found) => return found,
            None => &line[..start],
        },
        None => line,
    };
    in_text(text).or_else(|| priority(text)).unwrap_or_default()
}

fn in_text(text: &[u8]) -> Option<Severity> {
    let lead = time::lead(text);
    letters::klog(text, lead)
        .or_else(|| letters::logcat(text, lead))
        .or_else(|| access::status(text))
        .or_else(|| keys::in_pairs(text))
        .or_else(|| words::near_start(text))
}

/// The severity in a syslog line's `<priority>`.
fn priority(text: &[u8]) -> Option<Severity> {
    let rest = text.strip_prefix(b"<")?;
    let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
    if rest.get(digits) != Some(&b'>') || !(1..=3).contains(&digits) {
        return None;
    }
    let number: u32 = str::from_utf8(&rest[..digits]).ok()?.parse().ok()?;
    (number < 192)
        .then(|| Severity::from_syslog(u8::try_from(number % 8).ok()?))
        .flatten()
}

#[cfg(test)]
mod tests;
