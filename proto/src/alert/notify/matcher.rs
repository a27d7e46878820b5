//! Conditions on labels: `severity="critical"`, `team!="web"`, `host=~"db-[0-9]+"`, `env!~"dev|test"`.
//!
//! The form is that of Prometheus: a label that is not there counts as empty, and a regular expression
//! must fit the whole value. Quotes may be left out where the value has no spaces, quotes or commas.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Bytes of a matcher's value.
pub const MATCHER_VALUE_BYTES_MAX: usize = 1_000;

/// How a label's value is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MatchOp {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `=~`
    Regex,
    /// `!~`
    NotRegex,
}

impl MatchOp {
    /// As it is written.
    pub fn sign(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Regex => "=~",
            Self::NotRegex => "!~",
        }
    }
}

/// A condition on one label. In JSON and in the configuration it is its text.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Matcher {
    /// The label.
    pub label: String,
    /// How.
    pub op: MatchOp,
    /// With what.
    pub value: String,
}

impl Matcher {
    /// `label="value"`.
    pub fn equal(label: impl Into<String>, value: impl Into<String>) -> Self {
        Self {
            label: label.into(),
            op: MatchOp::Equal,
            value: value.into(),
        }
    }
}

impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}\"", self.label, self.op.sign())?;
        for c in self.value.chars() {
            match c {
                '"' => f.write_str("\\\"")?,
                '\\' => f.write_str("\\\\")?,
                '\n' => f.write_str("\\n")?,
                c => fmt::Write::write_char(f, c)?,
            }
        }
        f.write_str("\"")
    }
}

impl From<Matcher> for String {
    fn from(matcher: Matcher) -> Self {
        matcher.to_string()
    }
}

impl TryFrom<String> for Matcher {
    type Error = MatcherError;

    fn try_from(text: String) -> Result<Self, MatcherError> {
        text.parse()
    }
}

/// Why a text is no matcher.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is no matcher ({what}); write label=\"value\", or != for not equal, =~ and !~ for a regular expression"
)]
pub struct MatcherError {
    text: String,
    what: &'static str,
}

impl FromStr for Matcher {
    type Err = MatcherError;

    fn from_str(text: &str) -> Result<Self, MatcherError> {
        let fault = |what| MatcherError {
            text: text.chars().take(100).collect(),
            what,
        };
        let at = text.find(['=', '!']).ok_or_else(|| fault("no =, !=, =~ or !~"))?;
        let (label, rest) = (text[..at].trim(), &text[at..]);
        if label.is_empty()
            || label
                .chars()
                .any(|c| c.is_whitespace() || c.is_control() || "\"'{},~".contains(c))
        {
            return Err(fault("the label's name"));
        }
        let ops = [MatchOp::Regex, MatchOp::NotRegex, MatchOp::NotEqual, MatchOp::Equal];
        let op = ops.into_iter().find(|op| rest.starts_with(op.sign()));
        let op = op.ok_or_else(|| fault("no =, !=, =~ or !~"))?;
        let value = rest[op.sign().len()..].trim();
        let value = match value.strip_prefix('"') {
            Some(quoted) => unquoted(quoted).ok_or_else(|| fault("the quotes"))?,
            None if value.contains(['"', ',', ' ', '\t', '\n']) => return Err(fault("a value that needs quotes")),
            None => value.to_owned(),
        };
        if value.len() > MATCHER_VALUE_BYTES_MAX {
            return Err(fault("the value is too long"));
        }
        Ok(Self {
            label: label.to_owned(),
            op,
            value,
        })
    }
}

/// What stands before the closing quote, which must be the last character.
fn unquoted(text: &str) -> Option<String> {
    let mut value = String::new();
    let mut chars = text.chars();
    loop {
        match chars.next()? {
            '"' => return chars.next().is_none().then_some(value),
            '\\' => match chars.next()? {
                'n' => value.push('\n'),
                c @ ('"' | '\\') => value.push(c),
                // As in a regular expression, where it is written once.
                c => value.extend(['\\', c]),
            },
            c => value.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn matchers_are_read_as_prometheus_writes_them() {
        for (text, label, op, value) in [
            ("severity=critical", "severity", MatchOp::Equal, "critical"),
            ("host =~ \"db-[0-9]+\"", "host", MatchOp::Regex, "db-[0-9]+"),
            ("team!=\"a b\"", "team", MatchOp::NotEqual, "a b"),
            (
                "http.path!~\"\\\\d \\\"x\\\"\"",
                "http.path",
                MatchOp::NotRegex,
                "\\d \"x\"",
            ),
            ("path=~\"\\d+\"", "path", MatchOp::Regex, "\\d+"),
            ("gone=", "gone", MatchOp::Equal, ""),
        ] {
            let read: Matcher = text.parse().unwrap();
            assert_eq!((read.label.as_str(), read.op, read.value.as_str()), (label, op, value));
        }
        for text in ["", "severity", "=x", "a b=c", "a=\"b", "a=\"b\"c", "a=b c", "a!b"] {
            assert!(text.parse::<Matcher>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_matcher_is_read_back_as_it_was_written(label in "[a-z.@_]{1,8}", op in 0..4_usize, value in "\\PC{0,20}|[\"\\\\\n,]{0,6}") {
            let op = [MatchOp::Equal, MatchOp::NotEqual, MatchOp::Regex, MatchOp::NotRegex][op];
            let matcher = Matcher { label, op, value };
            prop_assert_eq!(matcher.to_string().parse::<Matcher>().unwrap(), matcher);
        }

        #[test]
        fn no_text_is_too_odd_to_be_refused(text in "\\PC{0,30}|[a=!~\"\\\\]{0,12}") {
            _ = text.parse::<Matcher>();
        }
    }
}
