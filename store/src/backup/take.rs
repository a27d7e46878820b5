//! Making a backup of an open store, and of the queue beside it.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use timberline_proto::query::time_range::format_rfc3339_nanos;
use timberline_queue::{CopiedContent, Queue};

use super::directory::{Directory, Writing};
use super::manifest::{FORMAT, File, Manifest};
use super::{At, BackupError};
use crate::catalog::Catalog;

/// Of the store's directory these are copied otherwise, or made again.
const NOT_COPIED: [&str; 6] = [
    "LOCK",
    "catalog.sqlite",
    "catalog.sqlite-wal",
    "catalog.sqlite-shm",
    "splits",
    "spill",
];
/// Directories within one another that are gone through.
const DEPTH_MAX: usize = 8;

/// What is backed up.
#[derive(Clone, Debug)]
pub struct What {
    /// The data directory.
    pub data: PathBuf,
    /// The store's catalog.
    pub catalog: Catalog,
    /// The queue, if it is this process's.
    pub queue: Option<Queue>,
}

/// Makes a backup, named by the time at which it begins, and tells of each file. Durable on return. Blocks.
///
/// # Errors
/// [`BackupError`]; nothing of a backup that failed counts, and what it wrote is used by the next.
pub fn take(
    what: &What,
    directory: &Directory,
    now_nanos: i64,
    told: &mut dyn FnMut(usize, &File),
) -> Result<Manifest, BackupError> {
    let writing = directory.write()?;
    let before = match directory.names()?.last() {
        Some(name) => directory.manifest(Some(name))?.files,
        None => Vec::new(),
    };
    let mut copy = Copy {
        before: before.into_iter().map(|file| (file.path.clone(), file)).collect(),
        writing: &writing,
        files: Vec::new(),
        told,
    };
    // In this order: see the module above.
    let hold = what.queue.as_ref().map(Queue::hold_deletions);
    let store = what.data.join("store");
    let catalog = store.join("catalog.copy");
    let snapshot = what.catalog.copy_to(&catalog)?;
    let taken = copy.changing("store/catalog.sqlite", &catalog, None);
    fs::remove_file(&catalog).at(&catalog)?;
    taken?;
    for file in what.queue.as_ref().map_or_else(|| Ok(Vec::new()), Queue::copy)? {
        let path = format!("queue/{}", file.path);
        match file.content {
            CopiedContent::Bytes(bytes) => copy.bytes(&path, &bytes)?,
            CopiedContent::File {
                path: from,
                sealed: true,
                ..
            } => copy.sealed(&path, &from)?,
            CopiedContent::File { path: from, bytes, .. } => copy.changing(&path, &from, Some(bytes))?,
        }
    }
    drop(hold);
    for split in &snapshot.splits {
        let name = format!("{}.split", split.meta.id);
        let from = store.join("splits").join(&name);
        if split.quarantined.is_some() && !from.exists() {
            continue; // The catalog says so.
        }
        copy.sealed(&format!("store/splits/{name}"), &from)?;
    }
    copy.tree("store", &store, &NOT_COPIED, 0)?;
    copy.tree("collector", &what.data.join("collector"), &["LOCK"], 0)?;
    copy.changing("VERSION", &what.data.join("VERSION"), None)?;
    let manifest = Manifest {
        format: FORMAT,
        name: name_of(now_nanos),
        begun_at: format_rfc3339_nanos(now_nanos),
        ended_at: format_rfc3339_nanos(crate::catalog::now_nanos()),
        program: format!("timberline {}", env!("CARGO_PKG_VERSION")),
        positions: positions(&snapshot),
        files: copy.files,
    };
    writing.finish(&manifest)?;
    Ok(manifest)
}

impl Directory {
    /// Removes all but the newest backups. How many, and how many bytes that freed.
    ///
    /// # Errors
    /// [`BackupError`]
    pub fn prune(&self, kept: usize) -> Result<(usize, u64), BackupError> {
        self.write()?.prune(kept)
    }
}

struct Copy<'a> {
    /// What the backup before holds, by path.
    before: HashMap<String, File>,
    writing: &'a Writing<'a>,
    files: Vec<File>,
    told: &'a mut dyn FnMut(usize, &File),
}

impl Copy<'_> {
    fn add(&mut self, file: File) {
        (self.told)(self.files.len(), &file);
        self.files.push(file);
    }

    fn bytes(&mut self, path: &str, bytes: &[u8]) -> Result<(), BackupError> {
        let mut source = bytes;
        let (bytes, sha256) = self.writing.keep(&mut source, Path::new(path))?;
        self.add(File {
            path: path.to_owned(),
            bytes,
            sha256,
            modified_nanos: None,
        });
        Ok(())
    }

    /// A file that never changes again: not read if the backup before has it.
    fn sealed(&mut self, path: &str, from: &Path) -> Result<(), BackupError> {
        let meta = fs::metadata(from).at(from)?;
        let modified = meta
            .mtime()
            .saturating_mul(1_000_000_000)
            .saturating_add(meta.mtime_nsec());
        if let Some(known) = self.before.get(path)
            && known.bytes == meta.len()
            && known.modified_nanos == Some(modified)
            && self.writing.has(&known.sha256, known.bytes)
        {
            let known = known.clone();
            self.add(known);
            return Ok(());
        }
        let mut file = fs::File::open(from).at(from)?;
        let (bytes, sha256) = self.writing.keep(&mut file, from)?;
        self.add(File {
            path: path.to_owned(),
            bytes,
            sha256,
            modified_nanos: Some(modified),
        });
        Ok(())
    }

    /// A file that may change, or its first bytes.
    fn changing(&mut self, path: &str, from: &Path, first: Option<u64>) -> Result<(), BackupError> {
        let file = fs::File::open(from).at(from)?;
        let (bytes, sha256) = self.writing.keep(&mut file.take(first.unwrap_or(u64::MAX)), from)?;
        if let Some(first) = first.filter(|first| *first != bytes) {
            let short = io::Error::new(
                io::ErrorKind::UnexpectedEof,
                format!("{bytes} of {first} bytes are there"),
            );
            return Err(short).at(from);
        }
        self.add(File {
            path: path.to_owned(),
            bytes,
            sha256,
            modified_nanos: None,
        });
        Ok(())
    }

    /// All files below a directory but some of its own; none if it is not there.
    fn tree(&mut self, path: &str, from: &Path, but: &[&str], depth: usize) -> Result<(), BackupError> {
        let entries = match fs::read_dir(from) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error).at(from),
        };
        let mut found: BTreeMap<String, fs::FileType> = BTreeMap::new();
        for entry in entries {
            let entry = entry.at(from)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if !but.contains(&name.as_str()) && !name.ends_with(".tmp") {
                found.insert(name, entry.file_type().at(from)?);
            }
        }
        for (name, kind) in found {
            let (path, from) = (format!("{path}/{name}"), from.join(&name));
            if kind.is_dir() && depth < DEPTH_MAX {
                self.tree(&path, &from, &[], depth + 1)?;
            } else if kind.is_file() {
                match self.changing(&path, &from, None) {
                    // Replaced whole meanwhile, and gone.
                    Err(BackupError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
                    outcome => outcome?,
                }
            }
        }
        Ok(())
    }
}

fn positions(snapshot: &crate::catalog::Snapshot) -> BTreeMap<String, u64> {
    let position = |((topic, partition), position): (&(String, u32), &crate::catalog::Position)| {
        (format!("{topic}-{partition}"), position.next_offset)
    };
    snapshot.positions.iter().map(position).collect()
}

/// `2026-12-01T02:00:00.5Z` as `20261201T020000-5Z` would be: letters and digits, in the order of time.
fn name_of(now_nanos: i64) -> String {
    let seconds = now_nanos.div_euclid(1_000_000_000);
    let second = format_rfc3339_nanos(seconds * 1_000_000_000);
    let digits: String = second
        .split('.')
        .next()
        .unwrap_or_default()
        .chars()
        .filter(|c| c.is_ascii_digit() || *c == 'T')
        .collect();
    format!("{digits}-{:09}", now_nanos.rem_euclid(1_000_000_000))
}
