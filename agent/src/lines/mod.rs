//! Bytes in, lines and events out. Pure: no clock, no file.
//!
//! - A line ends with `\n` or `\r\n`; a lone `\r` belongs to the line. An empty line is a line.
//! - Bytes after the last `\n` are held (not cut) until their end comes or a flush is asked for.
//! - A line above `line_bytes_max` becomes parts of exactly that length, the last one the rest. A
//!   part is cut before the line's end is known, so memory is bounded by one part.
//! - A run of at least [`HOLE_BYTES_MIN`] NULs at the start of a line is no line but a hole, left
//!   by a writer without O_APPEND after a truncation, or by a crash of the host.
//! - A run of at least [`HOLE_INSIDE_BYTES_MIN`] NULs inside a line ends it: a crash of the host leaves
//!   a line begun, zeros up to the end of what was allocated, and behind them the next line. What was
//!   begun is sent as partial. Fewer NULs belong to the line.
//!
//! Where pieces begin and end depends on the bytes and `line_bytes_max` only, never on how much of
//! the file was there when it was read; `tests.rs` holds this to be so.
//!
//! Lines of an encoding other than UTF-8, of a container's log, or of a file with a rule for
//! multi-line go on through `group`, which makes *events* of them; all other lines are events.
//!
//! | module | what it does |
//! |---|---|
//! | `cut` | lines, parts and holes |
//! | `wide` | where lines end in UTF-16 |
//! | `encoding` | text of other encodings becomes UTF-8 |
//! | `container` | what Docker and CRI write around each line |
//! | `multiline` | which lines belong together |
//! | `group` | events out of lines, and where it is safe to stop |

mod container;
mod cut;
mod encoding;
mod group;
mod multiline;
#[cfg(test)]
mod tests;
mod wide;

pub use container::Format;
pub(crate) use cut::{HOLE_BYTES_MIN, HOLE_INSIDE_BYTES_MIN, Limits, Piece, Place, cut};
pub(crate) use encoding::Encoding;
pub(crate) use group::{Event, Flush, Found, Reading, SPAN_LIMITS, Stopped, cut_events};
pub(crate) use multiline::{Multiline, MultilineLimits};
pub(crate) use wide::Endian;
