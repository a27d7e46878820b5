//! What a machine keeps of its enrolment, below `DATA/ROLE/pki` (mode 0700, files 0600).
//!
//! ```text
//! enroll.lock       held while someone enrolls or renews here
//! id                what the machine goes by, if it was made by enrolling
//! pending.key       PEM, PKCS #8: a key whose certificate has not come yet
//! authorities.pem   by what the collector is known
//! enrolled.json     {"format":1,"collector":"https://HOST:PORT","labels":{…}}
//! identity.pem      PEM: the key, then its certificate
//! ```
//! They are written in this order, each whole (`NAME.tmp`, synced, renamed, directory synced), and
//! `pending.key` goes last. Key and certificate are one file, so that they always fit together. Whoever
//! is killed in between finds `pending.key` again and asks for a certificate of the same key, which the
//! collector gives without taking another use of the token.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rcgen::KeyPair;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde::{Deserialize, Serialize};

use super::identity::{CertificateFacts, hex};
use crate::crash::{Point, reached};
use crate::id::AgentId;

const FORMAT: u32 = 1;

/// The files of one machine's role.
#[derive(Clone, Debug)]
pub struct MachineFiles {
    dir: PathBuf,
}

/// A key with its certificate.
#[derive(Debug)]
pub struct Identity {
    /// What the certificate says.
    pub facts: CertificateFacts,
    /// The certificate, and whatever stands behind it.
    pub chain: Vec<CertificateDer<'static>>,
    /// The key.
    pub key: PrivateKeyDer<'static>,
}

/// Where and as what a machine enrolled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enrolled {
    format: u32,
    /// The collector's URL.
    pub collector: String,
    /// What the token said of the machine.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// By what pushed configurations are known to be the collector's: Ed25519, hexadecimal. Kept as it
    /// was at enrolling, whatever a renewal says.
    #[serde(default)]
    configuration_key: String,
}

impl Enrolled {
    /// By what pushed configurations are known to be the collector's.
    pub fn configuration_key(&self) -> Option<Vec<u8>> {
        let text = self.configuration_key.as_bytes();
        let digits = text.chunks_exact(2).map(|pair| {
            let pair = std::str::from_utf8(pair).ok()?;
            u8::from_str_radix(pair, 16).ok()
        });
        digits.collect::<Option<Vec<u8>>>().filter(|key| key.len() == 32)
    }
}

/// What a collector answers to who enrolls or renews.
#[derive(Clone, Copy, Debug)]
pub struct Installation<'a> {
    /// The machine's certificate, PEM.
    pub certificate_pem: &'a str,
    /// By what the collector is known, PEM.
    pub authorities_pem: &'a str,
    /// The collector's URL.
    pub collector: &'a str,
    /// What is known of the machine.
    pub labels: &'a BTreeMap<String, String>,
    /// By what pushed configurations are known to be the collector's; empty if it pushes none.
    pub configuration_key: &'a [u8],
}

/// Why there is no identity.
#[derive(Debug, thiserror::Error)]
pub enum NotEnrolled {
    /// Nobody has enrolled here.
    #[error("this machine is not enrolled: run `timberline enroll URL --token TOKEN`")]
    Missing,
    /// Something is there that cannot be used.
    #[error("{path}: {why}; enroll again to replace it")]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
}

impl MachineFiles {
    /// The files in `dir`, which need not exist.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into() }
    }

    /// Where they are.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Makes the directory, and keeps others from enrolling or renewing here until dropped. Waits
    /// for who does.
    ///
    /// # Errors
    /// What the filesystem says.
    pub fn lock(&self) -> io::Result<File> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.dir)?;
        let lock = File::create(self.path("enroll.lock"))?;
        rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive)?;
        Ok(lock)
    }

    /// The id that was made here, if one was.
    pub fn known_id(&self) -> Option<AgentId> {
        fs::read_to_string(self.path("id")).ok()?.trim().parse().ok()
    }

    /// The id that was made here; one is made if none was. When this returns, it is durable.
    ///
    /// # Errors
    /// What the filesystem says.
    pub fn own_id(&self) -> io::Result<AgentId> {
        let _lock = self.lock()?;
        if let Some(id) = self.known_id() {
            return Ok(id);
        }
        let id = AgentId(rand::random());
        self.write("id", format!("{id}\n").as_bytes())?;
        Ok(id)
    }

    /// The key for which a certificate is to be asked: the one left by an attempt that was cut short,
    /// else a new one. When this returns, it is durable.
    ///
    /// # Errors
    /// What the filesystem says.
    pub fn pending_key(&self) -> io::Result<KeyPair> {
        if let Ok(text) = fs::read_to_string(self.path("pending.key"))
            && let Ok(key) = KeyPair::from_pem(&text)
        {
            return Ok(key);
        }
        let key = new_key()?;
        self.write("pending.key", key.serialize_pem().as_bytes())?;
        reached(Point::EnrollKeyWritten);
        Ok(key)
    }

    /// Keeps what a collector answered. When this returns, the machine is enrolled, durably.
    ///
    /// # Errors
    /// What the filesystem says; the identity before is then still in force.
    pub fn install(&self, key: &KeyPair, new: &Installation<'_>) -> io::Result<()> {
        self.write("authorities.pem", new.authorities_pem.as_bytes())?;
        reached(Point::EnrollAuthoritiesWritten);
        let enrolled = Enrolled {
            format: FORMAT,
            collector: new.collector.to_owned(),
            labels: new.labels.clone(),
            configuration_key: hex(new.configuration_key),
        };
        self.write("enrolled.json", &serde_json::to_vec(&enrolled)?)?;
        reached(Point::EnrollCollectorWritten);
        let identity = format!("{}{}", key.serialize_pem(), new.certificate_pem);
        self.write("identity.pem", identity.as_bytes())?;
        reached(Point::EnrollIdentityWritten);
        match fs::remove_file(self.path("pending.key")) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Key and certificate.
    ///
    /// # Errors
    /// [`NotEnrolled`]
    pub fn identity(&self) -> Result<Identity, NotEnrolled> {
        let path = self.path("identity.pem");
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(NotEnrolled::Missing),
            Err(error) => {
                return Err(NotEnrolled::Unusable {
                    path,
                    why: error.to_string(),
                });
            }
        };
        read_identity(&bytes).map_err(|why| NotEnrolled::Unusable { path, why })
    }

    /// By what the collector is known.
    ///
    /// # Errors
    /// [`NotEnrolled`]
    pub fn authorities(&self) -> Result<Vec<CertificateDer<'static>>, NotEnrolled> {
        let path = self.path("authorities.pem");
        if !path.exists() {
            return Err(NotEnrolled::Missing);
        }
        read_certificates(&path).map_err(|why| NotEnrolled::Unusable { path, why })
    }

    /// Where it enrolled, if it did.
    pub fn enrolled(&self) -> Option<Enrolled> {
        let bytes = fs::read(self.path("enrolled.json")).ok()?;
        let enrolled = serde_json::from_slice::<Enrolled>(&bytes).ok()?;
        (enrolled.format <= FORMAT && self.path("identity.pem").exists()).then_some(enrolled)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        write_private(&self.dir, name, bytes)
    }
}

/// A new private key, ECDSA over P-256.
///
/// # Errors
/// If the system has no randomness.
pub fn new_key() -> io::Result<KeyPair> {
    KeyPair::generate().map_err(io::Error::other)
}

/// Writes `dir/name` whole, readable by its owner only. When this returns, it is durable.
///
/// # Errors
/// What the filesystem says; the file before is then still there.
pub fn write_private(dir: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let temporary = dir.join(format!("{name}.tmp"));
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&temporary)?;
    // One left by an attempt before may be wider open.
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    file.write_all(bytes)?;
    file.sync_all()?;
    let is_fleet = name == "fleet.state";
    if is_fleet {
        reached(Point::FleetSynced);
    }
    fs::rename(&temporary, dir.join(name))?;
    if is_fleet {
        reached(Point::FleetRenamed);
    }
    File::open(dir)?.sync_all()
}

/// Every certificate of a PEM file, at least one.
///
/// # Errors
/// What is wrong with it.
pub fn read_certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let bytes = fs::read(path).map_err(|error| error.to_string())?;
    certificates(&bytes)
}

/// Every certificate of a PEM text, at least one.
///
/// # Errors
/// What is wrong with it.
pub fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match found {
        Ok(found) if found.is_empty() => Err("it holds no certificate".to_owned()),
        Ok(found) => Ok(found),
        Err(error) => Err(format!("not PEM: {error}")),
    }
}

fn read_identity(bytes: &[u8]) -> Result<Identity, String> {
    let key = PrivateKeyDer::from_pem_slice(bytes).map_err(|error| format!("no private key: {error}"))?;
    let chain = certificates(bytes)?;
    let facts = CertificateFacts::read(&chain[0])?;
    Ok(Identity { facts, chain, key })
}
