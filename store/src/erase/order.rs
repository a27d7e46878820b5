//! The order of an erasure: which records it took, by place, without a word of what they said. Kept beside
//! the data and beside backups, so that a restore can carry it out again.
//!
//! `erasures/ID.json` below the store's directory and below a directory of backups: JSON, replaced whole.
//! Its signature is Ed25519, base64, by the key that signs the log of trees, over `timberline erasure order 1`,
//! a zero byte, and the order without it.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use serde::{Deserialize, Serialize};
use timberline_proto::integrity::NoteKey;

/// What the signature is over: this, then the order without it.
const CONTEXT: &[u8] = b"timberline erasure order 1\0";
/// Version of the form.
pub const ORDER_VERSION: u32 = 1;
/// A file that is longer is none.
const ORDER_BYTES_MAX: u64 = 256 << 20;

/// What an erasure took.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ErasureOrder {
    /// [`ORDER_VERSION`].
    pub version: u32,
    /// The store's id.
    pub store: String,
    /// The request's id.
    pub id: String,
    /// When it was final, nanoseconds since the epoch.
    pub at_unix_nanos: i64,
    /// Which records.
    pub erased: Vec<ErasedRanges>,
    /// Splits that held some of them: a backup that has one of these holds what is erased.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub splits: Vec<String>,
    /// By which key it is signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Base64; none where integrity is off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
}

/// Records of a partition.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ErasedRanges {
    /// Topic.
    pub topic: String,
    /// Partition.
    pub partition: u32,
    /// The life of the partition's directory, if it was known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incarnation: Option<String>,
    /// First and last offset of those that follow each other.
    pub ranges: Vec<(u64, u64)>,
}

impl ErasureOrder {
    /// What its signature is over.
    pub fn signed_bytes(&self) -> Vec<u8> {
        let unsigned = Self {
            signature: None,
            ..self.clone()
        };
        let text = serde_json::to_string(&unsigned).expect("numbers and text are JSON");
        [CONTEXT, text.as_bytes()].concat()
    }

    /// Whether one of these keys signed it.
    pub fn is_signed_by(&self, keys: &[NoteKey]) -> bool {
        let Some(signature) = &self.signature else { return false };
        let Ok(signature) = base64::engine::general_purpose::STANDARD.decode(signature) else {
            return false;
        };
        let bytes = self.signed_bytes();
        keys.iter().any(|key| key.verifies(&bytes, &signature))
    }

    /// Where it is below a directory.
    pub fn path(dir: &Path, id: &str) -> PathBuf {
        dir.join("erasures").join(format!("{id}.json"))
    }

    /// Writes it below a directory, whole or not at all. Durable on return.
    ///
    /// # Errors
    /// What the disk says.
    pub fn write(&self, dir: &Path) -> io::Result<()> {
        let path = Self::path(dir, &self.id);
        let within = dir.join("erasures");
        fs::create_dir_all(&within)?;
        let fresh = path.with_extension("json.tmp");
        let mut file = File::create(&fresh)?;
        file.write_all(serde_json::to_string(self).map_err(io::Error::other)?.as_bytes())?;
        file.write_all(b"\n")?;
        file.sync_all()?;
        fs::rename(&fresh, &path)?;
        File::open(&within)?.sync_all()?;
        File::open(dir)?.sync_all()
    }

    /// Reads one.
    ///
    /// # Errors
    /// What the disk says, or that it is none.
    pub fn read(path: &Path) -> io::Result<Self> {
        let length = fs::metadata(path)?.len();
        let wrong = |what: String| io::Error::new(io::ErrorKind::InvalidData, format!("{}: {what}", path.display()));
        if length > ORDER_BYTES_MAX {
            return Err(wrong(format!("{length} bytes are no order of an erasure")));
        }
        let order: Self = serde_json::from_slice(&fs::read(path)?)
            .map_err(|error| wrong(format!("no order of an erasure: {error}")))?;
        match order.version {
            ORDER_VERSION => Ok(order),
            version => Err(wrong(format!("an order of version {version}: take a newer program"))),
        }
    }

    /// Those below a directory, by their ids; what is none is passed over, and named in the log.
    ///
    /// # Errors
    /// What the disk says of the directory.
    pub fn all(dir: &Path) -> io::Result<Vec<Self>> {
        let entries = match fs::read_dir(dir.join("erasures")) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut orders = Vec::new();
        for entry in entries {
            let path = entry?.path();
            if path.extension().is_none_or(|extension| extension != "json") {
                continue;
            }
            match Self::read(&path) {
                Ok(order) => orders.push(order),
                Err(error) => tracing::error!(%error, "an order of an erasure cannot be read"),
            }
        }
        orders.sort_by(|a, b| (a.at_unix_nanos, &a.id).cmp(&(b.at_unix_nanos, &b.id)));
        Ok(orders)
    }
}
