//! Files packed with gzip. One is unpacked into a file without a name in the data directory and read
//! from there like any other, so places count unpacked bytes and never lead into packed ones.
//!
//! Several members, one behind the other, are one file. One that ends too early or is damaged gives
//! what stands before: it may still be written, so the caller comes back before it believes it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, Read, Write};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;

/// What a packed file begins with.
pub(crate) const MAGIC: [u8; 2] = [0x1f, 0x8b];
const BUFFER_BYTES: usize = 64 << 10;

/// A file's bytes, unpacked.
#[derive(Debug)]
pub(crate) struct Unpacked {
    pub(crate) file: File,
    pub(crate) bytes: u64,
    /// Why the packed file ends too early, if so.
    pub(crate) cut_short: Option<String>,
}

/// Unpacks into `dir`.
///
/// # Errors
/// What the disk says, and that it unpacks to more than `bytes_max`.
pub(crate) fn unpack(packed: &File, dir: &Path, bytes_max: u64) -> io::Result<Unpacked> {
    let path = dir.join("unpacked.tmp");
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(true)
        .open(&path)?;
    fs::remove_file(&path)?;
    // From its first byte, whoever has read through this descriptor before.
    let mut packed = packed.try_clone()?;
    io::Seek::rewind(&mut packed)?;
    let mut decoder = MultiGzDecoder::new(BufReader::with_capacity(BUFFER_BYTES, packed));
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut bytes = 0;
    let cut_short = loop {
        match decoder.read(&mut buffer) {
            Ok(0) => break None,
            Ok(n) => {
                bytes += n as u64;
                if bytes > bytes_max {
                    let why = format!("it unpacks to more than {bytes_max} bytes");
                    return Err(io::Error::new(io::ErrorKind::FileTooLarge, why));
                }
                file.write_all(&buffer[..n])?;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if is_damage(error.kind()) => break Some(error.to_string()),
            // The disk's fault says nothing of the file.
            Err(error) => return Err(error),
        }
    };
    Ok(Unpacked { file, bytes, cut_short })
}

/// Whether the packed bytes themselves are wrong, or end too early.
fn is_damage(kind: io::ErrorKind) -> bool {
    use io::ErrorKind::{InvalidData, InvalidInput, UnexpectedEof};
    matches!(kind, UnexpectedEof | InvalidData | InvalidInput)
}

#[cfg(test)]
mod tests {
    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;
    use crate::identity::read_at;

    fn gzip(plain: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    }

    fn check(packed: &[u8], bytes_max: u64) -> io::Result<(Vec<u8>, bool)> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.gz");
        fs::write(&path, packed).unwrap();
        let unpacked = unpack(&File::open(&path).unwrap(), dir.path(), bytes_max)?;
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "nothing is left behind");
        let mut bytes = vec![0; unpacked.bytes as usize + 1];
        let n = read_at(&unpacked.file, &mut bytes, 0).unwrap();
        assert_eq!(n as u64, unpacked.bytes);
        bytes.truncate(n);
        Ok((bytes, unpacked.cut_short.is_some()))
    }

    #[test]
    fn a12_members_are_one_file_and_every_cut_gives_what_stands_before_it() {
        let plain: Vec<u8> = (0..3000u32).flat_map(|n| format!("line {n}\n").into_bytes()).collect();
        let packed = [gzip(&plain[..9000]), gzip(&plain[9000..])].concat();
        assert_eq!(check(&packed, 1 << 20).unwrap(), (plain.clone(), false));
        let first = gzip(&plain[..9000]).len();
        for cut in (1..packed.len()).step_by(97).filter(|cut| *cut != first) {
            let (bytes, cut_short) = check(&packed[..cut], 1 << 20).unwrap();
            assert!(cut_short && plain.starts_with(&bytes), "{cut}");
        }
    }

    #[test]
    fn a12_a_damaged_member_ends_it_and_one_too_large_is_refused() {
        let plain = b"a line that is packed\n".repeat(10_000);
        let mut packed = gzip(&plain);
        assert!(check(&packed, 1000).is_err());
        let at = packed.len() - 6;
        packed[at] ^= 1;
        let (bytes, cut_short) = check(&packed, 1 << 20).unwrap();
        assert!(cut_short && plain.starts_with(&bytes));
    }
}
