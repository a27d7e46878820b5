//! Lines out of bytes.

use super::wide::Endian;

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
    let mut cutter = Cutter::new(bytes, from, limits, None);
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
        cutter.pass(&piece, next);
        sink(piece);
    }
    (cutter.place(), needs_more)
}

/// Bytes of a file, cut piece by piece.
pub(super) struct Cutter<'a> {
    bytes: &'a [u8],
    base: u64,
    at: usize,
    part: u32,
    limits: Limits,
    /// The order of bytes in UTF-16; none where a line ends with the byte `\n`.
    wide: Option<Endian>,
}

impl<'a> Cutter<'a> {
    pub(super) fn new(bytes: &'a [u8], from: Place, limits: Limits, wide: Option<Endian>) -> Self {
        Self {
            bytes,
            base: from.offset,
            at: 0,
            part: from.part,
            limits,
            wide,
        }
    }

    /// Where the next piece begins.
    pub(super) fn place(&self) -> Place {
        Place {
            offset: self.base + self.at as u64,
            part: self.part,
        }
    }

    /// Goes on behind a piece.
    pub(super) fn pass(&mut self, piece: &Piece<'a>, next: usize) {
        self.part = match piece {
            Piece::Line(Line {
                part: Some((index, false)),
                ..
            }) => index + 1,
            _ => 0,
        };
        self.at = next;
    }

    /// The bytes of the file from `start` to `end`, which lie within those that are cut.
    pub(super) fn between(&self, start: u64, end: u64) -> &'a [u8] {
        &self.bytes[(start - self.base) as usize..(end - self.base) as usize]
    }

    /// The piece at the present place and where the next one begins.
    pub(super) fn next_piece(&self, flush: bool) -> Option<(Piece<'a>, usize)> {
        let rest = &self.bytes[self.at..];
        if rest.is_empty() {
            return None;
        }
        if let Some(endian) = self.wide {
            return self.wide_line(rest, endian, flush);
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

    /// As [`line`](Self::line), where characters have two bytes. A hole is no matter of its own: a
    /// NUL is a character like others.
    fn wide_line(&self, rest: &'a [u8], endian: Endian, flush: bool) -> Option<(Piece<'a>, usize)> {
        // Characters lie at even places of the file, also behind an odd last byte that was sent.
        let odd = (self.base as usize + self.at) % 2;
        let max = self.limits.line_bytes_max & !1;
        let window = &rest[..rest.len().min(odd + max + 4)];
        if let Some(newline) = endian.newline(window.get(odd..).unwrap_or_default()) {
            let line = endian.without_cr(&rest[..odd + newline]);
            if line.len() <= odd + max {
                return Some(self.piece(line, odd + newline + 2, true, false));
            }
        }
        if window.len() == odd + max + 4 || (flush && rest.len() > odd + max) {
            let part = odd + max - endian.half_pair_bytes(&rest[odd..odd + max]);
            return Some(self.piece(&rest[..part], part, false, false));
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
