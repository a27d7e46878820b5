//! The command line of `alerts`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::ServerArgs;

#[derive(Debug, Args)]
pub(crate) struct AlertsArgs {
    #[command(subcommand)]
    pub(crate) action: AlertsAction,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AlertsAction {
    /// Check files of rules, without a server
    Check {
        /// TOML files with [[rule]], or directories of them
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Make the server's rules what files say, and show what that changes
    Apply {
        /// TOML files with [[rule]], or directories of them
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// Delete rules that no file has
        #[arg(long)]
        prune: bool,
        /// Show what would change, and change nothing
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Print the server's rules as a file
    Export {
        /// Only the rule of this name (repeatable)
        #[arg(long, value_name = "NAME")]
        rule: Vec<String>,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Say what a file's rules would have said of the past
    Test {
        /// A TOML file with [[rule]]
        file: PathBuf,
        /// Only the rule of this name (repeatable)
        #[arg(long, value_name = "NAME")]
        rule: Vec<String>,
        /// From this time on: RFC 3339, epoch, -1d
        #[arg(long, value_name = "TIME", default_value = "-1d", allow_hyphen_values = true)]
        from: String,
        /// Up to this time; now unless said
        #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
        to: Option<String>,
        /// One JSON object per rule
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        server: ServerArgs,
    },
}
