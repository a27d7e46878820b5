//! Large numbers, each with its course and how it changed.

use leptos::prelude::*;

use super::{plot::Stat, said};
use crate::text::{
    number,
    printable::{Layout, printable},
};

const WIDTH: f64 = 200.0;
const HEIGHT: f64 = 40.0;

/// The numbers.
#[component]
pub(super) fn Stats(stats: Vec<Stat>) -> impl IntoView {
    let is_one = stats.len() == 1;
    let stats = stats
        .into_iter()
        .map(|stat| {
            let name = printable(&stat.name, Layout::Row).into_owned();
            let change = stat.before.and_then(|before| change(before, stat.value));
            let course = (stat.course.len() > 1).then(|| {
                view! {
                    <svg class="stat-course series-1" viewBox=format!("0 0 {WIDTH} {HEIGHT}") preserveAspectRatio="none" aria-hidden="true">
                        <path class="drawn-line" d=path(&stat.course) vector-effect="non-scaling-stroke"/>
                    </svg>
                }
            });
            view! {
                <div class="stat">
                    <span class="stat-value" title=said(stat.value)>{number::compact(stat.value)}</span>
                    <span class="stat-name">{name}{change.map(|change| view! { <span class="stat-change">{change}</span> })}</span>
                    {course}
                </div>
            }
        })
        .collect_view();
    view! { <figure class="chart stats" class:one=is_one>{stats}</figure> }
}

/// Against the value before.
fn change(before: f64, now: f64) -> Option<String> {
    if before == now {
        return Some("unchanged".to_owned());
    }
    let arrow = if now > before { '↑' } else { '↓' };
    if before == 0.0 {
        return Some(format!("{arrow} from 0"));
    }
    let percent = (now - before).abs() / before.abs() * 100.0;
    percent.is_finite().then(|| match percent {
        ..0.1 => format!("{arrow} < 0.1 %"),
        0.1..10.0 => format!("{arrow} {percent:.1} %"),
        _ => format!("{arrow} {} %", number::compact(percent.round())),
    })
}

fn path(course: &[(i64, f64)]) -> String {
    let (first, last) = (course[0].0, course[course.len() - 1].0);
    let span = (last - first).max(1) as f64;
    let min = course.iter().map(|point| point.1).fold(f64::INFINITY, f64::min);
    let max = course.iter().map(|point| point.1).fold(f64::NEG_INFINITY, f64::max);
    let height = if max > min { max - min } else { 1.0 };
    course
        .iter()
        .enumerate()
        .map(|(at, (ms, value))| {
            let x = (ms - first) as f64 / span * WIDTH;
            let y = HEIGHT - 2.0 - (value - min) / height * (HEIGHT - 4.0);
            format!("{}{x:.1},{y:.1}", if at == 0 { 'M' } else { 'L' })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::change;

    #[test]
    fn a_change_is_said_against_the_value_before() {
        assert_eq!(change(4.0, 5.0).as_deref(), Some("↑ 25 %"));
        assert_eq!(change(100.0, 95.5).as_deref(), Some("↓ 4.5 %"));
        assert_eq!(change(0.0, 1.0).as_deref(), Some("↑ from 0"));
        assert_eq!(change(2.0, 2.0).as_deref(), Some("unchanged"));
        assert_eq!(change(1e9, 1e9 + 1.0).as_deref(), Some("↑ < 0.1 %"));
    }
}
