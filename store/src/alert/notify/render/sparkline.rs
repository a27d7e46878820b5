//! Counts as a line of blocks.

const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// Steps of a line; more are summed up.
const STEPS_MAX: usize = 60;

/// From zero (or the least, if below) to the most; what is no number is a blank.
pub(super) fn sparkline(counts: &[f64]) -> String {
    let per_step = counts.len().div_ceil(STEPS_MAX).max(1);
    let steps: Vec<f64> = counts.chunks(per_step).map(|chunk| chunk.iter().sum()).collect();
    let finite = || steps.iter().copied().filter(|value| value.is_finite());
    let most = finite().fold(0.0, f64::max);
    let least = finite().fold(0.0, f64::min);
    let block = |value: &f64| match value.is_finite() {
        false => ' ',
        true if most <= least => BLOCKS[0],
        true => {
            let share = (value / 2.0 - least / 2.0) / (most / 2.0 - least / 2.0);
            BLOCKS[((share * 7.0).round() as usize).min(7)]
        }
    };
    steps.iter().map(block).collect()
}
