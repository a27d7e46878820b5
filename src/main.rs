//! Timberline: logs collected, kept and searched by one program.

#[cfg(feature = "ui")]
mod assets;
mod cli;
#[cfg(feature = "store")]
mod client;
mod commands;
mod config;
#[cfg(feature = "store")]
#[allow(
    dead_code,
    unused_imports,
    reason = "what the benchmarks look for in the lines is theirs"
)]
mod corpus;
mod data_dir;
mod exit;
mod limits;
mod logging;
mod memory;
#[cfg(feature = "agent")]
mod pushed;
#[cfg(any(feature = "agent", feature = "store"))]
mod renew;
mod shutdown;

use std::process::ExitCode;

use clap::Parser;

/// Codes 1 to 6 of `verify` and `prove` say what was found, so wrong usage has another one there.
fn wrong_usage(error: &clap::Error) -> ! {
    let command = std::env::args_os().nth(1);
    if error.use_stderr() && command.is_some_and(|command| command == "verify" || command == "prove") {
        eprintln!("{error}");
        std::process::exit(64);
    }
    error.exit()
}

fn main() -> ExitCode {
    memory::set_up();
    let cli = cli::Cli::try_parse().unwrap_or_else(|error| wrong_usage(&error));
    limits::raise_open_files();
    match commands::run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => exit::report(&error),
    }
}
