//! What a collector may push of the configuration: what is tailed, and what is made of it. Never where
//! to, by which key, or where it is kept.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::Config;
use super::sections::{FilesSection, Rule};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Pushed {
    #[serde(default)]
    agent: PushedAgent,
}

/// Keys that are absent stay as the machine's own configuration has them.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct PushedAgent {
    tail: Option<Vec<String>>,
    exclude: Option<Vec<String>>,
    files: Option<Vec<FilesSection>>,
    rules: Option<Vec<Rule>>,
    attributes: Option<BTreeMap<String, String>>,
}

impl Config {
    /// This configuration with what was pushed in place of its own. `${…}` stands for itself: a
    /// collector reads no file or variable of a machine that way.
    ///
    /// # Errors
    /// What is wrong with the text, as `config check` would say it.
    pub(crate) fn with_pushed(&self, text: &str) -> Result<Self, String> {
        let pushed: Pushed = toml::from_str(text).map_err(|error| super::describe(&error))?;
        let mut config = self.clone();
        let PushedAgent {
            tail,
            exclude,
            files,
            rules,
            attributes,
        } = pushed.agent;
        let agent = &mut config.agent;
        agent.tail = tail.unwrap_or_else(|| std::mem::take(&mut agent.tail));
        agent.exclude = exclude.unwrap_or_else(|| std::mem::take(&mut agent.exclude));
        agent.files = files.unwrap_or_else(|| std::mem::take(&mut agent.files));
        agent.rules = rules.unwrap_or_else(|| std::mem::take(&mut agent.rules));
        agent.attributes = attributes.unwrap_or_else(|| std::mem::take(&mut agent.attributes));
        config.check()?;
        Ok(config)
    }
}

/// Whether a text may be pushed.
///
/// # Errors
/// As [`Config::with_pushed`].
#[cfg(feature = "collector")]
pub(crate) fn check_pushed(text: &str) -> Result<(), String> {
    Config::default().with_pushed(text).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_rules_and_attributes_are_taken_and_what_is_absent_stays() {
        let mut own = Config::default();
        own.agent.exclude = vec!["/var/log/secret".to_owned()];
        let text = "[agent]\ntail = [\"/srv/*.log\"]\nattributes = { site = \"berlin\" }\n";
        let config = own.with_pushed(text).unwrap();
        assert_eq!(config.agent.tail, ["/srv/*.log"]);
        assert_eq!(config.agent.exclude, ["/var/log/secret"]);
        assert_eq!(config.agent.attributes["site"], "berlin");
    }

    #[test]
    fn where_to_by_which_key_and_where_it_is_kept_is_not_a_collectors_to_say() {
        for text in [
            "[agent]\ncollector = \"https://evil.example:1\"\n",
            "[agent]\ntls_ca = \"/tmp/ca\"\n",
            "data = \"/tmp\"\n",
            "[server]\nhttp = \"0.0.0.0:1\"\n",
            "[agent]\ntake_pushed = true\n",
        ] {
            assert!(Config::default().with_pushed(text).is_err(), "{text}");
        }
        // Nor is what a start would stumble over taken.
        assert!(Config::default().with_pushed("[agent]\ntail = [\"/var/[\"]\n").is_err());
    }
}
