//! `timberline role …`

use std::collections::BTreeSet;

use timberline_collector::access::Caller;
use timberline_proto::api::access::{Permission, Role, RoleList};

use super::{Accounts, get, print, say, sound, words};
use crate::cli::{RoleAction, RoleDefinitionArgs};
use crate::exit::Exit;

pub(in crate::commands) fn run(args: &RoleDefinitionArgs) -> anyhow::Result<()> {
    match &args.action {
        RoleAction::List { json, to } => {
            let list: RoleList = match Accounts::of(to)? {
                Accounts::Running(client) => get(&client, "/api/v1/roles")?,
                Accounts::Offline { access, .. } => access.roles(),
            };
            print(&list.roles, *json, line, "there is no role")
        }
        RoleAction::Put {
            name,
            description,
            permissions: given,
            streams,
            hidden_fields,
            to,
        } => {
            let role = Role {
                name: name.clone(),
                description: description.clone(),
                permissions: permissions(given)?,
                streams: streams.clone(),
                hidden_fields: hidden_fields.iter().cloned().collect(),
                built_in: false,
            };
            match Accounts::of(to)? {
                Accounts::Running(client) => client.put_json(&format!("/api/v1/roles/{}", sound(name)?), &role)?,
                Accounts::Offline { access, .. } => access.put_role(&role, &Caller::operator()).map(drop)?,
            }
            say(&line(&role))
        }
        RoleAction::Remove { name, to } => {
            match Accounts::of(to)? {
                Accounts::Running(client) => client.delete(&format!("/api/v1/roles/{}", sound(name)?))?,
                Accounts::Offline { access, .. } => access.delete_role(name, &Caller::operator())?,
            }
            say(&format!("{name} is forgotten"))
        }
    }
}

/// Of their names.
pub(super) fn permissions(names: &[String]) -> anyhow::Result<BTreeSet<Permission>> {
    let parse = |name: &String| name.parse().map_err(|error: String| Exit::usage(error).into());
    names.iter().map(parse).collect()
}

fn line(role: &Role) -> String {
    let mut line = format!("{}  gives {}", role.name, words(&role.permissions));
    if let Some(streams) = &role.streams {
        line.push_str(&format!("  only {streams:?}"));
    }
    if !role.hidden_fields.is_empty() {
        line.push_str(&format!("  hides {}", words(&role.hidden_fields)));
    }
    if !role.description.is_empty() {
        line.push_str(&format!("  ({})", role.description.escape_debug()));
    }
    line
}
