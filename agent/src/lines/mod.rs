//! Bytes in, lines out. Pure: no clock, no file.
//!
//! - A line ends with `\n` or `\r\n`; a lone `\r` belongs to the line. An empty line is a line.
//! - Bytes after the last `\n` are held (not cut) until their end comes or `flush` is asked for.
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

#[cfg(test)]
mod tests;

/// Fewer NULs at the start of a line belong to the line.
pub(crate) const HOLE_BYTES_MIN: usize = 8;

/// Fewer NULs inside a line belong to it.
pub(crate) const HOLE_INSIDE_BYTES_MIN: usize = 64;

/// What bounds one cut.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Bytes of a line in one piece.
    pub(crate) line_bytes_max: usize,
    /// Bytes of lines in one cut, exceeded only by a first piece.
    pub(crate) bytes_max: usize,
    /// Pieces in one cut.
    pub(crate) pieces_max: usize,
}

/// A place between two pieces.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    /// Offset in the file.
    pub(crate) offset: u64,
    /// Parts of the present line before it; 0: a line begins here.
    pub(crate) part: u32,
}

/// What was found between two places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    /// A line or a part of one.
    Line(Line<'a>),
    /// NULs that are no line.
    Hole {
        /// First byte.
        start: u64,
        /// One past the last.
        end: u64,
    },
}

/// A line or a part of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Line<'a> {
    /// Its bytes, without the line end.
    pub(crate) bytes: &'a [u8],
    /// Offset in the file.
    pub(crate) start: u64,
    /// Bytes in the file, line end included.
    pub(crate) source_len: u32,
    /// Index, and whether it is the last.
    pub(crate) part: Option<(u32, bool)>,
    /// Whether it was sent without its end.
    pub(crate) partial: bool,
}

/// Cuts `bytes`, which stand at `from` in the file, and gives each piece to `sink`. Returns where
/// it stopped, and whether that is because more bytes are needed (else it was a limit).
pub(crate) fn cut<'a>(
    bytes: &'a [u8],
    from: Place,
    flush: bool,
    limits: Limits,
    mut sink: impl FnMut(Piece<'a>),
) -> (Place, bool) {
    let mut cutter = Cutter {
        bytes,
        base: from.offset,
        at: 0,
        part: from.part,
        limits,
    };
    let mut line_bytes = 0;
    let mut needs_more = false;
    for _ in 0..limits.pieces_max {
        let Some((piece, next)) = cutter.next_piece(flush) else {
            needs_more = true;
            break;
        };
        if let Piece::Line(line) = piece {
            line_bytes += line.bytes.len();
            if line_bytes > limits.bytes_max && line_bytes > line.bytes.len() {
                break;
            }
        }
        cutter.part = match piece {
            Piece::Line(Line {
                part: Some((index, false)),
                ..
            }) => index + 1,
            _ => 0,
        };
        cutter.at = next;
        sink(piece);
    }
    (
        Place {
            offset: cutter.base + cutter.at as u64,
            part: cutter.part,
        },
        needs_more,
    )
}

struct Cutter<'a> {
    bytes: &'a [u8],
    base: u64,
    at: usize,
    part: u32,
    limits: Limits,
}

impl<'a> Cutter<'a> {
    /// The piece at `at` and where the next one begins.
    fn next_piece(&self, flush: bool) -> Option<(Piece<'a>, usize)> {
        let rest = &self.bytes[self.at..];
        if rest.is_empty() {
            return None;
        }
        if self.part == 0 && rest[0] == 0 {
            let run = rest.iter().position(|byte| *byte != 0);
            match (run, flush) {
                (Some(n), _) if n >= HOLE_BYTES_MIN => return Some(self.hole(n)),
                (None, true) if rest.len() >= HOLE_BYTES_MIN => return Some(self.hole(rest.len())),
                // So many stay that what follows is still seen as the end of a hole.
                (None, false) if rest.len() > HOLE_BYTES_MIN => return Some(self.hole(rest.len() - HOLE_BYTES_MIN)),
                (None, false) if rest.len() == HOLE_BYTES_MIN => return None,
                _ => {}
            }
        }
        if self.part > 0 && rest[0] == 0 {
            let run = rest.iter().position(|byte| *byte != 0);
            match (run, flush) {
                (Some(n), _) if n >= HOLE_INSIDE_BYTES_MIN => return Some(self.hole(n)),
                (None, true) if rest.len() >= HOLE_INSIDE_BYTES_MIN => return Some(self.hole(rest.len())),
                (None, false) if rest.len() >= HOLE_INSIDE_BYTES_MIN => {
                    return Some(self.hole(rest.len() - HOLE_BYTES_MIN));
                }
                (None, false) => return None,
                _ => {}
            }
        }
        self.line(rest, flush)
    }

    fn hole(&self, n: usize) -> (Piece<'a>, usize) {
        let start = self.base + self.at as u64;
        (
            Piece::Hole {
                start,
                end: start + n as u64,
            },
            self.at + n,
        )
    }

    fn line(&self, rest: &'a [u8], flush: bool) -> Option<(Piece<'a>, usize)> {
        let max = self.limits.line_bytes_max;
        // A line of the greatest length may be followed by two bytes of line end.
        let window = &rest[..rest.len().min(max + 2)];
        let newline = memchr::memchr(b'\n', window);
        if newline.is_some() || flush || window.len() == max + 2 {
            let hole = hole_inside(&window[..newline.unwrap_or(window.len())]);
            if let Some(hole) = hole.filter(|hole| *hole > 0 && *hole <= max) {
                return Some(self.piece(&rest[..hole], hole, true, true));
            }
        }
        if let Some(newline) = newline {
            let line = &rest[..newline];
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if line.len() <= max {
                return Some(self.piece(line, newline + 1, true, false));
            }
        }
        if window.len() == max + 2 || (flush && rest.len() > max) {
            return Some(self.piece(&rest[..max], max, false, false));
        }
        flush.then(|| self.piece(rest, rest.len(), true, true))
    }

    fn piece(&self, bytes: &'a [u8], source_len: usize, last: bool, partial: bool) -> (Piece<'a>, usize) {
        let part = (self.part > 0 || !last).then_some((self.part, last));
        let start = self.base + self.at as u64;
        let line = Line {
            bytes,
            start,
            source_len: source_len as u32,
            part,
            partial,
        };
        (Piece::Line(line), self.at + source_len)
    }
}

/// Where the first run of NULs begins that is no part of a line.
fn hole_inside(line: &[u8]) -> Option<usize> {
    let mut at = memchr::memchr(0, line)?;
    loop {
        let run = line[at..].iter().take_while(|byte| **byte == 0).count();
        if run >= HOLE_INSIDE_BYTES_MIN {
            return Some(at);
        }
        at += run;
        at += memchr::memchr(0, &line[at..])?;
    }
}
