//! The command line of `enroll` and `agents`.

use std::path::PathBuf;

use clap::Args;
#[cfg(feature = "store")]
use clap::Subcommand;

#[cfg(feature = "store")]
use super::ServerArgs;

#[cfg(any(feature = "agent", feature = "store"))]
#[derive(Debug, Args)]
pub(crate) struct EnrollArgs {
    /// The collector, https://HOST:PORT
    pub(crate) url: String,
    /// What `timberline agents token create` printed there
    #[arg(
        long,
        env = "TIMBERLINE_ENROLL_TOKEN",
        hide_env_values = true,
        required_unless_present = "token_file"
    )]
    pub(crate) token: Option<String>,
    /// Read the token from this file, where it is in nobody's list of processes; `-` reads standard input
    #[arg(long, value_name = "FILE", conflicts_with = "token")]
    pub(crate) token_file: Option<PathBuf>,
    /// Enroll anew though this machine is enrolled there already
    #[arg(long)]
    pub(crate) again: bool,
    /// Read the configuration from this TOML file
    #[arg(long, value_name = "FILE", env = "TIMBERLINE_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// Where everything that is written is kept (key data)
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
}

#[cfg(feature = "store")]
#[derive(Debug, Args)]
pub(crate) struct AgentsArgs {
    #[command(subcommand)]
    pub(crate) action: AgentsAction,
}

#[cfg(feature = "store")]
#[derive(Debug, Subcommand)]
pub(crate) enum AgentsAction {
    /// List the machines that enrolled
    List(ListArgs),
    /// Refuse a machine from now on, and cut its connections
    Revoke(OneArgs),
    /// Let a machine enroll with a new key: one that was revoked, or whose files were lost
    Allow(OneArgs),
    /// Show who did what with tokens and machines
    Audit(ListArgs),
    /// Change what is known of a machine, by which groups are made
    Label {
        /// Its id, as `agents list` shows it
        id: String,
        /// NAME=VALUE; an empty value takes the label away
        #[arg(required = true)]
        labels: Vec<String>,
        #[command(flatten)]
        to: CollectorArgs,
    },
    /// Push a configuration to a group of machines, or see what groups run
    Config {
        #[command(subcommand)]
        action: PushAction,
    },
    /// Make, list and revoke tokens
    Token {
        #[command(subcommand)]
        action: TokenAction,
    },
}

#[cfg(feature = "store")]
#[derive(Debug, Subcommand)]
pub(crate) enum TokenAction {
    /// Make a token and print it, once
    Create {
        /// How many machines may enroll with it
        #[arg(long, value_name = "N", default_value_t = 1)]
        uses: u32,
        /// For how long
        #[arg(long, value_name = "TIME", default_value = "1h")]
        ttl: humantime::Duration,
        /// What its bearer becomes: `agent` or `store`
        #[arg(long, value_name = "ROLE", default_value = "agent")]
        role: String,
        /// What is known of the machines that enroll with it (repeatable)
        #[arg(long, value_name = "NAME=VALUE")]
        label: Vec<String>,
        #[command(flatten)]
        to: CollectorArgs,
    },
    /// List the tokens, without their secrets
    List(ListArgs),
    /// Nobody enrolls with this token any more
    Revoke(OneArgs),
}

#[cfg(feature = "store")]
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// One JSON object per line
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) to: CollectorArgs,
}

#[cfg(feature = "store")]
#[derive(Debug, Args)]
pub(crate) struct OneArgs {
    /// Its id, as the list shows it
    pub(crate) id: String,
    #[command(flatten)]
    pub(crate) to: CollectorArgs,
}

/// Which collector: one that runs, or the data of one that does not.
#[cfg(feature = "store")]
#[derive(Debug, Args)]
pub(crate) struct CollectorArgs {
    #[command(flatten)]
    pub(crate) server: ServerArgs,
    #[command(flatten)]
    pub(crate) offline: OfflineArgs,
}

#[cfg(feature = "store")]
#[derive(Debug, Args)]
pub(crate) struct OfflineArgs {
    /// Work on the data of a collector that does not run, instead of asking one that does
    #[arg(long)]
    pub(crate) offline: bool,
    /// With --offline: read the configuration from this TOML file
    #[arg(long, value_name = "FILE", env = "TIMBERLINE_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// With --offline: the collector's data directory (key data)
    #[arg(long, value_name = "DIR", requires = "offline")]
    pub(crate) data: Option<PathBuf>,
}

#[cfg(feature = "store")]
#[derive(Debug, Subcommand)]
pub(crate) enum PushAction {
    /// Try a configuration on a few machines of a group, then give it to all
    Set {
        /// The machines with this label (repeatable: with all of them)
        #[arg(long, value_name = "NAME=VALUE", required = true)]
        group: Vec<String>,
        /// On how many machines it is tried first
        #[arg(long, value_name = "N", default_value_t = 1)]
        first: u32,
        /// How long they, and then all, are watched
        #[arg(long, value_name = "TIME", default_value = "1m")]
        wait: humantime::Duration,
        /// TOML: `[agent]` with tail, exclude, files, rules, attributes
        file: PathBuf,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Let the machines of a group run their own configuration again, likewise the first few first
    Unset {
        /// As it was set
        #[arg(long, value_name = "NAME=VALUE", required = true)]
        group: Vec<String>,
        /// On how many machines it is tried first
        #[arg(long, value_name = "N", default_value_t = 1)]
        first: u32,
        /// How long they, and then all, are watched
        #[arg(long, value_name = "TIME", default_value = "1m")]
        wait: humantime::Duration,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Show the groups, what they run, and how trials go
    List {
        /// One JSON object per line
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        server: ServerArgs,
    },
}
