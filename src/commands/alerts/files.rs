//! Files of rules.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context;
use timberline_proto::alert::{Rule, RuleFile};

use crate::exit::Exit;

/// The rules of files, and of the `.toml` files in directories, in their order. Each is checked, and no
/// two have one name.
///
/// # Errors
/// [`Exit::usage`] with file, rule and key.
pub(super) fn read(paths: &[PathBuf]) -> anyhow::Result<Vec<Rule>> {
    let mut rules = Vec::new();
    let mut names: BTreeMap<String, PathBuf> = BTreeMap::new();
    for file in listed(paths)? {
        let text = std::fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
        let read: RuleFile =
            toml::from_str(&text).map_err(|error| Exit::usage(format!("{}: {error}", file.display())))?;
        for rule in read.rule {
            rule.check()
                .map_err(|fault| Exit::usage(format!("{}: rule {:?}: {fault}", file.display(), rule.name)))?;
            if let Some(other) = names.insert(rule.name.clone(), file.clone()) {
                let both = format!("{} and {}", other.display(), file.display());
                return Err(Exit::usage(format!(
                    "there are two rules {:?}, in {both}: name one otherwise",
                    rule.name
                ))
                .into());
            }
            rules.push(rule);
        }
    }
    Ok(rules)
}

fn listed(paths: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in paths {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let mut found = Vec::new();
        for entry in std::fs::read_dir(path).with_context(|| format!("cannot read {}", path.display()))? {
            let file = entry?.path();
            if file.extension().is_some_and(|extension| extension == "toml") && file.is_file() {
                found.push(file);
            }
        }
        found.sort();
        files.append(&mut found);
    }
    Ok(files)
}

/// Rules as a file.
///
/// # Errors
/// If one cannot be written as TOML.
pub(super) fn written(rules: Vec<Rule>) -> anyhow::Result<String> {
    Ok(toml::to_string_pretty(&RuleFile { rule: rules })?)
}

/// The rules of one file that are asked for by name; all if none is.
///
/// # Errors
/// [`Exit::usage`] if one is not there.
pub(super) fn chosen(file: &Path, names: &[String]) -> anyhow::Result<Vec<Rule>> {
    let all = read(&[file.to_owned()])?;
    if let Some(name) = names.iter().find(|name| !all.iter().any(|rule| rule.name == **name)) {
        return Err(Exit::usage(format!("{} has no rule {name:?}", file.display())).into());
    }
    Ok(all
        .into_iter()
        .filter(|rule| names.is_empty() || names.contains(&rule.name))
        .collect())
}
