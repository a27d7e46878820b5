//! Windows of a rule, in the records' own time, and when their verdicts are due.
//!
//! Windows end at multiples of the step since the epoch. The verdict of a window counts the records in
//! it that were read before the window's end and the lateness that the rule allows. So it follows from
//! the records alone, whatever the order in which they arrived and whenever it was reached: a back-test
//! comes to the same.

use timberline_proto::alert::Rule;

/// Where the windows of a rule are. Nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Grid {
    pub(crate) window: i64,
    pub(crate) step: i64,
    pub(crate) lateness: i64,
    pub(crate) delay_max: i64,
}

impl Grid {
    pub(crate) fn of(rule: &Rule) -> Self {
        Self {
            window: rule.window.0,
            step: rule.step().0,
            lateness: rule.allowed_lateness.0,
            delay_max: rule.verdict_delay_max.0,
        }
    }

    /// The first end after an instant.
    pub(crate) fn end_after(&self, time: i64) -> i64 {
        self.floor(time).saturating_add(self.step)
    }

    /// The last end up to an instant.
    pub(crate) fn floor(&self, time: i64) -> i64 {
        time.div_euclid(self.step).saturating_mul(self.step)
    }

    /// What is read from then on is too late for the window that ends at `end`.
    pub(crate) fn closes_at(&self, end: i64) -> i64 {
        end.saturating_add(self.lateness)
    }

    /// Until then its verdict waits for sources that lag.
    pub(crate) fn due_at(&self, end: i64) -> i64 {
        self.closes_at(end).saturating_add(self.delay_max)
    }

    /// The end of the first window whose verdict counts a record that was read at `observed`.
    pub(crate) fn counted_from(&self, observed: i64) -> i64 {
        self.end_after(observed.saturating_sub(self.lateness))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRID: Grid = Grid {
        window: 50,
        step: 10,
        lateness: 3,
        delay_max: 20,
    };

    #[test]
    fn a_record_counts_in_the_verdicts_that_were_not_due_when_it_was_read() {
        assert_eq!((GRID.end_after(0), GRID.end_after(9), GRID.end_after(10)), (10, 10, 20));
        assert_eq!((GRID.floor(-1), GRID.floor(19)), (-10, 10));
        for observed in -50..50 {
            let first = GRID.counted_from(observed);
            assert!(observed < GRID.closes_at(first) && observed >= GRID.closes_at(first - GRID.step));
        }
        assert_eq!(GRID.due_at(10), 33);
    }
}
