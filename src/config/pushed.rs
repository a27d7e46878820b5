//! What a collector may push of the configuration: what is tailed, and what is made of it. Never where
//! to, by which key, or where it is kept; and never less care than the machine's owner takes: the own
//! `exclude`, `rules`, `files` and `attributes` hold, and what is pushed comes in addition.

use std::collections::BTreeMap;
use std::path::{Component, Path};

use serde::Deserialize;

use super::Config;
use super::sections::{AgentSection, FilesSection, Rule};

/// Other ways to the same files, by which an `exclude` would be gone round.
const NO_LOGS: [&str; 3] = ["/proc", "/sys", "/dev"];
/// Attributes by which rules are chosen.
const CHOSEN_BY: [&str; 2] = ["host.name", "service.name"];

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
    exclude: Vec<String>,
    files: Vec<FilesSection>,
    rules: Vec<Rule>,
    attributes: BTreeMap<String, String>,
}

impl Config {
    /// This configuration with what was pushed: `tail` in place of its own, all else in addition to it.
    /// `${…}` stands for itself: a collector reads no file or variable of a machine that way.
    ///
    /// # Errors
    /// What is wrong with the text, as `config check` would say it.
    pub(crate) fn with_pushed(&self, text: &str) -> Result<Self, String> {
        let pushed: Pushed = toml::from_str(text).map_err(|error| super::describe(&error, text, text))?;
        let mut config = self.clone();
        config.agent.add(pushed.agent)?;
        config.check()?;
        Ok(config)
    }
}

impl AgentSection {
    fn add(&mut self, pushed: PushedAgent) -> Result<(), String> {
        pushed.check(self)?;
        // What the own inputs leave out, the pushed ones leave out, too.
        let left_out: Vec<String> = self.files.iter().flat_map(|files| files.exclude.clone()).collect();
        if let Some(tail) = pushed.tail {
            self.tail = tail;
            self.exclude.extend(left_out.iter().cloned());
        }
        self.exclude.extend(pushed.exclude);
        // A file is of the first input that names it, and meets rules in their order: the own come first,
        // and find each line as it was written.
        let own = self.attributes.clone();
        self.files.extend(pushed.files.into_iter().map(|mut files| {
            files.exclude.extend(left_out.iter().cloned());
            files.attributes.retain(|name, _| !own.contains_key(name));
            files
        }));
        self.rules.extend(pushed.rules);
        for (name, value) in pushed.attributes {
            self.attributes.entry(name).or_insert(value);
        }
        Ok(())
    }
}

impl PushedAgent {
    /// Whether this leaves all that the machine's own configuration leaves out and takes out.
    fn check(&self, own: &AgentSection) -> Result<(), String> {
        let of_files = self.files.iter().flat_map(|files| &files.tail);
        for pattern in self.tail.iter().flatten().chain(of_files) {
            check_pattern(pattern)?;
        }
        if own.rules.is_empty() {
            return Ok(());
        }
        let of_files = self.files.iter().map(|files| &files.attributes);
        for attributes in of_files.chain([&self.attributes]) {
            if let Some(name) = CHOSEN_BY.iter().find(|name| attributes.contains_key(**name)) {
                return Err(format!(
                    "agent.attributes: {name} is not to be pushed to a machine that has rules of its own, which may be chosen by it"
                ));
            }
        }
        if let Some(files) = self.files.iter().find(|files| !files.encoding.is_empty()) {
            return Err(format!(
                "agent.files: encoding = {:?} is not to be pushed to a machine that has rules of its own, which would not know the text again",
                files.encoding
            ));
        }
        Ok(())
    }
}

/// # Errors
/// If the pattern leads to files by a name that is not theirs, or can: what it can match decides, not how it
/// is written.
fn check_pattern(pattern: &str) -> Result<(), String> {
    let goes_round = Path::new(pattern).components().any(|part| part == Component::ParentDir)
        || pattern.split('/').skip(1).any(|part| part == ".");
    if goes_round || NO_LOGS.iter().any(|dir| reaches(pattern, Path::new(dir))) {
        return Err(format!(
            "{pattern:?} is not to be pushed, for it can match files below {}, where there are no logs, or goes round `exclude` by `.` and `..`; name the directory where the logs are",
            NO_LOGS.join(", ")
        ));
    }
    Ok(())
}

#[cfg(feature = "agent")]
fn reaches(pattern: &str, dir: &Path) -> bool {
    Path::new(pattern).starts_with(dir) || timberline_agent::glob_reaches(pattern, dir)
}

/// A collector without an agent leaves what only the machine can judge to it.
#[cfg(not(feature = "agent"))]
fn reaches(pattern: &str, dir: &Path) -> bool {
    Path::new(pattern).starts_with(dir)
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
        assert_eq!(own.with_pushed("").unwrap().agent.exclude, own.agent.exclude);
    }

    fn owned() -> Config {
        toml::from_str(
            r#"
            [agent]
            tail = ["/var/log/*.log"]
            exclude = ["/var/log/secret"]
            attributes = { environment = "prod" }
            [[agent.files]]
            tail = ["/srv/*.log"]
            exclude = ["/srv/private.log"]
            [[agent.rules]]
            name = "cards"
            redact = { detect = ["card"] }
            "#,
        )
        .unwrap()
    }

    #[test]
    fn no_pushed_configuration_takes_away_an_exclude_a_rule_or_an_attribute_of_the_machines_own() {
        let pushed = owned()
            .with_pushed(
                r#"
                [agent]
                tail = ["/srv/**"]
                exclude = ["/srv/noise"]
                attributes = { environment = "test", site = "berlin" }
                [[agent.files]]
                tail = ["/srv/*.log"]
                attributes = { environment = "test" }
                [[agent.rules]]
                name = "health"
                where = "healthz"
                drop = true
                "#,
            )
            .unwrap()
            .agent;
        assert_eq!(pushed.exclude, ["/var/log/secret", "/srv/private.log", "/srv/noise"]);
        let rules: Vec<_> = pushed.rules.iter().map(|rule| rule.name.as_str()).collect();
        assert_eq!(rules, ["cards", "health"], "the own first");
        assert_eq!(
            (
                pushed.attributes["environment"].as_str(),
                pushed.attributes["site"].as_str()
            ),
            ("prod", "berlin")
        );
        assert_eq!(pushed.files.len(), 2);
        assert_eq!(pushed.files[1].exclude, ["/srv/private.log"]);
        assert!(pushed.files[1].attributes.is_empty());
    }

    #[test]
    fn no_pushed_configuration_goes_round_what_the_machine_leaves_out_or_redacts() {
        for (text, word) in [
            ("[agent]\ntail = [\"/proc/self/root/var/log/secret\"]\n", "/proc"),
            ("[agent]\ntail = [\"/pro[c]/self/root/var/log/secret\"]\n", "/proc"),
            ("[agent]\ntail = [\"/{srv,sys}/x.log\"]\n", "/sys"),
            ("[agent]\ntail = [\"/**/secret\"]\n", "/proc"),
            ("[agent]\ntail = [\"/./pro[c]/self/root/x\"]\n", "/proc"),
            ("[agent]\ntail = [\"/srv/../var/log/secret\"]\n", ".."),
            ("[[agent.files]]\ntail = [\"/proc/1/root/**\"]\n", "/proc"),
            ("[agent]\nattributes = { \"service.name\" = \"x\" }\n", "service.name"),
            (
                "[[agent.files]]\ntail = [\"/a\"]\nattributes = { \"host.name\" = \"x\" }\n",
                "host.name",
            ),
            (
                "[[agent.files]]\ntail = [\"/a\"]\nencoding = \"utf-16le\"\n",
                "encoding",
            ),
            ("[[agent.rules]]\nname = \"cards\"\ndrop = true\n", "cards"),
        ] {
            let why = owned().with_pushed(text).unwrap_err();
            assert!(why.contains(word), "{text}: {why}");
        }
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
