//! The command line.

mod fleet;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
#[cfg(any(feature = "agent", feature = "store"))]
pub(crate) use fleet::EnrollArgs;
#[cfg(feature = "store")]
pub(crate) use fleet::{AgentsAction, AgentsArgs, CollectorArgs, PushAction, TokenAction};

/// Logs collected, kept and searched by one program.
#[derive(Debug, Parser)]
#[command(
    name = "timberline",
    version,
    about,
    after_help = "Exit codes: 0 done; 1 failed; 2 wrong usage, configuration or query; 3 port or data directory in use; 4 stopped before all was drained (nothing is lost)."
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run every role in this process: agent, collector, store and page
    #[cfg(all(feature = "agent", feature = "store"))]
    Up(UpArgs),
    /// Run the agent: tail files and ship their lines
    #[cfg(feature = "agent")]
    Agent(AgentArgs),
    /// Run the collector: receive batches and keep them in the queue
    #[cfg(feature = "collector")]
    Collector(RoleArgs),
    /// Run the store: index, search and the page
    #[cfg(feature = "store")]
    Store(RoleArgs),
    /// Ask a running store
    #[cfg(feature = "store")]
    Query(QueryArgs),
    /// Follow new records as they come
    #[cfg(feature = "store")]
    Tail(TailArgs),
    /// List the files that are held, and print their original bytes
    #[cfg(feature = "store")]
    File(FileArgs),
    /// List the store's splits, and check their files
    #[cfg(feature = "store")]
    Split(SplitArgs),
    /// Make this machine known to a collector: exchange a token for a certificate
    #[cfg(any(feature = "agent", feature = "store"))]
    Enroll(EnrollArgs),
    /// Say who may connect to a collector: tokens, enrolled machines, revoking
    #[cfg(feature = "store")]
    Agents(AgentsArgs),
    /// Check or print the configuration
    Config(ConfigArgs),
    /// Print a completion script
    Completions {
        /// For which shell
        shell: clap_complete::Shell,
    },
}

#[derive(Debug, Default, Args)]
pub(crate) struct UpArgs {
    #[command(flatten)]
    pub(crate) role: RoleArgs,
    /// Tail these files instead of the logs under /var/log (repeatable; key agent.tail)
    #[arg(long, value_name = "GLOB")]
    pub(crate) tail: Vec<String>,
}

#[cfg(feature = "agent")]
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct AgentArgs {
    #[command(flatten)]
    pub(crate) role: RoleArgs,
    /// Read standard input, and end once all of it is acknowledged (key agent.stdin)
    #[arg(long)]
    pub(crate) stdin: bool,
    #[command(subcommand)]
    pub(crate) action: Option<AgentAction>,
}

#[cfg(feature = "agent")]
#[derive(Debug, Subcommand)]
pub(crate) enum AgentAction {
    /// Show what the rules make of each record of a file; nothing is sent or kept
    Test {
        /// The file; `-` reads standard input
        #[arg(long, value_name = "FILE")]
        input: PathBuf,
        /// The name under which the rules see it, if it is tailed under another
        #[arg(long, value_name = "PATH")]
        path: Option<PathBuf>,
        /// Read the configuration from this TOML file
        #[arg(long, value_name = "FILE", env = "TIMBERLINE_CONFIG")]
        config: Option<PathBuf>,
        /// At most so many records
        #[arg(long, value_name = "N")]
        limit: Option<u64>,
        /// One JSON object per record
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Default, Args)]
pub(crate) struct RoleArgs {
    /// Read the configuration from this TOML file
    #[arg(long, value_name = "FILE", env = "TIMBERLINE_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// Keep everything that is written in this directory (key data)
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Serve page and API here (key server.http)
    #[arg(long, value_name = "ADDR")]
    pub(crate) http: Option<String>,
    /// Serve agents and stores here (key server.grpc)
    #[arg(long, value_name = "ADDR")]
    pub(crate) grpc: Option<String>,
}

#[cfg(feature = "store")]
#[derive(Debug, Args)]
pub(crate) struct QueryArgs {
    /// A search with pipes, or SQL
    pub(crate) query: String,
    /// From this time on: RFC 3339, epoch, now-1h, -15m
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub(crate) from: Option<String>,
    /// Up to this time
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub(crate) to: Option<String>,
    /// At most so many rows
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<u64>,
    /// How to print
    #[arg(short = 'o', long, value_enum, default_value_t = Output::Table)]
    pub(crate) output: Output,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

#[cfg(feature = "store")]
#[derive(Debug, Args)]
pub(crate) struct TailArgs {
    /// A search without pipes; empty follows everything
    #[arg(default_value = "")]
    pub(crate) query: String,
    /// How to print
    #[arg(short = 'o', long, value_enum, default_value_t = Output::Table)]
    pub(crate) output: Output,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

#[cfg(feature = "store")]
#[derive(Debug, Args)]
pub(crate) struct SplitArgs {
    #[command(subcommand)]
    pub(crate) action: SplitAction,
}

#[cfg(feature = "store")]
#[derive(Debug, Subcommand)]
pub(crate) enum SplitAction {
    /// List the splits, and why answers go without some
    List {
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Read splits whole: quarantine the damaged, take back those whose file was restored
    Check {
        /// Their ids; those in quarantine if none is given
        ids: Vec<String>,
        /// Check every split
        #[arg(long, conflicts_with = "ids")]
        all: bool,
        #[command(flatten)]
        server: ServerArgs,
    },
}

#[cfg(feature = "store")]
#[derive(Debug, Args)]
pub(crate) struct FileArgs {
    #[command(subcommand)]
    pub(crate) action: FileAction,
}

#[cfg(feature = "store")]
#[derive(Debug, Subcommand)]
pub(crate) enum FileAction {
    /// List the lives of files (generations) of which something is held
    List {
        /// Only of this host
        #[arg(long)]
        host: Option<String>,
        /// Only found under this path
        #[arg(long)]
        path: Option<String>,
        /// At most so many
        #[arg(long, value_name = "N")]
        limit: Option<u64>,
        /// One JSON object per line
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Print a file's original bytes, made from its records
    Cat {
        /// The generation, as `file list` names it
        generation: String,
        /// The first byte
        #[arg(long, value_name = "BYTE")]
        from: Option<u64>,
        /// One past the last byte
        #[arg(long, value_name = "BYTE")]
        to: Option<u64>,
        /// Leave out what is not held instead of failing
        #[arg(long)]
        skip_gaps: bool,
        #[command(flatten)]
        server: ServerArgs,
    },
}

#[cfg(feature = "store")]
#[derive(Debug, Args)]
pub(crate) struct ServerArgs {
    /// Where the store serves its API
    #[arg(
        long,
        value_name = "URL",
        default_value = "http://127.0.0.1:7700",
        env = "TIMBERLINE_SERVER"
    )]
    pub(crate) server: String,
}

/// How answers are printed.
#[cfg(feature = "store")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Output {
    /// For people: control characters escaped
    Table,
    /// One JSON object per line
    Json,
    /// The lines' own bytes
    Raw,
    /// Comma-separated values
    Csv,
}

#[derive(Debug, Args)]
pub(crate) struct ConfigArgs {
    #[command(subcommand)]
    pub(crate) action: ConfigAction,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigAction {
    /// Say whether a file is a configuration
    Check {
        /// The file
        file: PathBuf,
    },
    /// Print every key with the value in force
    Print(RoleArgs),
}
