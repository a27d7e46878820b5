//! The command line.

#[cfg(feature = "store")]
mod access;
#[cfg(feature = "store")]
mod alerts;
#[cfg(feature = "store")]
mod erase;
mod fleet;
#[cfg(feature = "store")]
mod retention;
#[cfg(feature = "store")]
mod verify;

use std::path::PathBuf;

#[cfg(feature = "store")]
pub(crate) use access::{
    AccountArgs, CredentialArgs, KeyAction, KeyArgs, PasswordArgs, RoleAction, RoleDefinitionArgs, UserAction, UserArgs,
};
#[cfg(feature = "store")]
pub(crate) use alerts::{AlertsAction, AlertsArgs};
use clap::{Args, Parser, Subcommand};
#[cfg(feature = "store")]
pub(crate) use erase::{DecisionArgs, EraseAction, EraseArgs, MeantArgs};
#[cfg(any(feature = "agent", feature = "store"))]
pub(crate) use fleet::EnrollArgs;
#[cfg(feature = "store")]
pub(crate) use fleet::{AgentsAction, AgentsArgs, CollectorArgs, ListArgs, OneArgs, PushAction, TokenAction};
#[cfg(feature = "store")]
pub(crate) use retention::{HoldsAction, HoldsArgs, RetentionAction, RetentionArgs};
#[cfg(feature = "store")]
pub(crate) use verify::{GivenArgs, IntegrityAction, IntegrityArgs, ProveAction, ProveArgs, VerifyAction, VerifyArgs};

/// Logs collected, kept and searched by one program.
#[derive(Debug, Parser)]
#[command(
    name = "timberline",
    version,
    about,
    after_help = "Exit codes: 0 done; 1 failed; 2 wrong usage, configuration or query; 3 port or data directory in use; 4 stopped before all was drained (nothing is lost); 5 `ledger` or `canary` found something lost, doubled or damaged."
)]
pub(crate) struct Cli {
    #[cfg(feature = "store")]
    #[command(flatten)]
    pub(crate) credentials: CredentialArgs,
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
    /// Make backups, check them, and restore one
    #[cfg(feature = "store")]
    Backup(BackupArgs),
    /// Make this machine known to a collector: exchange a token for a certificate
    #[cfg(any(feature = "agent", feature = "store"))]
    Enroll(EnrollArgs),
    /// Say who may connect to a collector: tokens, enrolled machines, revoking
    #[cfg(feature = "store")]
    Agents(AgentsArgs),
    /// Alert rules as files: check, apply, export, test against the past
    #[cfg(feature = "store")]
    Alerts(AlertsArgs),
    /// How long data stays: show policies, say what they would remove, change them
    #[cfg(feature = "store")]
    Retention(RetentionArgs),
    /// Legal holds: list, put in force, release
    #[cfg(feature = "store")]
    Holds(HoldsArgs),
    /// Erase records that a query or a subject names, everywhere, with a signed receipt
    #[cfg(feature = "store")]
    Erase(EraseArgs),
    /// Accounts of people: add, list, change, forget
    #[cfg(feature = "store")]
    User(UserArgs),
    /// Roles: what those who have them may do, and see
    #[cfg(feature = "store")]
    Role(RoleDefinitionArgs),
    /// Keys of programs: make, list, revoke
    #[cfg(feature = "store")]
    Key(KeyArgs),
    /// Say what became of every byte of every file: read, acked, indexed, removed, lost
    #[cfg(feature = "store")]
    Ledger(LedgerArgs),
    /// Check offline that what is stored is what was sealed
    #[cfg(feature = "store")]
    Verify(VerifyArgs),
    /// Print proofs that stand alone: of one record, of consistency
    #[cfg(feature = "store")]
    Prove(ProveArgs),
    /// Change the key that signs
    #[cfg(feature = "store")]
    Integrity(IntegrityArgs),
    /// Write numbered lines, read them back by query, and count what is missing or doubled
    #[cfg(feature = "store")]
    Canary(CanaryArgs),
    /// Make logs: of several shapes, at a rate, into files that are rotated or to a collector
    #[cfg(feature = "store")]
    Loadgen(LoadgenArgs),
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
    /// Ask nobody who they are: whoever reaches page and API may read and change everything but accounts and
    /// machines (key server.allow_anyone_without_login)
    #[arg(long)]
    pub(crate) allow_anyone_without_login: bool,
    /// Beyond loopback, let passwords, keys and lines travel in plain text, as before a proxy that ends TLS (key
    /// server.allow_login_without_tls)
    #[arg(long)]
    pub(crate) allow_login_without_tls: bool,
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
    /// At most so many rows; `all` exports the whole result, streamed, in any form but a table
    #[arg(long, value_name = "N|all")]
    pub(crate) limit: Option<RowLimit>,
    /// How to print
    #[arg(short = 'o', long, value_enum, default_value_t = QueryOutput::Table)]
    pub(crate) output: QueryOutput,
    /// Of an export: write to this file, which appears once it is whole
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Of an export as CSV: leave values alone that a spreadsheet would compute
    #[arg(long)]
    pub(crate) keep_formulas: bool,
    /// Of an export: go on without what cannot be read, where it would break off
    #[arg(long)]
    pub(crate) skip_unreadable: bool,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

/// How many rows.
#[cfg(feature = "store")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RowLimit {
    /// At most so many.
    Rows(u64),
    /// All of them.
    All,
}

#[cfg(feature = "store")]
impl std::str::FromStr for RowLimit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "all" => Ok(Self::All),
            text => text
                .parse()
                .map(Self::Rows)
                .map_err(|_| "a number of rows, or all".to_owned()),
        }
    }
}

/// How a query's answer is printed.
#[cfg(feature = "store")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum QueryOutput {
    /// For people: control characters escaped
    Table,
    /// One JSON object per line
    #[value(alias = "ndjson")]
    Json,
    /// The lines' own bytes
    Raw,
    /// Comma-separated values
    Csv,
    /// Apache Parquet
    Parquet,
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
pub(crate) struct BackupArgs {
    #[command(subcommand)]
    pub(crate) action: BackupAction,
}

#[cfg(feature = "store")]
#[derive(Debug, Subcommand)]
pub(crate) enum BackupAction {
    /// Make one of a running server, into its `backup.directory`, and wait for it
    Now {
        #[command(flatten)]
        server: ServerArgs,
    },
    /// List those of a running server, or those in a directory
    List {
        /// The directory
        directory: Option<PathBuf>,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Read all of one, and hold it against what was written
    Check {
        /// The directory of backups
        directory: PathBuf,
        /// Its name; the newest if none is given
        name: Option<String>,
    },
    /// Make a data directory of one, checking every byte
    Restore {
        /// The directory of backups
        directory: PathBuf,
        /// Its name; the newest if none is given
        name: Option<String>,
        /// The data directory; it must not be there, or be empty
        #[arg(long)]
        to: PathBuf,
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
pub(crate) struct CanaryArgs {
    /// Append to this file, which an agent follows; lines go to POST /api/v1/ingest of the server unless said
    #[arg(long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// Between two lines
    #[arg(long, value_name = "TIME", default_value = "1s")]
    pub(crate) interval: humantime::Duration,
    /// End after this time
    #[arg(long = "for", value_name = "TIME")]
    pub(crate) duration: Option<humantime::Duration>,
    /// A line that is not found after so long is missing
    #[arg(long, value_name = "TIME", default_value = "30s")]
    pub(crate) wait: humantime::Duration,
    /// Write ten lines, wait for them, print the metrics and end
    #[arg(long, conflicts_with = "duration")]
    pub(crate) once: bool,
    /// Serve the metrics for Prometheus here
    #[arg(long, value_name = "ADDR")]
    pub(crate) metrics: Option<String>,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

#[cfg(feature = "store")]
#[derive(Debug, Default, Args)]
pub(crate) struct LoadgenArgs {
    /// Write files in this directory
    #[arg(long, value_name = "DIR", conflicts_with_all = ["http", "grpc"])]
    pub(crate) dir: Option<PathBuf>,
    /// Send to POST /api/v1/ingest of this server
    #[arg(long, value_name = "URL", conflicts_with = "grpc")]
    pub(crate) http: Option<String>,
    /// Send batches to the gRPC port of this collector; by https:// as the agent that enrolled here
    #[arg(long, value_name = "URL")]
    pub(crate) grpc: Option<String>,
    /// With --grpc https://…: read the configuration from this TOML file
    #[arg(long, value_name = "FILE", env = "TIMBERLINE_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// With --grpc https://…: the data directory of the agent that enrolled (key data)
    #[arg(long, value_name = "DIR", requires = "grpc")]
    pub(crate) data: Option<PathBuf>,
    /// Of these shapes, with commas between; all unless said
    #[arg(long, value_enum, value_delimiter = ',', value_name = "SHAPE")]
    pub(crate) shape: Vec<Shape>,
    /// So many files (streams), shape after shape; one of each unless said
    #[arg(long, value_name = "N")]
    pub(crate) files: Option<u16>,
    /// So many lines a second, such as 500, or bytes, such as 2MiB; as fast as it goes unless said
    #[arg(long)]
    pub(crate) rate: Option<String>,
    /// The same seed gives the same lines
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// End after so many bytes, such as 100MB
    #[arg(long, value_name = "SIZE", conflicts_with_all = ["lines", "duration"])]
    pub(crate) bytes: Option<bytesize::ByteSize>,
    /// End after so many lines (a stack trace counts as one)
    #[arg(long, value_name = "N", conflicts_with = "duration")]
    pub(crate) lines: Option<u64>,
    /// End after this time, such as 10min
    #[arg(long = "for", value_name = "TIME")]
    pub(crate) duration: Option<humantime::Duration>,
    /// Times of the lines begin here (RFC 3339) and go on at the rate; those of the clock unless said
    #[arg(long, value_name = "TIME")]
    pub(crate) start: Option<String>,
    /// Rotate files
    #[arg(long, value_enum, value_name = "HOW", requires = "dir")]
    pub(crate) rotate: Option<Rotate>,
    /// At this size
    #[arg(long, value_name = "SIZE", default_value = "64MiB")]
    pub(crate) rotate_bytes: bytesize::ByteSize,
    /// Rotated files kept of each
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub(crate) rotate_keep: u16,
}

/// What lines look like.
#[cfg(feature = "store")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Shape {
    /// Applications' logs as JSON
    Json,
    /// Pairs of names and values
    Logfmt,
    /// Access lines as nginx writes them
    Nginx,
    /// As sshd writes to syslog
    Syslog,
    /// Java's, with stack traces of several lines
    Java,
    /// PostgreSQL's
    Sql,
    /// Text
    Text,
}

/// How files are rotated.
#[cfg(feature = "store")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Rotate {
    /// Rename the file and begin another one
    Rename,
    /// Copy the file and truncate it
    CopyTruncate,
}

#[cfg(feature = "store")]
#[derive(Debug, Args)]
pub(crate) struct LedgerArgs {
    /// Only files found under this path; * and ? stand for any characters
    #[arg(long, value_name = "PATH")]
    pub(crate) source: Option<String>,
    /// Only of this host
    #[arg(long)]
    pub(crate) host: Option<String>,
    /// Only of this agent
    #[arg(long, value_name = "ID")]
    pub(crate) agent: Option<String>,
    /// Only this life of a file
    #[arg(long, value_name = "ID")]
    pub(crate) generation: Option<String>,
    /// Only files of which something came at this time or later: RFC 3339, epoch, now-1h, -15m
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub(crate) from: Option<String>,
    /// Only files of which something came before this time
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub(crate) to: Option<String>,
    /// Only files with bytes lost, damaged, doubled or unexplained
    #[arg(long)]
    pub(crate) only_loss: bool,
    /// Gaps of each file at most
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub(crate) gaps: u16,
    /// At most so many files; 200 in a table, all as JSON
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<usize>,
    /// One JSON object per file, and the sums in the last line
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
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
