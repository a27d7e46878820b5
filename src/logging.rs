//! The program's own log, on standard error.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

/// Starts logging at `level` (`error` … `trace`, or directives such as `info,timberline_agent=debug`);
/// the environment variable `TIMBERLINE_LOG` wins.
///
/// # Errors
/// If the level is none.
pub(crate) fn start(level: &str) -> anyhow::Result<()> {
    let directives = std::env::var("TIMBERLINE_LOG").unwrap_or_else(|_| level.to_owned());
    let filter = EnvFilter::try_new(&directives).map_err(|error| {
        crate::exit::Exit::usage(format!(
            "log = {directives:?} is no log level: {error}; use error, warn, info, debug or trace"
        ))
    })?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none())
        .init();
    Ok(())
}
