//! A token for a certificate, and a certificate for a newer one.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use rcgen::{CertificateParams, KeyPair};
use sha2::{Digest, Sha256};
use tonic::transport::Channel;

use super::client::{CollectorUrl, Credentials, TlsError, Trust};
use super::files::{Installation, MachineFiles, NotEnrolled, certificates, new_key};
use super::identity::{CertificateFacts, Peer};
use super::token::EnrollToken;
use crate::crash::{Point, reached};
use crate::wire::v1::enrollment_client::EnrollmentClient;
use crate::wire::v1::{EnrollRequest, EnrollResponse, RenewRequest};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const CALL_TIMEOUT: Duration = Duration::from_secs(30);

/// Why a machine has no (newer) certificate.
#[derive(Debug, thiserror::Error)]
pub enum EnrollError {
    /// The URL is not by TLS.
    #[error("{0} is plain text, and a token must not travel in it: write https://")]
    Plain(String),
    /// The machine's files do not work.
    #[error("{path}: {source}")]
    Files {
        /// Where they are.
        path: std::path::PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// No certificate to renew, or it cannot be used.
    #[error(transparent)]
    NotEnrolled(#[from] NotEnrolled),
    /// TLS cannot be set up.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// No connection.
    #[error("cannot connect to {url}: {why}")]
    Connect {
        /// To where.
        url: String,
        /// Why not.
        why: String,
    },
    /// The collector said no.
    #[error("the collector refused: {}", .0.message())]
    Refused(Box<tonic::Status>),
    /// The collector's answer is not what was asked for.
    #[error("the collector's answer cannot be used: {0}")]
    Answer(String),
}

/// Exchanges a token for a certificate of a new key, and keeps both in `files`. When this returns,
/// they are durable. Files are read, written and waited for on threads that may block.
///
/// # Errors
/// [`EnrollError`]; what was there before is then still there.
pub async fn enroll(
    url: &CollectorUrl,
    token: &EnrollToken,
    files: &MachineFiles,
    peer: Peer,
    host: &str,
) -> Result<CertificateFacts, EnrollError> {
    if !url.is_tls() {
        return Err(EnrollError::Plain(url.to_string()));
    }
    let pin = token.pin;
    let (_lock, key, trust) = blocking(files, move |files| {
        let lock = files.lock().map_err(io_error(files))?;
        let key = files.pending_key().map_err(io_error(files))?;
        // An identity that still holds proves that this machine may go by its id again.
        let show = files.identity().is_ok_and(|held| held.facts.not_after_s > now_s());
        Ok((lock, key, Trust::pinned(pin, files, show)?))
    })
    .await?;
    let channel = connect(url, trust).await?;
    reached(Point::EnrollConnected);
    let mut request = tonic::Request::new(EnrollRequest {
        token_id: Bytes::copy_from_slice(&token.id),
        token_secret: Bytes::copy_from_slice(&token.secret),
        id: Bytes::copy_from_slice(&peer.id.0),
        certificate_request: certificate_request(&key)?,
        host: host.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    });
    request.set_timeout(CALL_TIMEOUT);
    let answer = EnrollmentClient::new(channel).enroll(request).await;
    reached(Point::EnrollAnswered);
    let answer = answer
        .map_err(|status| EnrollError::Refused(Box::new(status)))?
        .into_inner();
    let pinned = certificates(answer.authorities_pem.as_bytes())
        .map_err(EnrollError::Answer)?
        .iter()
        .any(|authority| Sha256::digest(authority)[..] == token.pin);
    if !pinned {
        return Err(EnrollError::Answer(
            "the token's authority is not among its authorities".into(),
        ));
    }
    let url = url.clone();
    blocking(files, move |files| take(&url, files, &key, Some(peer), None, answer)).await
}

/// Gets a certificate of a new key for the one in the credentials' files, and keeps it there. When
/// this returns, it is durable. Files are read, written and waited for on threads that may block.
///
/// # Errors
/// [`EnrollError`]; the certificate before is then still in force.
pub async fn renew(url: &CollectorUrl, credentials: &Credentials) -> Result<CertificateFacts, EnrollError> {
    let files = credentials.files();
    let held = blocking(files, |files| Ok(files.identity()?.facts)).await?;
    let key = new_key().map_err(io_error(files))?;
    let channel = connect(url, Trust::Files(credentials.clone())).await?;
    let mut request = tonic::Request::new(RenewRequest {
        certificate_request: certificate_request(&key)?,
    });
    request.set_timeout(CALL_TIMEOUT);
    let answer = EnrollmentClient::new(channel).renew(request).await;
    let answer = answer
        .map_err(|status| EnrollError::Refused(Box::new(status)))?
        .into_inner();
    let url = url.clone();
    blocking(files, move |files| {
        let _lock = files.lock().map_err(io_error(files))?;
        // Someone may have enrolled anew meanwhile, which wins.
        let now = files.identity()?.facts;
        if now != held {
            return Ok(now);
        }
        let pinned = files.enrolled().and_then(|enrolled| enrolled.configuration_key());
        take(&url, files, &key, held.peer, pinned.as_deref(), answer)
    })
    .await
}

/// Works on `files` where it holds up nobody else: another process may hold the lock for as long as it
/// takes to enroll.
async fn blocking<T: Send + 'static>(
    files: &MachineFiles,
    work: impl FnOnce(&MachineFiles) -> Result<T, EnrollError> + Send + 'static,
) -> Result<T, EnrollError> {
    let of = files.clone();
    match tokio::task::spawn_blocking(move || work(&of)).await {
        Ok(done) => done,
        Err(error) => Err(io_error(files)(std::io::Error::other(error))),
    }
}

/// How long until the certificate in `files` is to be renewed; none if there is none that can be.
pub fn renewal_due(files: &MachineFiles) -> Option<Duration> {
    let facts = files.identity().ok()?.facts;
    let wait = facts.renew_at_s().saturating_sub(now_s());
    Some(Duration::from_secs(u64::try_from(wait).unwrap_or(0)))
}

fn take(
    url: &CollectorUrl,
    files: &MachineFiles,
    key: &KeyPair,
    peer: Option<Peer>,
    pinned: Option<&[u8]>,
    answer: EnrollResponse,
) -> Result<CertificateFacts, EnrollError> {
    let chain = certificates(answer.certificate_pem.as_bytes()).map_err(EnrollError::Answer)?;
    let facts = CertificateFacts::read(&chain[0]).map_err(EnrollError::Answer)?;
    let ours: [u8; 32] = Sha256::digest(rcgen::PublicKeyData::subject_public_key_info(key)).into();
    if facts.peer != peer || facts.key_sha256 != ours {
        return Err(EnrollError::Answer(
            "its certificate is of another machine or key".into(),
        ));
    }
    let labels = answer.labels.into_iter().collect();
    let new = Installation {
        certificate_pem: &answer.certificate_pem,
        authorities_pem: &answer.authorities_pem,
        collector: &url.to_string(),
        labels: &labels,
        configuration_key: pinned.unwrap_or(&answer.configuration_key),
    };
    files.install(key, &new).map_err(io_error(files))?;
    Ok(facts)
}

/// PKCS #10 for a key. It says nothing of the machine: the collector decides what is certified.
fn certificate_request(key: &KeyPair) -> Result<Bytes, EnrollError> {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    let request = params
        .serialize_request(key)
        .map_err(|error| EnrollError::Answer(error.to_string()))?;
    Ok(Bytes::copy_from_slice(request.der()))
}

async fn connect(url: &CollectorUrl, trust: Trust) -> Result<Channel, EnrollError> {
    let failed = |error: tonic::transport::Error| {
        let mut source: &dyn std::error::Error = &error;
        while let Some(inner) = source.source() {
            source = inner;
        }
        EnrollError::Connect {
            url: url.to_string(),
            why: source.to_string(),
        }
    };
    let endpoint = url.endpoint().map_err(failed)?.connect_timeout(CONNECT_TIMEOUT);
    url.connect_trusting(&endpoint, trust).await.map_err(failed)
}

fn io_error(files: &MachineFiles) -> impl FnOnce(std::io::Error) -> EnrollError {
    let path = files.dir().to_owned();
    move |source| EnrollError::Files { path, source }
}

fn now_s() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn waiting_for_another_that_enrolls_holds_up_no_other_task() {
        let dir = tempfile::tempdir().unwrap();
        let files = MachineFiles::new(dir.path());
        let held = files.lock().unwrap();
        let url: CollectorUrl = "https://127.0.0.1:1".parse().unwrap();
        let token = EnrollToken {
            role: super::super::identity::Role::Agent,
            id: [1; 8],
            secret: [2; 32],
            pin: [3; 32],
        };
        let peer = Peer {
            role: super::super::identity::Role::Agent,
            id: crate::id::AgentId([1; 16]),
        };
        // One thread runs both: the second one frees what the first one waits for.
        let enrolling = enroll(&url, &token, &files, peer, "web-1");
        let freeing = async {
            tokio::time::sleep(Duration::from_millis(50)).await;
            drop(held);
        };
        let both = async { tokio::join!(enrolling, freeing).0 };
        let outcome = tokio::time::timeout(Duration::from_secs(20), both).await.unwrap();
        assert!(matches!(outcome, Err(EnrollError::Connect { .. })), "{outcome:?}");
    }
}
