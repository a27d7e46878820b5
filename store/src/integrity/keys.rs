//! The key by which a store signs: an Ed25519 key as PKCS #8 in PEM, for its owner only.
//!
//! ```text
//! integrity/key        the secret key (or where `integrity.key_file` says)
//! integrity/key.new    a key that is being changed to
//! integrity/keys       the public keys, old ones too, one a line: copy this to whoever verifies
//! ```

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::rand::SystemRandom;
use ring::signature::Ed25519KeyPair;
use timberline_proto::integrity::{NoteKey, NoteSigner};

use super::entry::{Entry, KeyEntry};
use crate::catalog::{Catalog, CatalogError};

const BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const END: &str = "-----END PRIVATE KEY-----";
const LINE: usize = 64;

/// Why a key cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The disk said no.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// It is no key.
    #[error(
        "{path} is not an Ed25519 key (PKCS #8, PEM): restore it from a backup, or move it away, and a new one is made"
    )]
    NoKey {
        /// The file.
        path: PathBuf,
    },
    /// There is nothing to change.
    #[error("{path} has no log of trees: start the store once with `integrity.enabled`")]
    NoLog {
        /// The catalog.
        path: PathBuf,
    },
    /// The catalog refuses.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
}

/// The key by which a store signs.
#[derive(Debug)]
pub struct StoreKey {
    signer: NoteSigner,
}

impl StoreKey {
    /// Reads a key, which signs under `name`.
    ///
    /// # Errors
    /// [`KeyError`]
    pub fn read(path: &Path, name: &str) -> Result<Self, KeyError> {
        let text = fs::read_to_string(path).map_err(|source| failed(path, source))?;
        let no_key = || KeyError::NoKey { path: path.to_owned() };
        let body: String = text
            .lines()
            .map(str::trim)
            .filter(|line| !line.starts_with("-----"))
            .collect();
        let document = STANDARD.decode(body).map_err(|_| no_key())?;
        let signer = NoteSigner::from_pkcs8(name, &document).map_err(|_| no_key())?;
        Ok(Self { signer })
    }

    /// What signs notes.
    pub fn signer(&self) -> &NoteSigner {
        &self.signer
    }

    /// By what is verified what it signs.
    pub fn public(&self) -> &NoteKey {
        self.signer.key()
    }

    /// A signature, base64.
    pub(crate) fn sign(&self, bytes: &[u8]) -> String {
        STANDARD.encode(self.signer.sign(bytes))
    }
}

/// Makes a key where there is none. Durable on return.
///
/// # Errors
/// [`KeyError::Io`]
pub fn new_key(path: &Path) -> Result<(), KeyError> {
    let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new())
        .map_err(|_| failed(path, io::Error::other("the system has no randomness")))?;
    let body = STANDARD.encode(document.as_ref());
    let lines: Vec<&str> = (0..body.len())
        .step_by(LINE)
        .map(|at| &body[at..body.len().min(at + LINE)])
        .collect();
    let text = format!("{BEGIN}\n{}\n{END}\n", lines.join("\n"));
    write(path, text.as_bytes(), 0o600).map_err(|source| failed(path, source))
}

/// Adds a public key to the list of those that verify. Durable on return.
pub(super) fn list(dir: &Path, key: &NoteKey) -> Result<(), KeyError> {
    let path = dir.join("keys");
    let known = match fs::read_to_string(&path) {
        Ok(known) => known,
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(failed(&path, error)),
    };
    let key = key.to_string();
    if known.lines().any(|line| line == key) {
        return Ok(());
    }
    write(&path, format!("{known}{key}\n").as_bytes(), 0o644).map_err(|source| failed(&path, source))
}

/// Changes to a new key, which the old one signs in the log. The store must not run. The next
/// checkpoint is signed by the new key. Durable on return; the public key of the new one.
///
/// # Errors
/// [`KeyError`]
pub fn rotate(store_dir: &Path, key_file: Option<&Path>) -> Result<NoteKey, KeyError> {
    let dir = store_dir.join("integrity");
    let path = key_file.map_or_else(|| dir.join("key"), Path::to_owned);
    let catalog_path = store_dir.join("catalog.sqlite");
    if !catalog_path.is_file() {
        return Err(KeyError::NoLog { path: catalog_path });
    }
    let catalog = Catalog::open(&catalog_path)?;
    let Some(current) = catalog.log_key()? else {
        return Err(KeyError::NoLog { path: catalog_path });
    };
    let name = origin(catalog.store_id());
    finish_change(&path, &name, &current)?;
    let old = StoreKey::read(&path, &name)?;
    let fresh = beside(&path);
    new_key(&fresh)?;
    let new = StoreKey::read(&fresh, &name)?;
    let entry = Entry::Key(KeyEntry {
        key: new.public().to_string(),
        at: crate::catalog::now_nanos(),
        signature: None,
    });
    catalog.change_log_key(&entry.signed(&old), new.public())?;
    list(&dir, new.public())?;
    fs::rename(&fresh, &path).map_err(|source| failed(&path, source))?;
    sync_directory_of(&path).map_err(|source| failed(&path, source))?;
    Ok(new.public().clone())
}

/// Ends a change of keys that a crash cut short: the log says whose turn it is.
pub(super) fn finish_change(path: &Path, name: &str, current: &str) -> Result<(), KeyError> {
    let fresh = beside(path);
    if !fresh.exists() {
        return Ok(());
    }
    if StoreKey::read(&fresh, name).is_ok_and(|key| key.public().to_string() == current) {
        fs::rename(&fresh, path).map_err(|source| failed(path, source))?;
    } else {
        fs::remove_file(&fresh).map_err(|source| failed(&fresh, source))?;
    }
    sync_directory_of(path).map_err(|source| failed(path, source))
}

/// What a store's log is called, and its key.
pub(super) fn origin(store_id: &str) -> String {
    format!("timberline/{store_id}")
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    path.with_file_name(name)
}

pub(super) fn failed(path: &Path, source: io::Error) -> KeyError {
    KeyError::Io {
        path: path.to_owned(),
        source,
    }
}

/// Written whole or not at all.
fn write(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".tmp");
    let fresh = path.with_file_name(name);
    match fs::remove_file(&fresh) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = File::options().write(true).create_new(true).mode(mode).open(&fresh)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&fresh, path)?;
    sync_directory_of(path)
}

fn sync_directory_of(path: &Path) -> io::Result<()> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(directory.unwrap_or(Path::new(".")))?.sync_all()
}
