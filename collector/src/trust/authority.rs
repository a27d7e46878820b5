//! The authority that the collector is for its agents.
//!
//! ```text
//! DATA/collector/pki/ca.key    PEM, PKCS #8, readable by its owner only
//! DATA/collector/pki/ca.crt    PEM
//! ```
//! Both are made at the first need: the key first, so that a start that was cut short finds a key
//! without a certificate, which nobody has seen yet, and makes the certificate. An operator may put a
//! certificate and key of their own authority's there before the first start.

use std::fs;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, DnValue, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, PublicKeyData, SanType, SerialNumber,
};
use rustls::pki_types::CertificateDer;
use sha2::{Digest, Sha256};
use timberline_proto::tls::Peer;
use timberline_proto::tls::der::parse_certificate;
use timberline_proto::tls::files::{certificates, write_private};
use timberline_proto::tls::identity::hex;
use time::{Duration, OffsetDateTime};

use yasna::tags::{TAG_IA5STRING, TAG_PRINTABLESTRING, TAG_UTF8STRING};

use super::TrustError;
use super::request::RequestedKey;

/// The life of the authority itself.
const AUTHORITY_LIFE: Duration = Duration::days(3650);
/// A certificate begins a little before it is issued: clocks of other machines may be behind.
const CLOCK_TOLERANCE: Duration = Duration::minutes(5);

/// Signs certificates.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    der: CertificateDer<'static>,
    pem: String,
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority").finish_non_exhaustive()
    }
}

/// A certificate that was signed.
pub(super) struct Signed {
    pub(super) pem: String,
    pub(super) serial: String,
    pub(super) expires_s: i64,
}

impl Authority {
    /// Opens the authority, making it if there is none. When this returns, it is durable.
    pub(crate) fn open(dir: &Path, host: &str) -> Result<Self, TrustError> {
        let (key_path, certificate_path) = (dir.join("ca.key"), dir.join("ca.crt"));
        let key = match read(&key_path)? {
            Some(text) => KeyPair::from_pem(&text).map_err(|error| damaged(&key_path, &error))?,
            None if certificate_path.exists() => {
                return Err(TrustError::Damaged {
                    path: key_path,
                    why: "it is missing, though its certificate is there: put it back, or remove ca.crt too, and then enroll every machine anew".into(),
                });
            }
            None => {
                let key = KeyPair::generate().map_err(|error| damaged(&key_path, &error))?;
                write(dir, "ca.key", &key.serialize_pem())?;
                key
            }
        };
        let pem = match read(&certificate_path)? {
            Some(text) => text,
            None => {
                let made = authority_params(host).self_signed(&key);
                let pem = made.map_err(|error| damaged(&certificate_path, &error))?.pem();
                write(dir, "ca.crt", &pem)?;
                pem
            }
        };
        Self::new(&pem, key).map_err(|why| TrustError::Damaged {
            path: certificate_path,
            why,
        })
    }

    fn new(pem: &str, key: KeyPair) -> Result<Self, String> {
        let der = certificates(pem.as_bytes())?.remove(0);
        let facts = timberline_proto::tls::CertificateFacts::read(&der)?;
        if facts.key_sha256 != <[u8; 32]>::from(Sha256::digest(key.subject_public_key_info())) {
            return Err("ca.key is not its key".into());
        }
        let mut params = CertificateParams::default();
        params.distinguished_name = subject_of(&der)?;
        let issuer = Issuer::new(params, key);
        Ok(Self {
            issuer,
            der,
            pem: first_block(pem).to_owned(),
        })
    }

    /// Its certificate.
    pub(super) fn der(&self) -> &CertificateDer<'static> {
        &self.der
    }

    /// Its certificate as text.
    pub(super) fn pem(&self) -> &str {
        &self.pem
    }

    /// Certifies that `key` is `peer`'s, for `life`.
    pub(super) fn certify(&self, peer: Peer, key: &RequestedKey, life: std::time::Duration) -> Result<Signed, String> {
        let mut params = leaf_params(&peer.to_string(), life)?;
        let urn = peer
            .urn()
            .as_str()
            .try_into()
            .map_err(|error: rcgen::Error| error.to_string())?;
        params.subject_alt_names = vec![SanType::URI(urn)];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let certificate = params.signed_by(key, &self.issuer).map_err(|error| error.to_string())?;
        Ok(Signed {
            pem: certificate.pem(),
            serial: serial_of(&params),
            expires_s: params.not_after.unix_timestamp(),
        })
    }

    /// A certificate of a new key for the collector's own listener.
    pub(super) fn certify_server(
        &self,
        names: &[String],
        life: std::time::Duration,
    ) -> Result<(CertificateDer<'static>, KeyPair), String> {
        let key = KeyPair::generate().map_err(|error| error.to_string())?;
        let mut params = leaf_params("timberline collector", life)?;
        for name in names {
            params.subject_alt_names.push(match name.parse::<IpAddr>() {
                Ok(address) => SanType::IpAddress(address),
                Err(_) => SanType::DnsName(
                    name.as_str()
                        .try_into()
                        .map_err(|error: rcgen::Error| format!("{name}: {error}"))?,
                ),
            });
        }
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let certificate = params
            .signed_by(&key, &self.issuer)
            .map_err(|error| error.to_string())?;
        Ok((certificate.der().clone(), key))
    }
}

fn authority_params(host: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    let now = OffsetDateTime::now_utc();
    params.not_before = now - Duration::days(1);
    params.not_after = now + AUTHORITY_LIFE;
    params.serial_number = Some(SerialNumber::from_slice(&new_serial()));
    // Its own, so that authorities of two collectors, or of one before and after it was set up anew,
    // are told apart.
    params.distinguished_name = named(&format!("timberline {host} {}", &hex(&new_serial())[..8]));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn leaf_params(name: &str, life: std::time::Duration) -> Result<CertificateParams, String> {
    let life = Duration::try_from(life).map_err(|error| error.to_string())?;
    let mut params = CertificateParams::default();
    let now = OffsetDateTime::now_utc();
    // A short life begins only a little earlier: two thirds of it must lie ahead.
    params.not_before = now - CLOCK_TOLERANCE.min(life / 10);
    params.not_after = now.checked_add(life).ok_or("its life is too long")?;
    params.serial_number = Some(SerialNumber::from_slice(&new_serial()));
    params.distinguished_name = named(name);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    Ok(params)
}

/// The name under which the authority signs, as its certificate has it.
fn subject_of(der: &[u8]) -> Result<DistinguishedName, String> {
    let mut distinguished = DistinguishedName::new();
    for (kind, tag, bytes) in parse_certificate(der)?.subject {
        let text = String::from_utf8(bytes).map_err(|_| "its subject is not text".to_owned())?;
        let unfit = |error: rcgen::Error| error.to_string();
        let value = match tag {
            TAG_UTF8STRING => DnValue::Utf8String(text),
            TAG_PRINTABLESTRING => DnValue::PrintableString(text.as_str().try_into().map_err(unfit)?),
            TAG_IA5STRING => DnValue::Ia5String(text.as_str().try_into().map_err(unfit)?),
            _ => return Err("its subject is of a kind of text that is not known here; use UTF-8".into()),
        };
        let kind = DnType::from_oid(kind.components());
        if distinguished.get(&kind).is_some() {
            return Err("its subject names one attribute twice".into());
        }
        distinguished.push(kind, value);
    }
    Ok(distinguished)
}

fn named(name: &str) -> DistinguishedName {
    let mut distinguished = DistinguishedName::new();
    distinguished.push(DnType::CommonName, name);
    distinguished
}

/// 16 random bytes, positive and without a leading zero, so that every reader shows the same.
fn new_serial() -> [u8; 16] {
    let mut serial: [u8; 16] = rand::random();
    serial[0] = serial[0] & 0x7f | 0x40;
    serial
}

fn serial_of(params: &CertificateParams) -> String {
    params
        .serial_number
        .as_ref()
        .map(|serial| hex(&serial.to_bytes()))
        .unwrap_or_default()
}

/// The first certificate of a PEM text.
fn first_block(pem: &str) -> &str {
    const END: &str = "-----END CERTIFICATE-----";
    let begin = pem.find("-----BEGIN CERTIFICATE-----").unwrap_or(0);
    let end = pem[begin..].find(END).map_or(pem.len(), |at| begin + at + END.len());
    &pem[begin..end]
}

fn read(path: &Path) -> Result<Option<String>, TrustError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(TrustError::Io {
            path: path.to_owned(),
            source,
        }),
    }
}

fn write(dir: &Path, name: &str, text: &str) -> Result<(), TrustError> {
    write_private(dir, name, text.as_bytes()).map_err(|source| TrustError::Io {
        path: dir.join(name),
        source,
    })
}

fn damaged(path: &Path, error: &rcgen::Error) -> TrustError {
    TrustError::Damaged {
        path: PathBuf::from(path),
        why: error.to_string(),
    }
}
