//! What is put in the place of what was found. None of it is found by a detector: hashes are written in
//! the letters `a` to `p`, four bits each, for sixteen digits could be a card's number.

use hmac::{Hmac, Mac};
use sha2::Sha256;
use timberline_proto::line::json_escaped;

use crate::process::config::{RedactAction, RedactConfig};

/// Bytes of a hash that are kept.
const HASH_BYTES: usize = 16;

#[derive(Debug)]
pub(super) struct Replacement {
    action: RedactAction,
    with: String,
    keep_last: usize,
    /// The hash function, keyed.
    keyed: Option<Hmac<Sha256>>,
}

impl Replacement {
    pub(super) fn new(config: &RedactConfig) -> Result<Self, String> {
        let is_hash = config.action == RedactAction::Hash;
        let key = config.key.0.as_bytes();
        if is_hash == key.is_empty() {
            return Err("hash takes a key, and nothing else does".to_owned());
        }
        if is_hash && key.len() < 16 {
            return Err("the key is shorter than 16 bytes: whoever has the hashes could find it".to_owned());
        }
        if config.action != RedactAction::Mask && !(config.with.is_empty() && config.keep_last == 0) {
            return Err("only mask takes with and keep_last".to_owned());
        }
        if config.keep_last > 8 || (config.keep_last > 0 && !config.with.is_empty()) {
            return Err("keep_last is at most 8, and does not go with `with`".to_owned());
        }
        let keyed = is_hash.then(|| Hmac::new_from_slice(key).expect("HMAC takes a key of any length"));
        Ok(Self {
            action: config.action,
            with: config.with.clone(),
            keep_last: config.keep_last,
            keyed,
        })
    }

    /// What is put in the place of `value`, which `name` found.
    pub(super) fn of(&self, name: &str, value: &[u8], is_json: bool) -> Vec<u8> {
        match self.action {
            RedactAction::Remove => Vec::new(),
            RedactAction::Hash => self.label(&format!("{name}:{}", self.hash(value)), is_json),
            RedactAction::Mask if self.keep_last > 0 => self.starred(value),
            RedactAction::Mask | RedactAction::Drop => self.label(name, is_json),
        }
    }

    pub(super) fn label(&self, name: &str, is_json: bool) -> Vec<u8> {
        let text = if self.with.is_empty() {
            format!("[{name}]")
        } else {
            self.with.clone()
        };
        if is_json { json_escaped(&text) } else { text }.into_bytes()
    }

    /// Stars, and the last characters where they are at most a quarter of it.
    fn starred(&self, value: &[u8]) -> Vec<u8> {
        let text = String::from_utf8_lossy(value);
        let length = text.chars().count();
        let kept = if self.keep_last * 4 <= length {
            self.keep_last
        } else {
            0
        };
        let is_plain = |c: char| c.is_ascii_alphanumeric();
        let shown = text.chars().enumerate().map(|(at, c)| {
            let shows = at + kept >= length && is_plain(c);
            if shows { c } else { '*' }
        });
        shown.collect::<String>().into_bytes()
    }

    /// The same value gives the same hash however it is spaced and in whichever case it is written.
    fn hash(&self, value: &[u8]) -> String {
        let Some(mut keyed) = self.keyed.clone() else {
            return String::new();
        };
        let plain: Vec<u8> = value
            .iter()
            .filter(|byte| !matches!(byte, b' ' | b'-'))
            .map(u8::to_ascii_lowercase)
            .collect();
        keyed.update(&plain);
        let digest = keyed.finalize().into_bytes();
        let letter = |four: u8| char::from(b'a' + four);
        digest[..HASH_BYTES]
            .iter()
            .flat_map(|byte| [letter(byte >> 4), letter(byte & 15)])
            .collect()
    }
}
