//! What a chart over time says beside its drawing.

use leptos::prelude::*;

use super::super::{
    plot::{Series, TimePlot, series_class},
    said,
};
use crate::{
    model::app::App,
    text::printable::{Layout, printable},
};

/// The values at one time.
pub(super) fn tip(app: App, plot: &TimePlot, at: usize, share: f64, hidden: &[usize]) -> impl IntoView + use<> {
    let zone = app.prefs.zone.get();
    let civil = zone.civil(plot.times[at]);
    let day = civil.day_of(&zone.civil(js_sys::Date::now() as i64));
    let clock = if civil.milli == 0 {
        civil.clock_seconds()
    } else {
        civil.clock()
    };
    let mut rows: Vec<(usize, &Series)> = plot
        .series
        .iter()
        .enumerate()
        .filter(|(number, _)| !hidden.contains(number))
        .collect();
    rows.sort_by(|a, b| {
        let value = |series: &Series| series.values[at].unwrap_or(f64::NEG_INFINITY);
        value(b.1).total_cmp(&value(a.1))
    });
    let rows = rows
        .into_iter()
        .map(|(number, series)| {
            let name = printable(&series.name, Layout::Row).into_owned();
            view! {
                <div class="tip-row">
                    <i class=format!("chart-mark {}", series_class(number, &series.name))></i>
                    <span class="tip-name">{name}</span>
                    <span class="number">{series.values[at].map_or_else(|| "–".to_owned(), said)}</span>
                </div>
            }
        })
        .collect_view();
    let beside = if share > 0.6 { "tip left" } else { "tip" };
    view! {
        <div class=beside style:left=format!("{:.2}%", share * 100.0)>
            <div class="tip-head">{day}" "{clock}</div>
            {rows}
        </div>
    }
}

/// Times written out, at most.
const VALUES_MAX: usize = 200;

/// The same in rows, for who does not see the drawing.
#[component]
pub(super) fn Values(plot: StoredValue<TimePlot>) -> impl IntoView {
    let app = App::get();
    let open = RwSignal::new(false);
    let rows = move || {
        plot.with_value(|plot| {
            let zone = app.prefs.zone.get();
            let skipped = plot.times.len().saturating_sub(VALUES_MAX);
            let heads = plot.series.iter().map(|series| view! { <th scope="col">{series.name.clone()}</th> }).collect_view();
            let rows = (skipped..plot.times.len())
                .map(|at| {
                    let cells = plot.series.iter().map(|series| view! { <td>{series.values[at].map_or_else(|| "–".to_owned(), said)}</td> });
                    view! { <tr><th scope="row">{zone.civil(plot.times[at]).editable()}</th>{cells.collect_view()}</tr> }
                })
                .collect_view();
            view! { <table><thead><tr><th scope="col">"Time"</th>{heads}</tr></thead><tbody>{rows}</tbody></table> }
        })
    };
    view! {
        <div class="chart-values">
            <button class="button small" aria-expanded=move || open.get().to_string() on:click=move |_| open.update(|open| *open = !*open)>"Values as a table"</button>
            {move || open.get().then(rows)}
        </div>
    }
}
