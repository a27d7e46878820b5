//! Who a machine is, and connections by certificate.
//!
//! ```text
//! token ──► enroll ══TLS, pinned══► collector      writes key, certificate and authorities to DATA/ROLE/pki
//! pki ────► dial ═════mTLS════════► collector      reads them anew for each connection
//! pki ────► renew ════mTLS════════► collector      at two thirds of a certificate's life, with a new key
//! ```
//! A private key is made on the machine that uses it and never leaves it. TLS is version 1.3 only:
//! both ends are Timberline.
//!
//! | module | what it fixes |
//! |---|---|
//! | [`der`] | what is read of a certificate |
//! | [`identity`] | who a certificate names |
//! | [`pushed`] | configurations that a collector signs for an agent |
//! | [`token`] | what is handed to a new machine |
//! | [`files`] | what a machine keeps |
//! | [`client`] | connecting |
//! | [`enroll`] | a token for a certificate, a certificate for a newer one |

pub mod client;
pub mod der;
pub mod enroll;
pub mod files;
pub mod identity;
pub mod pushed;
pub mod token;
mod verify;

pub use client::{CollectorUrl, Credentials, TlsError};
pub use files::{MachineFiles, NotEnrolled};
pub use identity::{CertificateFacts, Peer, Role};
pub use token::EnrollToken;

use std::sync::Arc;

use rustls::crypto::CryptoProvider;

/// The cryptography of every connection: `ring`.
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// gRPC is HTTP/2.
pub const ALPN: &[u8] = b"h2";
