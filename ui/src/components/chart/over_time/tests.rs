//! Gaps, stacks and the axis.

use super::*;
use crate::components::chart::plot::Series;

fn plot(values: Vec<Vec<Option<f64>>>, times: Vec<i64>) -> TimePlot {
    TimePlot {
        step_ms: 10,
        times,
        series: values
            .into_iter()
            .map(|values| Series {
                name: "s".into(),
                values,
            })
            .collect(),
        others: 0,
    }
}

#[test]
fn gaps_in_values_and_in_times_stay_gaps() {
    let plot = plot(
        vec![vec![Some(1.0), None, Some(2.0), Some(3.0), Some(4.0)]],
        vec![0, 10, 20, 30, 60],
    );
    let drawn = Drawn::of(&plot, TimeStyle::Line, &[], &|ms| ms as f64 / 60.0);
    // A point, a line of two points, a point.
    assert_eq!(drawn.paths[0].1.matches('M').count(), 3);
    assert_eq!(drawn.paths[0].1.matches('L').count(), 1);
}

#[test]
fn areas_and_bars_are_stacked_unless_values_are_negative() {
    let two = |b: f64| plot(vec![vec![Some(5.0); 2], vec![Some(b); 2]], vec![0, 10]);
    let share = |ms: i64| ms as f64 / 20.0;
    let top = |b: f64, style| *Drawn::of(&two(b), style, &[], &share).scale.ticks.last().unwrap();
    assert_eq!(top(5.0, TimeStyle::Area), 10.0);
    assert_eq!(top(5.0, TimeStyle::Line), 6.0);
    assert_eq!(top(-5.0, TimeStyle::Bar), 5.0);
    let hidden = Drawn::of(&two(5.0), TimeStyle::Bar, &[0], &share);
    assert_eq!(hidden.paths.len(), 1);
    assert_eq!(hidden.paths[0].0, 1);
}

#[test]
fn the_axis_shows_what_was_asked_and_what_came() {
    let plot = plot(vec![vec![Some(1.0); 2]], vec![100, 110]);
    let asked = |from_ms, to_ms| Bounds {
        from_ms,
        to_ms,
        now_ms: 500,
    };
    assert_eq!(ends(&plot, TimeStyle::Line, asked(None, None)), (100, 110));
    assert_eq!(ends(&plot, TimeStyle::Bar, asked(None, None)), (100, 120));
    assert_eq!(ends(&plot, TimeStyle::Line, asked(Some(50), None)), (50, 500));
    assert_eq!(ends(&plot, TimeStyle::Line, asked(Some(105), Some(108))), (100, 110));
}
