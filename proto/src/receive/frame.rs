//! Where one message of a connection ends and the next begins.
//!
//! A connection of syslog keeps to one way, which its first bytes tell (RFC 6587):
//! - *Octet counting*: digits, a space and a `<`. So many bytes are the message, whatever they are.
//! - *Delimited*: everything else. The first line feed or zero byte that comes is what ends the
//!   messages; where it is the zero byte, messages may hold line feeds.
//!
//! A message longer than `message_bytes_max` comes in parts, so that no message is refused and no more
//! than one part is ever held.

use memchr::{memchr, memchr2};

/// Digits of an octet count at most: a longer number is none.
const COUNT_DIGITS_MAX: usize = 9;

/// How messages are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// As the connection's first bytes say.
    Syslog,
    /// Each ends with a zero byte (GELF).
    Nul,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// Nothing has come yet that tells.
    Unknown,
    Counted,
    /// Ended by either, until one has come.
    Delimited,
    By(u8),
}

/// One message or a part of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Its bytes, without count and delimiter.
    pub bytes: &'a [u8],
    /// Index, and whether it is the last, of a part of a message that is too long.
    pub part: Option<(u32, bool)>,
    /// An octet count was expected and none was there, or the connection ended within the message.
    pub fault: Option<Fault>,
}

/// What is wrong with a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// No octet count where the connection's way asks for one.
    NoCount,
    /// The connection ended before the message did.
    CutShort,
}

/// Takes a connection's bytes and gives its messages. Holds at most one part and what was pushed
/// since the last call of [`next`](Self::next) that gave none.
#[derive(Debug)]
pub struct Framer {
    mode: Mode,
    buffer: Vec<u8>,
    /// Bytes before it were given out.
    at: usize,
    /// Bytes before it, from `at` on, hold no delimiter.
    searched: usize,
    /// What is left of a counted message, once its count is read.
    left: Option<u64>,
    /// Parts given of the message under way.
    parts: u32,
    /// The message under way lacks its count.
    no_count: bool,
    message_bytes_max: usize,
}

/// What the buffer holds next.
enum Found {
    /// So many bytes, then so many to pass over; whether the message ends with them.
    Bytes {
        len: usize,
        skip: usize,
        last: bool,
    },
    /// Nothing to give, but the buffer moved on.
    Again,
    More,
}

impl Framer {
    /// For a new connection.
    pub fn new(framing: Framing, message_bytes_max: usize) -> Self {
        Self {
            mode: match framing {
                Framing::Syslog => Mode::Unknown,
                Framing::Nul => Mode::By(0),
            },
            buffer: Vec::new(),
            at: 0,
            searched: 0,
            left: None,
            parts: 0,
            no_count: false,
            message_bytes_max: message_bytes_max.max(1),
        }
    }

    /// Adds what was read.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.drain(..self.at);
        self.at = 0;
        self.buffer.extend_from_slice(bytes);
    }

    /// The next message, if a whole one or a whole part has come. Empty ones are passed over.
    #[allow(clippy::should_implement_trait, reason = "what it gives borrows from it")]
    pub fn next(&mut self) -> Option<Frame<'_>> {
        loop {
            match self.find() {
                Found::More => return None,
                Found::Again => {}
                Found::Bytes { len, skip, last } => {
                    let from = self.at;
                    self.at += len + skip;
                    self.searched = 0;
                    let part = self.part(last);
                    let fault = self.no_count.then_some(Fault::NoCount);
                    self.no_count &= !last;
                    let bytes = &self.buffer[from..from + len];
                    if !bytes.is_empty() || part.is_some() {
                        return Some(Frame {
                            bytes: &self.buffer[from..from + len],
                            part,
                            fault,
                        });
                    }
                }
            }
        }
    }

    /// What is left when the connection has ended. A delimited message counts as whole: the end of
    /// the connection ends it.
    pub fn finish(&mut self) -> Option<Frame<'_>> {
        let from = self.at;
        self.at = self.buffer.len();
        let counted = self.left.is_some() || self.mode == Mode::Counted;
        let is_text = !counted && self.mode != Mode::By(0);
        let part = self.part(true);
        let bytes = &self.buffer[from..];
        let bytes = if is_text { without_carriage_return(bytes) } else { bytes };
        if bytes.is_empty() && part.is_none() {
            return None;
        }
        Some(Frame {
            bytes,
            part,
            fault: counted.then_some(Fault::CutShort),
        })
    }

    /// Bytes held.
    pub fn held(&self) -> usize {
        self.buffer.len() - self.at
    }

    /// The part that is given now.
    fn part(&mut self, last: bool) -> Option<(u32, bool)> {
        let index = self.parts;
        self.parts = if last { 0 } else { index.saturating_add(1) };
        (index > 0 || !last).then_some((index, last))
    }

    fn find(&mut self) -> Found {
        if let Some(left) = self.left {
            return self.counted(left);
        }
        match self.mode {
            Mode::Unknown => self.tell(),
            Mode::Counted if self.parts == 0 && !self.no_count => self.count(),
            Mode::Counted => self.delimited(Some(b'\n')),
            Mode::Delimited => self.delimited(None),
            Mode::By(delimiter) => self.delimited(Some(delimiter)),
        }
    }

    fn rest(&self) -> &[u8] {
        &self.buffer[self.at..]
    }

    /// Blanks between messages say nothing.
    fn skip_blanks(&mut self) {
        let blanks = self.rest().iter().take_while(|b| b"\r\n\0".contains(b)).count();
        self.at += blanks;
    }

    /// Which way the connection goes.
    fn tell(&mut self) -> Found {
        self.skip_blanks();
        self.mode = match read_count(self.rest()) {
            Count::Is { .. } => Mode::Counted,
            Count::MayBe => return Found::More,
            Count::IsNot => Mode::Delimited,
        };
        Found::Again
    }

    /// The count of the next message.
    fn count(&mut self) -> Found {
        self.skip_blanks();
        match read_count(self.rest()) {
            Count::Is { bytes, digits } => {
                self.at += digits + 1;
                self.left = Some(bytes);
                Found::Again
            }
            Count::MayBe => Found::More,
            Count::IsNot => {
                self.no_count = true;
                Found::Again
            }
        }
    }

    fn counted(&mut self, left: u64) -> Found {
        let have = self.rest().len();
        let most = self.message_bytes_max as u64;
        let len = left.min(most) as usize;
        if have < len {
            return Found::More;
        }
        let last = left <= most;
        self.left = (!last).then(|| left - most);
        Found::Bytes { len, skip: 0, last }
    }

    fn delimited(&mut self, delimiter: Option<u8>) -> Found {
        let rest = &self.buffer[self.at..];
        let looked = &rest[self.searched.min(rest.len())..];
        let found = match delimiter {
            Some(byte) => memchr(byte, looked),
            None => memchr2(b'\n', 0, looked),
        };
        let most = self.message_bytes_max;
        match found.map(|found| found + self.searched) {
            Some(end) if end <= most => {
                let byte = rest[end];
                let len = match byte {
                    b'\n' => without_carriage_return(&rest[..end]).len(),
                    _ => end,
                };
                if delimiter.is_none() {
                    self.mode = Mode::By(byte);
                }
                Found::Bytes {
                    len,
                    skip: end + 1 - len,
                    last: true,
                }
            }
            // One byte more than a part, so that something is left for the next one.
            Some(_) => self.cut(most),
            None if rest.len() > most => self.cut(most),
            None => {
                self.searched = rest.len();
                Found::More
            }
        }
    }

    fn cut(&self, len: usize) -> Found {
        Found::Bytes {
            len,
            skip: 0,
            last: false,
        }
    }
}

enum Count {
    Is { bytes: u64, digits: usize },
    MayBe,
    IsNot,
}

/// `MSG-LEN SP "<"`: the message that follows always begins with its priority.
fn read_count(bytes: &[u8]) -> Count {
    let digits = bytes.iter().take_while(|b| b.is_ascii_digit()).count();
    if digits > COUNT_DIGITS_MAX || bytes.first() == Some(&b'0') {
        return Count::IsNot;
    }
    match (digits, bytes.get(digits), bytes.get(digits + 1)) {
        (_, None, _) => Count::MayBe,
        (0, Some(_), _) => Count::IsNot,
        (_, Some(b' '), None) => Count::MayBe,
        (_, Some(b' '), Some(b'<')) => {
            let number = bytes[..digits].iter().fold(0, |n, b| n * 10 + u64::from(b - b'0'));
            Count::Is { bytes: number, digits }
        }
        _ => Count::IsNot,
    }
}

fn without_carriage_return(bytes: &[u8]) -> &[u8] {
    bytes.strip_suffix(b"\r").unwrap_or(bytes)
}
