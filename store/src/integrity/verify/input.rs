//! The files that are checked. Nothing is written among them: the catalog is read from a copy.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use rusqlite::{Connection, OpenFlags};
use timberline_proto::integrity::{Checkpoint, Hash, Note, NoteKey};

use super::report::{Report, Verdict};
use crate::integrity::checkpoints::{files_of, notes_of, notes_of_syslog, read};
use crate::split::SplitMeta;

/// What is needed cannot be read.
#[derive(Debug)]
pub struct InputError {
    /// What that means.
    pub verdict: Verdict,
    /// What and why.
    pub what: String,
}

impl InputError {
    pub(super) fn new(verdict: Verdict, what: impl Into<String>) -> Self {
        Self {
            verdict,
            what: what.into(),
        }
    }

    fn unreadable(path: &Path, error: &io::Error) -> Self {
        Self::new(
            Verdict::Incomplete,
            format!("{} cannot be read: {error}", path.display()),
        )
    }
}

/// A note as it stands in a file.
#[derive(Clone, Debug)]
pub(super) struct FoundNote {
    /// Its file.
    pub(super) path: PathBuf,
    pub(super) hash: Hash,
    pub(super) text: String,
    pub(super) note: Result<(Note, Checkpoint), String>,
}

/// A split as the catalog has it.
#[derive(Clone, Debug)]
pub(super) struct ListedSplit {
    pub(super) id: String,
    pub(super) topic: String,
    pub(super) meta: Option<SplitMeta>,
    pub(super) quarantined: Option<String>,
}

/// A file as the ledger has it.
#[derive(Clone, Debug)]
pub(super) struct ListedSource {
    pub(super) generation: Vec<u8>,
    pub(super) host: String,
    pub(super) path: String,
    pub(super) first: u64,
    pub(super) end: u64,
}

/// Bytes of a file that became no record.
#[derive(Clone, Debug)]
pub(super) struct ListedHole {
    pub(super) generation: Vec<u8>,
    pub(super) start: u64,
    pub(super) end: u64,
}

/// A tree as the catalog has it: number, tree, split and root.
pub(super) type ListedTree = (u64, String, String, Vec<u8>);

/// A store's files.
#[derive(Debug)]
pub(super) struct Files {
    dir: PathBuf,
    catalog: Connection,
    is_live: bool,
    _copy: Option<Copy>,
}

impl Files {
    /// Opens a data directory, or the store's directory in it.
    pub(super) fn open(data: &Path) -> Result<Self, InputError> {
        let inside = data.join("store");
        let dir = if inside.join("catalog.sqlite").exists() {
            inside
        } else {
            data.to_owned()
        };
        let path = dir.join("catalog.sqlite");
        if !path.is_file() {
            return Err(InputError::new(
                Verdict::Incomplete,
                format!(
                    "{} is not there: name a data directory, or the `store` in it",
                    path.display()
                ),
            ));
        }
        let is_live = is_locked(&dir.join("LOCK"));
        let damaged = |error: rusqlite::Error| damaged(&path, &error);
        if is_live {
            let catalog = Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(damaged)?;
            catalog.execute_batch("BEGIN").map_err(damaged)?;
            return Ok(Self {
                dir,
                catalog,
                is_live,
                _copy: None,
            });
        }
        let copy = Copy::of(&path).map_err(|error| InputError::unreadable(&path, &error))?;
        let catalog = Connection::open(copy.0.join("catalog.sqlite")).map_err(damaged)?;
        Ok(Self {
            dir,
            catalog,
            is_live,
            _copy: Some(copy),
        })
    }

    pub(super) fn is_live(&self) -> bool {
        self.is_live
    }

    pub(super) fn split_path(&self, id: &str) -> PathBuf {
        self.dir.join("splits").join(format!("{id}.split"))
    }

    /// The log's entries, as they stand there, by number.
    pub(super) fn log(&self) -> Result<Vec<(u64, String)>, InputError> {
        if !self.has_table("integrity_log")? {
            return Err(InputError::new(
                Verdict::Incomplete,
                "the catalog has no log of trees: integrity was never on here".to_owned(),
            ));
        }
        self.rows(
            "SELECT seq, CAST(entry AS TEXT) FROM integrity_log ORDER BY seq",
            |row| Ok((row.get::<_, i64>(0)? as u64, row.get(1)?)),
        )
    }

    pub(super) fn splits(&self) -> Result<Vec<ListedSplit>, InputError> {
        self.rows("SELECT id, topic, meta, quarantined FROM splits ORDER BY id", |row| {
            let meta: String = row.get(2)?;
            Ok(ListedSplit {
                id: row.get(0)?,
                topic: row.get(1)?,
                meta: serde_json::from_str(&meta).ok(),
                quarantined: row.get(3)?,
            })
        })
    }

    /// Number, tree, split and root of the trees that are in splits.
    pub(super) fn trees(&self) -> Result<Vec<ListedTree>, InputError> {
        self.rows(
            "SELECT seq, tree, split_id, root FROM integrity_trees ORDER BY seq",
            |row| Ok((row.get::<_, i64>(0)? as u64, row.get(1)?, row.get(2)?, row.get(3)?)),
        )
    }

    /// Number and bytes of the blocks of agents' chains.
    pub(super) fn chain_blocks(&self) -> Result<Vec<(u64, Vec<u8>)>, InputError> {
        if !self.has_table("integrity_chains")? {
            return Ok(Vec::new());
        }
        self.rows("SELECT seq, block FROM integrity_chains ORDER BY seq", |row| {
            Ok((row.get::<_, i64>(0)? as u64, row.get(1)?))
        })
    }

    /// What the ledger knows of files. It is in no tree: good for names, not for verdicts.
    pub(super) fn sources(&self) -> Result<Vec<ListedSource>, InputError> {
        if !self.has_table("sources")? {
            return Ok(Vec::new());
        }
        self.rows("SELECT generation, host, path, first, \"end\" FROM sources", |row| {
            Ok(ListedSource {
                generation: row.get::<_, Vec<u8>>(0)?,
                host: row.get(1)?,
                path: row.get(2)?,
                first: row.get::<_, i64>(3)? as u64,
                end: row.get::<_, i64>(4)? as u64,
            })
        })
    }

    /// Bytes of files that became no record, as the catalog has them.
    pub(super) fn holes(&self) -> Result<Vec<ListedHole>, InputError> {
        if !self.has_table("holes")? {
            return Ok(Vec::new());
        }
        self.rows("SELECT generation, start, \"end\" FROM holes", |row| {
            Ok(ListedHole {
                generation: row.get(0)?,
                start: row.get::<_, i64>(1)? as u64,
                end: row.get::<_, i64>(2)? as u64,
            })
        })
    }

    pub(super) fn store_id(&self) -> Result<String, InputError> {
        let ids = self.rows("SELECT value FROM meta WHERE key = 'store_id'", |row| row.get(0))?;
        ids.into_iter()
            .next()
            .ok_or_else(|| InputError::new(Verdict::Altered, "the catalog does not say which store it is of"))
    }

    pub(super) fn has_table(&self, name: &str) -> Result<bool, InputError> {
        let sql = format!("SELECT name FROM sqlite_master WHERE type = 'table' AND name = '{name}'");
        Ok(!self.rows(&sql, |row| row.get::<_, String>(0))?.is_empty())
    }

    pub(super) fn rows<T>(
        &self,
        sql: &str,
        each: impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, InputError> {
        let damaged = |error: rusqlite::Error| damaged(&self.dir.join("catalog.sqlite"), &error);
        let mut statement = self.catalog.prepare(sql).map_err(damaged)?;
        let rows = statement.query_map([], each).map_err(damaged)?;
        rows.collect::<Result<_, _>>().map_err(damaged)
    }

    /// The checkpoints that the store kept, in their order.
    pub(super) fn own_notes(&self) -> Result<Vec<FoundNote>, InputError> {
        let dir = self.dir.join("integrity/checkpoints");
        if !dir.is_dir() {
            return Ok(Vec::new());
        }
        let files = files_of(&dir).map_err(|error| InputError::unreadable(&dir, &error))?;
        let mut notes = Vec::new();
        for path in files {
            notes.extend(notes_in(&path)?);
        }
        Ok(notes)
    }
}

/// Notes in files, or in directories of files.
pub(super) fn outside_notes(paths: &[PathBuf]) -> Result<Vec<FoundNote>, InputError> {
    let mut notes = Vec::new();
    for path in paths {
        let unreadable = |error: io::Error| InputError::unreadable(path, &error);
        let mut files = Vec::new();
        if path.is_dir() {
            for entry in fs::read_dir(path).map_err(unreadable)? {
                let entry = entry.map_err(unreadable)?;
                if entry.file_type().map_err(unreadable)?.is_file() {
                    files.push(entry.path());
                }
            }
            files.sort();
        } else {
            files.push(path.clone());
        }
        let before = notes.len();
        for file in files {
            notes.extend(notes_in(&file)?);
        }
        if notes.len() == before {
            return Err(InputError::new(
                Verdict::Incomplete,
                format!("{} holds no checkpoint", path.display()),
            ));
        }
    }
    Ok(notes)
}

/// The notes of a file: of one with a single note, as of one of ours, or of a syslog server's.
pub(super) fn notes_in(path: &Path) -> Result<Vec<FoundNote>, InputError> {
    let bytes = read(path).map_err(|error| InputError::unreadable(path, &error))?;
    let found = |note: &[u8]| FoundNote {
        path: path.to_owned(),
        hash: Hash::of(note),
        text: String::from_utf8_lossy(note).into_owned(),
        note: Note::parse(note)
            .and_then(|note| Checkpoint::parse(&note.text).map(|checkpoint| (note, checkpoint)))
            .map_err(|error| error.to_string()),
    };
    let of_syslog = notes_of_syslog(&bytes);
    if !of_syslog.is_empty() {
        return Ok(of_syslog.iter().map(|note| found(note.as_bytes())).collect());
    }
    let mut notes: Vec<FoundNote> = notes_of(&bytes).iter().map(|note| found(note.as_bytes())).collect();
    let whole: usize = notes_of(&bytes).iter().map(|note| note.len() + 1).sum();
    if whole < bytes.len() {
        notes.push(found(&bytes[whole..]));
    }
    Ok(notes)
}

fn damaged(path: &Path, error: &rusqlite::Error) -> InputError {
    InputError::new(Verdict::Altered, format!("{}: damaged: {error}", path.display()))
}

fn is_locked(path: &Path) -> bool {
    let Ok(file) = File::open(path) else { return false };
    matches!(file.try_lock_shared(), Err(fs::TryLockError::WouldBlock))
}

/// A copy of a catalog in a directory of its own, removed when it is dropped.
#[derive(Debug)]
struct Copy(PathBuf);

impl Copy {
    fn of(catalog: &Path) -> io::Result<Self> {
        let dir = std::env::temp_dir().join(format!("timberline-verify-{:032x}", rand::random::<u128>()));
        fs::create_dir(&dir)?;
        let copy = Self(dir);
        for suffix in ["", "-wal"] {
            let mut from = catalog.as_os_str().to_owned();
            from.push(suffix);
            match fs::copy(&from, copy.0.join(format!("catalog.sqlite{suffix}"))) {
                Err(error) if suffix.is_empty() || error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(copy)
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}

/// The public keys that are trusted.
#[derive(Clone, Debug, Default)]
pub(super) struct Keys(pub(super) Vec<NoteKey>);

impl Keys {
    /// Those of files; of the directory itself if none is named.
    pub(super) fn read(paths: &[PathBuf], files: &Files, report: &mut Report) -> Result<Self, InputError> {
        if !paths.is_empty() {
            return read_keys(paths).map(Self);
        }
        report.remark(
            "no key was given: those beside the data were taken, which whoever changed the data could have changed too",
        );
        read_keys(&[files.dir.join("integrity/keys")]).map(Self)
    }
}

/// The keys in files, one a line; empty lines and those that begin with `#` are passed over.
///
/// # Errors
/// [`InputError`]
pub fn read_keys(paths: &[PathBuf]) -> Result<Vec<NoteKey>, InputError> {
    let mut keys = Vec::new();
    for path in paths {
        let bytes = read(path).map_err(|error| InputError::unreadable(path, &error))?;
        let text = String::from_utf8_lossy(&bytes);
        let lines = text.lines().map(str::trim);
        for line in lines.filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let key = NoteKey::from_str(line);
            keys.push(
                key.map_err(|error| InputError::new(Verdict::Incomplete, format!("{}: {error}", path.display())))?,
            );
        }
    }
    if keys.is_empty() {
        return Err(InputError::new(Verdict::Incomplete, "no public key was given"));
    }
    Ok(keys)
}
