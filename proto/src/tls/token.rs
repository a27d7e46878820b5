//! What is handed to a new machine: `tbl-ROLE-1.ID.SECRET.PIN`.
//!
//! | part | bytes | |
//! |---|---|---|
//! | ID | 8 | which token it is; no secret |
//! | SECRET | 32 | random; the collector keeps only its SHA-256 |
//! | PIN | 32 | SHA-256 of the authority's certificate (DER) by which the collector is known |
//!
//! The parts are base64url without padding. The pin is what a new machine trusts: it sends the secret
//! to nobody who cannot show a certificate chain that ends in this authority.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::identity::Role;

/// A token. Neither `Debug` nor an error shows its secret.
#[derive(Clone, PartialEq, Eq)]
pub struct EnrollToken {
    /// What its bearer becomes.
    pub role: Role,
    /// Which token it is.
    pub id: [u8; 8],
    /// What proves that the bearer was handed it.
    pub secret: [u8; 32],
    /// Whom the bearer trusts.
    pub pin: [u8; 32],
}

/// A text that is no token. It does not repeat the text, which may hold most of a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "this is no enrolment token: one looks like tbl-agent-1.… with four parts, and is printed by `timberline agents token create`; copy it whole"
)]
pub struct TokenError;

impl fmt::Debug for EnrollToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EnrollToken({} {})", self.role, super::identity::hex(&self.id))
    }
}

impl fmt::Display for EnrollToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "tbl-{}-1.{}.{}.{}",
            self.role,
            URL_SAFE_NO_PAD.encode(self.id),
            URL_SAFE_NO_PAD.encode(self.secret),
            URL_SAFE_NO_PAD.encode(self.pin)
        )
    }
}

impl FromStr for EnrollToken {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, TokenError> {
        let mut parts = text.trim().split('.');
        let mut next = || parts.next().ok_or(TokenError);
        let role = match next()? {
            "tbl-agent-1" => Role::Agent,
            "tbl-store-1" => Role::Store,
            _ => return Err(TokenError),
        };
        let token = Self {
            role,
            id: bytes(next()?)?,
            secret: bytes(next()?)?,
            pin: bytes(next()?)?,
        };
        if parts.next().is_some() {
            return Err(TokenError);
        }
        Ok(token)
    }
}

impl EnrollToken {
    /// Whether this is the certificate (DER) of the authority that it trusts.
    pub fn pins(&self, certificate: &[u8]) -> bool {
        use sha2::{Digest, Sha256};
        Sha256::digest(certificate)[..] == self.pin
    }
}

fn bytes<const N: usize>(text: &str) -> Result<[u8; N], TokenError> {
    let decoded = URL_SAFE_NO_PAD.decode(text).map_err(|_| TokenError)?;
    decoded.try_into().map_err(|_| TokenError)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn token(id: [u8; 8], secret: [u8; 32], pin: [u8; 32], store: bool) -> EnrollToken {
        let role = if store { Role::Store } else { Role::Agent };
        EnrollToken { role, id, secret, pin }
    }

    proptest! {
        #[test]
        fn a_token_is_read_back_from_its_text(
            id in any::<[u8; 8]>(), secret in any::<[u8; 32]>(), pin in any::<[u8; 32]>(), store in any::<bool>(),
        ) {
            let token = token(id, secret, pin, store);
            prop_assert_eq!(token.to_string().parse(), Ok(token.clone()));
            // Whitespace that a copy brought along does no harm.
            prop_assert_eq!(format!(" {token}\n").parse(), Ok(token));
        }

        #[test]
        fn a_token_cut_short_or_with_more_behind_it_is_refused(cut in 0usize..117) {
            let text = token([1; 8], [2; 32], [3; 32], false).to_string();
            prop_assert!(text[..cut.min(text.len() - 1)].parse::<EnrollToken>().is_err());
            let longer = format!("{text}.x");
            prop_assert!(longer.parse::<EnrollToken>().is_err());
        }

        #[test]
        fn fuzz_no_text_makes_the_parser_panic(text in ".*") {
            text.parse::<EnrollToken>().ok();
        }
    }

    #[test]
    fn debug_output_holds_no_secret() {
        let token = token([1; 8], [2; 32], [3; 32], false);
        let secret = URL_SAFE_NO_PAD.encode(token.secret);
        assert!(!format!("{token:?}").contains(&secret[..8]));
        assert!(!TokenError.to_string().contains(&secret[..8]));
    }
}
