//! What a role says on standard output once it is ready: one `key  value` a line, `data` last.

use std::io::{self, Write};

/// Prints the lines.
///
/// # Errors
/// If standard output is closed.
pub(super) fn print(lines: &[(impl AsRef<str>, String)]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "timberline {}", env!("CARGO_PKG_VERSION"))?;
    for (key, value) in lines {
        writeln!(out, "  {:<8}{value}", key.as_ref())?;
    }
    out.flush()
}
