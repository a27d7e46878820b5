//! A table drawn: lines, areas or bars over time, bars by name, large numbers.
//!
//! | module | what it holds |
//! |---|---|
//! | `plot` | from a table to what is drawn, and which charts its columns allow |
//! | `scale` | round ticks for numbers and times |
//! | `over_time` | lines, areas and bars over time: axes, hovering, dragging to zoom |
//! | `by_name` | bars by name |
//! | `stat` | large numbers with their course and their change |
//! | `chooser` | the choice between charts |

mod by_name;
mod chooser;
mod over_time;
mod plot;
mod scale;
mod stat;

pub(crate) use chooser::{Chooser, word};
pub(crate) use plot::{chosen, fitting};

use leptos::prelude::*;
use timberline_proto::api::dashboards::{ChartKind, Reduce};

use crate::{
    model::search::{Bounds, Table},
    text::number,
};
use by_name::ByName;
use over_time::OverTime;
use plot::{Plot, plot};
use stat::Stats;

/// The chart, if one fits; nothing where rows say it best.
#[component]
pub(crate) fn Chart(
    /// What is drawn.
    #[prop(into)]
    table: Signal<Option<Table>>,
    /// How.
    #[prop(into)]
    kind: Signal<ChartKind>,
    /// What one number is made of many.
    #[prop(into)]
    reduce: Signal<Reduce>,
    /// The range that was asked.
    #[prop(into)]
    bounds: Signal<Bounds>,
    /// A range was dragged: from and to, milliseconds.
    on_zoom: Callback<(i64, i64)>,
) -> impl IntoView {
    let drawn = Memo::new(move |_| {
        table.with(|table| {
            table
                .as_ref()
                .and_then(|table| plot(table, kind.get(), reduce.get(), bounds.with(|bounds| bounds.now_ms)))
        })
    });
    move || {
        drawn.get().map(|plot| match plot {
            Plot::Time(plot, style) => {
                view! { <OverTime plot style bounds=bounds.get_untracked() on_zoom/> }.into_any()
            }
            Plot::Names(plot) => view! { <ByName plot/> }.into_any(),
            Plot::Stats(stats) => view! { <Stats stats/> }.into_any(),
        })
    }
}

/// A number as a chart says it.
fn said(value: f64) -> String {
    serde_json::Number::from_f64(value).map_or_else(|| "–".to_owned(), |value| number::cell(&value))
}

/// The keys of the series; a click leaves one out, or takes it in again.
#[component]
fn Keys(
    /// The series' names, in the order of their colours.
    names: Vec<String>,
    /// Which are left out.
    hidden: RwSignal<Vec<usize>>,
    /// How many more there are, not drawn.
    others: usize,
) -> impl IntoView {
    let count = names.len();
    let keys = names
        .into_iter()
        .enumerate()
        .map(|(at, name)| {
            let is_hidden = move || hidden.with(|hidden| hidden.contains(&at));
            let class = plot::series_class(at, &name);
            let name = crate::text::printable::printable(&name, crate::text::printable::Layout::Row).into_owned();
            view! {
                <button
                    class="chart-key" class:out=is_hidden
                    title=format!("{name} · click to leave it out or take it in")
                    aria-pressed=move || (!is_hidden()).to_string()
                    disabled=count == 1
                    on:click=move |_| hidden.update(|hidden| match hidden.iter().position(|one| *one == at) {
                        Some(place) => _ = hidden.remove(place),
                        None if hidden.len() + 1 < count => hidden.push(at),
                        None => hidden.clear(),
                    })
                >
                    <i class=class></i><span>{name.clone()}</span>
                </button>
            }
        })
        .collect_view();
    let rest = (others > 0).then(|| view! { <span class="chart-others">{format!("and {}", number::counted(others as u64, "more series", "more series"))}</span> });
    view! { <div class="chart-keys">{keys}{rest}</div> }
}
