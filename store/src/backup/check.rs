//! Whether all of a backup is there, as it was written.

use std::fs;
use std::io::Read;

use sha2::{Digest, Sha256};

use super::directory::hex;
use super::{Directory, Manifest};

const READ_BYTES: usize = 1 << 20;

/// What a check found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// Files that are as they were written.
    pub files: usize,
    /// Their bytes.
    pub bytes: u64,
    /// The others.
    pub faults: Vec<Fault>,
}

/// A file that is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Its path within the data directory.
    pub path: String,
    /// What is wrong.
    pub what: String,
}

/// Reads all of a backup. Blocks.
pub fn check(directory: &Directory, manifest: &Manifest, told: &mut dyn FnMut(usize)) -> Checked {
    let mut checked = Checked {
        files: 0,
        bytes: 0,
        faults: Vec::new(),
    };
    for (number, file) in manifest.files.iter().enumerate() {
        told(number);
        match hash_of(directory, &file.sha256) {
            Ok((bytes, hash)) if bytes == file.bytes && hash == file.sha256 => {
                checked.files += 1;
                checked.bytes += bytes;
            }
            Ok((bytes, _)) if bytes != file.bytes => checked.faults.push(Fault {
                path: file.path.clone(),
                what: format!("{bytes} bytes are there of {}", file.bytes),
            }),
            Ok(_) => checked.faults.push(Fault {
                path: file.path.clone(),
                what: "its bytes are others than were written".to_owned(),
            }),
            Err(error) => checked.faults.push(Fault {
                path: file.path.clone(),
                what: format!("blob {}: {error}", file.sha256),
            }),
        }
    }
    checked
}

fn hash_of(directory: &Directory, hash: &str) -> std::io::Result<(u64, String)> {
    let mut file = fs::File::open(directory.blob_path(hash))?;
    let (mut hasher, mut bytes, mut buffer) = (Sha256::new(), 0, vec![0; READ_BYTES]);
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok((bytes, hex(&hasher.finalize()))),
            read => {
                hasher.update(&buffer[..read]);
                bytes += read as u64;
            }
        }
    }
}
