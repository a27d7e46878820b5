//! `timberline user …`

use timberline_collector::access::Caller;
use timberline_proto::api::access::{NewPassword, NewUser, UserChange, UserInfo, UserList};

use super::{Accounts, get, password, print, say, sound, wait, words};
use crate::cli::{AccountArgs, UserAction, UserArgs};

pub(in crate::commands) fn run(args: &UserArgs) -> anyhow::Result<()> {
    match &args.action {
        UserAction::Add {
            name,
            roles,
            password: from,
            to,
        } => {
            let accounts = Accounts::of(to)?;
            let new = NewUser {
                name: name.clone(),
                password: password::read(from)?,
                roles: roles.iter().cloned().collect(),
            };
            let made: UserInfo = match accounts {
                Accounts::Running(client) => serde_json::from_reader(client.post_json("/api/v1/users", &new)?)?,
                Accounts::Offline { access, .. } => wait(access.create_user(new, Caller::operator()))??,
            };
            say(&format!("{} may log in; roles: {}", made.name, words(&made.roles)))
        }
        UserAction::List { json, to } => {
            let list: UserList = match Accounts::of(to)? {
                Accounts::Running(client) => get(&client, "/api/v1/users")?,
                Accounts::Offline { access, .. } => access.users(),
            };
            print(&list.users, *json, line, "there is no account")
        }
        UserAction::Password {
            name,
            password: from,
            to,
        } => {
            let accounts = Accounts::of(to)?;
            let new = password::read(from)?;
            match accounts {
                Accounts::Running(client) => {
                    let path = format!("/api/v1/users/{}/password", sound(name)?);
                    client.post_json(&path, &NewPassword { password: new })?;
                }
                Accounts::Offline { access, .. } => {
                    wait(access.set_password(name.clone(), new, Caller::operator()))??;
                }
            }
            say(&format!("{name} has a new password; the sessions before have ended"))
        }
        UserAction::Roles { name, roles, to } => {
            let change = UserChange {
                roles: Some(roles.iter().cloned().collect()),
                ..UserChange::default()
            };
            changed(name, &change, to)
        }
        UserAction::Disable { name, to } => changed(name, &disabled(true), to),
        UserAction::Enable { name, to } => changed(name, &disabled(false), to),
        UserAction::ResetTotp { name, to } => {
            let change = UserChange {
                reset_totp: Some(true),
                ..UserChange::default()
            };
            changed(name, &change, to)
        }
        UserAction::Remove { name, to } => {
            match Accounts::of(to)? {
                Accounts::Running(client) => client.delete(&format!("/api/v1/users/{}", sound(name)?))?,
                Accounts::Offline { access, .. } => access.delete_user(name, &Caller::operator())?,
            }
            say(&format!("{name} is forgotten"))
        }
    }
}

fn disabled(disabled: bool) -> UserChange {
    UserChange {
        disabled: Some(disabled),
        ..UserChange::default()
    }
}

fn changed(name: &str, change: &UserChange, to: &AccountArgs) -> anyhow::Result<()> {
    let info = match Accounts::of(to)? {
        Accounts::Running(client) => {
            let path = format!("/api/v1/users/{}", sound(name)?);
            client.put_json(&path, change)?;
            let list: UserList = get(&client, "/api/v1/users")?;
            list.users.into_iter().find(|user| user.name == name)
        }
        Accounts::Offline { access, .. } => Some(access.change_user(name, change, &Caller::operator())?),
    };
    match info {
        Some(info) => say(&line(&info)),
        None => say(&format!("{name} was changed")),
    }
}

fn line(user: &UserInfo) -> String {
    let state = if user.disabled { "shut out" } else { "active" };
    let totp = if user.totp { "with a code" } else { "password only" };
    let last = user.last_login.as_deref().unwrap_or("never");
    format!(
        "{}  {state}  {totp}  roles {}  sessions {}  last login {last}",
        user.name,
        words(&user.roles),
        user.sessions
    )
}
