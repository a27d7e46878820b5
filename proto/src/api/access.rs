//! Who may do what: permissions and roles, and the messages of the routes about accounts, keys and
//! sessions.

mod messages;
mod permission;
mod role;

pub use messages::{
    AccessAct, AccessAudit, AccessRefusals, CreatedKey, KeyInfo, KeyList, Login, NewKey, NewPassword, NewUser,
    OwnPassword, Possession, RecoveryCodes, RoleList, SessionInfo, SessionList, Setup, TotpCode, TotpSecret,
    UserChange, UserInfo, UserList, WhoAmI,
};
pub use permission::Permission;
pub use role::{BUILT_IN, Role, built_in};

use serde::{Deserialize, Serialize};

/// Who does something, as it goes on record.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// `user:NAME`, `key:ID`; `local` is somebody on this machine while there is no account, `anyone`
    /// where nobody is asked, `operator` whoever works on the data directory itself.
    pub name: String,
    /// From which address, if over the network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
}

impl Actor {
    /// Of a name, from an address.
    pub fn new(name: impl Into<String>, origin: Option<String>) -> Self {
        Self {
            name: name.into(),
            origin,
        }
    }
}

/// What of all records a request may see. `store::read` holds every question to it; a route that cannot
/// yet do so is refused to whoever is limited.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scope {
    /// Only records that this search keeps (a filter of the query language, without pipes); all if none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub streams: Option<String>,
    /// Fields that are not shown, searched, sorted by or counted, ascending.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hidden_fields: Vec<String>,
}

impl Scope {
    /// Whether everything may be seen.
    pub fn is_everything(&self) -> bool {
        self.streams.is_none() && self.hidden_fields.is_empty()
    }
}
