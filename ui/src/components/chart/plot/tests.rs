//! Which chart is made of which table.

use super::*;
use serde_json::json;
use timberline_proto::api::Column;

fn table(columns: &[(&str, &str)], rows: Vec<Vec<Value>>) -> Table {
    let columns = columns
        .iter()
        .map(|(name, kind)| Column {
            name: (*name).into(),
            kind: (*kind).into(),
        })
        .collect();
    Table { columns, rows }
}

fn at(second: u32) -> Value {
    json!(format!("2026-11-20T00:00:{second:02}Z"))
}

fn over_time() -> Table {
    let rows = vec![
        vec![at(9), json!("a"), json!(2)],
        vec![at(0), json!("a"), json!(1)],
        vec![at(0), json!("b"), json!(5)],
        vec![at(3), json!("a"), Value::Null],
    ];
    table(&[("t", "timestamp"), ("l", "text"), ("n", "integer")], rows)
}

#[test]
fn time_and_a_name_make_a_line_per_name_with_gaps() {
    let Some(Plot::Time(plot, TimeStyle::Line)) = plot(&over_time(), ChartKind::Auto, Reduce::Last, 0) else {
        panic!("lines fit");
    };
    assert_eq!((plot.times.len(), plot.step_ms), (3, 3_000));
    let names: Vec<_> = plot.series.iter().map(|series| series.name.as_str()).collect();
    assert_eq!(names, ["b", "a"]);
    assert_eq!(plot.series[1].values, [Some(1.0), None, Some(2.0)]);
}

#[test]
fn names_and_numbers_make_bars_and_nothing_else_makes_a_chart() {
    let rows = vec![vec![json!("x"), json!(3)], vec![Value::Null, json!(1.5)]];
    let bars = table(&[("host", "text"), ("n", "number")], rows.clone());
    let Some(Plot::Names(plot)) = plot(&bars, ChartKind::Line, Reduce::Last, 0) else {
        panic!("bars fit, lines do not");
    };
    assert_eq!(plot.names, ["x", "–"]);
    assert_eq!(plot.series[0].values, [Some(3.0), Some(1.5)]);
    let texts = table(&[("host", "text"), ("other", "text")], rows.clone());
    assert_eq!(chosen(&texts, ChartKind::Bar), ChartKind::Table);
    let numbers = table(&[("n", "number"), ("m", "number")], rows);
    assert_eq!(chosen(&numbers, ChartKind::Auto), ChartKind::Table);
    assert_eq!(chosen(&numbers, ChartKind::Stat), ChartKind::Stat);
}

#[test]
fn a_second_name_cuts_the_bars_of_the_first() {
    let rows = vec![
        vec![json!("x"), json!("error"), json!(1)],
        vec![json!("y"), json!("info"), json!(7)],
        vec![json!("x"), json!("info"), json!(2)],
    ];
    let of = table(&[("host", "text"), ("level", "text"), ("n", "integer")], rows);
    let Some(Plot::Names(plot)) = plot(&of, ChartKind::Auto, Reduce::Last, 0) else {
        panic!("bars fit");
    };
    assert_eq!(plot.names, ["x", "y"]);
    assert_eq!(plot.series[0].values, [Some(2.0), Some(7.0)]);
    assert_eq!(plot.series[1].values, [Some(1.0), None]);
}

#[test]
fn one_number_is_made_of_many_as_asked() {
    let of = |reduce| match plot(&over_time(), ChartKind::Stat, reduce, 0) {
        Some(Plot::Stats(stats)) => stats[1].clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!((of(Reduce::Last).value, of(Reduce::Last).before), (2.0, Some(1.0)));
    assert_eq!((of(Reduce::Sum).value, of(Reduce::Mean).value), (3.0, 1.5));
    assert_eq!((of(Reduce::Min).value, of(Reduce::Max).value), (1.0, 2.0));
    let one = table(&[("n", "integer")], vec![vec![json!(41)]]);
    assert_eq!(chosen(&one, ChartKind::Auto), ChartKind::Stat);
    assert_eq!(
        chosen(&table(&[("n", "integer")], Vec::new()), ChartKind::Auto),
        ChartKind::Table
    );
}

#[test]
fn a_step_that_has_not_ended_is_not_the_last_value() {
    let rows = (0..3).map(|n| vec![at(n * 10), json!(100 - n)]).collect();
    let of = table(&[("t", "timestamp"), ("n", "integer")], rows);
    let last = |now_ms| match plot(&of, ChartKind::Stat, Reduce::Last, now_ms) {
        Some(Plot::Stats(stats)) => (stats[0].value, stats[0].before, stats[0].course.len()),
        other => panic!("{other:?}"),
    };
    let Some(Plot::Time(times, _)) = plot(&of, ChartKind::Line, Reduce::Last, 0) else {
        panic!("lines fit");
    };
    let end = times.times[2] + times.step_ms;
    assert_eq!(last(end - 1), (99.0, Some(100.0), 2));
    assert_eq!(last(end), (98.0, Some(99.0), 3));
}
