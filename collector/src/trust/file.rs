//! Small files of state: one line `TIMBERLINE-FLEET 1 SHA256`, then JSON, of which that is the sum.
//! Replaced whole, so that what is in one is durable together.

use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use timberline_proto::tls::files::write_private;
use timberline_proto::tls::identity::hex;

use super::TrustError;

const MAGIC: &str = "TIMBERLINE-FLEET";
const FORMAT: u32 = 1;

/// What was saved in `dir/name`; nothing, if nothing ever was. A damaged file is an error: it may hold
/// the list of who is refused, and without it all would be let in.
pub(crate) fn load<T: DeserializeOwned + Default>(dir: &Path, name: &str) -> Result<T, TrustError> {
    let path = dir.join(name);
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(T::default()),
        Err(source) => return Err(TrustError::Io { path, source }),
    };
    parse(&bytes).map_err(|why| TrustError::Damaged { path, why })
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
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
pub(crate) fn save<T: Serialize>(dir: &Path, name: &str, state: &T) -> Result<(), TrustError> {
    let io = |source| TrustError::Io {
        path: PathBuf::from(dir).join(name),
        source,
    };
    let json = serde_json::to_vec(state).map_err(|error| io(error.into()))?;
    let mut bytes = format!("{MAGIC} {FORMAT} {}\n", hex(&Sha256::digest(&json))).into_bytes();
    bytes.extend(json);
    write_private(dir, name, &bytes).map_err(io)
}

#[cfg(test)]
mod tests {
    use super::super::state::State;
    use super::*;

    #[test]
    fn every_byte_that_is_changed_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        save(dir.path(), "state", &State::default()).unwrap();
        let sound = std::fs::read(dir.path().join("state")).unwrap();
        load::<State>(dir.path(), "state").unwrap();
        for at in 0..sound.len() {
            let mut bytes = sound.clone();
            bytes[at] ^= 1;
            assert!(parse::<State>(&bytes).is_err(), "byte {at}");
            assert!(parse::<State>(&sound[..at]).is_err(), "cut at {at}");
        }
    }
}
