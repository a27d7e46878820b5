//! Round ticks.

use crate::model::prefs::Zone;

/// From the lowest tick to the highest: all values lie between.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Scale {
    pub(super) ticks: Vec<f64>,
}

impl Scale {
    /// About `count` steps over `min..=max`; zero is always among them.
    pub(super) fn over(min: f64, max: f64, count: usize) -> Scale {
        // What has no end has no place on a scale.
        let known = |value: f64| if value.is_finite() { value } else { 0.0 };
        let (min, max) = (known(min).min(0.0), known(max).max(0.0));
        let span = if max - min > 0.0 && (max - min).is_finite() {
            max - min
        } else {
            1.0
        };
        let step = round_up(span / count.max(1) as f64);
        let (first, last) = ((min / step).floor() as i64, (max / step).ceil() as i64);
        let ticks: Vec<f64> = (first..=last.max(first + 1)).map(|n| n as f64 * step).collect();
        Scale { ticks }
    }

    fn ends(&self) -> (f64, f64) {
        let first = self.ticks.first().copied().unwrap_or(0.0);
        (first, self.ticks.last().copied().unwrap_or(1.0))
    }

    /// The share of the height, from the bottom.
    pub(super) fn share(&self, value: f64) -> f64 {
        let (first, last) = self.ends();
        ((value - first) / (last - first)).clamp(0.0, 1.0)
    }
}

/// The next of 1, 2, 5, 10, 20, … from `step` on.
fn round_up(step: f64) -> f64 {
    let size = 10_f64.powf(step.log10().floor());
    let part = step / size;
    let round = [1.0, 2.0, 5.0].into_iter().find(|round| part <= *round * 1.000_001);
    round.unwrap_or(10.0) * size
}

const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
const STEPS: [i64; 25] = [
    10,
    50,
    100,
    500,
    SECOND,
    5 * SECOND,
    10 * SECOND,
    30 * SECOND,
    MINUTE,
    2 * MINUTE,
    5 * MINUTE,
    10 * MINUTE,
    15 * MINUTE,
    30 * MINUTE,
    HOUR,
    2 * HOUR,
    3 * HOUR,
    6 * HOUR,
    12 * HOUR,
    DAY,
    2 * DAY,
    7 * DAY,
    30 * DAY,
    90 * DAY,
    365 * DAY,
];

/// Instants within `from_ms..=to_ms` that are round on the zone's clock, `count` at most.
pub(super) fn time_ticks(from_ms: i64, to_ms: i64, count: i64, zone: Zone) -> Vec<i64> {
    let span = (to_ms - from_ms).max(1);
    let step = STEPS
        .into_iter()
        .find(|step| span / step <= count)
        .unwrap_or_else(|| span / count.max(1));
    let offset = zone.offset_ms(from_ms);
    let first = (from_ms + offset + step - 1).div_euclid(step) * step - offset;
    (0..).map(|n| first + n * step).take_while(|ms| *ms <= to_ms).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_reach_over_all_values() {
        assert_eq!(Scale::over(0.0, 87.0, 4).ticks, [0.0, 50.0, 100.0]);
        assert_eq!(Scale::over(3.0, 9.0, 4).ticks, [0.0, 5.0, 10.0]);
        assert_eq!(Scale::over(-4.0, 7.0, 4).ticks, [-5.0, 0.0, 5.0, 10.0]);
        assert_eq!(Scale::over(0.0, 0.0, 4).ticks.len(), 2);
        for (min, max) in [
            (0.0, 1e-9),
            (0.0, 1e300),
            (-1e9, 1e12),
            (0.0, f64::INFINITY),
            (0.0, 2.0_f64.powi(53)),
        ] {
            let scale = Scale::over(min, max, 4);
            assert!((2..=8).contains(&scale.ticks.len()), "{scale:?}");
        }
        assert_eq!(Scale::over(0.0, 100.0, 4).share(50.0), 0.5);
    }

    #[test]
    fn instants_are_round_and_few() {
        let hour = time_ticks(61_000, HOUR, 6, Zone::Utc);
        assert_eq!(hour, [600_000, 1_200_000, 1_800_000, 2_400_000, 3_000_000, 3_600_000]);
        for span in [1, 999, HOUR, 40 * DAY, 40_000 * DAY] {
            assert!(time_ticks(7, 7 + span, 6, Zone::Utc).len() <= 8, "{span}");
        }
    }
}
