//! By what subjects and queries are hashed: a key of the data directory, `erasures/key`, 32 bytes, for its
//! owner only. Without it a hash tells nothing, not even to who guesses; with it a subject can be found
//! again among receipts.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use ring::hmac;

const KEY_BYTES: usize = 32;
/// Hexadecimal digits that stand in texts.
const SHORT: usize = 16;

/// The key.
pub(super) struct HashKey(hmac::Key);

impl std::fmt::Debug for HashKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HashKey")
    }
}

impl HashKey {
    /// Reads the key below `dir`, or makes one where there is none. Durable on return.
    pub(super) fn open(dir: &Path) -> io::Result<Self> {
        fs::create_dir_all(dir)?;
        let path = dir.join("key");
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let bytes: [u8; KEY_BYTES] = rand::random();
                let fresh = dir.join("key.tmp");
                fs::remove_file(&fresh).or_else(|error| match error.kind() {
                    io::ErrorKind::NotFound => Ok(()),
                    _ => Err(error),
                })?;
                let mut file = File::options().write(true).create_new(true).mode(0o600).open(&fresh)?;
                file.write_all(&bytes)?;
                file.sync_all()?;
                fs::rename(&fresh, &path)?;
                File::open(dir)?.sync_all()?;
                bytes.to_vec()
            }
            Err(error) => return Err(error),
        };
        if bytes.len() != KEY_BYTES {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!(
                    "{}: {} bytes where {KEY_BYTES} were written: restore it from a backup",
                    path.display(),
                    bytes.len()
                ),
            ));
        }
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, &bytes)))
    }

    /// HMAC-SHA256 of a text as it is meant: without regard to case and to runs of white space.
    pub(super) fn hash(&self, kind: &str, text: &str) -> String {
        let words: Vec<String> = text.split_whitespace().map(str::to_lowercase).collect();
        let tag = hmac::sign(&self.0, format!("{kind}\0{}", words.join(" ")).as_bytes());
        tag.as_ref().iter().fold(String::new(), |mut text, byte| {
            // Writing to a String cannot fail.
            _ = write!(text, "{byte:02x}");
            text
        })
    }
}

/// What stands in texts in the place of what a hash is of.
pub(super) fn mark(hash: &str) -> String {
    format!("[erased {}]", &hash[..SHORT.min(hash.len())])
}
