//! The files of checkpoints: a day's notes one behind the other, each followed by an empty line.
//!
//! `integrity/checkpoints/2026-01-31.notes`. A note is appended and synced; of one that a crash cut
//! short the rest is taken away by the next start.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use timberline_proto::integrity::{Checkpoint, Hash, Note};

/// What the names of files of notes end with.
pub const NOTES_SUFFIX: &str = ".notes";
/// A file of notes that is larger is none of ours.
const FILE_BYTES_MAX: u64 = 64 << 20;

/// The last checkpoint of a store's chain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChainEnd {
    /// Its number; 0: there is none.
    pub number: u64,
    /// The log's entries then.
    pub size: u64,
    /// The hash of the whole note.
    pub hash: Option<Hash>,
}

/// The chain of a store's checkpoints, to be continued.
#[derive(Debug)]
pub struct Chain {
    dir: PathBuf,
    end: ChainEnd,
}

impl Chain {
    /// Opens the directory, creating it if need be, and finds the end of the chain.
    ///
    /// # Errors
    /// If the disk refuses.
    pub fn open(dir: &Path) -> io::Result<Self> {
        fs::create_dir_all(dir)?;
        let mut chain = Self {
            dir: dir.to_owned(),
            end: ChainEnd::default(),
        };
        for path in files_of(dir)?.iter().rev() {
            let bytes = read(path)?;
            let notes = notes_of(&bytes);
            let whole = notes.iter().map(|note| note.len() + 1).sum::<usize>();
            if whole < bytes.len() {
                let file = File::options().write(true).open(path)?;
                file.set_len(whole as u64)?;
                file.sync_all()?;
            }
            let Some(last) = notes.last() else { continue };
            let checkpoint = Note::parse(last.as_bytes()).and_then(|note| Checkpoint::parse(&note.text));
            let checkpoint = checkpoint.map_err(|error| io::Error::other(format!("{}: {error}", path.display())))?;
            chain.end = ChainEnd {
                number: checkpoint.number,
                size: checkpoint.size,
                hash: Some(Hash::of(last.as_bytes())),
            };
            break;
        }
        Ok(chain)
    }

    /// The last checkpoint.
    pub fn end(&self) -> ChainEnd {
        self.end
    }

    /// Where its files are.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Adds a note of this checkpoint. Durable on return.
    ///
    /// # Errors
    /// If the disk refuses; nothing of the note stays then.
    pub fn push(&mut self, checkpoint: &Checkpoint, note: &str) -> io::Result<()> {
        let day = checkpoint.time.get(..10).unwrap_or("undated");
        let path = self.dir.join(format!("{day}{NOTES_SUFFIX}"));
        let is_new = !path.exists();
        let mut file = File::options().append(true).create(true).open(&path)?;
        let before = file.metadata()?.len();
        let written = file
            .write_all(format!("{note}\n").as_bytes())
            .and_then(|()| file.sync_all());
        if let Err(error) = written {
            file.set_len(before).ok();
            return Err(error);
        }
        if is_new {
            File::open(&self.dir)?.sync_all()?;
        }
        self.end = ChainEnd {
            number: checkpoint.number,
            size: checkpoint.size,
            hash: Some(Hash::of(note.as_bytes())),
        };
        Ok(())
    }
}

/// The files of notes in a directory, the oldest day first.
pub(super) fn files_of(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let is_notes = entry
            .file_name()
            .to_str()
            .is_some_and(|name| name.ends_with(NOTES_SUFFIX));
        if is_notes && entry.file_type()?.is_file() {
            files.push(entry.path());
        }
    }
    files.sort();
    Ok(files)
}

/// A file of notes, if it is not too large for one.
pub(super) fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(io::Error::other(format!(
            "{}: larger than a file of checkpoints",
            path.display()
        )));
    }
    Ok(bytes)
}

/// The whole notes at the beginning of a file, as they stand there. What does not read like one, and
/// everything behind it, is left out: the notes and the empty lines behind them are shorter than the
/// file then.
pub fn notes_of(bytes: &[u8]) -> Vec<&str> {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default(),
    };
    let mut notes = Vec::new();
    let mut rest = text;
    while let Some(end) = end_of_note(rest) {
        notes.push(&rest[..end]);
        rest = &rest[end + 1..];
    }
    notes
}

/// Where the note at the beginning of a text ends: an empty line, signatures, and an empty line.
fn end_of_note(text: &str) -> Option<usize> {
    let signatures = text.find("\n\n")? + 2;
    let end = signatures + text[signatures..].find("\n\n")? + 1;
    Some(end)
}

/// What stands between a checkpoint's text and its signatures where line ends are written `\n`.
const ESCAPED_SIGNATURE: &str = "\\n\\n\u{2014} ";

/// Notes in the file of a syslog server, one in a line, with whatever the server wrote before it: see
/// `copies.rs`.
pub(super) fn notes_of_syslog(bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes);
    let lines = text.lines().filter(|line| line.contains(ESCAPED_SIGNATURE));
    let notes = lines.filter_map(|line| {
        // A note begins with its origin, which is one word.
        let origin_end = line.find("\\n")?;
        let start = line[..origin_end].rfind(char::is_whitespace).map_or(0, |at| at + 1);
        Some(format!("{}\n", line[start..].trim_end().replace("\\n", "\n")))
    });
    notes.collect()
}
