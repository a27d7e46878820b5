//! An agent's checkpoints for whoever checks what is stored: read from a copy, without its lock, and
//! without writing there.

use std::io;
use std::path::{Path, PathBuf};

use timberline_proto::batch::ChainState;
use timberline_proto::id::GenerationId;

use super::file::{Fault, slot_path, slots};

/// How far a file was shipped, as its agent knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which life of the file.
    pub generation: GenerationId,
    /// Where the file was last seen.
    pub path: PathBuf,
    /// The first byte that was asked for.
    pub start: u64,
    /// The collector took everything before this byte.
    pub acked: u64,
    /// The chain of its lines there; the default where the agent does not know it.
    pub chain: ChainState,
}

/// The checkpoints in an agent's data directory, or in the `agent` of a program's.
///
/// # Errors
/// Neither of the two files of the registry can be read.
pub fn checkpoints_in(dir: &Path) -> io::Result<Vec<Checkpoint>> {
    let inside = dir.join("agent");
    let dir = if slot_path(&inside, 0).exists() || slot_path(&inside, 1).exists() {
        &inside
    } else {
        dir
    };
    let found = slots(dir);
    let fault = match found.faults.into_iter().next_back() {
        None => io::Error::from(io::ErrorKind::NotFound),
        Some((_, Fault::Io(error))) => error,
        Some((_, Fault::Damage(_))) => {
            io::Error::new(io::ErrorKind::InvalidData, "its registry is damaged, or a newer one")
        }
    };
    let (_, registry) = found.newest.ok_or(fault)?;
    let checkpoints = registry.generations.into_iter().map(|entry| Checkpoint {
        generation: entry.generation,
        path: entry.path,
        start: entry.start,
        acked: entry.acked,
        chain: entry.chain.state(),
    });
    Ok(checkpoints.collect())
}
