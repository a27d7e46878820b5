//! Who asks, and what for. A request has one among its extensions once it is let in.

use std::collections::BTreeSet;
use std::time::Duration;

use axum::Json;
use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use timberline_proto::api::ApiError;
use timberline_proto::api::access::{Actor, Permission, Scope};
use tokio_util::sync::CancellationToken;

/// By what somebody is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// By nothing: whoever reaches the port is let in.
    Anyone,
    /// By asking from this machine, while there is no account.
    Local,
    /// By a session of an account.
    Session {
        /// Its id.
        id: String,
        /// The account.
        user: String,
    },
    /// By name and password with the request itself.
    Password {
        /// The account.
        user: String,
    },
    /// By a key.
    Key {
        /// Its id.
        id: String,
    },
    /// By working on the data directory itself.
    Operator,
}

/// Who asks, and what for.
#[derive(Clone, Debug)]
pub struct Caller {
    /// As it goes on record.
    pub actor: Actor,
    /// By what it is known.
    pub proof: Proof,
    /// What it may do.
    pub permissions: BTreeSet<Permission>,
    /// What of all records it may see.
    pub scope: Scope,
    /// Cancelled when its session or key ends.
    pub ended: CancellationToken,
    /// When that is at the latest, if it is known.
    pub lasts: Option<Duration>,
}

impl Caller {
    /// One who is let in without a credential.
    pub(super) fn open(proof: Proof, origin: Option<String>, without: &[Permission]) -> Self {
        let name = match proof {
            Proof::Local => "local",
            Proof::Operator => "operator",
            _ => "anyone",
        };
        let permissions = Permission::ALL
            .into_iter()
            .filter(|permission| !without.contains(permission));
        Self {
            actor: Actor::new(name, origin),
            proof,
            permissions: permissions.collect(),
            scope: Scope::default(),
            ended: CancellationToken::new(),
            lasts: None,
        }
    }

    /// Whoever works on the data directory itself, and so could change it by hand.
    pub fn operator() -> Self {
        Self::open(Proof::Operator, None, &[])
    }

    /// Whether it may.
    pub fn may(&self, permission: Permission) -> bool {
        self.permissions.contains(&permission)
    }

    /// The account, if it is one.
    pub fn user(&self) -> Option<&str> {
        match &self.proof {
            Proof::Session { user, .. } | Proof::Password { user } => Some(user),
            _ => None,
        }
    }
}

/// A route that nobody guards gives nothing away.
#[derive(Clone, Copy, Debug)]
pub struct NotGuarded;

impl IntoResponse for NotGuarded {
    fn into_response(self) -> Response {
        let error = ApiError {
            code: "internal".into(),
            message: "nobody asked who is there: this route is not guarded".into(),
            ..ApiError::default()
        };
        (StatusCode::INTERNAL_SERVER_ERROR, Json(error)).into_response()
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = NotGuarded;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, NotGuarded> {
        parts.extensions.get::<Self>().cloned().ok_or(NotGuarded)
    }
}
