//! `timberline config check | print`

use std::io::Write;

use crate::cli::{ConfigAction, ConfigArgs};
use crate::config::Config;

pub(super) fn run(args: &ConfigArgs) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    match &args.action {
        ConfigAction::Check { file } => {
            Config::load(Some(file))?;
            writeln!(out, "{} is a configuration", file.display())?;
        }
        ConfigAction::Print(role) => {
            let config = Config::for_role(role)?;
            write!(out, "{}", toml::to_string_pretty(&config)?)?;
        }
    }
    Ok(())
}
