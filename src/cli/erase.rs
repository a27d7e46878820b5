//! The command line of `erase`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::ServerArgs;

#[derive(Debug, Args)]
pub(crate) struct EraseArgs {
    #[command(subcommand)]
    pub(crate) action: EraseAction,
}

/// What is erased.
#[derive(Debug, Args)]
pub(crate) struct MeantArgs {
    /// Records that this filter of the query language keeps
    #[arg(
        long,
        value_name = "QUERY",
        required_unless_present = "subject",
        conflicts_with = "subject"
    )]
    pub(crate) query: Option<String>,
    /// Records in which this word or phrase stands anywhere, or, as FIELD:VALUE, in a field
    #[arg(long, value_name = "SUBJECT")]
    pub(crate) subject: Option<String>,
    /// Only records of this time or day, or later
    #[arg(long, value_name = "TIME")]
    pub(crate) from: Option<String>,
    /// Only records up to this time or day
    #[arg(long, value_name = "TIME")]
    pub(crate) to: Option<String>,
    /// Leave the records, and replace values in them
    #[arg(long)]
    pub(crate) redact: bool,
    /// With --redact: replace the value of this field (repeatable)
    #[arg(long = "field", value_name = "FIELD", requires = "redact")]
    pub(crate) fields: Vec<String>,
    /// With --redact: replace what this regex finds (repeatable)
    #[arg(long = "pattern", value_name = "REGEX", requires = "redact")]
    pub(crate) patterns: Vec<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum EraseAction {
    /// Say what would be erased now, and what keeps some of it; nothing is changed
    Preview {
        #[command(flatten)]
        meant: MeantArgs,
        /// As JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Ask for an erasure: it runs at once, or once somebody else has approved it
    Request {
        #[command(flatten)]
        meant: MeantArgs,
        /// The number of the case
        #[arg(long)]
        case: String,
        /// Why, without the subject's name: it stays on record
        #[arg(long)]
        reason: String,
        /// Wait until it is final, blocked, refused or cancelled
        #[arg(long)]
        wait: bool,
        /// As JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Let a request run that somebody else asked for
    Approve {
        #[command(flatten)]
        decision: DecisionArgs,
    },
    /// Say that a request does not run
    Refuse {
        #[command(flatten)]
        decision: DecisionArgs,
    },
    /// Take a request back that did not begin
    Cancel {
        #[command(flatten)]
        decision: DecisionArgs,
    },
    /// List requests, the newest first
    List {
        /// As JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Show one request, and how far it is
    Show {
        /// Its id
        id: String,
        /// As JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Print the signed receipt of a request that is final
    Receipt {
        /// Its id
        id: String,
        /// Into this file
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
        #[command(flatten)]
        server: ServerArgs,
    },
}

/// What is decided of a request.
#[derive(Debug, Args)]
pub(crate) struct DecisionArgs {
    /// The request's id
    pub(crate) id: String,
    /// Why
    #[arg(long, default_value = "")]
    pub(crate) note: String,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}
