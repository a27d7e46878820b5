//! `[access]`: accounts, sessions and keys; and who is let in without saying who they are.

use serde::{Deserialize, Serialize};

use super::Age;

/// `[access]`; see docs/access.md.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct AccessSection {
    /// A session ends when nothing was asked in it for so long.
    pub(crate) session_idle_timeout: Age,
    /// A session ends so long after it began.
    pub(crate) session_lifetime: Age,
    /// Sessions of one account at once; the oldest gives way.
    pub(crate) sessions_per_user_max: u32,
    /// Characters of a password at least.
    pub(crate) password_chars_min: u32,
    /// Passwords that are checked at once; each takes 19 MiB of memory.
    pub(crate) hashing_concurrent_max: u32,
    /// Failed logins of one account within `failures_window`; then it is locked until the window is over.
    pub(crate) account_failures_max: u32,
    /// Failed logins from one address within `failures_window`; then it is not listened to until the window
    /// is over. Behind a proxy all come from one address.
    pub(crate) address_failures_max: u32,
    /// The window in which they are counted.
    pub(crate) failures_window: Age,
    /// Whether searches of accounts and keys are on record.
    pub(crate) record_searches: bool,
    /// The same search by the same caller is on record once in it.
    pub(crate) record_searches_interval: Age,
}

impl Default for AccessSection {
    fn default() -> Self {
        Self {
            session_idle_timeout: Age::seconds(12 * 3600),
            session_lifetime: Age::days(7),
            sessions_per_user_max: 20,
            password_chars_min: 12,
            hashing_concurrent_max: 2,
            account_failures_max: 10,
            address_failures_max: 100,
            failures_window: Age::seconds(15 * 60),
            record_searches: true,
            record_searches_interval: Age::seconds(5 * 60),
        }
    }
}

impl AccessSection {
    /// # Errors
    /// The key, its value, and what it may be.
    pub(super) fn check(&self) -> Result<(), String> {
        for (key, count) in [
            ("sessions_per_user_max", self.sessions_per_user_max),
            ("password_chars_min", self.password_chars_min),
            ("hashing_concurrent_max", self.hashing_concurrent_max),
            ("account_failures_max", self.account_failures_max),
            ("address_failures_max", self.address_failures_max),
        ] {
            if count == 0 {
                return Err(format!("access.{key} = 0, with which nobody logs in; take at least 1"));
            }
        }
        for (key, age) in [
            ("session_idle_timeout", self.session_idle_timeout),
            ("session_lifetime", self.session_lifetime),
            ("failures_window", self.failures_window),
        ] {
            if age.get().is_zero() {
                return Err(format!(
                    "access.{key} is 0, with which nobody stays logged in; \"12h\" is usual"
                ));
            }
        }
        Ok(())
    }

    /// What is on record of searches.
    #[cfg(feature = "store")]
    pub(crate) fn searches(&self) -> timberline_store::http::SearchOptions {
        timberline_store::http::SearchOptions {
            enabled: self.record_searches,
            interval: self.record_searches_interval.get(),
        }
    }

    /// The limits, for a server that lets in by `openness`.
    #[cfg(feature = "collector")]
    pub(crate) fn options(
        &self,
        openness: timberline_collector::access::Openness,
        secure_cookies: bool,
    ) -> timberline_collector::access::AccessOptions {
        timberline_collector::access::AccessOptions {
            openness,
            secure_cookies,
            session_idle_timeout: self.session_idle_timeout.get(),
            session_lifetime: self.session_lifetime.get(),
            sessions_per_user_max: self.sessions_per_user_max as usize,
            password_chars_min: self.password_chars_min as usize,
            hashing_concurrent_max: self.hashing_concurrent_max as usize,
            account_failures_max: self.account_failures_max,
            address_failures_max: self.address_failures_max,
            failures_window: self.failures_window.get(),
            ..timberline_collector::access::AccessOptions::default()
        }
    }
}
