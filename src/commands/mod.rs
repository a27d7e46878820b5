//! One command per file.

#[cfg(feature = "collector")]
mod access;
#[cfg(feature = "store")]
mod accounts;
#[cfg(feature = "agent")]
mod agent;
#[cfg(feature = "store")]
mod agents;
#[cfg(feature = "store")]
mod alerts;
#[cfg(feature = "store")]
mod backup;
mod banner;
#[cfg(feature = "store")]
mod canary;
#[cfg(feature = "collector")]
mod collector;
mod completions;
mod config;
#[cfg(any(feature = "agent", feature = "store"))]
mod enroll;
#[cfg(feature = "store")]
mod erase;
#[cfg(feature = "store")]
mod file;
#[cfg(feature = "store")]
mod fleet;
#[cfg(feature = "store")]
mod holds;
#[cfg(feature = "store")]
mod integrity;
#[cfg(feature = "store")]
mod ledger;
#[cfg(feature = "collector")]
mod listen;
#[cfg(feature = "store")]
mod loadgen;
#[cfg(feature = "store")]
mod page;
#[cfg(feature = "store")]
mod prove;
#[cfg(feature = "store")]
mod query;
#[cfg(any(feature = "agent", feature = "collector"))]
mod receive;
#[cfg(feature = "store")]
mod retention;
#[cfg(feature = "store")]
mod split;
#[cfg(feature = "store")]
mod store;
#[cfg(feature = "store")]
mod tail;
#[cfg(all(feature = "agent", feature = "store"))]
mod up;
#[cfg(feature = "store")]
mod verify;

use crate::cli::{Cli, Command};

/// Runs the command that was asked for.
///
/// # Errors
/// Whatever ends it; see [`crate::exit`] for the codes.
pub(crate) fn run(cli: Cli) -> anyhow::Result<()> {
    #[cfg(feature = "store")]
    crate::client::know(&cli.credentials)?;
    match cli.command {
        #[cfg(all(feature = "agent", feature = "store"))]
        Command::Up(args) => up::run(&args),
        #[cfg(feature = "agent")]
        Command::Agent(args) => agent::run(&args),
        #[cfg(feature = "collector")]
        Command::Collector(args) => collector::run(&args),
        #[cfg(feature = "store")]
        Command::Store(args) => store::run(&args),
        #[cfg(feature = "store")]
        Command::Query(args) => query::run(&args),
        #[cfg(feature = "store")]
        Command::Tail(args) => tail::run(&args),
        #[cfg(feature = "store")]
        Command::File(args) => file::run(&args),
        #[cfg(feature = "store")]
        Command::Split(args) => split::run(&args),
        #[cfg(feature = "store")]
        Command::Backup(args) => backup::run(&args),
        #[cfg(any(feature = "agent", feature = "store"))]
        Command::Enroll(args) => enroll::run(&args),
        #[cfg(feature = "store")]
        Command::Agents(args) => fleet::run(&args),
        #[cfg(feature = "store")]
        Command::Alerts(args) => alerts::run(&args),
        #[cfg(feature = "store")]
        Command::Retention(args) => retention::run(&args),
        #[cfg(feature = "store")]
        Command::Holds(args) => holds::run(&args),
        #[cfg(feature = "store")]
        Command::Erase(args) => erase::run(&args),
        #[cfg(feature = "store")]
        Command::User(args) => accounts::user::run(&args),
        #[cfg(feature = "store")]
        Command::Role(args) => accounts::role::run(&args),
        #[cfg(feature = "store")]
        Command::Key(args) => accounts::key::run(&args),
        #[cfg(feature = "store")]
        Command::Ledger(args) => ledger::run(&args),
        #[cfg(feature = "store")]
        Command::Verify(args) => verify::run(&args),
        #[cfg(feature = "store")]
        Command::Prove(args) => prove::run(&args),
        #[cfg(feature = "store")]
        Command::Integrity(args) => integrity::run(&args),
        #[cfg(feature = "store")]
        Command::Canary(args) => canary::run(&args),
        #[cfg(feature = "store")]
        Command::Loadgen(args) => loadgen::run(&args),
        Command::Config(args) => config::run(&args),
        Command::Completions { shell } => {
            completions::run(shell);
            Ok(())
        }
    }
}
