//! The command line of `retention` and `holds`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::ServerArgs;

#[derive(Debug, Args)]
pub(crate) struct RetentionArgs {
    #[command(subcommand)]
    pub(crate) action: RetentionAction,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RetentionAction {
    /// Show the policies in force, and what is stored of each class
    Show {
        /// As JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Say what would be removed now, and what is held back and why; nothing is changed
    Preview {
        /// By the policies of this file instead: TOML with [retention] and [[retention.policy]]
        file: Option<PathBuf>,
        /// As JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Put the policies of a file in force, and say what they will remove
    Set {
        /// TOML with [retention] and [[retention.policy]]
        file: PathBuf,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Let the policies of the server's configuration count again
    Reset {
        #[command(flatten)]
        server: ServerArgs,
    },
    /// List every set of policies that was in force
    History {
        /// As JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Print ready-made policies with the texts that they rest on
    Templates {
        #[command(flatten)]
        server: ServerArgs,
    },
}

#[derive(Debug, Args)]
pub(crate) struct HoldsArgs {
    #[command(subcommand)]
    pub(crate) action: HoldsAction,
}

#[derive(Debug, Subcommand)]
pub(crate) enum HoldsAction {
    /// List legal holds: those in force first
    List {
        /// As JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Put a legal hold in force: nothing that it may touch is deleted until it is released
    Create {
        /// What is held: a filter; everything unless said
        #[arg(default_value = "")]
        select: String,
        /// The number of the case
        #[arg(long)]
        case: String,
        /// Who answers for it
        #[arg(long)]
        owner: String,
        /// Why
        #[arg(long)]
        reason: String,
        /// From this time or day on; open unless said
        #[arg(long, value_name = "TIME")]
        from: Option<String>,
        /// Up to this time or day; open unless said
        #[arg(long, value_name = "TIME")]
        to: Option<String>,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// End a legal hold
    Release {
        /// Its id
        id: String,
        /// Who releases it
        #[arg(long)]
        by: String,
        /// Why
        #[arg(long)]
        reason: String,
        #[command(flatten)]
        server: ServerArgs,
    },
}
