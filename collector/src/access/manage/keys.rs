//! Keys of programs. The secret is shown once.

use serde_json::json;
use timberline_proto::api::access::{CreatedKey, KeyInfo, KeyList, NewKey};

use super::{may_give, time_text};
use crate::access::caller::Caller;
use crate::access::secret::{KEY_PREFIX, issue};
use crate::access::state::{KEYS_MAX, Key};
use crate::access::{Access, AccessError, act, now_s};

/// Bytes of what a key is for.
const NAME_BYTES_MAX: usize = 128;
/// The longest life that is not for good: ten years.
const TTL_MAX_S: u64 = 10 * 366 * 86_400;

impl Access {
    /// All keys, the newest first.
    pub fn keys(&self) -> KeyList {
        let state = self.state();
        let mut keys: Vec<_> = state.keys.iter().collect();
        keys.sort_by_key(|(_, key)| std::cmp::Reverse(key.created_s));
        KeyList {
            keys: keys.into_iter().map(|(id, key)| self.key_info(id, key)).collect(),
        }
    }

    /// Makes a key. When this returns, it is durable. Blocks.
    ///
    /// # Errors
    /// [`AccessError`]
    pub fn create_key(&self, new: &NewKey, caller: &Caller) -> Result<CreatedKey, AccessError> {
        let bad = |why: String| Err(AccessError::Bad(why));
        let name = new.name.trim();
        if name.is_empty() || name.len() > NAME_BYTES_MAX || name.contains(char::is_control) {
            return bad(format!("say in 1 to {NAME_BYTES_MAX} bytes what the key is for"));
        }
        if new.roles.is_empty() {
            return bad("a key has at least one role: `ingest` for what only sends records".to_owned());
        }
        if new.ttl_s.is_some_and(|ttl_s| !(1..=TTL_MAX_S).contains(&ttl_s)) {
            return bad("a key lives at least a second and at most ten years, or for good".to_owned());
        }
        let issued = issue(KEY_PREFIX);
        let now_s = now_s();
        let key = Key {
            name: name.to_owned(),
            secret_sha256: issued.sha256,
            roles: new.roles.clone(),
            scopes: new.scopes.clone(),
            created_by: caller.actor.name.clone(),
            created_s: now_s,
            expires_s: new
                .ttl_s
                .map(|ttl_s| now_s.saturating_add(i64::try_from(ttl_s).unwrap_or(i64::MAX))),
            ..Key::default()
        };
        let info = self.key_info(&issued.id, &key);
        self.change(|state| {
            may_give(state, caller, &key.roles)?;
            if state.keys.len() >= KEYS_MAX {
                return Err(AccessError::Conflict(format!(
                    "there are {KEYS_MAX} keys, the most that may be"
                )));
            }
            let detail = json!({
                "after": { "name": key.name, "roles": key.roles, "scopes": key.scopes, "expires": info.expires }
            });
            state.keys.insert(issued.id.clone(), key);
            state.note(&act(
                &caller.actor,
                "key.create",
                format!("key:{}", issued.id),
                "ok",
                detail,
            ));
            Ok(())
        })?;
        Ok(CreatedKey {
            key: issued.shown,
            info,
        })
    }

    /// Refuses a key from now on; what it had asked for ends. When this returns, that is durable. Blocks.
    ///
    /// # Errors
    /// [`AccessError`]
    pub fn revoke_key(&self, id: &str, caller: &Caller) -> Result<KeyInfo, AccessError> {
        self.change(|state| {
            let key = state.keys.get_mut(id);
            let key = key.ok_or_else(|| AccessError::NotFound(format!("there is no key {id:?}")))?;
            if key.revoked_s.is_none() {
                key.revoked_s = Some(now_s());
                let detail = json!({ "name": key.name });
                let info = self.key_info(id, key);
                state.note(&act(&caller.actor, "key.revoke", format!("key:{id}"), "ok", detail));
                return Ok(info);
            }
            Ok(self.key_info(id, key))
        })
    }

    fn key_info(&self, id: &str, key: &Key) -> KeyInfo {
        let used_s = key.last_used_s.max(self.inner.used.lock().get(id).copied());
        KeyInfo {
            id: id.to_owned(),
            name: key.name.clone(),
            roles: key.roles.clone(),
            scopes: key.scopes.clone(),
            state: key.state(now_s()).to_owned(),
            created_by: key.created_by.clone(),
            created: time_text(key.created_s),
            expires: key.expires_s.map(time_text),
            last_used: used_s.map(time_text),
        }
    }
}
