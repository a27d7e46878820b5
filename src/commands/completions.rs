//! `timberline completions SHELL`

use clap::CommandFactory;

pub(super) fn run(shell: clap_complete::Shell) {
    clap_complete::generate(
        shell,
        &mut crate::cli::Cli::command(),
        "timberline",
        &mut std::io::stdout(),
    );
}
