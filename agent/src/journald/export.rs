//! The journal's export format (systemd, "Journal Export Formats"): entries of fields, ended by an
//! empty line. A field is `NAME=VALUE`, or, where its value holds a line feed or other control bytes,
//! `NAME`, a line feed, its length as u64 little-endian, the value, and a line feed.

use memchr::memchr;

/// A longer name is none.
const NAME_BYTES_MAX: usize = 256;
/// Fields of one entry that are kept; further ones are passed over.
const FIELDS_MAX: usize = 1024;

/// One entry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Entry {
    /// Names and values, in their order; a name may stand more than once.
    pub(super) fields: Vec<(String, Vec<u8>)>,
    /// A field was longer than is kept, or there were too many.
    pub(super) is_cut: bool,
}

impl Entry {
    /// The first value under this name.
    pub(super) fn get(&self, name: &str) -> Option<&[u8]> {
        self.fields
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| &value[..])
    }
}

/// Takes bytes and gives entries. Holds at most one entry's kept fields and what was pushed last.
#[derive(Debug)]
pub(super) struct Parser {
    buffer: Vec<u8>,
    at: usize,
    entry: Entry,
    state: State,
    field_bytes_max: usize,
}

#[derive(Debug)]
enum State {
    /// Before a name.
    Name,
    /// Within the value of a line, of which so much is kept.
    Text { name: String, value: Vec<u8> },
    /// Before the length of a value.
    Length { name: String },
    /// Within a value of which so many bytes are left.
    Bytes { name: String, value: Vec<u8>, left: u64 },
    /// Before the line feed behind a value.
    End,
    /// Within a line that is no field.
    Skip,
}

impl Parser {
    /// Fields are kept up to so many bytes; the rest is passed over.
    pub(super) fn new(field_bytes_max: usize) -> Self {
        Self {
            buffer: Vec::new(),
            at: 0,
            entry: Entry::default(),
            state: State::Name,
            field_bytes_max,
        }
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.buffer.drain(..self.at);
        self.at = 0;
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole entry, if it has come.
    pub(super) fn next(&mut self) -> Option<Entry> {
        loop {
            let state = std::mem::replace(&mut self.state, State::Name);
            match self.step(state) {
                Ok(Some(entry)) => return Some(entry),
                Ok(None) => {}
                Err(state) => {
                    self.state = state;
                    return None;
                }
            }
        }
    }

    /// Goes on from `state`; gives it back where more bytes are needed.
    fn step(&mut self, state: State) -> Result<Option<Entry>, State> {
        match state {
            State::Name => return self.name(),
            State::Text { name, value } => self.text(name, value)?,
            State::Length { name } => self.length(name)?,
            State::Bytes { name, value, left } => self.bytes(name, value, left)?,
            State::End => match self.rest().first() {
                None => return Err(State::End),
                Some(b'\n') => self.at += 1,
                // Not as it should be; the next line feed is the nearest place to go on.
                Some(_) => self.state = State::Skip,
            },
            State::Skip => match memchr(b'\n', self.rest()) {
                Some(end) => self.at += end + 1,
                None => {
                    self.at = self.buffer.len();
                    return Err(State::Skip);
                }
            },
        }
        Ok(None)
    }

    fn rest(&self) -> &[u8] {
        &self.buffer[self.at..]
    }

    fn name(&mut self) -> Result<Option<Entry>, State> {
        let rest = &self.buffer[self.at..];
        let end = rest.iter().take(NAME_BYTES_MAX + 1).position(|b| b"=\n".contains(b));
        let Some(end) = end else {
            if rest.len() > NAME_BYTES_MAX {
                self.state = State::Skip;
                return Ok(None);
            }
            return Err(State::Name);
        };
        let name = String::from_utf8_lossy(&rest[..end]).into_owned();
        let is_line = rest[end] == b'=';
        self.at += end + 1;
        if end == 0 && !is_line {
            let entry = std::mem::take(&mut self.entry);
            return Ok((!entry.fields.is_empty()).then_some(entry));
        }
        self.state = match is_line {
            true => State::Text {
                name,
                value: Vec::new(),
            },
            false => State::Length { name },
        };
        Ok(None)
    }

    fn text(&mut self, name: String, mut value: Vec<u8>) -> Result<(), State> {
        let end = memchr(b'\n', self.rest());
        self.keep(&mut value, end.unwrap_or(self.rest().len()));
        if end.is_none() {
            return Err(State::Text { name, value });
        }
        self.at += 1;
        self.put(name, value);
        Ok(())
    }

    fn length(&mut self, name: String) -> Result<(), State> {
        let Some(bytes) = self.rest().first_chunk::<8>() else {
            return Err(State::Length { name });
        };
        let left = u64::from_le_bytes(*bytes);
        self.at += 8;
        self.state = State::Bytes {
            name,
            value: Vec::new(),
            left,
        };
        Ok(())
    }

    fn bytes(&mut self, name: String, mut value: Vec<u8>, left: u64) -> Result<(), State> {
        let take = left.min(self.rest().len() as u64);
        self.keep(&mut value, take as usize);
        if take < left {
            let left = left - take;
            return Err(State::Bytes { name, value, left });
        }
        self.put(name, value);
        self.state = State::End;
        Ok(())
    }

    /// Takes so many bytes of the buffer, as far as they are kept.
    fn keep(&mut self, value: &mut Vec<u8>, len: usize) {
        let bytes = &self.buffer[self.at..self.at + len];
        let room = self.field_bytes_max.saturating_sub(value.len());
        value.extend_from_slice(&bytes[..len.min(room)]);
        self.entry.is_cut |= len > room;
        self.at += len;
    }

    fn put(&mut self, name: String, value: Vec<u8>) {
        match self.entry.fields.len() < FIELDS_MAX {
            true => self.entry.fields.push((name, value)),
            false => self.entry.is_cut = true,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn entries(field_bytes_max: usize, pieces: &[&[u8]]) -> Vec<Entry> {
        let mut parser = Parser::new(field_bytes_max);
        let mut found = Vec::new();
        for piece in pieces {
            parser.push(piece);
            while let Some(entry) = parser.next() {
                found.push(entry);
            }
        }
        found
    }

    fn write(fields: &[(String, Vec<u8>)]) -> Vec<u8> {
        let mut out = Vec::new();
        for (name, value) in fields {
            out.extend_from_slice(name.as_bytes());
            if value.contains(&b'\n') {
                out.push(b'\n');
                out.extend((value.len() as u64).to_le_bytes());
            } else {
                out.push(b'=');
            }
            out.extend_from_slice(value);
            out.push(b'\n');
        }
        out.push(b'\n');
        out
    }

    #[test]
    fn fields_of_text_and_of_bytes_are_read() {
        let text =
            b"__CURSOR=s=1;i=2\nMESSAGE\n\x05\0\0\0\0\0\0\0a\nb\xffc\n_PID=7\n\n\n\nMESSAGE=two\n\nMESSAGE=cut off";
        let found = entries(100, &[text]);
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].get("__CURSOR"), Some(&b"s=1;i=2"[..]));
        assert_eq!(found[0].get("MESSAGE"), Some(&b"a\nb\xffc"[..]));
        assert_eq!(found[0].get("_PID"), Some(&b"7"[..]));
        assert_eq!(found[1].get("MESSAGE"), Some(&b"two"[..]));
    }

    #[test]
    fn a_field_that_is_too_long_is_cut_and_what_follows_is_read() {
        let long = vec![
            ("A".to_owned(), vec![b'x'; 50]),
            ("B".to_owned(), b"y\n".repeat(50)),
            ("C".to_owned(), b"z".to_vec()),
        ];
        let found = entries(10, &[&write(&long)]);
        assert!(found[0].is_cut);
        assert_eq!(found[0].get("A"), Some(&[b'x'; 10][..]));
        assert_eq!(found[0].get("B").map(<[u8]>::len), Some(10));
        assert_eq!(found[0].get("C"), Some(&b"z"[..]));
    }

    proptest! {
        #[test]
        fn entries_come_out_as_they_went_in_however_they_are_cut(
            all in proptest::collection::vec(
                proptest::collection::vec(("[A-Z_]{1,9}", proptest::collection::vec(any::<u8>(), 0..40)), 1..6),
                0..6,
            ),
            size in 1usize..50,
        ) {
            let bytes: Vec<u8> = all.iter().flat_map(|fields| write(fields)).collect();
            let pieces: Vec<&[u8]> = bytes.chunks(size).collect();
            let found: Vec<_> = entries(100, &pieces).into_iter().map(|entry| entry.fields).collect();
            prop_assert_eq!(found, all);
        }

        #[test]
        fn fuzz_any_bytes_are_read_without_a_panic_and_within_the_bound(
            bytes in proptest::collection::vec(prop_oneof![Just(b'\n'), Just(b'='), Just(0), any::<u8>()], 0..300),
        ) {
            for entry in entries(20, &[&bytes]) {
                prop_assert!(entry.fields.iter().all(|(_, value)| value.len() <= 20));
            }
        }
    }
}
