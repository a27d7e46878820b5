//! Signed notes: text, an empty line, and signatures (C2SP `signed-note`, Ed25519).
//!
//! ```text
//! text, ending with a line end
//!
//! — NAME BASE64(key id, 4 bytes ‖ signature, 64 bytes)
//! ```
//!
//! A verifier's key is written `NAME+8 hexadecimal digits+BASE64(01 ‖ public key, 32 bytes)`; its id
//! is the first 4 bytes of SHA-256(NAME ‖ `0a` ‖ `01` ‖ public key).

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};

use super::hash::Hash;

/// Bytes of a note at most; a longer one is none.
pub const NOTE_BYTES_MAX: usize = 64 << 10;
/// Signatures of a note at most; a note with more is none.
const SIGNATURES_MAX: usize = 64;
const ED25519_ALGORITHM: u8 = 1;
const MARK: &str = "\u{2014} ";

/// Why a note is not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// It is not a note.
    #[error("not a signed note: {0}")]
    Malformed(&'static str),
    /// None of its signatures is by a key that is known.
    #[error("signed by {0}, of which no key is known")]
    UnknownKey(String),
    /// A signature by a known key does not match.
    #[error("the signature by {0} does not match the text")]
    BadSignature(String),
    /// It is no key.
    #[error("not a key: {0}")]
    BadKey(&'static str),
}

/// A public key by which notes are verified.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NoteKey {
    name: String,
    id: [u8; 4],
    public: [u8; 32],
}

impl NoteKey {
    /// The key of this name.
    ///
    /// # Errors
    /// [`NoteError::BadKey`] if the name is empty or has spaces or a plus.
    pub fn new(name: &str, public: [u8; 32]) -> Result<Self, NoteError> {
        if !is_name(name) {
            return Err(NoteError::BadKey("a name has no spaces and no plus"));
        }
        let mut bytes = name.as_bytes().to_vec();
        bytes.extend_from_slice(&[b'\n', ED25519_ALGORITHM]);
        bytes.extend_from_slice(&public);
        let [a, b, c, d, ..] = Hash::of(&bytes).0;
        Ok(Self {
            name: name.to_owned(),
            id: [a, b, c, d],
            public,
        })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its id.
    pub fn id(&self) -> [u8; 4] {
        self.id
    }

    /// Whether `signature` is of these bytes by this key.
    pub fn verifies(&self, bytes: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, self.public)
            .verify(bytes, signature)
            .is_ok()
    }
}

impl fmt::Display for NoteKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut key = vec![ED25519_ALGORITHM];
        key.extend_from_slice(&self.public);
        let [a, b, c, d] = self.id;
        write!(f, "{}+{a:02x}{b:02x}{c:02x}{d:02x}+{}", self.name, STANDARD.encode(key))
    }
}

impl FromStr for NoteKey {
    type Err = NoteError;

    fn from_str(text: &str) -> Result<Self, NoteError> {
        let mut parts = text.trim().splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(NoteError::BadKey("it is not NAME+ID+KEY"));
        };
        let key = STANDARD
            .decode(key)
            .map_err(|_| NoteError::BadKey("its end is not base64"))?;
        let Some((&ED25519_ALGORITHM, public)) = key.split_first() else {
            return Err(NoteError::BadKey("it is not of Ed25519"));
        };
        let public = public
            .try_into()
            .map_err(|_| NoteError::BadKey("it has not 32 bytes"))?;
        let key = Self::new(name, public)?;
        let [a, b, c, d] = key.id;
        if !id.eq_ignore_ascii_case(&format!("{a:02x}{b:02x}{c:02x}{d:02x}")) {
            return Err(NoteError::BadKey("its id is not that of its name and bytes"));
        }
        Ok(key)
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || c == '+' || c.is_control())
}

/// What signs notes.
#[derive(Debug)]
pub struct NoteSigner {
    key: NoteKey,
    pair: Ed25519KeyPair,
}

impl NoteSigner {
    /// The key pair of a PKCS #8 document (DER), under a name.
    ///
    /// # Errors
    /// [`NoteError::BadKey`]
    pub fn from_pkcs8(name: &str, document: &[u8]) -> Result<Self, NoteError> {
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(document)
            .map_err(|_| NoteError::BadKey("it is not an Ed25519 key as PKCS #8"))?;
        Self::new(name, pair)
    }

    /// The key pair that follows from these 32 secret bytes.
    ///
    /// # Errors
    /// [`NoteError::BadKey`]
    pub fn from_seed(name: &str, seed: &[u8]) -> Result<Self, NoteError> {
        let pair =
            Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| NoteError::BadKey("a secret key has 32 bytes"))?;
        Self::new(name, pair)
    }

    fn new(name: &str, pair: Ed25519KeyPair) -> Result<Self, NoteError> {
        let public = pair.public_key().as_ref().try_into();
        let public = public.map_err(|_| NoteError::BadKey("it has not 32 bytes"))?;
        Ok(Self {
            key: NoteKey::new(name, public)?,
            pair,
        })
    }

    /// By what its notes are verified.
    pub fn key(&self) -> &NoteKey {
        &self.key
    }

    /// A signature of these bytes.
    pub fn sign(&self, bytes: &[u8]) -> [u8; 64] {
        let signature = self.pair.sign(bytes);
        signature
            .as_ref()
            .try_into()
            .expect("a signature of Ed25519 has 64 bytes")
    }

    /// The signature line of a text, which ends with a line end.
    pub fn line(&self, text: &str) -> String {
        let mut bytes = self.key.id.to_vec();
        bytes.extend_from_slice(&self.sign(text.as_bytes()));
        format!("{MARK}{} {}\n", self.key.name, STANDARD.encode(bytes))
    }
}

/// A note as it was read; nothing of it is believed before [`verify`](Self::verify).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// What is signed.
    pub text: String,
    signatures: Vec<(String, Vec<u8>)>,
}

impl Note {
    /// Signs a text, which ends with a line end. The note as it is kept.
    pub fn sign(text: &str, signers: &[&NoteSigner]) -> String {
        let lines: String = signers.iter().map(|signer| signer.line(text)).collect();
        format!("{text}\n{lines}")
    }

    /// Reads a note.
    ///
    /// # Errors
    /// [`NoteError::Malformed`]
    pub fn parse(bytes: &[u8]) -> Result<Self, NoteError> {
        if bytes.len() > NOTE_BYTES_MAX {
            return Err(NoteError::Malformed("longer than 64 KiB"));
        }
        let note = std::str::from_utf8(bytes).map_err(|_| NoteError::Malformed("not UTF-8"))?;
        if note.contains(|c: char| c.is_control() && c != '\n') {
            return Err(NoteError::Malformed("has control characters"));
        }
        let at = note.rfind("\n\n").ok_or(NoteError::Malformed("has no signatures"))?;
        let (text, lines) = (&note[..=at], &note[at + 2..]);
        let lines = lines
            .strip_suffix('\n')
            .ok_or(NoteError::Malformed("its last line has no end"))?;
        let signatures: Vec<_> = lines.split('\n').map(signature_of).collect::<Result<_, _>>()?;
        if signatures.len() > SIGNATURES_MAX {
            return Err(NoteError::Malformed("has more than 64 signatures"));
        }
        Ok(Self {
            text: text.to_owned(),
            signatures,
        })
    }

    /// Which of the keys signed it. A signature by a known key that does not match is an error,
    /// whatever the others say; signatures by unknown keys are passed over.
    ///
    /// # Errors
    /// [`NoteError::UnknownKey`], [`NoteError::BadSignature`]
    pub fn verify<'k>(&self, keys: &'k [NoteKey]) -> Result<&'k NoteKey, NoteError> {
        let mut by = None;
        for (name, bytes) in &self.signatures {
            let (id, signature) = bytes.split_at(4);
            let Some(key) = keys.iter().find(|key| key.name == *name && key.id == id) else {
                continue;
            };
            if !key.verifies(self.text.as_bytes(), signature) {
                return Err(NoteError::BadSignature(name.clone()));
            }
            by = by.or(Some(key));
        }
        by.ok_or_else(|| {
            let names: Vec<&str> = self.signatures.iter().map(|(name, _)| name.as_str()).collect();
            NoteError::UnknownKey(names.join(", "))
        })
    }
}

fn signature_of(line: &str) -> Result<(String, Vec<u8>), NoteError> {
    let malformed = NoteError::Malformed("a signature is not “— NAME BASE64”");
    let Some((name, signature)) = line.strip_prefix(MARK).and_then(|rest| rest.split_once(' ')) else {
        return Err(malformed);
    };
    let bytes = STANDARD.decode(signature).map_err(|_| malformed.clone())?;
    if !is_name(name) || bytes.len() < 5 {
        return Err(malformed);
    }
    Ok((name.to_owned(), bytes))
}
