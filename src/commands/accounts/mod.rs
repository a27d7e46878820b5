//! `timberline user`, `role` and `key`: who may do what.
//!
//! A server that runs is asked over its API; the data of one that does not run is worked on by itself
//! (`--offline`), by the same code.

pub(super) mod key;
mod password;
pub(super) mod role;
pub(super) mod user;

use std::io::Write;

use serde::Serialize;
use serde::de::DeserializeOwned;
use timberline_collector::Access;
use timberline_collector::access::Openness;

use crate::cli::{AccountArgs, RoleArgs};
use crate::client::Client;
use crate::config::Config;
use crate::data_dir::DataDir;
use crate::exit::Exit;

/// The list of accounts that is meant.
enum Accounts {
    Running(Client),
    /// Locked as long as this lives.
    Offline {
        access: Access,
        _lock: DataDir,
    },
}

impl Accounts {
    fn of(args: &AccountArgs) -> anyhow::Result<Self> {
        if !args.offline {
            return Ok(Self::Running(Client::new(&args.server.server)));
        }
        let config = Config::for_role(&RoleArgs {
            config: args.config.clone(),
            data: args.data.clone(),
            ..RoleArgs::default()
        })?;
        let (role, lock) = if args.of_collector {
            ("collector", "queue")
        } else {
            ("store", "store")
        };
        let data = DataDir::open(&config.data, &[lock])?;
        let options = config.access.options(Openness::Closed, false);
        // What is done goes to the store's record at its next start.
        let access = Access::open(data.role(role).join(super::access::DIR), options, None)?;
        Ok(Self::Offline { access, _lock: data })
    }
}

/// Waits for what only waits for the disk and the processor.
fn wait<T>(work: impl Future<Output = T>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    Ok(runtime.block_on(work))
}

fn get<T: DeserializeOwned>(client: &Client, path: &str) -> anyhow::Result<T> {
    Ok(serde_json::from_reader(client.read(path, &[])?.0)?)
}

/// A name as part of a path.
fn sound(name: &str) -> anyhow::Result<&str> {
    let fine = |c: char| c.is_ascii_alphanumeric() || "._-@".contains(c);
    if name.is_empty() || !name.chars().all(fine) {
        return Err(Exit::usage(format!("{name:?} is no name: letters, digits, `.`, `_`, `-` and `@`")).into());
    }
    Ok(name)
}

fn say(text: &str) -> anyhow::Result<()> {
    Ok(writeln!(std::io::stdout().lock(), "{text}")?)
}

fn print<T: Serialize>(all: &[T], json: bool, line: impl Fn(&T) -> String, none: &str) -> anyhow::Result<()> {
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for one in all {
        match json {
            true => writeln!(out, "{}", serde_json::to_string(one)?)?,
            false => writeln!(out, "{}", line(one))?,
        }
    }
    if all.is_empty() && !json {
        writeln!(out, "{none}")?;
    }
    Ok(out.flush()?)
}

fn words<T: ToString>(all: impl IntoIterator<Item = T>) -> String {
    let all: Vec<String> = all.into_iter().map(|one| one.to_string()).collect();
    if all.is_empty() { "-".to_owned() } else { all.join(",") }
}
