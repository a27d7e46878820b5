//! Text that nothing prints.

use std::fmt;

/// Text that nothing prints: neither `{:?}` nor an answer of the API.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Of the configuration.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// For the one place that sends it.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// `text` without it, for what others may have put it into.
    pub fn struck_from(&self, text: &str) -> String {
        // Less would strike at random.
        if self.0.len() < 6 {
            text.to_owned()
        } else {
            text.replace(&self.0, "…")
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "(none)" } else { "(secret)" })
    }
}
