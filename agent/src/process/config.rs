//! The rules as they are configured: `[[agent.rules]]`.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use timberline_proto::query::duration::parse_duration;

/// One rule: which records it is about, and the one thing that it does.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RuleConfig {
    /// Its name, which stands in the reason of what it drops.
    pub name: String,
    /// Hosts that it is about, as globs; all if empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub host: Vec<String>,
    /// Services that it is about, as globs; all if empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub service: Vec<String>,
    /// Files that it is about, as globs; all if empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub file: Vec<String>,
    /// Records that it is about, as a search without pipes; all if empty.
    #[serde(rename = "where", skip_serializing_if = "String::is_empty")]
    pub filter: String,
    /// Finds fields.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parse: Option<ParseConfig>,
    /// Takes the record's time from a field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<TimeConfig>,
    /// Fields to add.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub add: BTreeMap<String, Constant>,
    /// Fields to remove.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub remove: Vec<String>,
    /// Fields to rename: old name, new name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub rename: BTreeMap<String, String>,
    /// Drops the record.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub drop: bool,
    /// Keeps a part of the records.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sample: Option<SampleConfig>,
    /// Keeps so many records in a time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate_limit: Option<RateLimitConfig>,
    /// Sends whole files to another topic.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub route: Option<RouteConfig>,
    /// Masks what is not to leave the machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redact: Option<RedactConfig>,
    /// Runs a program.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vrl: Option<VrlConfig>,
}

/// `parse = { … }`
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ParseConfig {
    /// What the text is.
    pub format: ParseFormat,
    /// The field whose text is read; the line if empty.
    pub from: String,
    /// Put before each name, with a dot.
    pub into: String,
    /// The regex or grok pattern.
    pub pattern: String,
    /// Names of the columns of CSV.
    pub columns: Vec<String>,
    /// What separates the columns of CSV; a comma if empty.
    pub delimiter: String,
}

/// What a text is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ParseFormat {
    /// A JSON object.
    #[default]
    Json,
    /// `key=value` pairs.
    Logfmt,
    /// A regex whose named groups are fields.
    Regex,
    /// A grok pattern.
    Grok,
    /// Separated values.
    Csv,
    /// An access log of nginx or Apache, common or combined.
    Access,
    /// nginx's error log.
    NginxError,
    /// Apache's error log.
    ApacheError,
}

/// `time = { … }`
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TimeConfig {
    /// The field with the time.
    pub from: String,
    /// How it is written: `auto`, `unix`, `unix_ms`, `unix_us`, `unix_ns`, or in the signs of `strftime`.
    pub format: String,
    /// IANA name of the zone of times that name none; the agent's if empty.
    pub zone: String,
}

/// The value of an added field.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Constant {
    /// True or false.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// Another number.
    Number(f64),
    /// Text.
    Text(String),
}

/// `sample = { … }`
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SampleConfig {
    /// The part that is kept, 0 to 1.
    pub keep: f64,
    /// Records with the same value of this field are kept or dropped together.
    pub by: String,
}

/// `rate_limit = { … }`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RateLimitConfig {
    /// Records of one file kept in a span.
    pub records: u64,
    /// The span, of the records' own times: `"1s"`.
    #[serde(with = "span")]
    pub per: Duration,
    /// Counts each value of this field for itself.
    pub by: String,
    /// Values counted for themselves at most; further ones are counted together.
    pub keys_max: usize,
}

impl Default for RateLimitConfig {
    fn default() -> Self {
        Self {
            records: 0,
            per: Duration::from_secs(1),
            by: String::new(),
            keys_max: 10_000,
        }
    }
}

/// `route = { … }`
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RouteConfig {
    /// The queue's topic.
    pub topic: String,
}

/// `redact = { … }`
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RedactConfig {
    /// Detectors, or groups of them.
    pub detect: Vec<String>,
    /// Own patterns: a name and a regex. If it has a group, the first is what is masked.
    pub patterns: BTreeMap<String, String>,
    /// Only within these fields; without `detect` and `patterns` their whole values.
    pub fields: Vec<String>,
    /// What is done with what was found.
    pub action: RedactAction,
    /// Put in its place; `[NAME]` if empty.
    pub with: String,
    /// Last characters that stay, with `*` for each before them.
    pub keep_last: usize,
    /// The key of `hash`.
    pub key: Secret,
}

/// What is done with what was found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RedactAction {
    /// Something else is put in its place.
    #[default]
    Mask,
    /// Its HMAC-SHA-256 is put in its place.
    Hash,
    /// It is taken out.
    Remove,
    /// The record is dropped.
    Drop,
}

/// `vrl = { … }`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct VrlConfig {
    /// The program, in the Vector Remap Language.
    pub source: String,
    /// Expressions that one record may take; the program fails at the next.
    pub expressions_max: u64,
    /// What becomes of a record for which the program fails.
    pub on_error: VrlError,
}

impl Default for VrlConfig {
    fn default() -> Self {
        Self {
            source: String::new(),
            expressions_max: 100_000,
            on_error: VrlError::Keep,
        }
    }
}

/// What becomes of a record for which a program fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VrlError {
    /// It is kept as it was, with `log.parse_error`.
    #[default]
    Keep,
    /// It is dropped.
    Drop,
}

/// A text that is never printed.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "none" } else { "set" })
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(if self.0.is_empty() { "" } else { "(not shown)" })
    }
}

/// A span of time as text with a unit.
mod span {
    use super::{Deserialize, Deserializer, Duration, Serializer, parse_duration};

    pub(super) fn serialize<S: Serializer>(span: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{}ns", span.as_nanos()))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        let text = String::deserialize(deserializer)?;
        let nanos = parse_duration(&text).and_then(|nanos| u64::try_from(nanos).ok());
        nanos.map(Duration::from_nanos).ok_or_else(|| {
            serde::de::Error::custom(format!("{text:?} is no span of time; write it like \"5s\" or \"1m\""))
        })
    }
}
