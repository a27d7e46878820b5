//! The command line of `verify`, `prove` and `integrity`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// Exit codes of `verify` and `prove`, for their help.
pub(crate) const VERIFY_CODES: &str = "Exit codes: 0 intact; 1 altered; 2 missing; 3 cut short; 4 forked; 5 unknown key; 6 incomplete input; 64 wrong usage.";

#[derive(Debug, Args)]
#[command(after_help = VERIFY_CODES)]
pub(crate) struct VerifyArgs {
    #[command(subcommand)]
    pub(crate) action: VerifyAction,
}

#[derive(Debug, Subcommand)]
pub(crate) enum VerifyAction {
    /// Check everything that a data directory holds
    Store {
        #[command(flatten)]
        given: GivenArgs,
    },
    /// Check the records of a range of time
    Range {
        /// From this time on, RFC 3339
        #[arg(long, value_name = "TIME")]
        from: String,
        /// Up to this time, RFC 3339
        #[arg(long, value_name = "TIME")]
        to: String,
        #[command(flatten)]
        given: GivenArgs,
    },
    /// Check whether the lines of agents' files are all stored as they were shipped
    Agent {
        /// An agent's id, or a host; every agent if it is left out
        #[arg(value_name = "AGENT")]
        who: Option<String>,
        /// One life of a file alone: its generation, 32 hexadecimal digits
        #[arg(long, value_name = "ID")]
        generation: Option<String>,
        /// An agent's own data directory, or a copy, which says how far each file was shipped (repeatable)
        #[arg(long, value_name = "DIR")]
        agent_data: Vec<PathBuf>,
        /// Take files that are still open as they are, without their agent's word
        #[arg(long)]
        so_far: bool,
        #[command(flatten)]
        given: GivenArgs,
    },
    /// Check the proof of a record, as `prove record` printed it
    Record {
        /// The proof; `-` reads standard input
        #[arg(value_name = "PROOF")]
        proof: PathBuf,
        #[command(flatten)]
        keys: KeyArgs,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Check the receipt of an erasure, as `erase receipt` printed it
    Erasure {
        /// The receipt; `-` reads standard input
        #[arg(value_name = "RECEIPT")]
        receipt: PathBuf,
        #[command(flatten)]
        keys: KeyArgs,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Check that a checkpoint goes on where an older one stood
    Consistency {
        /// The older checkpoint; the last one of the file
        old: PathBuf,
        /// The newer checkpoint; the last one of the file
        new: PathBuf,
        /// The proof, as `prove consistency` printed it
        #[arg(long, value_name = "FILE", conflicts_with = "data")]
        proof: Option<PathBuf>,
        /// The data directory, instead of a proof
        #[arg(long, value_name = "DIR")]
        data: Option<PathBuf>,
        #[command(flatten)]
        keys: KeyArgs,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
}

/// What is checked, and against what.
#[derive(Debug, Args)]
pub(crate) struct GivenArgs {
    /// The data directory, or a copy of it, or of its `store`
    #[arg(long, value_name = "DIR")]
    pub(crate) data: PathBuf,
    /// Public keys, one a line (repeatable); those beside the data if none is given
    #[arg(long = "key", value_name = "FILE")]
    pub(crate) keys: Vec<PathBuf>,
    /// Checkpoints that were kept elsewhere: a file or a directory (repeatable)
    #[arg(long, value_name = "PATH")]
    pub(crate) checkpoints: Vec<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

/// By what is verified.
#[derive(Debug, Args)]
pub(crate) struct KeyArgs {
    /// Public keys, one a line (repeatable)
    #[arg(long = "key", value_name = "FILE", required = true)]
    pub(crate) keys: Vec<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = VERIFY_CODES)]
pub(crate) struct ProveArgs {
    #[command(subcommand)]
    pub(crate) action: ProveAction,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ProveAction {
    /// Print a proof of one record, by which alone it can be checked
    Record {
        /// The record: TOPIC-PARTITION-OFFSET
        id: String,
        /// The data directory, or a copy of it
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
    },
    /// Print a proof that the log of one size is the beginning of that of another
    Consistency {
        /// Entries of the older log: the second line of its checkpoint
        old: u64,
        /// Entries of the newer one
        new: u64,
        /// The data directory, or a copy of it
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
    },
}

#[derive(Debug, Args)]
pub(crate) struct IntegrityArgs {
    #[command(subcommand)]
    pub(crate) action: IntegrityAction,
}

#[derive(Debug, Subcommand)]
pub(crate) enum IntegrityAction {
    /// Sign with a new key from now on, which the old one signs; the store must not run
    RotateKey {
        /// The data directory
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
        /// The secret key, if not in the data directory (key integrity.key_file)
        #[arg(long, value_name = "FILE")]
        key_file: Option<PathBuf>,
    },
}
