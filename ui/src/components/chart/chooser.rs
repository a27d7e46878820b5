//! The choice between charts: those that the columns allow.

use leptos::prelude::*;
use timberline_proto::api::dashboards::ChartKind;

use super::{chosen, fitting};
use crate::model::search::Table;

/// The word of a chart.
pub(crate) fn word(kind: ChartKind) -> &'static str {
    match kind {
        ChartKind::Auto => "Automatic",
        ChartKind::Line => "Line",
        ChartKind::Area => "Area",
        ChartKind::Bar => "Bars",
        ChartKind::Stat => "Number",
        ChartKind::Table => "Table",
    }
}

/// The choice, where there is one.
#[component]
pub(crate) fn Chooser(
    /// What is drawn.
    #[prop(into)]
    table: Signal<Option<Table>>,
    /// What is chosen.
    #[prop(into)]
    kind: Signal<ChartKind>,
    /// Something else is.
    on_choose: Callback<ChartKind>,
) -> impl IntoView {
    let kinds = Memo::new(move |_| table.with(|table| table.as_ref().map_or_else(Vec::new, fitting)));
    let current = Memo::new(move |_| table.with(|table| table.as_ref().map(|table| chosen(table, kind.get()))));
    move || {
        let mut kinds = kinds.get();
        if kinds.is_empty() {
            return None;
        }
        kinds.push(ChartKind::Table);
        let parts = kinds
            .into_iter()
            .map(|kind| {
                let is_current = move || current.get() == Some(kind);
                view! {
                    <button class="switch-part" class:current=is_current aria-pressed=move || is_current().to_string() on:click=move |_| on_choose.run(kind)>
                        {word(kind)}
                    </button>
                }
            })
            .collect_view();
        Some(view! { <div class="switch" role="group" aria-label="Chart">{parts}</div> })
    }
}
