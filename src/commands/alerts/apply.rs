//! `timberline alerts apply`: rules are known by their names. What a file says already changes nothing.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::Value;
use timberline_proto::alert::{KeptRule, Rule, RuleChange};

use super::{files, kept, say, usage};
use crate::client::Client;

pub(super) fn run(client: &Client, paths: &[PathBuf], prune: bool, dry_run: bool) -> anyhow::Result<()> {
    let wanted = files::read(paths)?;
    let held = kept(client)?.rules;
    let mut changes = 0;
    for rule in &wanted {
        match held.iter().find(|kept| kept.rule.name == rule.name) {
            Some(kept) if kept.rule == *rule => {}
            Some(kept) => {
                changes += 1;
                say(&format!("change  {}", rule.name))?;
                for line in differences(&kept.rule, rule)? {
                    say(&line)?;
                }
                if !dry_run {
                    change(client, kept, rule)?;
                }
            }
            None => {
                changes += 1;
                say(&format!("create  {}", rule.name))?;
                if !dry_run {
                    client.post_json("/api/v1/alerts/rules", rule).map_err(usage)?;
                }
            }
        }
    }
    let names: BTreeSet<&str> = wanted.iter().map(|rule| rule.name.as_str()).collect();
    for kept in held
        .iter()
        .filter(|kept| prune && !names.contains(kept.rule.name.as_str()))
    {
        changes += 1;
        say(&format!("delete  {}", kept.rule.name))?;
        if !dry_run {
            client.delete(&format!("/api/v1/alerts/rules/{}?version={}", kept.id, kept.version))?;
        }
    }
    let unchanged = wanted.len()
        - wanted
            .iter()
            .filter(|rule| !held.iter().any(|kept| kept.rule == **rule))
            .count();
    let would = if dry_run { "would change" } else { "changed" };
    say(&format!("{changes} {would}, {unchanged} as they are"))
}

fn change(client: &Client, kept: &KeptRule, rule: &Rule) -> anyhow::Result<()> {
    let change = RuleChange {
        version: kept.version,
        rule: rule.clone(),
    };
    client
        .put_json(&format!("/api/v1/alerts/rules/{}", kept.id), &change)
        .map_err(usage)
}

/// Keys whose values differ, with both.
fn differences(before: &Rule, after: &Rule) -> anyhow::Result<Vec<String>> {
    let (mut old, mut new) = (Vec::new(), Vec::new());
    leaves("", &serde_json::to_value(before)?, &mut old);
    leaves("", &serde_json::to_value(after)?, &mut new);
    let keys: BTreeSet<&String> = old.iter().chain(&new).map(|(key, _)| key).collect();
    let value = |leaves: &[(String, String)], key: &str| {
        leaves
            .iter()
            .find(|(name, _)| name == key)
            .map_or("(unset)".to_owned(), |(_, value)| value.clone())
    };
    let lines = keys.into_iter().filter_map(|key| {
        let (old, new) = (value(&old, key), value(&new, key));
        (old != new).then(|| format!("        {key}: {old} → {new}"))
    });
    Ok(lines.collect())
}

fn leaves(key: &str, value: &Value, found: &mut Vec<(String, String)>) {
    match value {
        Value::Object(map) => {
            for (name, value) in map {
                let key = if key.is_empty() {
                    name.clone()
                } else {
                    format!("{key}.{name}")
                };
                leaves(&key, value, found);
            }
        }
        other => found.push((key.to_owned(), other.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_names_the_key_and_both_values() {
        let rule = |text: &str| serde_json::from_str::<Rule>(text).unwrap();
        let before = rule(r#"{"name": "a", "condition": {"kind": "match", "query": "x"}}"#);
        let after = rule(r#"{"name": "a", "for": "5m", "condition": {"kind": "match", "query": "y"}}"#);
        let lines = differences(&before, &after).unwrap();
        assert_eq!(
            lines,
            [
                "        condition.query: \"x\" → \"y\"",
                "        for: (unset) → \"5m\""
            ]
        );
        assert!(differences(&before, &before).unwrap().is_empty());
    }
}
