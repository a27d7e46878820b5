//! A stream's id follows from its attributes: the first 8 bytes of the SHA-256 of their canonical
//! JSON (keys sorted bytewise, no spaces). The same attributes give the same id everywhere.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

/// The id of the stream with these attributes.
pub fn stream_id(attributes: &BTreeMap<String, String>) -> u64 {
    let json = serde_json::to_vec(attributes).expect("text to text is always JSON");
    let digest = Sha256::digest(&json);
    let mut head = [0; 8];
    head.copy_from_slice(&digest[..8]);
    u64::from_be_bytes(head)
}

/// The id as a record's key: 16 lower-case hexadecimal digits.
pub fn stream_key(id: u64) -> [u8; 16] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    std::array::from_fn(|i| DIGITS[(id >> (60 - 4 * i)) as usize & 15])
}
