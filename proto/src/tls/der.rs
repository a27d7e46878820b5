//! What is read of a certificate (RFC 5280 §4.1) by itself, without judging it: DER by `yasna`.

use yasna::models::ObjectIdentifier;
use yasna::tags::{TAG_GENERALIZEDTIME, TAG_UTCTIME};
use yasna::{ASN1Error, ASN1ErrorKind, ASN1Result, BERReader, BERReaderSeq, Tag, TagClass};

/// Extensions, names and parts of a name read of one certificate.
const PARTS_MAX: usize = 256;
/// id-ce-subjectAltName.
const SUBJECT_ALT_NAME: &[u64] = &[2, 5, 29, 17];

/// The parts that are of use here.
#[derive(Debug)]
pub struct ParsedCertificate {
    /// The serial number's bytes.
    pub serial: Vec<u8>,
    /// The subject: attribute types with the tag and bytes of their values, in order.
    pub subject: Vec<(ObjectIdentifier, Tag, Vec<u8>)>,
    /// Seconds since the epoch.
    pub not_before_s: i64,
    /// Seconds since the epoch.
    pub not_after_s: i64,
    /// SubjectPublicKeyInfo, DER.
    pub public_key_info: Vec<u8>,
    /// Alternative names: the number of the choice in GeneralName, and its bytes.
    pub names: Vec<(u64, Vec<u8>)>,
}

/// Reads one certificate.
///
/// # Errors
/// If the bytes are none.
pub fn parse_certificate(der: &[u8]) -> Result<ParsedCertificate, String> {
    yasna::parse_der(der, |reader| {
        reader.read_sequence(|reader| {
            let parsed = reader.next().read_sequence(to_be_signed)?;
            rest(reader)?;
            Ok(parsed)
        })
    })
    .map_err(|error| format!("not a certificate: {error:?}"))
}

fn to_be_signed(reader: &mut BERReaderSeq<'_, '_>) -> ASN1Result<ParsedCertificate> {
    reader.read_optional(|reader| reader.read_tagged(Tag::context(0), |reader| reader.read_u8()))?;
    let serial = reader.next().read_tagged_der()?.value().to_vec();
    reader.next().read_der()?; // algorithm
    reader.next().read_der()?; // issuer
    let (not_before_s, not_after_s) = reader
        .next()
        .read_sequence(|reader| Ok((time(reader.next())?, time(reader.next())?)))?;
    let subject = name(reader.next())?;
    let public_key_info = reader.next().read_der()?;
    let mut names = Vec::new();
    while let Some(part) = reader.read_optional(|reader| reader.read_tagged_der())? {
        if part.tag() == Tag::context(3) {
            names = yasna::parse_der(part.value(), extensions)?;
        }
    }
    Ok(ParsedCertificate {
        serial,
        subject,
        not_before_s,
        not_after_s,
        public_key_info,
        names,
    })
}

fn time(reader: BERReader<'_, '_>) -> ASN1Result<i64> {
    match reader.lookahead_tag()? {
        TAG_UTCTIME => Ok(reader.read_utctime()?.datetime().unix_timestamp()),
        TAG_GENERALIZEDTIME => Ok(reader.read_generalized_time()?.datetime().unix_timestamp()),
        _ => Err(ASN1Error::new(ASN1ErrorKind::Invalid)),
    }
}

/// RDNSequence, of sets of one attribute each.
fn name(reader: BERReader<'_, '_>) -> ASN1Result<Vec<(ObjectIdentifier, Tag, Vec<u8>)>> {
    reader.collect_sequence_of(|reader| {
        let mut attributes = reader.collect_set_of(|reader| {
            reader.read_sequence(|reader| {
                let kind = reader.next().read_oid()?;
                let value = reader.next().read_tagged_der()?;
                Ok((kind, value.tag(), value.value().to_vec()))
            })
        })?;
        match attributes.pop() {
            Some(only) if attributes.is_empty() => Ok(only),
            _ => Err(ASN1Error::new(ASN1ErrorKind::Invalid)),
        }
    })
}

fn extensions(reader: BERReader<'_, '_>) -> ASN1Result<Vec<(u64, Vec<u8>)>> {
    let mut names = Vec::new();
    let mut count = 0;
    reader.read_sequence_of(|reader| {
        count += 1;
        if count > PARTS_MAX {
            return Err(ASN1Error::new(ASN1ErrorKind::Invalid));
        }
        reader.read_sequence(|reader| {
            let kind = reader.next().read_oid()?;
            reader.read_optional(|reader| reader.read_bool())?; // critical
            let value = reader.next().read_bytes()?;
            if kind.components().as_slice() == SUBJECT_ALT_NAME {
                names = yasna::parse_der(&value, general_names)?;
            }
            Ok(())
        })
    })?;
    Ok(names)
}

fn general_names(reader: BERReader<'_, '_>) -> ASN1Result<Vec<(u64, Vec<u8>)>> {
    let mut names = Vec::new();
    reader.read_sequence_of(|reader| {
        let part = reader.read_tagged_der()?;
        if part.tag().tag_class != TagClass::ContextSpecific || names.len() >= PARTS_MAX {
            return Err(ASN1Error::new(ASN1ErrorKind::Invalid));
        }
        names.push((part.tag().tag_number, part.value().to_vec()));
        Ok(())
    })?;
    Ok(names)
}

/// Passes over what is left.
fn rest(reader: &mut BERReaderSeq<'_, '_>) -> ASN1Result<()> {
    while reader.read_optional(|reader| reader.read_der())?.is_some() {}
    Ok(())
}
