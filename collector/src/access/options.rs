//! Limits, each with its name in the configuration.

use std::time::Duration;

/// Who is let in without saying who they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Openness {
    /// Nobody; whoever has the link that is printed at the start makes the first account.
    #[default]
    Closed,
    /// While there is no account, whoever asks from this machine.
    Loopback,
    /// Whoever reaches the port: `server.allow_anyone_without_login`.
    Anyone,
}

/// How access is decided.
#[derive(Clone, Debug)]
pub struct AccessOptions {
    /// Who is let in without saying who they are.
    pub openness: Openness,
    /// Whether browsers reach this server by TLS alone, so that cookies are sent by nothing else.
    pub secure_cookies: bool,
    /// A session ends when nothing was asked in it for so long.
    pub session_idle_timeout: Duration,
    /// A session ends so long after it began.
    pub session_lifetime: Duration,
    /// Sessions of one account; the oldest gives way.
    pub sessions_per_user_max: usize,
    /// Characters of a password at least.
    pub password_chars_min: usize,
    /// Passwords that are checked at once; each takes 19 MiB of memory.
    pub hashing_concurrent_max: usize,
    /// Failed tries of one account within the window; then its passwords are refused until the window is over.
    pub account_failures_max: u32,
    /// Failed tries of one address (of IPv6, of a network of 64 bits) within the window.
    pub address_failures_max: u32,
    /// The window.
    pub failures_window: Duration,
    /// How often what happened meanwhile is written.
    pub upkeep_interval: Duration,
}

impl Default for AccessOptions {
    fn default() -> Self {
        Self {
            openness: Openness::Closed,
            secure_cookies: false,
            session_idle_timeout: Duration::from_secs(12 * 3600),
            session_lifetime: Duration::from_secs(7 * 86_400),
            sessions_per_user_max: 20,
            password_chars_min: 12,
            hashing_concurrent_max: 2,
            account_failures_max: 10,
            address_failures_max: 100,
            failures_window: Duration::from_secs(15 * 60),
            upkeep_interval: Duration::from_secs(60),
        }
    }
}
