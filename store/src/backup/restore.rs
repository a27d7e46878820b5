//! A data directory of a backup.
//!
//! It is made beside where it is to be and moved there whole, so that what is there is restored to its last
//! byte or not at all. Each file's hash is checked as it is copied.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::path::Path;

use sha2::{Digest, Sha256};

use super::directory::{create, hex, make_dir, sync_dir};
use super::manifest::File;
use super::{At, BackupError, Directory, Manifest};

const COPY_BYTES: usize = 1 << 20;

/// Makes the data directory `data`, which must not be there or be empty. Durable on return. Blocks.
///
/// # Errors
/// [`BackupError::NotEmpty`], [`BackupError::Damaged`], [`BackupError::Io`]; then nothing is at `data`.
pub fn restore(
    directory: &Directory,
    manifest: &Manifest,
    data: &Path,
    told: &mut dyn FnMut(usize, &File),
) -> Result<(), BackupError> {
    if fs::read_dir(data).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(BackupError::NotEmpty { path: data.to_owned() });
    }
    let name = data.file_name().unwrap_or_default().to_string_lossy();
    let beside = data.with_file_name(format!("{name}.restoring"));
    if beside.exists() {
        fs::remove_dir_all(&beside).at(&beside)?;
    }
    make_dir(&beside)?;
    let outcome =
        fill(directory, manifest, &beside, told).and_then(|()| super::erasures::hand_on(directory, &beside).map(drop));
    if outcome.is_err() {
        // What is left of it is in nobody's way.
        fs::remove_dir_all(&beside).at(&beside)?;
        return outcome;
    }
    if data.exists() {
        fs::remove_dir(data).at(data)?;
    }
    fs::rename(&beside, data).at(data)?;
    let parent = data.parent().filter(|parent| !parent.as_os_str().is_empty());
    sync_dir(parent.unwrap_or(Path::new(".")))
}

fn fill(
    directory: &Directory,
    manifest: &Manifest,
    to: &Path,
    told: &mut dyn FnMut(usize, &File),
) -> Result<(), BackupError> {
    let mut dirs = BTreeSet::from([to.to_owned()]);
    for (number, file) in manifest.files.iter().enumerate() {
        told(number, file);
        let path = to.join(&file.path);
        let dir = path.parent().unwrap_or(to).to_owned();
        make_dir(&dir)?;
        dirs.extend(
            dir.ancestors()
                .take_while(|dir| dir.starts_with(to))
                .map(Path::to_owned),
        );
        copy(directory, file, &path)?;
    }
    // The deepest first.
    dirs.iter().rev().try_for_each(|dir| sync_dir(dir))
}

fn copy(directory: &Directory, file: &File, to: &Path) -> Result<(), BackupError> {
    let from = directory.blob_path(&file.sha256);
    let mut source = fs::File::open(&from).at(&from)?;
    let mut target = create(to)?;
    let (mut hasher, mut bytes, mut buffer) = (Sha256::new(), 0, vec![0; COPY_BYTES]);
    loop {
        let read = source.read(&mut buffer).at(&from)?;
        if read == 0 {
            break;
        }
        hasher.update(&buffer[..read]);
        target.write_all(&buffer[..read]).at(to)?;
        bytes += read as u64;
    }
    if bytes != file.bytes || hex(&hasher.finalize()) != file.sha256 {
        return Err(BackupError::Damaged {
            path: from,
            what: format!("not what was written of {}: take another backup", file.path),
        });
    }
    target.sync_all().at(to)
}
