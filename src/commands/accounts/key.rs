//! `timberline key …`

use std::io::Write;
use std::path::Path;

use anyhow::Context;
use timberline_collector::access::Caller;
use timberline_proto::api::access::{CreatedKey, KeyInfo, KeyList, NewKey};

use super::{Accounts, get, print, role, say, sound, words};
use crate::cli::{KeyAction, KeyArgs};

pub(in crate::commands) fn run(args: &KeyArgs) -> anyhow::Result<()> {
    match &args.action {
        KeyAction::Create {
            name,
            roles,
            scopes,
            ttl,
            out,
            to,
        } => {
            let new = NewKey {
                name: name.clone(),
                roles: roles.iter().cloned().collect(),
                scopes: (!scopes.is_empty()).then(|| role::permissions(scopes)).transpose()?,
                ttl_s: ttl.map(|ttl| ttl.as_secs()),
            };
            let made: CreatedKey = match Accounts::of(to)? {
                Accounts::Running(client) => serde_json::from_reader(client.post_json("/api/v1/keys", &new)?)?,
                Accounts::Offline { access, .. } => access.create_key(&new, &Caller::operator())?,
            };
            match out {
                Some(path) => {
                    write(path, &made.key).with_context(|| {
                        format!(
                            "the key {} was made, and cannot be written to {}: revoke it",
                            made.info.id,
                            path.display()
                        )
                    })?;
                    say(&format!("the key {} is in {}", made.info.id, path.display()))
                }
                None => say(&made.key),
            }
        }
        KeyAction::List { json, to } => {
            let list: KeyList = match Accounts::of(to)? {
                Accounts::Running(client) => get(&client, "/api/v1/keys")?,
                Accounts::Offline { access, .. } => access.keys(),
            };
            print(&list.keys, *json, line, "there is no key")
        }
        KeyAction::Revoke { id, to } => {
            match Accounts::of(to)? {
                Accounts::Running(client) => client.delete(&format!("/api/v1/keys/{}", sound(id)?))?,
                Accounts::Offline { access, .. } => access.revoke_key(id, &Caller::operator()).map(drop)?,
            }
            say(&format!("the key {id} is refused from now on"))
        }
    }
}

/// For its owner only; a file that is there stays.
fn write(path: &Path, key: &str) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    writeln!(file, "{key}")?;
    file.sync_all()
}

fn line(key: &KeyInfo) -> String {
    let scopes = key.scopes.as_ref().map(|scopes| format!("  only {}", words(scopes)));
    format!(
        "{}  {}  roles {}{}  expires {}  last used {}  by {}  ({})",
        key.id,
        key.state,
        words(&key.roles),
        scopes.unwrap_or_default(),
        key.expires.as_deref().unwrap_or("never"),
        key.last_used.as_deref().unwrap_or("never"),
        key.created_by,
        key.name.escape_debug()
    )
}
