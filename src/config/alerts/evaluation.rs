//! `[alerts.evaluation]`: alert rules, and what evaluating them may cost.

use serde::{Deserialize, Serialize};

use crate::config::{Age, Size};

/// `[alerts.evaluation]`: alert rules, and what evaluating them may cost.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct EvaluationSection {
    /// Whether rules are evaluated.
    pub(crate) enabled: bool,
    /// Rules kept at most.
    pub(crate) rules_max: u64,
    /// One rule as JSON.
    pub(crate) rule_bytes_max: Size,
    /// Versions kept of one rule.
    pub(crate) rule_versions_max: u64,
    /// How often it is looked whether verdicts are due.
    pub(crate) interval: Age,
    /// Groups of one rule; lines of more are left out and counted.
    pub(crate) groups_max: u32,
    /// Keys of one rule about a sequence, and lines of one key.
    pub(crate) keys_max: u32,
    /// Kinds of lines that one rule about patterns knows.
    pub(crate) patterns_max: u32,
    /// Lines that come so long after the verdict of their window still make an entry of their own.
    pub(crate) late_window: Age,
    /// After a time without evaluation, windows older than this are passed over.
    pub(crate) catch_up_max: Age,
    /// Lines that an alert carries.
    pub(crate) evidence_lines_max: u32,
    /// One of them, and all of its fields.
    pub(crate) evidence_line_bytes_max: Size,
    /// Lines of one rule of the kind `match` that are told one by one in a minute; more are counted.
    pub(crate) match_lines_max: u32,
    /// Changes of state on record.
    pub(crate) history_entries_max: u64,
    /// How long they are kept.
    pub(crate) history_age: Age,
    /// Lines that a back-test looks at; more are an error.
    pub(crate) backtest_lines_max: u32,
    /// Changes of state that a back-test answers with.
    pub(crate) backtest_entries_max: u32,
    /// Back-tests that run at once; further ones are refused.
    pub(crate) backtests_max: u32,
    /// How often lines are taken from memory. What is published and dropped in between is read again.
    pub(crate) take_interval: Age,
    /// The share of one core that one rule may take; one that takes more is decided less often.
    pub(crate) rule_cost_max: f64,
    /// Such a rule is decided at every so many windows at most.
    pub(crate) rule_slowed_max: u32,
    /// Hosts on record as decommissioned.
    pub(crate) decommissioned_max: u64,
}

impl Default for EvaluationSection {
    fn default() -> Self {
        Self {
            enabled: true,
            rules_max: 2_000,
            rule_bytes_max: Size::kib(64),
            rule_versions_max: 50,
            interval: Age::seconds(1),
            groups_max: 1_000,
            keys_max: 10_000,
            patterns_max: 20_000,
            late_window: Age::seconds(600),
            catch_up_max: Age::seconds(3_600),
            evidence_lines_max: 5,
            evidence_line_bytes_max: Size::kib(2),
            match_lines_max: 60,
            history_entries_max: 100_000,
            history_age: Age::days(90),
            backtest_lines_max: 2_000_000,
            backtest_entries_max: 10_000,
            backtests_max: 2,
            take_interval: Age::millis(200),
            rule_cost_max: 0.25,
            rule_slowed_max: 64,
            decommissioned_max: 10_000,
        }
    }
}

impl EvaluationSection {
    /// # Errors
    /// The key, its value, and what it may be.
    pub(crate) fn check(&self) -> Result<(), String> {
        if self.interval.get().is_zero() {
            return Err("alerts.evaluation.interval = 0s would look without a pause: take 1s".to_owned());
        }
        if self.take_interval.get().is_zero() {
            return Err("alerts.evaluation.take_interval = 0s would look without a pause: take 200ms".to_owned());
        }
        if self.rule_cost_max.is_nan() || self.rule_cost_max <= 0.0 {
            return Err(format!(
                "alerts.evaluation.rule_cost_max = {} is not above 0",
                self.rule_cost_max
            ));
        }
        Ok(())
    }

    /// As the store takes it.
    #[cfg(feature = "store")]
    pub(crate) fn options(&self) -> timberline_store::alert::AlertOptions {
        let size = |size: Size| usize::try_from(size.get()).unwrap_or(usize::MAX);
        timberline_store::alert::AlertOptions {
            enabled: self.enabled,
            rules_max: self.rules_max,
            rule_bytes_max: self.rule_bytes_max.get(),
            rule_versions_max: self.rule_versions_max.max(1),
            interval: self.interval.get(),
            groups_max: self.groups_max as usize,
            keys_max: self.keys_max as usize,
            patterns_max: self.patterns_max as usize,
            late_window: self.late_window.get(),
            catch_up_max: self.catch_up_max.get(),
            evidence_lines_max: self.evidence_lines_max as usize,
            evidence_line_bytes_max: size(self.evidence_line_bytes_max),
            match_lines_max: self.match_lines_max as usize,
            history_entries_max: self.history_entries_max,
            history_age: self.history_age.get(),
            backtest_lines_max: self.backtest_lines_max as usize,
            backtest_entries_max: self.backtest_entries_max as usize,
            backtests_max: self.backtests_max as usize,
            take_interval: self.take_interval.get(),
            rule_cost_max: self.rule_cost_max,
            rule_slowed_max: self.rule_slowed_max.max(1),
            decommissioned_max: self.decommissioned_max,
            ..timberline_store::alert::AlertOptions::default()
        }
    }
}
