//! Where a password comes from; never from the command line, which everybody on the machine can read.

use std::io::{BufRead, IsTerminal};
use std::path::Path;

use anyhow::Context;

use crate::cli::PasswordArgs;
use crate::exit::Exit;

const VARIABLE: &str = "TIMBERLINE_PASSWORD";

/// From the file that is named, the environment, the terminal, or standard input.
///
/// # Errors
/// [`Exit::usage`] if there is none, or it was not typed twice alike.
pub(super) fn read(args: &PasswordArgs) -> anyhow::Result<String> {
    let text = match (&args.password_file, std::env::var(VARIABLE)) {
        (Some(path), _) if path != Path::new("-") => std::fs::read_to_string(path)
            .with_context(|| format!("cannot read the password from {}", path.display()))?,
        (None, Ok(text)) => text,
        (None, _) if std::io::stdin().is_terminal() => ask_twice()?,
        _ => line()?,
    };
    let password = text.lines().next().unwrap_or_default().to_owned();
    if password.is_empty() {
        return Err(Exit::usage(format!(
            "no password: type it, or give it by --password-file FILE, {VARIABLE} or standard input"
        ))
        .into());
    }
    Ok(password)
}

fn ask_twice() -> anyhow::Result<String> {
    let ask = |prompt| rpassword::prompt_password(prompt).context("the terminal cannot be asked for a password");
    let (first, second) = (ask("password: ")?, ask("once more: ")?);
    if first != second {
        return Err(Exit::usage("the two are not alike").into());
    }
    Ok(first)
}

fn line() -> anyhow::Result<String> {
    let mut text = String::new();
    std::io::stdin().lock().read_line(&mut text)?;
    Ok(text)
}
