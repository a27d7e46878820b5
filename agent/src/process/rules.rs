//! All rules, made ready: which are a stream's, and what they make of a record.

use std::collections::{BTreeMap, BTreeSet};

use timberline_proto::batch::AttributeValue;

use super::config::RuleConfig;
use super::event::Event;
use super::fields::Edit;
use super::parse::Parse;
use super::rate_limit::RateLimit;
use super::redact::{Found, Redact};
use super::route::Route;
use super::sample::Sample;
use super::select::Selector;
use super::time::Time;
use super::vrl::{Outcome, Program};

/// The attribute of a record in which a rule did not find what it is to read; the rule's name.
const PARSE_ERROR: &str = "log.parse_error";

/// Every rule of the configuration, in its order.
#[derive(Debug, Default)]
pub(crate) struct Rules {
    rules: Vec<Rule>,
}

#[derive(Debug)]
struct Rule {
    name: String,
    selector: Selector,
    action: Action,
}

#[derive(Debug)]
enum Action {
    Parse(Box<Parse>),
    Time(Time),
    Edit(Edit),
    Drop,
    Sample(Sample),
    RateLimit(RateLimit),
    Route(Route),
    Redact(Box<Redact>),
    Vrl(Box<Program>),
}

/// The rules that the records of one stream may meet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Selection {
    rules: Vec<usize>,
    /// The rule that dropped the first part of a long line drops the others, too.
    pub(crate) long_line_dropped: Option<usize>,
}

/// What became of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Keep,
    /// By this rule.
    Drop(usize),
}

/// What a rule did, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Note {
    pub(crate) rule: String,
    pub(crate) what: &'static str,
    /// What was redacted, by detectors or patterns.
    pub(crate) redacted: BTreeMap<String, usize>,
}

/// Whether these rules can be made ready.
///
/// # Errors
/// The rule and what is wrong with it.
pub fn check_rules(configs: &[RuleConfig]) -> Result<(), String> {
    Rules::new(configs, &jiff::tz::TimeZone::UTC).map(drop)
}

impl Rules {
    /// # Errors
    /// The rule and what is wrong with it.
    pub(crate) fn new(configs: &[RuleConfig], zone: &jiff::tz::TimeZone) -> Result<Self, String> {
        let mut names = BTreeSet::new();
        let mut rules = Vec::with_capacity(configs.len());
        for (at, config) in configs.iter().enumerate() {
            let shown = if config.name.is_empty() {
                format!("number {}", at + 1)
            } else {
                config.name.clone()
            };
            let rule = Rule::new(config, zone).map_err(|message| format!("rule {shown}: {message}"))?;
            if !names.insert(rule.name.clone()) {
                return Err(format!("rule {shown}: another one has this name"));
            }
            rules.push(rule);
        }
        Ok(Self { rules })
    }

    /// The rules that records of this stream may meet; `None` if there are none.
    pub(crate) fn select(&self, stream: &BTreeMap<String, String>) -> Option<Selection> {
        let is_its =
            |rule: &&(usize, &Rule)| !matches!(rule.1.action, Action::Route(_)) && rule.1.selector.has_stream(stream);
        let rules: Vec<usize> = self
            .rules
            .iter()
            .enumerate()
            .filter(|rule| is_its(&rule))
            .map(|rule| rule.0)
            .collect();
        (!rules.is_empty()).then_some(Selection {
            rules,
            long_line_dropped: None,
        })
    }

    /// The topic to which a stream is routed; the last rule wins.
    pub(crate) fn topic(&self, stream: &BTreeMap<String, String>) -> Option<&str> {
        self.rules.iter().rev().find_map(|rule| match &rule.action {
            Action::Route(route) if rule.selector.has_stream(stream) => Some(route.topic.as_str()),
            _ => None,
        })
    }

    /// The name of a rule.
    pub(crate) fn name(&self, rule: usize) -> &str {
        &self.rules[rule].name
    }

    /// Takes a record through the rules; `note` hears what each did.
    pub(crate) fn apply(
        &mut self,
        selection: &Selection,
        event: &mut Event<'_>,
        note: &mut dyn FnMut(Note),
    ) -> Verdict {
        for &at in &selection.rules {
            let rule = &mut self.rules[at];
            if !rule.selector.has(event) {
                continue;
            }
            let mut redacted = BTreeMap::new();
            let keeps = rule.act(event, &mut redacted);
            let what = match (&rule.action, keeps) {
                (_, false) => "dropped",
                (Action::Redact(_), true) if redacted.is_empty() => continue,
                (action, true) => action.name(),
            };
            note(Note {
                rule: rule.name.clone(),
                what,
                redacted,
            });
            if !keeps {
                return Verdict::Drop(at);
            }
        }
        Verdict::Keep
    }
}

impl Rule {
    fn new(config: &RuleConfig, zone: &jiff::tz::TimeZone) -> Result<Self, String> {
        if config.name.is_empty() || config.name.len() > 128 || config.name.contains(char::is_control) {
            return Err("name it: name = \"…\", at most 128 bytes".to_owned());
        }
        let selector = Selector::new(config)?;
        let mut actions = Vec::new();
        if let Some(parse) = &config.parse {
            actions.push(Action::Parse(Box::new(Parse::new(parse)?)));
        }
        if let Some(time) = &config.time {
            actions.push(Action::Time(Time::new(time, zone)?));
        }
        if !config.add.is_empty() || !config.remove.is_empty() || !config.rename.is_empty() {
            actions.push(Action::Edit(Edit::new(config)?));
        }
        if config.drop {
            if selector.is_all() {
                return Err("it drops every record; say which: host, service, file or where".to_owned());
            }
            actions.push(Action::Drop);
        }
        if let Some(sample) = &config.sample {
            actions.push(Action::Sample(Sample::new(sample)?));
        }
        if let Some(limit) = &config.rate_limit {
            actions.push(Action::RateLimit(RateLimit::new(limit)?));
        }
        if let Some(route) = &config.route {
            actions.push(Action::Route(Route::new(route, &config.filter)?));
        }
        if let Some(redact) = &config.redact {
            actions.push(Action::Redact(Box::new(Redact::new(redact)?)));
        }
        if let Some(vrl) = &config.vrl {
            actions.push(Action::Vrl(Box::new(Program::new(vrl, zone)?)));
        }
        if actions.len() > 1 {
            return Err(
                "it does more than one thing; write a rule for each (add, remove and rename go together)".into(),
            );
        }
        let action = actions.pop().ok_or(
            "it does nothing; give it one of parse, time, add, remove, rename, drop, sample, rate_limit, route, redact, vrl",
        )?;
        Ok(Self {
            name: config.name.clone(),
            selector,
            action,
        })
    }

    /// Does what the rule is for; false if the record is dropped.
    fn act(&mut self, event: &mut Event<'_>, redacted: &mut BTreeMap<String, usize>) -> bool {
        let read = match &mut self.action {
            Action::Parse(parse) => parse.apply(event),
            Action::Time(time) => time.apply(event),
            Action::Edit(edit) => {
                edit.apply(event);
                true
            }
            Action::Route(_) => true,
            Action::Drop => return false,
            Action::Sample(sample) => return sample.keeps(event),
            Action::RateLimit(limit) => return limit.keeps(event),
            Action::Redact(redact) => {
                let found = |Found(name)| *redacted.entry(name).or_insert(0) += 1;
                return redact.apply(event, found);
            }
            Action::Vrl(program) => match program.apply(event) {
                Outcome::Done => true,
                Outcome::Failed => false,
                Outcome::Dropped => return false,
            },
        };
        if !read {
            event.set(PARSE_ERROR, AttributeValue::Text(self.name.clone()));
        }
        true
    }
}

impl Action {
    fn name(&self) -> &'static str {
        match self {
            Self::Parse(_) => "parsed",
            Self::Time(_) => "time read",
            Self::Edit(_) => "fields changed",
            Self::Drop => "dropped",
            Self::Sample(_) | Self::RateLimit(_) => "kept",
            Self::Route(_) => "routed",
            Self::Redact(_) => "redacted",
            Self::Vrl(_) => "program run",
        }
    }
}
