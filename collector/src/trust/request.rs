//! Requests for certificates: PKCS #10 (RFC 2986), of which only the key is used.

use rcgen::{PKCS_ECDSA_P256_SHA256, PublicKeyData, SignatureAlgorithm};
use ring::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use sha2::{Digest, Sha256};
use timberline_proto::tls::identity::hex;
use yasna::{ASN1Result, BERReader, BERReaderSeq};

use super::refusal::Refusal;

/// A request for a certificate.
const REQUEST_BYTES_MAX: usize = 16 << 10;
/// id-ecPublicKey with prime256v1, and ecdsa-with-SHA256.
const EC_PUBLIC_KEY: &[u64] = &[1, 2, 840, 10045, 2, 1];
const PRIME256V1: &[u64] = &[1, 2, 840, 10045, 3, 1, 7];
const ECDSA_WITH_SHA256: &[u64] = &[1, 2, 840, 10045, 4, 3, 2];
/// An uncompressed point of P-256.
const POINT_BYTES: usize = 65;

/// A public key that its holder has proved to hold: ECDSA over P-256.
#[derive(Debug)]
pub(super) struct RequestedKey {
    point: Vec<u8>,
    /// SHA-256 of its SubjectPublicKeyInfo, hexadecimal.
    pub(super) sha256: String,
}

impl PublicKeyData for RequestedKey {
    fn der_bytes(&self) -> &[u8] {
        &self.point
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_ECDSA_P256_SHA256
    }
}

/// Reads a request (DER), and checks that the key that it names signed it.
pub(super) fn requested_key(request: &[u8]) -> Result<RequestedKey, Refusal> {
    if request.len() > REQUEST_BYTES_MAX {
        return Err(Refusal::BadRequest(format!(
            "it is longer than {REQUEST_BYTES_MAX} bytes"
        )));
    }
    let parsed = yasna::parse_der(request, |reader| reader.read_sequence(parts))
        .map_err(|_| Refusal::BadRequest("it is not PKCS #10 with an ECDSA key over P-256".into()))?;
    let (signed, point, signature) = parsed;
    if point.len() != POINT_BYTES {
        return Err(Refusal::BadRequest("its key is no uncompressed point of P-256".into()));
    }
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, &point)
        .verify(&signed, &signature)
        .map_err(|_| Refusal::BadRequest("it is not signed by the key that it names".into()))?;
    let mut key = RequestedKey {
        point,
        sha256: String::new(),
    };
    key.sha256 = hex(&Sha256::digest(key.subject_public_key_info()));
    Ok(key)
}

/// What is signed, the key's point, and the signature.
fn parts(reader: &mut BERReaderSeq<'_, '_>) -> ASN1Result<(Vec<u8>, Vec<u8>, Vec<u8>)> {
    let signed = reader.next().read_der()?;
    let point = yasna::parse_der(&signed, |reader| {
        reader.read_sequence(|reader| {
            reader.next().read_u8()?; // version
            reader.next().read_der()?; // subject
            let point = reader.next().read_sequence(|reader| {
                reader.next().read_sequence(|reader| {
                    expect(reader.next(), EC_PUBLIC_KEY)?;
                    expect(reader.next(), PRIME256V1)
                })?;
                whole_bytes(reader.next())
            })?;
            reader.read_optional(|reader| reader.read_der())?; // attributes
            Ok(point)
        })
    })?;
    reader
        .next()
        .read_sequence(|reader| expect(reader.next(), ECDSA_WITH_SHA256))?;
    let signature = whole_bytes(reader.next())?;
    Ok((signed, point, signature))
}

fn expect(reader: BERReader<'_, '_>, oid: &[u64]) -> ASN1Result<()> {
    if reader.read_oid()?.components().as_slice() == oid {
        Ok(())
    } else {
        Err(invalid())
    }
}

/// A bit string of whole bytes.
fn whole_bytes(reader: BERReader<'_, '_>) -> ASN1Result<Vec<u8>> {
    let (bytes, bits) = reader.read_bitvec_bytes()?;
    if bits == bytes.len() * 8 {
        Ok(bytes)
    } else {
        Err(invalid())
    }
}

fn invalid() -> yasna::ASN1Error {
    yasna::ASN1Error::new(yasna::ASN1ErrorKind::Invalid)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P384_SHA384, PKCS_ED25519};

    use super::*;

    fn request(key: &KeyPair) -> Vec<u8> {
        CertificateParams::default()
            .serialize_request(key)
            .unwrap()
            .der()
            .to_vec()
    }

    #[test]
    fn a_request_gives_its_key() {
        let key = KeyPair::generate().unwrap();
        let found = requested_key(&request(&key)).unwrap();
        assert_eq!(found.der_bytes(), key.der_bytes());
    }

    #[test]
    fn other_kinds_of_keys_are_refused_by_name() {
        for kind in [&PKCS_ED25519, &PKCS_ECDSA_P384_SHA384] {
            let key = KeyPair::generate_for(kind).unwrap();
            let why = requested_key(&request(&key)).unwrap_err().to_string();
            assert!(why.contains("P-256"), "{why}");
        }
    }

    proptest! {
        #[test]
        fn fuzz_a_request_with_any_byte_changed_is_refused_and_nothing_panics(
            at in any::<prop::sample::Index>(), flip in 1u8..,
        ) {
            static REQUEST: std::sync::LazyLock<Vec<u8>> =
                std::sync::LazyLock::new(|| request(&KeyPair::generate().unwrap()));
            let mut request = REQUEST.clone();
            let at = at.index(request.len());
            request[at] ^= flip;
            prop_assert!(requested_key(&request).is_err());
        }

        #[test]
        fn fuzz_garbage_is_refused_and_nothing_panics(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            prop_assert!(requested_key(&bytes).is_err());
        }
    }
}
