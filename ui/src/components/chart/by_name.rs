//! Bars by name; the parts of one number stand behind each other, with a pixel between.

use leptos::prelude::*;

use super::{
    Keys,
    plot::{NamePlot, Series, series_class},
    said,
};
use crate::text::{
    number,
    printable::{Layout, printable},
};

/// The bars.
#[component]
pub(super) fn ByName(plot: NamePlot) -> impl IntoView {
    let hidden = RwSignal::new(Vec::new());
    let names: Vec<String> = plot.series.iter().map(|series| series.name.clone()).collect();
    let has_keys = names.len() > 1;
    let others = plot.others;
    let plot = StoredValue::new(plot);
    let rows = move || {
        let hidden = hidden.get();
        plot.with_value(|plot| {
            let shown: Vec<(usize, &Series)> = plot
                .series
                .iter()
                .enumerate()
                .filter(|(number, _)| !hidden.contains(number))
                .collect();
            let value = |series: &Series, row: usize| series.values[row].unwrap_or(0.0).abs();
            // Of numbers that have no sum the first is drawn, and all are said.
            let drawn = if plot.is_stacked {
                shown.len()
            } else {
                shown.len().min(1)
            };
            let total = |row: usize| shown[..drawn].iter().map(|(_, series)| value(series, row)).sum::<f64>();
            let most = (0..plot.names.len()).map(total).fold(f64::MIN_POSITIVE, f64::max);
            (0..plot.names.len())
                .map(|row| {
                    let parts = shown[..drawn]
                        .iter()
                        .filter(|(_, series)| value(series, row) > 0.0)
                        .map(|(number, series)| {
                            let title =
                                format!("{}: {}", series.name, series.values[row].map_or_else(String::new, said));
                            let width = format!("{:.2}%", value(series, row) / most * 100.0);
                            view! { <i class=series_class(*number, &series.name) style:width=width title=title></i> }
                        })
                        .collect_view();
                    let said = match &shown[..] {
                        [(_, only)] => only.values[row].map_or_else(|| "–".to_owned(), said),
                        several => several
                            .iter()
                            .map(|(_, series)| series.values[row].map_or_else(|| "–".to_owned(), said))
                            .collect::<Vec<_>>()
                            .join(" · "),
                    };
                    let name = printable(&plot.names[row], Layout::Row).into_owned();
                    view! {
                        <li class="chart-row">
                            <span class="chart-name" title=name.clone()>{name.clone()}</span>
                            <span class="chart-track">{parts}</span>
                            <span class="number">{said}</span>
                        </li>
                    }
                })
                .collect_view()
        })
    };
    view! {
        <figure class="chart bars-chart">
            {has_keys.then(|| view! { <Keys names hidden others=0/> })}
            <ul class="chart-rows">{rows}</ul>
            {(others > 0).then(|| view! { <p class="chart-others">{format!("and {} more", number::grouped(others as u64))}</p> })}
        </figure>
    }
}
