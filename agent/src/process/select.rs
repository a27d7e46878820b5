//! Which streams a rule is about, and which of their records.

use std::collections::BTreeMap;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use timberline_proto::query::matcher::{CompiledFilter, RegexMatch};
use timberline_proto::query::{ast, parse};

use super::config::RuleConfig;
use super::event::Event;

/// Bytes of a compiled regex of a filter at most.
const REGEX_BYTES_MAX: usize = 4 << 20;

#[derive(Debug)]
pub(super) struct Selector {
    /// A stream's attribute and the globs, one of which it must match.
    streams: Vec<(&'static str, GlobSet)>,
    filter: Option<CompiledFilter>,
}

impl Selector {
    /// # Errors
    /// What is wrong, with its key.
    pub(super) fn new(rule: &RuleConfig) -> Result<Self, String> {
        let mut streams = Vec::new();
        for (key, attribute, globs) in [
            ("host", "host.name", &rule.host),
            ("service", "service.name", &rule.service),
            ("file", "log.file.path", &rule.file),
        ] {
            if !globs.is_empty() {
                streams.push((attribute, glob_set(key, globs)?));
            }
        }
        let filter = match rule.filter.trim() {
            "" => None,
            text => Some(filter(text).map_err(|message| format!("where: {message}"))?),
        };
        Ok(Self { streams, filter })
    }

    /// Whether it names anything.
    pub(super) fn is_all(&self) -> bool {
        self.streams.is_empty() && self.filter.is_none()
    }

    pub(super) fn has_stream(&self, stream: &BTreeMap<String, String>) -> bool {
        self.streams
            .iter()
            .all(|(attribute, globs)| stream.get(*attribute).is_some_and(|value| globs.is_match(value)))
    }

    pub(super) fn has(&self, event: &Event<'_>) -> bool {
        self.filter.as_ref().is_none_or(|filter| filter.matches(event))
    }
}

fn glob_set(key: &str, globs: &[String]) -> Result<GlobSet, String> {
    let mut set = GlobSetBuilder::new();
    for text in globs {
        // In a path `*` stays within a directory, as in `tail`.
        let glob = GlobBuilder::new(text).literal_separator(key == "file").build();
        set.add(glob.map_err(|error| format!("{key}: {error}"))?);
    }
    set.build().map_err(|error| format!("{key}: {error}"))
}

fn filter(text: &str) -> Result<CompiledFilter, String> {
    let query = parse(text).map_err(|error| error.to_string())?;
    let ast::Query::Search(search) = query else {
        return Err("a rule takes a search, not SQL".to_owned());
    };
    if !search.pipes.is_empty() {
        return Err("a rule takes a search without pipes".to_owned());
    }
    let compile = |now_nanos| CompiledFilter::compile(&search.filter, now_nanos, &regex).map_err(|e| e.to_string());
    let compiled = compile(0)?;
    // What depends on the present moment reads differently at another.
    if format!("{compiled:?}") != format!("{:?}", compile(1 << 60)?) {
        return Err("a rule cannot ask for a time relative to now: bytes read again must give the same".to_owned());
    }
    Ok(compiled)
}

#[derive(Debug)]
struct Regex(regex::bytes::Regex);

impl RegexMatch for Regex {
    fn find_at(&self, value: &[u8], from: usize) -> Option<(usize, usize)> {
        self.0.find_at(value, from).map(|found| (found.start(), found.end()))
    }
    fn is_match(&self, value: &[u8]) -> bool {
        self.0.is_match(value)
    }
}

fn regex(pattern: &str) -> Result<Box<dyn RegexMatch>, String> {
    let built = regex::bytes::RegexBuilder::new(pattern)
        .size_limit(REGEX_BYTES_MAX)
        .build();
    built
        .map(|regex| Box::new(Regex(regex)) as Box<dyn RegexMatch>)
        .map_err(|error| error.to_string())
}
