//! What somebody may do who does not ask at the moment: whatever runs for its owner runs within that.

use std::collections::BTreeSet;

use timberline_proto::api::access::{Permission, Scope};

use super::{Access, now_s};

/// Who acts without an account or key, and may do everything.
const OPENLY: [&str; 4] = ["local", "anyone", "operator", "store"];

impl Access {
    /// The permissions and limits of an actor, by the name under which it is on record; none if it is not there
    /// any more, shut out, or over.
    pub fn rights_of_actor(&self, name: &str) -> Option<(BTreeSet<Permission>, Scope)> {
        if OPENLY.contains(&name) {
            return Some((Permission::ALL.into(), Scope::default()));
        }
        let state = self.state();
        let rights = match name.split_once(':')? {
            ("user", user) => {
                let user = state.users.get(user).filter(|user| !user.disabled)?;
                state.rights(&user.roles)
            }
            ("key", id) => {
                let key = state.keys.get(id).filter(|key| key.state(now_s()) == "valid")?;
                state.rights_of_key(key)
            }
            _ => return None,
        };
        Some((rights.permissions, rights.scope))
    }
}
