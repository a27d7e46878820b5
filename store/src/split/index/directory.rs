//! The files of the index inside a split, as tantivy wants to see them: read-only, read with
//! `pread` in pieces that are checked before use.

use std::fmt;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use parking_lot::Mutex;
use tantivy::directory::error::{DeleteError, OpenReadError, OpenWriteError};
use tantivy::directory::{FileHandle, OwnedBytes, WatchCallback, WatchHandle, WritePtr};
use tantivy::{Directory, HasLen};

use super::super::footer::{Footer, INDEX_PIECE_BYTES};
use super::super::read::ReadFailure;

#[derive(Clone)]
pub(crate) struct SplitDirectory(Arc<Section>);

/// The index's section of the file.
struct Section {
    file: Arc<File>,
    footer: Arc<Footer>,
    /// Why the last read failed: tantivy's own errors do not say it in a form to decide on.
    failure: Mutex<Option<ReadFailure>>,
}

impl SplitDirectory {
    pub(crate) fn new(file: Arc<File>, footer: Arc<Footer>) -> Self {
        Self(Arc::new(Section {
            file,
            footer,
            failure: Mutex::default(),
        }))
    }

    pub(crate) fn take_failure(&self) -> Option<ReadFailure> {
        self.0.failure.lock().take()
    }

    /// Checks every piece.
    pub(crate) fn verify(&self) -> Result<(), ReadFailure> {
        let index = &self.0.footer.index;
        (0..index.crcs.len()).try_for_each(|piece| self.0.read_pieces(piece..piece + 1).map(drop))
    }
}

impl Section {
    /// Reads whole pieces and checks them.
    fn read_pieces(&self, pieces: Range<usize>) -> Result<Vec<u8>, ReadFailure> {
        let index = &self.footer.index;
        let start = pieces.start as u64 * INDEX_PIECE_BYTES as u64;
        let end = (pieces.end as u64 * INDEX_PIECE_BYTES as u64).min(index.length);
        let mut bytes = vec![0; (end - start) as usize];
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

/// One of the index's files: `offset` and `length` in the section, checked against it.
struct SplitFile {
    section: Arc<Section>,
    offset: u64,
    length: u64,
}

impl FileHandle for SplitFile {
    fn read_bytes(&self, range: Range<usize>) -> io::Result<OwnedBytes> {
        if range.start > range.end || range.end as u64 > self.length {
            return Err(io::Error::other("read beyond the file's end"));
        }
        if range.is_empty() {
            return Ok(OwnedBytes::empty());
        }
        let (start, end) = (self.offset as usize + range.start, self.offset as usize + range.end);
        let first = start / INDEX_PIECE_BYTES;
        let bytes = self
            .section
            .read_pieces(first..end.div_ceil(INDEX_PIECE_BYTES))
            .map_err(|failure| {
                let text = format!("{failure:?}");
                *self.section.failure.lock() = Some(failure);
                io::Error::other(text)
            })?;
        let from = start - first * INDEX_PIECE_BYTES;
        Ok(OwnedBytes::new(bytes).slice(from..from + range.len()))
    }
}

impl HasLen for SplitFile {
    fn len(&self) -> usize {
        self.length as usize
    }
}

impl Directory for SplitDirectory {
    fn get_file_handle(&self, path: &Path) -> Result<Arc<dyn FileHandle>, OpenReadError> {
        let files = &self.0.footer.index.files;
        match files.iter().find(|(name, ..)| Path::new(name) == path) {
            Some(&(_, offset, length)) => Ok(Arc::new(SplitFile {
                section: Arc::clone(&self.0),
                offset,
                length,
            })),
            None => Err(OpenReadError::FileDoesNotExist(path.to_owned())),
        }
    }
    fn atomic_read(&self, path: &Path) -> Result<Vec<u8>, OpenReadError> {
        let file = self.get_file_handle(path)?;
        match file.read_bytes(0..file.len()) {
            Ok(bytes) => Ok(bytes.as_slice().to_vec()),
            Err(e) => Err(OpenReadError::wrap_io_error(e, path.to_owned())),
        }
    }
    fn exists(&self, path: &Path) -> Result<bool, OpenReadError> {
        Ok(self
            .0
            .footer
            .index
            .files
            .iter()
            .any(|(name, ..)| Path::new(name) == path))
    }
    fn delete(&self, path: &Path) -> Result<(), DeleteError> {
        Err(DeleteError::IoError {
            io_error: Arc::new(read_only()),
            filepath: path.to_owned(),
        })
    }
    fn open_write(&self, path: &Path) -> Result<WritePtr, OpenWriteError> {
        Err(OpenWriteError::wrap_io_error(read_only(), path.to_owned()))
    }
    fn atomic_write(&self, _: &Path, _: &[u8]) -> io::Result<()> {
        Err(read_only())
    }
    fn sync_directory(&self) -> io::Result<()> {
        Ok(())
    }
    fn watch(&self, _: WatchCallback) -> tantivy::Result<WatchHandle> {
        Ok(WatchHandle::empty())
    }
}

fn read_only() -> io::Error {
    io::Error::new(io::ErrorKind::ReadOnlyFilesystem, "a split is never written again")
}

impl fmt::Debug for SplitDirectory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SplitDirectory({} bytes)", self.0.footer.index.length)
    }
}

impl fmt::Debug for SplitFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SplitFile({}+{})", self.offset, self.length)
    }
}
