//! Reading and writing the registry's files.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use timberline_proto::crash::{Point, reached};
use timberline_proto::id::AgentId;
use timberline_proto::tls::MachineFiles;

use super::Registry;
use crate::error::AgentError;

const MAGIC: &[u8; 8] = b"TBLNREG\0";
const FORMAT: u32 = 1;
const HEADER_BYTES: usize = 32;
const ID_FILE: &str = "agent-id";

/// An open data directory, locked until it is dropped.
#[derive(Debug)]
pub(crate) struct Store {
    dir: PathBuf,
    serial: u64,
    _lock: File,
}

/// What was found on opening.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) store: Store,
    pub(crate) registry: Registry,
    /// Whether no registry was there at all: this is the first start.
    pub(crate) first_start: bool,
}

/// Opens the data directory, creating it if needed, and locks it. When this returns, the agent's
/// id is durable. A damaged registry is replaced by the one before, with a warning, never by an
/// error; only one of a newer format is refused.
///
/// # Errors
/// [`AgentError::Locked`], [`AgentError::RegistryNewer`], [`AgentError::DataDir`].
pub(crate) fn open(dir: &Path) -> Result<Opened, AgentError> {
    fs::create_dir_all(dir).map_err(AgentError::data_dir("cannot create the data directory", dir))?;
    let lock = lock(dir)?;
    let Slots { newest: found, faults } = slots(dir);
    let mut damaged = Vec::new();
    for (path, fault) in faults {
        match fault {
            Fault::Io(error) => damaged.push((path, error.to_string())),
            Fault::Damage(Damage::Torn(why)) => damaged.push((path, why.to_owned())),
            Fault::Damage(Damage::Newer(format)) => {
                return Err(AgentError::RegistryNewer {
                    path,
                    found: format,
                    known: FORMAT,
                });
            }
        }
    }
    warn_of_damage(&damaged, found.is_some());
    let first_start = found.is_none() && damaged.is_empty();
    if first_start && dir.join(ID_FILE).exists() {
        tracing::error!(
            dir = %dir.display(),
            "the agent's checkpoints are gone though it has run here before: files are read again from their first byte, and their lines are stored a second time"
        );
    }
    let (serial, mut registry) = found.unwrap_or_default();
    registry.agent = agent_id(dir, registry.agent)?;
    Ok(Opened {
        store: Store {
            dir: dir.to_owned(),
            serial,
            _lock: lock,
        },
        registry,
        first_start,
    })
}

/// The agent's id, made if there is none. When this returns, it is durable. One made before the agent
/// first runs stands beside the certificate, `pki/id`: the agent's own file says that it has run.
///
/// # Errors
/// [`AgentError::DataDir`]; [`AgentError::Locked`] while an agent starts there for the first time.
pub(crate) fn own_id(dir: &Path) -> Result<AgentId, AgentError> {
    if let Some(id) = known_id(dir) {
        return Ok(id);
    }
    fs::create_dir_all(dir).map_err(AgentError::data_dir("cannot create the data directory", dir))?;
    let _lock = lock(dir)?;
    known_id(dir).map_or_else(|| made_id(dir), Ok)
}

fn made_id(dir: &Path) -> Result<AgentId, AgentError> {
    let pki = dir.join("pki");
    MachineFiles::new(&pki)
        .own_id()
        .map_err(AgentError::data_dir("cannot keep the agent's id in", &pki))
}

impl Store {
    /// When this returns, `registry` is durable; on an error, the one before still is.
    ///
    /// # Errors
    /// Whatever the filesystem says; try again later.
    pub(crate) fn save(&mut self, registry: &Registry) -> io::Result<()> {
        let serial = self.serial + 1;
        let temporary = self.dir.join("registry.tmp");
        write_past(
            &temporary,
            &slot_path(&self.dir, serial % 2),
            &self.dir,
            &encode(serial, registry)?,
            Some((Point::RegistrySynced, Point::RegistryRenamed)),
        )?;
        self.serial = serial;
        Ok(())
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }
}

/// Writes `bytes` under a name that appears only when they are durable.
pub(crate) fn write_durably(temporary: &Path, path: &Path, dir: &Path, bytes: &[u8]) -> io::Result<()> {
    write_past(temporary, path, dir, bytes, None)
}

/// The same, past points at which a process may die: before and after the rename.
fn write_past(
    temporary: &Path,
    path: &Path,
    dir: &Path,
    bytes: &[u8],
    points: Option<(Point, Point)>,
) -> io::Result<()> {
    let mut file = File::create(temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    if let Some((synced, _)) = points {
        reached(synced);
    }
    fs::rename(temporary, path)?;
    if let Some((_, renamed)) = points {
        reached(renamed);
    }
    File::open(dir)?.sync_all()
}

/// The two files of a registry, read.
pub(super) struct Slots {
    /// The later one of those that can be read, and its serial.
    pub(super) newest: Option<(u64, Registry)>,
    /// What is there and cannot be read.
    pub(super) faults: Vec<(PathBuf, Fault)>,
}

/// Why a registry's file cannot be read.
pub(super) enum Fault {
    Io(io::Error),
    Damage(Damage),
}

/// Reads both files; one that is not there is neither read nor a fault.
pub(super) fn slots(dir: &Path) -> Slots {
    let mut slots = Slots {
        newest: None,
        faults: Vec::new(),
    };
    for slot in 0..2 {
        let path = slot_path(dir, slot);
        match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => slots.faults.push((path, Fault::Io(error))),
            Ok(bytes) => match parse(&bytes) {
                Ok((serial, registry)) if slots.newest.as_ref().is_none_or(|(best, _)| serial > *best) => {
                    slots.newest = Some((serial, registry));
                }
                Ok(_) => {}
                Err(damage) => slots.faults.push((path, Fault::Damage(damage))),
            },
        }
    }
    slots
}

pub(super) fn slot_path(dir: &Path, slot: u64) -> PathBuf {
    dir.join(format!("registry.{slot}"))
}

fn encode(serial: u64, registry: &Registry) -> io::Result<Vec<u8>> {
    let payload = serde_json::to_vec(registry)?;
    let crc = crc32c::crc32c_append(crc32c::crc32c(&serial.to_le_bytes()), &payload);
    let mut bytes = Vec::with_capacity(HEADER_BYTES + payload.len());
    bytes.extend(MAGIC);
    bytes.extend(FORMAT.to_le_bytes());
    bytes.extend(serial.to_le_bytes());
    bytes.extend((payload.len() as u64).to_le_bytes());
    bytes.extend(crc.to_le_bytes());
    bytes.extend(payload);
    Ok(bytes)
}

pub(super) enum Damage {
    Newer(u32),
    Torn(&'static str),
}

fn parse(bytes: &[u8]) -> Result<(u64, Registry), Damage> {
    let (head, payload) = bytes.split_at_checked(HEADER_BYTES).ok_or(Damage::Torn("cut short"))?;
    if !head.starts_with(MAGIC) {
        return Err(Damage::Torn("not a registry"));
    }
    let u32_at = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
    let u64_at = |at: usize| u64::from(u32_at(at)) | u64::from(u32_at(at + 4)) << 32;
    if u32_at(8) > FORMAT {
        return Err(Damage::Newer(u32_at(8)));
    }
    let serial = u64_at(12);
    if u64_at(20) != payload.len() as u64 {
        return Err(Damage::Torn("cut short"));
    }
    if crc32c::crc32c_append(crc32c::crc32c(&serial.to_le_bytes()), payload) != u32_at(28) {
        return Err(Damage::Torn("checksum does not fit"));
    }
    serde_json::from_slice(payload)
        .map(|registry| (serial, registry))
        .map_err(|_| Damage::Torn("not readable"))
}

fn warn_of_damage(damaged: &[(PathBuf, String)], other_holds: bool) {
    for (path, why) in damaged {
        if other_holds {
            tracing::warn!(path = %path.display(), why, "registry damaged; the one written before it is used, and the collector is asked what it holds");
        } else {
            tracing::error!(path = %path.display(), why, "registry damaged and no other is there: files are read from their first byte under new generations, so lines may arrive twice");
        }
    }
}

fn known_id(dir: &Path) -> Option<AgentId> {
    let text = fs::read_to_string(dir.join(ID_FILE)).ok()?;
    let id = text.trim().parse::<AgentId>().ok()?;
    (id != AgentId::default()).then_some(id)
}

fn agent_id(dir: &Path, from_registry: AgentId) -> Result<AgentId, AgentError> {
    let path = dir.join(ID_FILE);
    if let Some(id) = known_id(dir) {
        return Ok(id);
    }
    let made_before = MachineFiles::new(dir.join("pki")).known_id();
    let id = match made_before {
        _ if from_registry != AgentId::default() => from_registry,
        Some(id) => id,
        None => AgentId(rand::random()),
    };
    if path.exists() {
        tracing::warn!(path = %path.display(), %id, "agent id damaged; written again");
    }
    write_durably(&dir.join("agent-id.tmp"), &path, dir, format!("{id}\n").as_bytes())
        .map_err(AgentError::data_dir("cannot write the agent's id", &path))?;
    Ok(id)
}

fn lock(dir: &Path) -> Result<File, AgentError> {
    let path = dir.join("agent.lock");
    let file = File::create(&path).map_err(AgentError::data_dir("cannot create", &path))?;
    match rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(file),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(AgentError::Locked { path: dir.to_owned() }),
        Err(error) => Err(AgentError::data_dir("cannot lock", &path)(error.into())),
    }
}
