//! The data directory: everything that a process writes.
//!
//! ```text
//! DATA/VERSION      "timberline data 1": the layout below
//! DATA/agent/       the agent's identity, checkpoints and dead letters; `pki/`: key and certificate
//! DATA/collector/   the collector's authority, tokens, and who enrolled
//! DATA/queue/       the queue's segments
//! DATA/store/       splits and catalog; `pki/`: key and certificate of a store of its own
//! DATA/ROLE.lock    held by the process that runs the role
//! ```

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use rustix::fs::{FlockOperation, flock};

use crate::exit::Exit;

/// The layout that this program writes and the newest that it reads.
const VERSION: u32 = 1;

/// An open data directory, locked for some roles until dropped.
#[derive(Debug)]
pub(crate) struct DataDir {
    path: PathBuf,
    /// Held, not read: closing a file gives up its lock.
    _locks: Vec<File>,
}

impl DataDir {
    /// Opens `path`, creating it if it is not there, and locks it for `roles`.
    ///
    /// # Errors
    /// [`Exit::in_use`] if another process runs one of the roles there; a message that names the
    /// path if it cannot be created, was written by a newer program, or cannot be locked.
    pub(crate) fn open(path: &Path, roles: &[&str]) -> anyhow::Result<Self> {
        create(path)?;
        let path =
            fs::canonicalize(path).with_context(|| format!("cannot resolve the data directory {}", path.display()))?;
        let locks = roles
            .iter()
            .map(|role| lock(&path, role))
            .collect::<anyhow::Result<_>>()?;
        check_version(&path)?;
        Ok(Self { path, _locks: locks })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The directory of one role.
    pub(crate) fn role(&self, role: &str) -> PathBuf {
        self.path.join(role)
    }
}

/// Where data goes unless told otherwise: `/var/lib/timberline` for root, else the user's own.
pub(crate) fn default_path() -> PathBuf {
    if rustix::process::geteuid().is_root() {
        return PathBuf::from("/var/lib/timberline");
    }
    let absolute = |name| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    absolute("XDG_DATA_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".local/share")))
        .unwrap_or_else(|| PathBuf::from("."))
        .join("timberline")
}

fn create(path: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o750) // log lines are nobody else's business
        .create(path)
        .with_context(|| {
            format!(
                "cannot create the data directory {}; choose another with --data DIR or the key `data`",
                path.display()
            )
        })
}

fn lock(dir: &Path, role: &str) -> anyhow::Result<File> {
    let path = dir.join(format!("{role}.lock"));
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .with_context(|| format!("cannot open {}", path.display()))?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(rustix::io::Errno::WOULDBLOCK) => {
            let mut holder = String::new();
            file.read_to_string(&mut holder).ok();
            let holder = holder.trim();
            let holder = if holder.is_empty() {
                String::new()
            } else {
                format!(" (process {holder})")
            };
            return Err(Exit::in_use(format!(
                "{} is in use: another timberline{holder} runs the {role} there; stop it, or choose another directory with --data DIR",
                dir.display()
            ))
            .into());
        }
        Err(error) => return Err(anyhow::Error::from(error).context(format!("cannot lock {}", path.display()))),
    }
    file.set_len(0)?;
    write!(file, "{}", std::process::id())?;
    Ok(file)
}

fn check_version(dir: &Path) -> anyhow::Result<()> {
    let path = dir.join("VERSION");
    match fs::read_to_string(&path) {
        Ok(text) => {
            let found = text
                .trim()
                .strip_prefix("timberline data ")
                .and_then(|number| number.parse::<u32>().ok());
            match found {
                Some(found) if found <= VERSION => Ok(()),
                Some(found) => anyhow::bail!(
                    "{} holds data of format {found}; this program reads up to {VERSION}: install the newer program again, or choose another directory with --data DIR",
                    dir.display()
                ),
                None => anyhow::bail!(
                    "{} is damaged: it should read \"timberline data {VERSION}\"",
                    path.display()
                ),
            }
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            write_version(dir, &path).with_context(|| format!("cannot write {}", path.display()))
        }
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

fn write_version(dir: &Path, path: &Path) -> std::io::Result<()> {
    let fresh = dir.join("VERSION.new");
    let mut file = File::create(&fresh)?;
    writeln!(file, "timberline data {VERSION}")?;
    file.sync_all()?;
    fs::rename(&fresh, path)?;
    File::open(dir)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_process_is_refused_and_told_who_holds_it() {
        let dir = tempfile::tempdir().unwrap();
        let first = DataDir::open(dir.path(), &["agent", "store"]).unwrap();
        let refused = DataDir::open(dir.path(), &["store"]).unwrap_err().to_string();
        assert!(
            refused.contains("is in use") && refused.contains(&std::process::id().to_string()),
            "{refused}"
        );
        drop(first);
        DataDir::open(dir.path(), &["store"]).unwrap();
    }

    #[test]
    fn a_newer_format_is_refused_and_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("VERSION"), "timberline data 99\n").unwrap();
        let refused = DataDir::open(dir.path(), &["store"]).unwrap_err().to_string();
        assert!(refused.contains("format 99"), "{refused}");
        assert_eq!(
            fs::read_to_string(dir.path().join("VERSION")).unwrap(),
            "timberline data 99\n"
        );
    }
}
