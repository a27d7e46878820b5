//! Which names are hidden.

use regex::bytes::{Regex, RegexBuilder};

use super::super::ReadError;
use super::super::row::aliased;

/// Memory for what looks for names: a role hides 200 of 256 bytes at most, and an account has several roles.
const NAMES_BYTES_MAX: usize = 64 << 20;

/// Names of fields that are hidden, with what is below them.
#[derive(Clone, Debug)]
pub(super) struct Hidden {
    /// Ascending.
    names: Vec<String>,
    /// Where a line that nothing takes apart seems to say one: the last part of a name, and a colon or an
    /// equals sign behind it.
    pub(super) said: Regex,
}

impl Hidden {
    /// `None` if there is none.
    ///
    /// # Errors
    /// [`ReadError::BadRequest`] of more than can be looked for.
    pub(super) fn new(names: &[String]) -> Result<Option<Self>, ReadError> {
        let mut names: Vec<String> = names.iter().map(|name| aliased(name).to_owned()).collect();
        names.sort();
        names.dedup();
        if names.is_empty() {
            return Ok(None);
        }
        let last = |name: &String| regex::escape(name.rsplit('.').next().unwrap_or(name));
        let any = names.iter().map(last).collect::<Vec<_>>().join("|");
        // Quotes within a quoted text stand behind backslashes.
        let said = format!(r#"(?:^|[^\w])(?:{any})\\*["']?\s*[:=]\s*"#);
        let said = RegexBuilder::new(&said)
            .case_insensitive(true)
            .size_limit(NAMES_BYTES_MAX)
            .build()
            .map_err(|error| ReadError::BadRequest(format!("so many hidden fields cannot be looked for: {error}")))?;
        Ok(Some(Self { names, said }))
    }

    /// The names as they were given.
    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    /// Whether a field of that name is hidden.
    pub(super) fn hides(&self, name: &str) -> bool {
        let name = aliased(name);
        self.names.iter().any(|hidden| {
            name.strip_prefix(hidden.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        })
    }
}
