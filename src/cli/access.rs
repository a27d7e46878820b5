//! The command line of `user`, `role` and `key`, and by what commands are known to a server.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::ServerArgs;

/// By what the commands that ask a server are known to it. None of it stands in the list of processes.
#[derive(Debug, Default, Args)]
pub(crate) struct CredentialArgs {
    /// Read the key by which the server knows this command from this file, instead of TIMBERLINE_KEY
    #[arg(long, value_name = "FILE", global = true, env = "TIMBERLINE_KEY_FILE")]
    pub(crate) key_file: Option<PathBuf>,
    /// Know the server by the authorities in this PEM file, instead of the public ones
    #[arg(long, value_name = "FILE", global = true, env = "TIMBERLINE_CA_FILE")]
    pub(crate) ca_file: Option<PathBuf>,
}

/// Which list of accounts is meant.
#[derive(Debug, Args)]
pub(crate) struct AccountArgs {
    #[command(flatten)]
    pub(crate) server: ServerArgs,
    /// Work on the data directory of a server that does not run: for the first account, or a lost password
    #[arg(long)]
    pub(crate) offline: bool,
    /// With --offline: a collector by itself is meant, not a store or `up`
    #[arg(long, requires = "offline")]
    pub(crate) of_collector: bool,
    /// With --offline: read the configuration from this TOML file
    #[arg(long, value_name = "FILE", env = "TIMBERLINE_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// With --offline: the data directory (key data)
    #[arg(long, value_name = "DIR", requires = "offline")]
    pub(crate) data: Option<PathBuf>,
}

/// Where a password comes from: a terminal, a file, TIMBERLINE_PASSWORD, or else standard input.
#[derive(Debug, Args)]
pub(crate) struct PasswordArgs {
    /// Read the password from the first line of this file; `-` reads standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct UserArgs {
    #[command(subcommand)]
    pub(crate) action: UserAction,
}

#[derive(Debug, Subcommand)]
pub(crate) enum UserAction {
    /// Make an account
    Add {
        /// Its name
        name: String,
        /// What it may do (repeatable): admin, operator, analyst, viewer, auditor, ingest, or an own role
        #[arg(long = "role", value_name = "ROLE", required = true)]
        roles: Vec<String>,
        #[command(flatten)]
        password: PasswordArgs,
        #[command(flatten)]
        to: AccountArgs,
    },
    /// List the accounts
    List {
        /// One JSON object per line
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        to: AccountArgs,
    },
    /// Give an account a new password; its sessions end
    Password {
        /// Its name
        name: String,
        #[command(flatten)]
        password: PasswordArgs,
        #[command(flatten)]
        to: AccountArgs,
    },
    /// Give an account other roles; its sessions end
    Roles {
        /// Its name
        name: String,
        /// Its roles from now on
        #[arg(required = true)]
        roles: Vec<String>,
        #[command(flatten)]
        to: AccountArgs,
    },
    /// Shut an account out; its sessions end
    Disable {
        /// Its name
        name: String,
        #[command(flatten)]
        to: AccountArgs,
    },
    /// Let an account in again
    Enable {
        /// Its name
        name: String,
        #[command(flatten)]
        to: AccountArgs,
    },
    /// Ask an account for no codes any more: its owner lost the authenticator
    ResetTotp {
        /// Its name
        name: String,
        #[command(flatten)]
        to: AccountArgs,
    },
    /// Forget an account
    Remove {
        /// Its name
        name: String,
        #[command(flatten)]
        to: AccountArgs,
    },
}

#[derive(Debug, Args)]
pub(crate) struct RoleDefinitionArgs {
    #[command(subcommand)]
    pub(crate) action: RoleAction,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RoleAction {
    /// List the roles and what they give
    List {
        /// One JSON object per line
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        to: AccountArgs,
    },
    /// Make a role, or change the one of that name
    Put {
        /// Its name
        name: String,
        /// What it is for
        #[arg(long, default_value = "")]
        description: String,
        /// What it gives (repeatable), such as logs.search
        #[arg(long = "permission", value_name = "PERMISSION")]
        permissions: Vec<String>,
        /// Only records that this search keeps, such as service.name:checkout
        #[arg(long, value_name = "QUERY")]
        streams: Option<String>,
        /// A field that is hidden from it (repeatable)
        #[arg(long = "hide", value_name = "FIELD")]
        hidden_fields: Vec<String>,
        #[command(flatten)]
        to: AccountArgs,
    },
    /// Forget a role that nobody has
    Remove {
        /// Its name
        name: String,
        #[command(flatten)]
        to: AccountArgs,
    },
}

#[derive(Debug, Args)]
pub(crate) struct KeyArgs {
    #[command(subcommand)]
    pub(crate) action: KeyAction,
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeyAction {
    /// Make a key; it is printed once
    Create {
        /// What it is for
        name: String,
        /// What it may do (repeatable); `ingest` for what only sends records
        #[arg(long = "role", value_name = "ROLE", required = true)]
        roles: Vec<String>,
        /// Of what its roles give, only this (repeatable), such as logs.search
        #[arg(long = "scope", value_name = "PERMISSION")]
        scopes: Vec<String>,
        /// For how long, such as 90days; for good unless said
        #[arg(long, value_name = "TIME")]
        ttl: Option<humantime::Duration>,
        /// Write the key to this file, for its owner only, instead of printing it
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
        #[command(flatten)]
        to: AccountArgs,
    },
    /// List the keys, without their secrets
    List {
        /// One JSON object per line
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        to: AccountArgs,
    },
    /// Refuse a key from now on
    Revoke {
        /// Its id, as `key list` shows it
        id: String,
        #[command(flatten)]
        to: AccountArgs,
    },
}
