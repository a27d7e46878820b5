//! Why a machine is refused, as it is told and as it is counted.

use timberline_proto::tls::Peer;

use super::state::CERTIFICATES_MAX;

/// Why a machine gets no certificate, or may do nothing with one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No token has this id and secret; which of the two it was is not said.
    #[error("this token is not known here: it was made by another collector, or is not complete")]
    UnknownToken,
    /// The token's time is over.
    #[error("this token has expired: make a new one with `timberline agents token create`")]
    ExpiredToken,
    /// The token was revoked.
    #[error("this token was revoked: ask for a new one")]
    RevokedToken,
    /// As many machines as may have enrolled with it.
    #[error("this token is used up: make a new one with `timberline agents token create`")]
    UsedUp,
    /// Another key holds this id, or held it last.
    #[error(
        "{0} is enrolled already with another key; if its files were lost, or its certificate ran out, allow it to enroll anew: `timberline agents allow {id}`",
        id = .0.id
    )]
    Enrolled(Peer),
    /// The machine was revoked.
    #[error("{0} was revoked; `timberline agents allow {id}` lets it enroll anew", id = .0.id)]
    Revoked(Peer),
    /// This certificate was taken back, the machine was not.
    #[error("this certificate of {0}, and its key, are no longer accepted: enroll anew")]
    RefusedCertificate(Peer),
    /// Too many certificates of one machine hold.
    #[error("{0} has {CERTIFICATES_MAX} certificates that still hold; wait until one is over")]
    TooManyCertificates(Peer),
    /// The list is full.
    #[error("{0} machines are enrolled, as many as `server.agents_max` lets: revoke none, but raise it")]
    Full(usize),
    /// Too many wrong tokens from one address.
    #[error("too many wrong tokens from your address: try again in a minute")]
    TooManyAttempts,
    /// The request for a certificate is none.
    #[error("the certificate request cannot be used: {0}")]
    BadRequest(String),
}
impl Refusal {
    /// What refusals are counted by.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::UnknownToken => "unknown token",
            Self::ExpiredToken => "expired token",
            Self::RevokedToken => "revoked token",
            Self::UsedUp => "token used up",
            Self::Enrolled(_) => "another machine's id",
            Self::Revoked(_) => "revoked machine",
            Self::RefusedCertificate(_) => "refused certificate",
            Self::TooManyCertificates(_) => "too many certificates",
            Self::Full(_) => "too many machines",
            Self::TooManyAttempts => "too many wrong tokens",
            Self::BadRequest(_) => "bad request",
        }
    }
}
