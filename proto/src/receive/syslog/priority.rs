//! `<PRI>`: facility × 8 + severity (RFC 5424, 6.2.1).

use super::Said;
use crate::receive::{SEVERITIES, SEVERITY, text};

/// The names of facilities 0–23.
const FACILITIES: [&str; 24] = [
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp", "ntp",
    "audit", "alert", "clock", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Priority {
    facility: &'static str,
    severity: &'static str,
}

/// The priority and what follows it.
pub(super) fn read(message: &[u8]) -> Option<(Priority, &[u8])> {
    let rest = message.strip_prefix(b"<")?;
    let digits = rest.iter().take(4).take_while(|b| b.is_ascii_digit()).count();
    if !(1..=3).contains(&digits) || rest.get(digits) != Some(&b'>') {
        return None;
    }
    let number = rest[..digits].iter().fold(0, |n, b| n * 10 + usize::from(b - b'0'));
    let facility = FACILITIES.get(number / 8)?;
    let priority = Priority {
        facility,
        severity: SEVERITIES[number % 8],
    };
    Some((priority, &rest[digits + 1..]))
}

impl Priority {
    pub(super) fn put(self, said: &mut Said) {
        said.put(SEVERITY, text(self.severity));
        said.put("syslog.facility", text(self.facility));
    }
}
