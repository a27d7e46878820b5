//! A request as it is kept, and what it means.

use serde::{Deserialize, Serialize};
use timberline_proto::api::erasure::{
    ErasureBlocker, ErasureKind, ErasureReceipt, ErasureState, ErasureStatus, NewErasure,
};
use timberline_proto::query::time_range::{format_rfc3339_nanos, parse_period};

use super::error::ErasureError;
use super::names::Names;
use super::redact::Redactor;
use super::secret::{HashKey, mark};
use crate::catalog::{CatalogError, StoredErasure};
use crate::read::{Meant, TimeRange};

/// What a request says in plain text: kept as long as it is needed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct What {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) query: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) subject: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) fields: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) patterns: Vec<String>,
}

/// All the rest: it names nobody.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct About {
    pub(super) kind: ErasureKind,
    pub(super) hash: String,
    pub(super) is_subject: bool,
    /// The first and the last moment, nanoseconds.
    pub(super) first: Option<i64>,
    pub(super) last: Option<i64>,
    pub(super) reason: String,
    pub(super) case: String,
    pub(super) asked_by: String,
    pub(super) asked_at_nanos: i64,
    /// Whether somebody else had to approve it.
    pub(super) approval: bool,
    pub(super) decided_by: Option<String>,
    pub(super) decided_at_nanos: Option<i64>,
    pub(super) blocked: Vec<ErasureBlocker>,
    pub(super) problem: Option<String>,
    pub(super) final_at_nanos: Option<i64>,
    pub(super) receipt: Option<ErasureReceipt>,
}

/// A request.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) id: String,
    pub(super) state: ErasureState,
    pub(super) what: Option<What>,
    pub(super) about: About,
}

impl What {
    pub(super) fn of(new: &NewErasure) -> Self {
        let filled = |text: &Option<String>| {
            text.as_deref()
                .map(str::trim)
                .filter(|text| !text.is_empty())
                .map(str::to_owned)
        };
        Self {
            query: filled(&new.query),
            subject: filled(&new.subject),
            fields: new.fields.clone(),
            patterns: new.patterns.clone(),
        }
    }

    /// What is hashed.
    pub(super) fn hash(&self, key: &HashKey) -> String {
        match (&self.subject, &self.query) {
            (Some(subject), _) => key.hash("subject", subject),
            (None, query) => key.hash("query", query.as_deref().unwrap_or_default()),
        }
    }

    /// The rows that are meant.
    pub(super) fn meant(&self, range: TimeRange) -> Result<Meant, ErasureError> {
        let meant = match (&self.subject, &self.query) {
            (Some(subject), _) => {
                let (field, text) = named(subject);
                Meant::by_phrase(field, text, range)
            }
            (None, query) => Meant::by_query(query.as_deref().unwrap_or_default(), range),
        };
        meant.map_err(|error| ErasureError::Text(error.to_string()))
    }

    /// What of these rows is replaced, where they are not taken away.
    pub(super) fn redactor(&self, kind: ErasureKind) -> Result<Option<Redactor>, ErasureError> {
        match kind {
            ErasureKind::Erase => Ok(None),
            ErasureKind::Redact => {
                let subject = self.subject.as_deref().map(|subject| named(subject).1);
                Redactor::new(&self.fields, &self.patterns, subject).map(Some)
            }
        }
    }

    /// What goes from the program's own records.
    pub(super) fn names(&self, hash: &str) -> Names {
        let by = mark(hash);
        match (&self.subject, &self.query) {
            (Some(subject), _) => Names::phrase(named(subject).1, by),
            (None, query) => Names::whole(query.as_deref().unwrap_or_default(), by),
        }
    }
}

/// A subject as field and value; without a field if it has none.
fn named(subject: &str) -> (Option<&str>, &str) {
    let is_name = |name: &str| {
        name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
            && name
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'))
    };
    match subject.split_once(':') {
        Some((name, value)) if is_name(name) && !value.trim().is_empty() && !value.starts_with("//") => {
            (Some(name), value.trim().trim_matches('"'))
        }
        _ => (None, subject.trim_matches('"')),
    }
}

/// An end of the range: a moment, or a whole day where none is named.
pub(super) fn period(key: &str, text: Option<&str>, now_nanos: i64) -> Result<Option<(i64, i64)>, ErasureError> {
    let Some(text) = text.map(str::trim).filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    match parse_period(text, now_nanos) {
        Ok(period) => Ok(Some(period)),
        Err(error) => Err(ErasureError::Text(format!("{key}: {error}"))),
    }
}

impl About {
    pub(super) fn range(&self) -> TimeRange {
        TimeRange {
            first: self.first.unwrap_or(i64::MIN),
            last: self.last.unwrap_or(i64::MAX),
        }
    }
}

impl Request {
    pub(super) fn read(stored: StoredErasure) -> Result<Self, CatalogError> {
        let damaged = |error: serde_json::Error| CatalogError::Damaged {
            path: "the catalog".to_owned(),
            what: format!("erasure {}: {error}", stored.id),
        };
        let state = serde_json::from_value(serde_json::Value::String(stored.state.clone())).map_err(damaged)?;
        Ok(Self {
            state,
            what: stored
                .what
                .as_deref()
                .map(serde_json::from_str)
                .transpose()
                .map_err(damaged)?,
            about: serde_json::from_str(&stored.body).map_err(damaged)?,
            id: stored.id,
        })
    }

    pub(super) fn stored(&self) -> StoredErasure {
        StoredErasure {
            id: self.id.clone(),
            state: self.state.word().to_owned(),
            what: self
                .what
                .as_ref()
                .map(|what| serde_json::to_string(what).expect("text is JSON")),
            body: serde_json::to_string(&self.about).expect("numbers and text are JSON"),
            created_at_nanos: self.about.asked_at_nanos,
        }
    }

    pub(super) fn status(&self) -> ErasureStatus {
        let about = &self.about;
        ErasureStatus {
            id: self.id.clone(),
            kind: about.kind,
            state: self.state,
            hash: about.hash.clone(),
            is_subject: about.is_subject,
            from: about.first.map(format_rfc3339_nanos),
            to: about.last.map(format_rfc3339_nanos),
            reason: about.reason.clone(),
            case: about.case.clone(),
            asked_by: about.asked_by.clone(),
            asked_at: format_rfc3339_nanos(about.asked_at_nanos),
            decided_by: about.decided_by.clone(),
            decided_at: about.decided_at_nanos.map(format_rfc3339_nanos),
            blocked: about.blocked.clone(),
            problem: about.problem.clone(),
            final_at: about.final_at_nanos.map(format_rfc3339_nanos),
            ..ErasureStatus::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_may_name_its_field() {
        assert_eq!(named("alice"), (None, "alice"));
        assert_eq!(named("user.name:alice b"), (Some("user.name"), "alice b"));
        assert_eq!(named("user:\"alice b\""), (Some("user"), "alice b"));
        assert_eq!(named("https://a.example/x"), (None, "https://a.example/x"));
        assert_eq!(named("10:30"), (None, "10:30"));
    }
}
