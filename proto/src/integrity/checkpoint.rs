//! Checkpoints: what a note says of a log (C2SP `tlog-checkpoint`).
//!
//! ```text
//! ORIGIN                       timberline/ and the store's id
//! SIZE                         entries of the log, decimal
//! BASE64(root)
//! number N                     extension: this log's N-th checkpoint, from 1
//! time 2026-01-31T12:00:00Z    extension: the store's clock
//! prev BASE64(hash)            extension, not in the first: SHA-256 of the whole note before, signatures included
//! ```

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::hash::Hash;
use super::note::NoteError;

/// What a note says of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which log.
    pub origin: String,
    /// Its entries.
    pub size: u64,
    /// The root over them.
    pub root: Hash,
    /// The how-manyth it is, from 1; 0 in a note of another program.
    pub number: u64,
    /// When it was signed, as its machine's clock said, RFC 3339.
    pub time: String,
    /// The hash of the note before.
    pub previous: Option<Hash>,
}

impl Checkpoint {
    /// The text to be signed.
    pub fn text(&self) -> String {
        let root = STANDARD.encode(self.root.0);
        let previous = self.previous.map(|hash| format!("prev {}\n", STANDARD.encode(hash.0)));
        format!(
            "{}\n{}\n{root}\nnumber {}\ntime {}\n{}",
            self.origin,
            self.size,
            self.number,
            self.time,
            previous.unwrap_or_default()
        )
    }

    /// Reads a note's text. Lines that are not known are passed over.
    ///
    /// # Errors
    /// [`NoteError::Malformed`]
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        let malformed = NoteError::Malformed;
        let mut lines = text.lines();
        let origin = lines.next().filter(|line| !line.is_empty());
        let origin = origin.ok_or(malformed("a checkpoint begins with its origin"))?;
        let size = lines.next().filter(|line| is_decimal(line));
        let size = size.and_then(|line| line.parse().ok());
        let root = lines.next().and_then(hash_of);
        let mut checkpoint = Self {
            origin: origin.to_owned(),
            size: size.ok_or(malformed("a checkpoint has its size in the second line"))?,
            root: root.ok_or(malformed("a checkpoint has its root in the third line"))?,
            number: 0,
            time: String::new(),
            previous: None,
        };
        for line in lines {
            match line.split_once(' ') {
                Some(("number", number)) => {
                    let number = Some(number).filter(|text| is_decimal(text));
                    let number = number.and_then(|text| text.parse().ok());
                    checkpoint.number = number.ok_or(malformed("a checkpoint's number is not one"))?;
                }
                Some(("time", time)) => checkpoint.time = time.to_owned(),
                Some(("prev", hash)) => {
                    let hash = hash_of(hash).ok_or(malformed("a checkpoint's prev is not a hash"))?;
                    checkpoint.previous = Some(hash);
                }
                _ => {}
            }
        }
        Ok(checkpoint)
    }
}

/// Digits without a zero before them.
fn is_decimal(text: &str) -> bool {
    text == "0" || (!text.starts_with('0') && !text.is_empty() && text.bytes().all(|digit| digit.is_ascii_digit()))
}

fn hash_of(text: &str) -> Option<Hash> {
    Hash::try_from(&STANDARD.decode(text).ok()?[..]).ok()
}
