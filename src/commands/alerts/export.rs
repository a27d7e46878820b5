//! `timberline alerts export`: what `apply` would take.

use std::io::Write;

use super::{files, kept};
use crate::client::Client;
use crate::exit::Exit;

pub(super) fn run(client: &Client, names: &[String]) -> anyhow::Result<()> {
    let rules = kept(client)?.rules;
    if let Some(name) = names
        .iter()
        .find(|name| !rules.iter().any(|kept| kept.rule.name == **name))
    {
        return Err(Exit::usage(format!("the server has no rule {name:?}")).into());
    }
    let chosen = rules.into_iter().map(|kept| kept.rule);
    let chosen = chosen
        .filter(|rule| names.is_empty() || names.contains(&rule.name))
        .collect();
    Ok(write!(std::io::stdout().lock(), "{}", files::written(chosen)?)?)
}
