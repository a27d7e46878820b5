//! The index's bytes inside a split: read with `pread`, in pieces that are checked before use.

use std::fs::File;
use std::io;
use std::ops::{Deref, Range};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use super::super::footer::{Footer, INDEX_PIECE_BYTES};
use super::super::read::ReadFailure;
use super::super::wire::Corrupt;

/// The dictionary's blocks, and its directory behind them.
pub(crate) const BLOCKS: &str = "blocks";
pub(crate) const DIRECTORY: &str = "directory";

#[derive(Clone, Debug)]
pub(crate) struct Section {
    file: Arc<File>,
    footer: Arc<Footer>,
}

/// Some bytes of the section, with those that had to be read to check them.
pub(crate) struct Checked {
    read: Vec<u8>,
    wanted: Range<usize>,
}

impl Deref for Checked {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.read[self.wanted.clone()]
    }
}

impl Section {
    pub(crate) fn new(file: Arc<File>, footer: Arc<Footer>) -> Self {
        Self { file, footer }
    }

    /// Offset in the section, and length, of one of its files.
    fn place(&self, name: &str) -> Result<(u64, u64), Corrupt> {
        let mut files = self.footer.index.files.iter();
        let found = files.find(|(of, ..)| of == name);
        found
            .map(|&(_, offset, length)| (offset, length))
            .ok_or(Corrupt("the index lacks one of its files"))
    }

    pub(crate) fn directory(&self) -> Result<Checked, ReadFailure> {
        let (offset, length) = self.place(DIRECTORY)?;
        self.at(offset, length)
    }

    pub(crate) fn blocks_bytes(&self) -> u64 {
        self.place(BLOCKS).map_or(0, |(_, length)| length)
    }

    /// Bytes of the file of blocks.
    pub(crate) fn read(&self, offset: u64, length: u64) -> Result<Checked, ReadFailure> {
        let (start, blocks) = self.place(BLOCKS)?;
        if offset.checked_add(length).is_none_or(|end| end > blocks) {
            return Err(Corrupt("a block of the index out of range").into());
        }
        self.at(start + offset, length)
    }

    /// Checks every piece.
    pub(crate) fn verify(&self) -> Result<(), ReadFailure> {
        (0..self.footer.index.crcs.len()).try_for_each(|piece| self.read_pieces(piece..piece + 1).map(drop))
    }

    fn at(&self, offset: u64, length: u64) -> Result<Checked, ReadFailure> {
        let (start, end) = (offset as usize, (offset + length) as usize);
        let first = start / INDEX_PIECE_BYTES;
        let read = self.read_pieces(first..end.div_ceil(INDEX_PIECE_BYTES))?;
        let from = start - first * INDEX_PIECE_BYTES;
        Ok(Checked {
            read,
            wanted: from..from + (end - start),
        })
    }

    /// Reads whole pieces and checks them.
    fn read_pieces(&self, pieces: Range<usize>) -> Result<Vec<u8>, ReadFailure> {
        let index = &self.footer.index;
        let start = pieces.start as u64 * INDEX_PIECE_BYTES as u64;
        let end = (pieces.end as u64 * INDEX_PIECE_BYTES as u64).min(index.length);
        let mut bytes = vec![0; end.saturating_sub(start) as usize];
        match self.file.read_exact_at(&mut bytes, index.offset + start) {
            Ok(()) => {}
            Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => {
                return Err(ReadFailure::Damaged("ends too early".to_owned()));
            }
            Err(e) => return Err(ReadFailure::Io(e)),
        }
        let crcs = &index.crcs[pieces.clone()];
        for ((piece, bytes), &crc) in pieces.zip(bytes.chunks(INDEX_PIECE_BYTES)).zip(crcs) {
            if crc32c::crc32c(bytes) != crc {
                return Err(ReadFailure::Damaged(format!(
                    "piece {piece} does not match its checksum"
                )));
            }
        }
        Ok(bytes)
    }
}
