//! A regex that matches nothing but characters of a token.

use std::sync::Arc;

use regex::bytes::{Regex, RegexBuilder};

/// A regex asked of terms: these are tokens in lower case, so it does not regard case.
#[derive(Clone, Debug)]
pub struct TokenRegex {
    pattern: String,
    folded: Arc<Regex>,
    /// Texts that it requires, in lower case.
    runs: Vec<String>,
}

impl TokenRegex {
    /// `runs`: texts in lower case that every match holds. `None` if it takes more than `bytes_max`
    /// compiled.
    pub fn new(pattern: &str, runs: Vec<String>, bytes_max: usize) -> Option<Self> {
        let mut builder = RegexBuilder::new(pattern);
        let built = builder.case_insensitive(true).size_limit(bytes_max).build();
        Some(Self {
            pattern: pattern.to_owned(),
            folded: Arc::new(built.ok()?),
            runs,
        })
    }

    /// Whether a token, in lower case, may hold a match.
    pub(crate) fn may_match(&self, term: &[u8]) -> bool {
        // What lower case is outside ASCII is not the same everywhere.
        !term.is_ascii() || self.folded.is_match(term)
    }

    pub(crate) fn runs(&self) -> &[String] {
        &self.runs
    }
}

impl PartialEq for TokenRegex {
    fn eq(&self, other: &Self) -> bool {
        self.pattern == other.pattern
    }
}
