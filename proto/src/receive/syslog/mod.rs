//! What a syslog message says of itself: RFC 5424 where it keeps to it, else RFC 3164 and what
//! devices make of it.
//!
//! | part | becomes |
//! |---|---|
//! | PRI | `severity_text` (`emerg` … `debug`), `syslog.facility` (`kern`, `auth`, `local0`, …) |
//! | HOSTNAME | `host.name` |
//! | APP-NAME, TAG | `service.name` |
//! | PROCID, `[123]` | `process.pid` where it is a number, else `syslog.procid` |
//! | MSGID, Cisco's `%FACILITY-SEVERITY-MNEMONIC` | `syslog.msgid` |
//! | STRUCTURED-DATA | `syslog.structured_data.ID.NAME` |

mod priority;
mod rfc3164;
mod rfc5424;
mod structured_data;

use crate::batch::AttributeValue;
use crate::line::{TimeHints, TimeReader};

use super::{Said, lossy};

/// A name longer than this is no host, program or id.
const NAME_BYTES_MAX: usize = 255;

/// Reads a message, without its framing.
pub fn syslog(message: &[u8], times: &mut TimeReader, hints: &TimeHints) -> Said {
    let mut said = Said::default();
    let Some((priority, rest)) = priority::read(message) else {
        return rfc3164::read(message, false, said, times, hints);
    };
    priority.put(&mut said);
    match rfc5424::read(rest, &said, times, hints) {
        Some(said) => said,
        None => rfc3164::read(rest, true, said, times, hints),
    }
}

/// Who wrote it: a number is the process's id.
fn put_process(said: &mut Said, id: &[u8]) {
    let id = lossy(id);
    match id.parse::<u32>() {
        Ok(pid) => said.put("process.pid", AttributeValue::Integer(pid.into())),
        Err(_) => said.put("syslog.procid", AttributeValue::Text(id)),
    }
}
