//! The HTTP status of access logs: `… [time] "GET / HTTP/1.1" 503 …`.

use super::Severity;

/// The request begins within so many bytes.
const HEAD_BYTES_MAX: usize = 512;
/// And ends within so many more.
const REQUEST_BYTES_MAX: usize = 16 * 1024;

pub(super) fn status(text: &[u8]) -> Option<Severity> {
    let head = &text[..text.len().min(HEAD_BYTES_MAX)];
    let quote = memchr::memchr(b'"', head)?;
    if !text[..quote].ends_with(b"] ") {
        return None;
    }
    let request = &text[quote + 1..];
    let request = &request[..request.len().min(REQUEST_BYTES_MAX)];
    let end = memchr::memchr_iter(b'"', request).find(|&end| end == 0 || request[end - 1] != b'\\')?;
    let rest = request.get(end + 1..)?.strip_prefix(b" ")?;
    let (status, after) = rest.split_first_chunk::<3>()?;
    let whole = status.iter().all(u8::is_ascii_digit) && matches!(after.first(), None | Some(b' '));
    whole.then_some(match status[0] {
        b'5'..=b'9' => Severity::Error,
        b'4' => Severity::Warn,
        _ => Severity::Info,
    })
}
