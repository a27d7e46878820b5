//! What programs and browsers show: an id by which it is found, and 256 random bits, of which only the
//! SHA-256 is kept. So much randomness needs no slow hash.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use timberline_proto::tls::identity::hex;

const SECRET_BYTES: usize = 32;
const ID_BYTES: usize = 8;

/// What a key begins with, so that people and scanners of leaked secrets know it.
pub(super) const KEY_PREFIX: &str = "tlk";
/// What a session's cookie begins with.
pub(super) const SESSION_PREFIX: &str = "tls";

/// 256 random bits. Not shown by `Debug`.
pub(super) struct Secret([u8; SECRET_BYTES]);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

impl Secret {
    pub(super) fn new() -> Self {
        Self(rand::random())
    }

    /// In base64url.
    pub(super) fn text(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    pub(super) fn is(&self, text: &str) -> bool {
        hash(&self.text()).as_bytes().ct_eq(hash(text).as_bytes()).into()
    }
}

/// An id and what is shown with it, as `PREFIX_ID_SECRET`.
pub(super) fn issue(prefix: &str) -> Issued {
    let id = hex(&rand::random::<[u8; ID_BYTES]>());
    let secret = Secret::new().text();
    Issued {
        sha256: hash(&secret),
        shown: format!("{prefix}_{id}_{secret}"),
        id,
    }
}

/// A credential that was made just now.
pub(super) struct Issued {
    pub(super) id: String,
    /// Given away once.
    pub(super) shown: String,
    /// What is kept.
    pub(super) sha256: String,
}

/// Of a text as it is shown, if it looks like one.
pub(super) fn parse<'a>(prefix: &str, shown: &'a str) -> Option<(&'a str, &'a str)> {
    let (id, secret) = shown.strip_prefix(prefix)?.strip_prefix('_')?.split_once('_')?;
    let sound = id.len() == 2 * ID_BYTES && id.bytes().all(|byte| byte.is_ascii_hexdigit()) && secret.len() < 64;
    sound.then_some((id, secret))
}

pub(super) fn hash(secret: &str) -> String {
    hex(&Sha256::digest(secret.as_bytes()))
}

/// Whether a secret has this hash; takes as long whether it has or not.
pub(super) fn matches(secret: &str, sha256: &str) -> bool {
    hash(secret).as_bytes().ct_eq(sha256.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_is_found_again_and_nothing_else() {
        let issued = issue(KEY_PREFIX);
        let (id, secret) = parse(KEY_PREFIX, &issued.shown).unwrap();
        assert_eq!(id, issued.id);
        assert!(matches(secret, &issued.sha256));
        assert!(!matches(&issue(KEY_PREFIX).shown, &issued.sha256));
        for wrong in [
            "",
            "tlk",
            "tlk_",
            "tlk__",
            "tls_0123456789abcdef_x",
            "tlk_0123_x",
            "tlk_0123456789abcdeg_x",
        ] {
            assert_eq!(parse(KEY_PREFIX, wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_secret_of_the_link_is_that_one_alone_and_is_not_printed() {
        let secret = Secret::new();
        assert!(secret.is(&secret.text()));
        assert!(!secret.is(&Secret::new().text()) && !secret.is(""));
        assert_eq!(format!("{secret:?}"), "Secret");
    }
}
