//! `fleet.state`: one line `TIMBERLINE-FLEET 1 SHA256`, then [`State`] as JSON; the sum is of the
//! JSON. Replaced whole, so that an act and its entry in the audit are durable together.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use timberline_proto::tls::files::write_private;
use timberline_proto::tls::identity::hex;

use super::TrustError;
use super::state::State;

const NAME: &str = "fleet.state";
const MAGIC: &str = "TIMBERLINE-FLEET";
const FORMAT: u32 = 1;

pub(super) fn path(dir: &Path) -> PathBuf {
    dir.join(NAME)
}

/// What was saved; nothing, if nothing ever was. A damaged file is an error: it holds the list of
/// who is refused, and without it all would be let in.
pub(super) fn load(dir: &Path) -> Result<State, TrustError> {
    let path = path(dir);
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(State::default()),
        Err(source) => return Err(TrustError::Io { path, source }),
    };
    parse(&bytes).map_err(|why| TrustError::Damaged { path, why })
}

fn parse(bytes: &[u8]) -> Result<State, String> {
    let end = bytes
        .iter()
        .position(|byte| *byte == b'\n')
        .ok_or("it has no first line")?;
    let (head, json) = (&bytes[..end], &bytes[end + 1..]);
    let head = std::str::from_utf8(head).map_err(|_| "its first line is no text")?;
    let mut words = head.split(' ');
    if words.next() != Some(MAGIC) {
        return Err("it is not what a collector writes".into());
    }
    let format = words.next().and_then(|word| word.parse::<u32>().ok());
    if !format.is_some_and(|format| (1..=FORMAT).contains(&format)) {
        return Err(format!(
            "it has format {}, this program reads up to {FORMAT}: run the newer program",
            format.map_or_else(|| "?".to_owned(), |format| format.to_string())
        ));
    }
    if words.next() != Some(hex(&Sha256::digest(json)).as_str()) {
        return Err("its checksum does not fit".into());
    }
    serde_json::from_slice(json).map_err(|error| error.to_string())
}

/// When this returns, `state` is durable.
pub(super) fn save(dir: &Path, state: &State) -> Result<(), TrustError> {
    let json = serde_json::to_vec(state).map_err(|error| TrustError::Io {
        path: path(dir),
        source: error.into(),
    })?;
    let mut bytes = format!("{MAGIC} {FORMAT} {}\n", hex(&Sha256::digest(&json))).into_bytes();
    bytes.extend(json);
    write_private(dir, NAME, &bytes).map_err(|source| TrustError::Io {
        path: path(dir),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_that_is_changed_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        save(dir.path(), &State::default()).unwrap();
        let sound = std::fs::read(path(dir.path())).unwrap();
        load(dir.path()).unwrap();
        for at in 0..sound.len() {
            let mut bytes = sound.clone();
            bytes[at] ^= 1;
            assert!(parse(&bytes).is_err(), "byte {at}");
            assert!(parse(&sound[..at]).is_err(), "cut at {at}");
        }
    }
}
