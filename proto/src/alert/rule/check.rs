//! What a rule must be. Each fault names the key and the way out.

use std::collections::BTreeMap;
use std::fmt;

use crate::query::ast::{Filter, PipeKind, Query};
use crate::query::{QUERY_BYTES_MAX, parse};

use super::{Condition, Period, Rule};

/// Steps (`every`) that a window, or the time that a rule looks back within it, has at most.
pub const WINDOWS_OF_STEPS_MAX: i64 = 1_500;
/// Texts of a list at most.
pub(super) const TEXTS_MAX: usize = 1_000;
const NAME_MAX: usize = 200;
const TEXT_MAX: usize = 4_000;
const LABELS_MAX: usize = 50;
const FIELDS_MAX: usize = 8;

/// What is wrong with a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The key.
    pub key: String,
    /// What is wrong, and the way out.
    pub what: String,
}

impl Fault {
    pub(super) fn new(key: &str, what: impl Into<String>) -> Self {
        Self {
            key: key.to_owned(),
            what: what.into(),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.key, self.what)
    }
}

impl std::error::Error for Fault {}

impl Rule {
    /// Whether it can be kept and evaluated.
    ///
    /// # Errors
    /// [`Fault`]
    pub fn check(&self) -> Result<(), Fault> {
        if self.name.trim().is_empty() || self.name.chars().count() > NAME_MAX {
            return Err(Fault::new("name", format!("1 to {NAME_MAX} characters")));
        }
        if self.name.chars().any(char::is_control) {
            return Err(Fault::new("name", "a line of text, without control characters"));
        }
        self.times()?;
        named("labels", &self.labels)?;
        named("annotations", &self.annotations)?;
        for own in ["alertname", "severity"] {
            if self.labels.contains_key(own) {
                let what = format!("`{own}` is given by the rule itself: leave it out");
                return Err(Fault::new("labels", what));
            }
        }
        let step = self.step();
        match &self.condition {
            Condition::Threshold(condition) => condition.check(),
            Condition::Match(condition) => condition.check(),
            Condition::Absence(condition) => condition.check(self.window),
            Condition::Change(condition) => {
                self.steps("condition.against", condition.against.unwrap_or(self.window))?;
                condition.check(step)
            }
            Condition::Silence(condition) => condition.check(),
            Condition::Pattern(condition) => condition.check(self.window),
            Condition::Deviation(condition) => condition.check(self.window),
            Condition::Sequence(condition) => {
                self.steps("condition.within", condition.within)?;
                condition.check()
            }
        }
    }

    fn times(&self) -> Result<(), Fault> {
        let step = self.step();
        if self.window < Period::seconds(1) {
            return Err(Fault::new("window", "a second at least"));
        }
        if step < Period::seconds(1) || step > self.window {
            let what = format!("{step} is not from 1s to the window ({})", self.window);
            return Err(Fault::new("every", what));
        }
        if self.window.0 % step.0 != 0 {
            let what = format!(
                "the window ({}) is no multiple of {step}: take one that divides it",
                self.window
            );
            return Err(Fault::new("every", what));
        }
        self.steps("window", self.window)?;
        for (key, period, most) in [
            ("for", self.hold_for, 30 * 86_400),
            ("keep_firing_for", self.keep_firing_for, 30 * 86_400),
            ("allowed_lateness", self.allowed_lateness, 3_600),
            ("verdict_delay_max", self.verdict_delay_max, 3_600),
        ] {
            if period.0 < 0 || period > Period::seconds(most) {
                let what = format!("{period} is above {}", Period::seconds(most));
                return Err(Fault::new(key, what));
            }
        }
        match self.flapping {
            Some(flapping) if flapping.times < 2 || flapping.times > 100 => {
                Err(Fault::new("flapping.times", "2 to 100"))
            }
            Some(flapping) if flapping.within <= step => {
                Err(Fault::new("flapping.within", format!("longer than `every` ({step})")))
            }
            _ => Ok(()),
        }
    }

    fn steps(&self, key: &str, period: Period) -> Result<(), Fault> {
        let step = self.step();
        match period.0 / step.0 > WINDOWS_OF_STEPS_MAX {
            true => {
                let what = format!(
                    "{period} are more than {WINDOWS_OF_STEPS_MAX} steps of `every` ({step}): make `every` longer"
                );
                Err(Fault::new(key, what))
            }
            false => Ok(()),
        }
    }

    /// The searches whose lines it looks at: none for what only agents' reports decide.
    pub fn searches(&self) -> Vec<&str> {
        match &self.condition {
            Condition::Threshold(condition) => vec![&condition.query],
            Condition::Match(condition) => vec![&condition.query],
            Condition::Absence(condition) => vec![&condition.query],
            Condition::Change(condition) => vec![&condition.query],
            Condition::Pattern(condition) => vec![&condition.query],
            Condition::Deviation(condition) => vec![&condition.query],
            Condition::Sequence(condition) => vec![&condition.first, &condition.then],
            Condition::Silence(_) => Vec::new(),
        }
    }
}

/// A search whose pipes only filter.
pub(super) fn search(key: &str, text: &str) -> Result<Filter, Fault> {
    if text.len() > QUERY_BYTES_MAX {
        return Err(Fault::new(key, format!("{QUERY_BYTES_MAX} bytes at most")));
    }
    let query = parse(text).map_err(|error| Fault::new(key, error.to_string()))?;
    let Query::Search(search) = query else {
        return Err(Fault::new(key, "a search, not SQL"));
    };
    let mut filters = vec![search.filter];
    for pipe in search.pipes {
        match pipe.kind {
            PipeKind::Where(filter) => filters.push(filter),
            _ => return Err(Fault::new(key, "a search without pipes, except `where`")),
        }
    }
    Ok(Filter::and(filters))
}

pub(super) fn fields(key: &str, fields: &[String]) -> Result<(), Fault> {
    if fields.len() > FIELDS_MAX {
        return Err(Fault::new(key, format!("{FIELDS_MAX} fields at most")));
    }
    match fields.iter().any(|field| field.is_empty() || field.len() > NAME_MAX) {
        true => Err(Fault::new(key, "names of fields, such as \"host\"")),
        false => Ok(()),
    }
}

pub(super) fn texts(key: &str, texts: &[String]) -> Result<(), Fault> {
    match texts.iter().any(|text| text.is_empty() || text.len() > TEXT_MAX) {
        true => Err(Fault::new(key, format!("texts of 1 to {TEXT_MAX} bytes"))),
        false => Ok(()),
    }
}

fn named(key: &str, pairs: &BTreeMap<String, String>) -> Result<(), Fault> {
    if pairs.len() > LABELS_MAX {
        return Err(Fault::new(key, format!("{LABELS_MAX} at most")));
    }
    for (name, value) in pairs {
        if name.is_empty() || name.len() > NAME_MAX || value.len() > TEXT_MAX {
            let what = format!("{name:?}: a name of 1 to {NAME_MAX} bytes and a value of {TEXT_MAX} at most");
            return Err(Fault::new(key, what));
        }
    }
    Ok(())
}
