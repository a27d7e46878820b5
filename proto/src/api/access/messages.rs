//! The messages of the routes about accounts, keys and sessions.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Permission, Role};

/// The body of `POST /api/v1/login`.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Login {
    /// Who.
    pub name: String,
    /// The password.
    pub password: String,
    /// A code of the authenticator, or a recovery code, if the account asks for one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
}

/// The body of `POST /api/v1/setup`: makes the first account, which is an admin's.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Setup {
    /// What stands in the link that the server printed at its start.
    pub token: String,
    /// The name of the account.
    pub name: String,
    /// Its password.
    pub password: String,
}

/// The answer of `GET /api/v1/whoami`, of logging in and of setting up.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct WhoAmI {
    /// As acts name it: `user:NAME`, `key:ID`, `local`, `anyone`; nobody if none.
    pub actor: Option<String>,
    /// The account's name, if it is one.
    pub user: Option<String>,
    /// Its roles.
    pub roles: BTreeSet<String>,
    /// What may be done.
    pub permissions: BTreeSet<Permission>,
    /// Whether only some records or fields are shown.
    pub limited: bool,
    /// Whether the account asks for a code besides the password.
    pub totp: bool,
    /// Whether the server asks nobody who they are, because there is no account or it was told not to.
    pub open: bool,
    /// Whether there is no account yet.
    pub no_account: bool,
}

/// The body of `POST /api/v1/account/password`.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OwnPassword {
    /// The password until now.
    pub old: String,
    /// The one from now on.
    pub new: String,
}

/// A password that shows that it is really its owner who asks.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Possession {
    /// The account's.
    pub password: String,
}

/// The answer of `POST /api/v1/account/totp`.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct TotpSecret {
    /// In base32, for typing.
    pub secret: String,
    /// For an authenticator: `otpauth://totp/…`.
    pub uri: String,
}

/// The body of `POST /api/v1/account/totp/confirm`.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TotpCode {
    /// Six digits.
    pub code: String,
}

/// The answer of `POST /api/v1/account/totp/confirm`; shown once.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct RecoveryCodes {
    /// Each stands in the place of a code, once.
    pub codes: Vec<String>,
}

/// The body of `POST /api/v1/users`.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NewUser {
    /// Lower case letters, digits, `.`, `_`, `-` and `@`.
    pub name: String,
    /// The password.
    pub password: String,
    /// Roles.
    pub roles: BTreeSet<String>,
}

/// The body of `PUT /api/v1/users/{name}`; what is absent stays.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct UserChange {
    /// Roles.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub roles: Option<BTreeSet<String>>,
    /// Whether it is shut out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disabled: Option<bool>,
    /// True takes its authenticator away: for whoever lost it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reset_totp: Option<bool>,
}

/// The body of `POST /api/v1/users/{name}/password`.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NewPassword {
    /// The one from now on.
    pub password: String,
}

/// An account.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserInfo {
    /// Its name.
    pub name: String,
    /// Its roles.
    pub roles: BTreeSet<String>,
    /// Whether it is shut out.
    pub disabled: bool,
    /// Whether it asks for a code besides the password.
    pub totp: bool,
    /// RFC 3339.
    pub created: String,
    /// RFC 3339; none if nobody has.
    pub last_login: Option<String>,
    /// Sessions under way.
    pub sessions: u64,
}

/// The answer of `GET /api/v1/users`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct UserList {
    /// By name.
    pub users: Vec<UserInfo>,
}

/// The answer of `GET /api/v1/roles`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct RoleList {
    /// Built in first, then by name.
    pub roles: Vec<Role>,
}

/// The body of `POST /api/v1/keys`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NewKey {
    /// What it is for.
    pub name: String,
    /// Its roles.
    pub roles: BTreeSet<String>,
    /// Of what these give, only this; everything if none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scopes: Option<BTreeSet<Permission>>,
    /// For how long, seconds; for good if none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ttl_s: Option<u64>,
}

/// A key, without its secret.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyInfo {
    /// By which it is revoked.
    pub id: String,
    /// What it is for.
    pub name: String,
    /// Its roles.
    pub roles: BTreeSet<String>,
    /// Of what these give, only this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scopes: Option<BTreeSet<Permission>>,
    /// `valid`, `expired` or `revoked`.
    pub state: String,
    /// Who made it.
    pub created_by: String,
    /// RFC 3339.
    pub created: String,
    /// RFC 3339; never if none.
    pub expires: Option<String>,
    /// RFC 3339; none if it was not used.
    pub last_used: Option<String>,
}

/// The answer of `GET /api/v1/keys`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct KeyList {
    /// The newest first.
    pub keys: Vec<KeyInfo>,
}

/// The answer of `POST /api/v1/keys`.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct CreatedKey {
    /// What is shown once.
    pub key: String,
    /// What is known of it.
    pub info: KeyInfo,
}

/// A session.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionInfo {
    /// By which it is ended; no secret.
    pub id: String,
    /// Whose.
    pub user: String,
    /// From which address it began.
    pub origin: Option<String>,
    /// What the browser called itself.
    pub agent: String,
    /// RFC 3339.
    pub began: String,
    /// RFC 3339.
    pub last_used: String,
    /// RFC 3339.
    pub expires: String,
    /// Whether it is the one that asks.
    pub own: bool,
}

/// The answer of `GET /api/v1/sessions`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct SessionList {
    /// The newest first: one's own, or, with `access.manage`, all.
    pub sessions: Vec<SessionInfo>,
}

/// The answer of `GET /api/v1/access/audit`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct AccessAudit {
    /// The last acts about accounts, the newest first.
    pub acts: Vec<AccessAct>,
    /// Who was refused, the newest first.
    pub refusals: Vec<AccessRefusals>,
}

/// Something that was done with accounts, roles, keys or sessions.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct AccessAct {
    /// RFC 3339.
    pub at: String,
    /// Who.
    pub actor: String,
    /// From where.
    pub origin: Option<String>,
    /// What.
    pub action: String,
    /// To what.
    pub object: String,
    /// `ok`, or why not.
    pub outcome: String,
    /// What was before and after.
    pub detail: Value,
}

/// Refusals of one address for one reason.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct AccessRefusals {
    /// An address, or a network of IPv6.
    pub origin: String,
    /// Why.
    pub why: String,
    /// How often.
    pub count: u64,
    /// RFC 3339.
    pub first: String,
    /// RFC 3339.
    pub last: String,
}
