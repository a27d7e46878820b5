//! How targets are.

use std::time::Duration;

/// How a target is, since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TargetState {
    /// Messages that it took.
    pub delivered: u64,
    /// Messages that were given up.
    pub failed: u64,
    /// Tries.
    pub tries: u64,
    /// Since when each try has failed, nanoseconds since the epoch.
    pub failing_since: Option<i64>,
    /// Tries that failed one after another.
    pub failures: u32,
    /// Why the last one failed.
    pub error: Option<String>,
    /// It gets nothing before that, nanoseconds since the epoch.
    pub paused_until: i64,
    /// Whether the fallback was told.
    pub trouble_told: bool,
}

impl TargetState {
    /// It took a message. Whether that ends a trouble that was told.
    pub(super) fn succeeded(&mut self) -> bool {
        let over = self.trouble_told;
        *self = Self {
            delivered: self.delivered + 1,
            failed: self.failed,
            tries: self.tries + 1,
            ..Self::default()
        };
        over
    }

    /// A try failed.
    pub(super) fn did_not(&mut self, now: i64, why: &str, given_up: bool) {
        self.tries += 1;
        self.failed += u64::from(given_up);
        self.failures = self.failures.saturating_add(1);
        self.failing_since.get_or_insert(now);
        self.error = Some(why.to_owned());
    }
}

/// The wait after so many tries that failed: doubled each time, and up to a half of it by chance, so that many
/// do not come back at once. `chance` is within 0 and 1.
pub(super) fn backoff(min: Duration, max: Duration, failures: u64, chance: f64) -> Duration {
    let doubled = min.saturating_mul(
        1_u32
            .checked_shl(u32::try_from(failures).unwrap_or(u32::MAX))
            .unwrap_or(u32::MAX),
    );
    let whole = doubled.min(max);
    whole.mul_f64(1.0 - chance.clamp(0.0, 1.0) / 2.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn waits_grow_to_the_longest_and_never_beyond(failures in 0..200_u64, chance in 0.0..1.0) {
            let (min, max) = (Duration::from_secs(1), Duration::from_secs(300));
            let wait = backoff(min, max, failures, chance);
            prop_assert!(wait >= min / 2 && wait <= max);
            prop_assert!(backoff(min, max, failures + 1, 0.0) >= backoff(min, max, failures, 0.0));
            if failures > 8 {
                prop_assert!(wait >= max / 2);
            }
        }
    }
}
