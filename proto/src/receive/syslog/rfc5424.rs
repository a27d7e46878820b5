//! `VERSION SP TIMESTAMP SP HOSTNAME SP APP-NAME SP PROCID SP MSGID SP STRUCTURED-DATA [SP MSG]`,
//! each but the first may be `-` (RFC 5424, 6).

use super::{NAME_BYTES_MAX, put_process, structured_data};
use crate::batch::AttributeValue;
use crate::line::{TimeHints, TimeReader};
use crate::receive::{Said, lossy};

/// Reads what follows the priority; none if it is not of this form.
pub(super) fn read(rest: &[u8], said: &Said, times: &mut TimeReader, hints: &TimeHints) -> Option<Said> {
    let (version, rest) = field(rest)?;
    let is_version = version.len() <= 2 && version[0] != b'0' && version.iter().all(u8::is_ascii_digit);
    if !is_version {
        return None;
    }
    let (time, rest) = field(rest)?;
    let time_nanos = match time {
        b"-" => None,
        time => Some(times.find(time, hints).filter(|found| found.start == 0)?.nanos),
    };
    let (host, rest) = field(rest)?;
    let (service, rest) = field(rest)?;
    let (process, rest) = field(rest)?;
    let (id, rest) = field(rest)?;
    let mut said = said.clone();
    said.time_nanos = time_nanos;
    said.host = present(host).map(lossy);
    said.service = present(service).map(lossy);
    if let Some(process) = present(process) {
        put_process(&mut said, process);
    }
    if let Some(id) = present(id) {
        said.put("syslog.msgid", AttributeValue::Text(lossy(id)));
    }
    match structured_data::read(rest, &mut said) {
        Some(()) => Some(said),
        None => Some(said.failed("syslog structured data")),
    }
}

/// A field and what follows the blank behind it. The last one may end the message.
fn field(rest: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = memchr::memchr(b' ', &rest[..rest.len().min(NAME_BYTES_MAX + 1)]);
    let end = end.or_else(|| (rest.len() <= NAME_BYTES_MAX).then_some(rest.len()))?;
    (end > 0).then(|| (&rest[..end], rest.get(end + 1..).unwrap_or_default()))
}

fn present(field: &[u8]) -> Option<&[u8]> {
    (field != b"-").then_some(field)
}
