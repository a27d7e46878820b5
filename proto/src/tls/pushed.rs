//! A configuration that a collector pushes to an agent: signed, for this agent, and never older than
//! one that it had before.

use ring::signature::{ED25519, UnparsedPublicKey};
use serde::{Deserialize, Serialize};

use crate::id::AgentId;

/// What the signature is of: this, then the document's bytes.
const CONTEXT: &[u8] = b"timberline pushed configuration 1\0";
/// Bytes of a configuration's text at most.
pub const TOML_BYTES_MAX: usize = 256 << 10;

/// What is signed, as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PushedDocument {
    /// For whom it is.
    pub agent: AgentId,
    /// Which configuration it is.
    pub version: u64,
    /// When it was signed, nanoseconds since the epoch: an older one is not taken after a newer one.
    pub signed_nanos: u64,
    /// The group for which it was set.
    pub group: String,
    /// The configuration; the agent's own holds if it is empty.
    pub toml: String,
}

/// The bytes that are signed.
pub fn signed_bytes(document: &[u8]) -> Vec<u8> {
    [CONTEXT, document].concat()
}

/// Reads a document if its signature is by `key`.
///
/// # Errors
/// What is wrong with it.
pub fn verify(key: &[u8], document: &[u8], signature: &[u8]) -> Result<PushedDocument, String> {
    UnparsedPublicKey::new(&ED25519, key)
        .verify(&signed_bytes(document), signature)
        .map_err(|_| "it is not signed by the collector at which this machine enrolled".to_owned())?;
    serde_json::from_slice(document).map_err(|error| format!("it cannot be read: {error}"))
}
