//! The bounds of evaluating alert rules, each with its key in the configuration.

use std::sync::Arc;
use std::time::Duration;

use crate::{Clock, SystemClock};

/// The bounds of evaluating alert rules.
#[derive(Clone, Debug)]
pub struct AlertOptions {
    /// Whether rules are evaluated: `alerts.evaluation.enabled`.
    pub enabled: bool,
    /// Rules that are kept at most: `alerts.evaluation.rules_max`.
    pub rules_max: u64,
    /// Bytes of one rule as JSON: `alerts.evaluation.rule_bytes_max`.
    pub rule_bytes_max: u64,
    /// Versions of one rule that are kept: `alerts.evaluation.rule_versions_max`.
    pub rule_versions_max: u64,
    /// How often it is looked whether verdicts are due: `alerts.evaluation.interval`.
    pub interval: Duration,
    /// Groups of one rule; lines of more are left out and counted: `alerts.evaluation.groups_max`.
    pub groups_max: usize,
    /// Keys, and lines of one key, of one rule about sequences: `alerts.evaluation.keys_max`.
    pub keys_max: usize,
    /// Kinds of lines of one rule about patterns: `alerts.evaluation.patterns_max`.
    pub patterns_max: usize,
    /// Lines that come so long after their window's end still make a late entry: `alerts.evaluation.late_window`.
    pub late_window: Duration,
    /// After a time without evaluation, windows older than this are passed over: `alerts.evaluation.catch_up_max`.
    pub catch_up_max: Duration,
    /// Lines that a message carries: `alerts.evaluation.evidence_lines_max`.
    pub evidence_lines_max: usize,
    /// Bytes of one of them, and of all of its fields: `alerts.evaluation.evidence_line_bytes_max`.
    pub evidence_line_bytes_max: usize,
    /// Lines of one rule about matches that are told one by one in a minute; more are counted:
    /// `alerts.evaluation.match_lines_max`.
    pub match_lines_max: usize,
    /// Changes of state on record: `alerts.evaluation.history_entries_max`.
    pub history_entries_max: u64,
    /// How long they are kept: `alerts.evaluation.history_age`.
    pub history_age: Duration,
    /// Lines that a back-test looks at: `alerts.evaluation.backtest_lines_max`.
    pub backtest_lines_max: usize,
    /// Changes of state that a back-test answers with: `alerts.evaluation.backtest_entries_max`.
    pub backtest_entries_max: usize,
    /// Back-tests that run at once: `alerts.evaluation.backtests_max`.
    pub backtests_max: usize,
    /// How often lines are taken from memory, where they are as long as their flush lasts:
    /// `alerts.evaluation.take_interval`.
    pub take_interval: Duration,
    /// The share of one core that a rule may take; one that takes more is decided less often:
    /// `alerts.evaluation.rule_cost_max`.
    pub rule_cost_max: f64,
    /// Such a rule is decided at every so many windows at most: `alerts.evaluation.rule_slowed_max`.
    pub rule_slowed_max: u32,
    /// Hosts that are on record as decommissioned: `alerts.evaluation.decommissioned_max`.
    pub decommissioned_max: u64,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
}

impl Default for AlertOptions {
    fn default() -> Self {
        Self {
            enabled: true,
            rules_max: 2_000,
            rule_bytes_max: 64 << 10,
            rule_versions_max: 50,
            interval: Duration::from_secs(1),
            groups_max: 1_000,
            keys_max: 10_000,
            patterns_max: 20_000,
            late_window: Duration::from_secs(600),
            catch_up_max: Duration::from_secs(3_600),
            evidence_lines_max: 5,
            evidence_line_bytes_max: 2_000,
            match_lines_max: 60,
            history_entries_max: 100_000,
            history_age: Duration::from_secs(90 * 86_400),
            backtest_lines_max: 2_000_000,
            backtest_entries_max: 10_000,
            backtests_max: 2,
            take_interval: Duration::from_millis(200),
            rule_cost_max: 0.25,
            rule_slowed_max: 64,
            decommissioned_max: 10_000,
            clock: Arc::new(SystemClock),
        }
    }
}
