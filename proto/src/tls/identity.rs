//! Who a certificate names: a URI among its alternative names, `urn:timberline:ROLE:ID`.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::der::parse_certificate;
use crate::id::AgentId;

const URN: &str = "urn:timberline:";
// Choices of GeneralName, RFC 5280 §4.2.1.6.
const DNS_NAME: u64 = 2;
const URI: u64 = 6;
const IP_ADDRESS: u64 = 7;

/// What a machine may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Ship batches of its own, and report.
    Agent,
    /// Read the queue.
    Store,
}

impl Role {
    /// Its name in texts.
    pub fn name(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Store => "store",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Role {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "agent" => Ok(Self::Agent),
            "store" => Ok(Self::Store),
            _ => Err(format!("{text:?} is no role; there are `agent` and `store`")),
        }
    }
}

/// Who is at the other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Peer {
    /// What it may do.
    pub role: Role,
    /// Which one it is.
    pub id: AgentId,
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.role, self.id)
    }
}

impl Peer {
    /// The URI by which a certificate names it.
    pub fn urn(&self) -> String {
        format!("{URN}{}:{}", self.role, self.id)
    }

    fn from_urn(text: &str) -> Option<Self> {
        let (role, id) = text.strip_prefix(URN)?.split_once(':')?;
        Some(Self {
            role: role.parse().ok()?,
            id: id.parse().ok()?,
        })
    }
}

/// What is read from a certificate. That it is genuine is for the TLS handshake to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFacts {
    /// Whom it names; none if it is a server's, or an authority's.
    pub peer: Option<Peer>,
    /// Its serial number, hexadecimal.
    pub serial: String,
    /// Seconds since the epoch.
    pub not_before_s: i64,
    /// Seconds since the epoch.
    pub not_after_s: i64,
    /// SHA-256 of its public key (SubjectPublicKeyInfo).
    pub key_sha256: [u8; 32],
    /// The DNS names and addresses that it is for, as text.
    pub names: Vec<String>,
}

impl CertificateFacts {
    /// Reads a certificate (DER).
    ///
    /// # Errors
    /// If the bytes are no certificate.
    pub fn read(der: &[u8]) -> Result<Self, String> {
        let certificate = parse_certificate(der)?;
        let texts = certificate
            .names
            .iter()
            .map(|(choice, bytes)| (*choice, bytes.as_slice()));
        let mut peers = texts.clone().filter_map(|(choice, bytes)| {
            let uri = std::str::from_utf8(bytes).ok().filter(|_| choice == URI)?;
            Peer::from_urn(uri)
        });
        let peer = peers.next();
        if peers.next().is_some() {
            return Err("it names more than one machine".to_owned());
        }
        Ok(Self {
            peer,
            serial: hex(&certificate.serial),
            not_before_s: certificate.not_before_s,
            not_after_s: certificate.not_after_s,
            key_sha256: Sha256::digest(&certificate.public_key_info).into(),
            names: texts.filter_map(|(choice, bytes)| host_name(choice, bytes)).collect(),
        })
    }

    /// When two thirds of its life are over, seconds since the epoch: time for the next one. Up to a
    /// twentieth earlier, by its key, so that machines that enrolled together come apart.
    pub fn renew_at_s(&self) -> i64 {
        let life = self.not_after_s.saturating_sub(self.not_before_s).max(0);
        let earlier = life / 20 * i64::from(self.key_sha256[0]) / 256;
        self.not_before_s.saturating_add(life * 2 / 3 - earlier)
    }
}

/// A DNS name or an address, as text.
fn host_name(choice: u64, bytes: &[u8]) -> Option<String> {
    match (choice, bytes.len()) {
        (DNS_NAME, _) => std::str::from_utf8(bytes).ok().map(str::to_owned),
        (IP_ADDRESS, 4) => <[u8; 4]>::try_from(bytes).ok().map(|b| Ipv4Addr::from(b).to_string()),
        (IP_ADDRESS, 16) => <[u8; 16]>::try_from(bytes).ok().map(|b| Ipv6Addr::from(b).to_string()),
        _ => None,
    }
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    use fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes everything");
        text
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn fuzz_any_bytes_are_read_as_a_certificate_or_refused_without_a_panic(
            bytes in proptest::collection::vec(any::<u8>(), 0..600),
        ) {
            CertificateFacts::read(&bytes).ok();
        }

        #[test]
        fn fuzz_a_certificate_with_any_byte_changed_never_panics(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
            static CERTIFICATE: std::sync::LazyLock<Vec<u8>> = std::sync::LazyLock::new(certificate);
            let mut der = CERTIFICATE.clone();
            let at = at.index(der.len());
            der[at] = byte;
            CertificateFacts::read(&der).ok();
        }

        #[test]
        fn a_peer_is_read_back_from_its_urn(id in any::<[u8; 16]>(), store in any::<bool>()) {
            let role = if store { Role::Store } else { Role::Agent };
            let peer = Peer { role, id: AgentId(id) };
            prop_assert_eq!(Peer::from_urn(&peer.urn()), Some(peer));
        }
    }

    fn certificate() -> Vec<u8> {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::new(["logs.example".to_owned(), "10.0.0.1".to_owned()]).unwrap();
        let peer = Peer {
            role: Role::Agent,
            id: AgentId([7; 16]),
        };
        params
            .subject_alt_names
            .push(rcgen::SanType::URI(peer.urn().as_str().try_into().unwrap()));
        params.self_signed(&key).unwrap().der().to_vec()
    }

    #[test]
    fn a_certificate_says_whom_it_names_and_for_which_hosts_it_is() {
        let facts = CertificateFacts::read(&certificate()).unwrap();
        assert_eq!(
            facts.peer,
            Some(Peer {
                role: Role::Agent,
                id: AgentId([7; 16])
            })
        );
        assert_eq!(facts.names, ["logs.example", "10.0.0.1"]);
        assert!(facts.renew_at_s() > facts.not_before_s && facts.renew_at_s() < facts.not_after_s);
    }
}
