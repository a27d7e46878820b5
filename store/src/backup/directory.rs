//! The directory that backups are in.

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::manifest::{FORMAT, MANIFEST_BYTES_MAX, Manifest, is_hash, is_name, is_path};
use super::{At, BackupError};

const COPY_BYTES: usize = 1 << 20;

/// A directory of backups.
#[derive(Clone, Debug)]
pub struct Directory {
    path: PathBuf,
}

/// Who writes into a directory, alone.
#[derive(Debug)]
pub(super) struct Writing<'a> {
    directory: &'a Directory,
    _lock: fs::File,
}

impl Directory {
    /// One at this path; nothing is looked at yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn manifest_path(&self, name: &str) -> PathBuf {
        self.path.join("backups").join(format!("{name}.json"))
    }

    pub(super) fn blob_path(&self, hash: &str) -> PathBuf {
        self.path.join("blobs").join(&hash[..2]).join(hash)
    }

    /// The names of backups, the oldest first.
    ///
    /// # Errors
    /// [`BackupError::Io`]
    pub fn names(&self) -> Result<Vec<String>, BackupError> {
        let dir = self.path.join("backups");
        let entries = match fs::read_dir(&dir) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error).at(&dir),
        };
        let mut names = BTreeSet::new();
        for entry in entries {
            let name = entry.at(&dir)?.file_name().to_string_lossy().into_owned();
            names.extend(
                name.strip_suffix(".json")
                    .filter(|name| is_name(name))
                    .map(str::to_owned),
            );
        }
        Ok(names.into_iter().collect())
    }

    /// A backup, or the newest.
    ///
    /// # Errors
    /// [`BackupError`]
    pub fn manifest(&self, name: Option<&str>) -> Result<Manifest, BackupError> {
        let newest = match name {
            Some(_) => None,
            None => self.names()?.pop(),
        };
        let none = |name: &str| BackupError::NoBackup {
            name: name.to_owned(),
            path: self.path.clone(),
        };
        let name = name.or(newest.as_deref()).ok_or_else(|| none("at all"))?;
        if !is_name(name) {
            return Err(none(name));
        }
        let path = self.manifest_path(name);
        let file = match fs::File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(none(name)),
            Err(error) => return Err(error).at(&path),
        };
        let mut text = Vec::new();
        file.take(MANIFEST_BYTES_MAX).read_to_end(&mut text).at(&path)?;
        let damaged = |what: String| BackupError::Damaged {
            path: path.clone(),
            what,
        };
        let manifest: Manifest =
            serde_json::from_slice(&text).map_err(|error| damaged(format!("not a backup's manifest: {error}")))?;
        if manifest.format > FORMAT {
            return Err(damaged(format!(
                "written by a newer program ({}): restore it with that",
                manifest.program
            )));
        }
        if let Some(file) = manifest
            .files
            .iter()
            .find(|file| !is_path(&file.path) || !is_hash(&file.sha256))
        {
            return Err(damaged(format!("{:?} is no file of a data directory", file.path)));
        }
        Ok(manifest)
    }

    /// Takes the directory for writing, making it if it is not there.
    pub(super) fn write(&self) -> Result<Writing<'_>, BackupError> {
        for name in ["", "backups", "blobs", "incoming"] {
            make_dir(&self.path.join(name))?;
        }
        let path = self.path.join("LOCK");
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .at(&path)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(BackupError::InUse {
                    path: self.path.clone(),
                });
            }
            Err(TryLockError::Error(error)) => return Err(error).at(&path),
        }
        let incoming = self.path.join("incoming");
        for entry in fs::read_dir(&incoming).at(&incoming)? {
            let path = entry.at(&incoming)?.path();
            fs::remove_file(&path).at(&path)?;
        }
        Ok(Writing {
            directory: self,
            _lock: lock,
        })
    }
}

impl Writing<'_> {
    pub(super) fn has(&self, hash: &str, bytes: u64) -> bool {
        fs::metadata(self.directory.blob_path(hash)).is_ok_and(|meta| meta.len() == bytes)
    }

    /// Keeps all that `source` gives. Durable on return; gives bytes and hash.
    pub(super) fn keep(&self, source: &mut dyn Read, from: &Path) -> Result<(u64, String), BackupError> {
        let incoming = self.directory.path.join("incoming").join("blob");
        let mut file = create(&incoming)?;
        let (mut hasher, mut bytes) = (Sha256::new(), 0);
        let mut buffer = vec![0; COPY_BYTES];
        loop {
            let read = match source.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error).at(from),
            };
            hasher.update(&buffer[..read]);
            file.write_all(&buffer[..read]).at(&incoming)?;
            bytes += read as u64;
        }
        let hash = hex(&hasher.finalize());
        if self.has(&hash, bytes) {
            fs::remove_file(&incoming).at(&incoming)?;
            return Ok((bytes, hash));
        }
        file.sync_all().at(&incoming)?;
        let path = self.directory.blob_path(&hash);
        let dir = path.parent().unwrap_or(&path);
        make_dir(dir)?;
        fs::rename(&incoming, &path).at(&path)?;
        sync_dir(dir)?;
        Ok((bytes, hash))
    }

    /// Makes a backup of it: from now on it is there. Durable on return.
    pub(super) fn finish(&self, manifest: &Manifest) -> Result<(), BackupError> {
        let incoming = self.directory.path.join("incoming").join("manifest");
        let mut file = create(&incoming)?;
        let text = serde_json::to_vec(manifest).expect("texts and numbers are JSON");
        file.write_all(&text).at(&incoming)?;
        file.sync_all().at(&incoming)?;
        let path = self.directory.manifest_path(&manifest.name);
        fs::rename(&incoming, &path).at(&path)?;
        sync_dir(&self.directory.path.join("backups"))
    }

    /// Removes all but the newest backups, and the blobs that none of those names. How many backups, and how
    /// many bytes.
    pub(super) fn prune(&self, kept: usize) -> Result<(usize, u64), BackupError> {
        let mut names = self.directory.names()?;
        let last = names.split_off(names.len().saturating_sub(kept.max(1)));
        if names.is_empty() {
            return Ok((0, 0));
        }
        // All that are kept are read before anything goes: one that cannot be read keeps every blob.
        let mut used = BTreeSet::new();
        for name in &last {
            used.extend(
                self.directory
                    .manifest(Some(name))?
                    .files
                    .into_iter()
                    .map(|file| file.sha256),
            );
        }
        for name in &names {
            let path = self.directory.manifest_path(name);
            fs::remove_file(&path).at(&path)?;
        }
        sync_dir(&self.directory.path.join("backups"))?;
        let blobs = self.directory.path.join("blobs");
        let mut freed = 0;
        for dir in fs::read_dir(&blobs).at(&blobs)? {
            let dir = dir.at(&blobs)?.path();
            for blob in fs::read_dir(&dir).at(&dir)? {
                let blob = blob.at(&dir)?;
                let name = blob.file_name().to_string_lossy().into_owned();
                if is_hash(&name) && !used.contains(&name) {
                    freed += blob.metadata().map_or(0, |meta| meta.len());
                    fs::remove_file(blob.path()).at(&blob.path())?;
                }
            }
        }
        Ok((names.len(), freed))
    }
}

/// A file that only its owner reads: backups hold keys and passwords' hashes.
pub(super) fn create(path: &Path) -> Result<fs::File, BackupError> {
    OpenOptions::new()
        .create(true)
        .truncate(true)
        .write(true)
        .mode(0o600)
        .open(path)
        .at(path)
}

pub(super) fn make_dir(path: &Path) -> Result<(), BackupError> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path).at(path)
}

pub(super) fn sync_dir(path: &Path) -> Result<(), BackupError> {
    fs::File::open(path).and_then(|dir| dir.sync_all()).at(path)
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            use std::fmt::Write;
            write!(text, "{byte:02x}").expect("a text takes all");
            text
        })
}
