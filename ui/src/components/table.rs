//! Rows of `stats`, `timechart` and SQL: a table that can be sorted and copied, and a chart where
//! the columns allow one.

use std::cmp::Ordering;

use leptos::prelude::*;
use serde_json::Value;
use timberline_proto::api::{Column, dashboards::Reduce};

use super::{
    boards::AddToBoard,
    chart::{Chart, Chooser},
    icon::{self, Icon},
    sorted::{Head, Order},
};
use crate::{
    model::{app::App, search, view::TimeRange},
    text::{
        number,
        printable::{Layout, printable},
        time,
    },
};

/// Rows drawn; all of them are sorted and copied.
const ROWS_DRAWN_MAX: usize = 1_000;

/// A table in the order that a person chose.
#[derive(Clone, Copy)]
pub(crate) struct Sorted {
    order: Order,
    table: Memo<search::Table>,
}

impl Sorted {
    /// Of an answer.
    pub(crate) fn of(source: Signal<Option<search::Table>>) -> Sorted {
        let order: Order = RwSignal::new(None);
        let table = Memo::new(move |_| {
            let mut table = source.get().unwrap_or_default();
            if let Some((column, descending)) = order.get() {
                table.rows.sort_by(|a, b| {
                    let ordering = compare(a.get(column), b.get(column));
                    if descending { ordering.reverse() } else { ordering }
                });
            }
            table
        });
        Sorted { order, table }
    }
}

/// The search's table with its chart.
#[component]
pub(crate) fn Table() -> impl IntoView {
    let app = App::get();
    let source = app.search.table;
    let sorted = Sorted::of(source.into());
    let kind = Memo::new(move |_| app.view.with(|view| view.chart));
    let choose = Callback::new(move |kind| app.amend(|view| view.chart = kind));
    let zoom = Callback::new(move |(from, to)| app.set_range(TimeRange::absolute(from, to)));
    let copy = move |_| app.copy(&csv(&sorted.table.get_untracked()), "Table");
    view! {
        <div class="table">
            <div class="table-tools">
                <Chooser table=source kind on_choose=choose/>
                <AddToBoard/>
                <button class="button small" on:click=copy><Icon path=icon::COPY/>"Copy as CSV"</button>
            </div>
            <Chart table=source kind reduce=Signal::stored(Reduce::Last) bounds=app.search.bounds on_zoom=zoom/>
            <Rows sorted/>
        </div>
    }
}

/// Rows that can be sorted.
#[component]
pub(crate) fn Rows(
    /// The rows.
    sorted: Sorted,
) -> impl IntoView {
    let app = App::get();
    let Sorted { order, table } = sorted;
    let head = move || {
        let columns = table.with(|table| table.columns.clone());
        columns
            .into_iter()
            .enumerate()
            .map(|(at, column)| {
                let numeric = is_numeric(&column);
                view! { <Head at word=column.name title=column.kind numeric order/> }
            })
            .collect_view()
    };
    let body = move || {
        table.with(|table| {
            let rows = table.rows.iter().take(ROWS_DRAWN_MAX);
            rows.map(|row| {
                let cells = table
                    .columns
                    .iter()
                    .zip(row)
                    .map(|(column, value)| cell(app, column, value))
                    .collect_view();
                view! { <tr>{cells}</tr> }
            })
            .collect_view()
        })
    };
    let rest = move || {
        let rows = table.with(|table| table.rows.len());
        (rows > ROWS_DRAWN_MAX).then(|| {
            format!(
                "{} of {} rows are shown; Copy takes all.",
                number::grouped(ROWS_DRAWN_MAX as u64),
                number::grouped(rows as u64)
            )
        })
    };
    view! {
        <div class="table-scroll" tabindex="0" role="group" aria-label="Rows">
            <table class="rows">
                <thead><tr>{head}</tr></thead>
                <tbody>{body}</tbody>
            </table>
            <p class="table-rest">{rest}</p>
        </div>
    }
}

fn cell(app: App, column: &Column, value: &Value) -> impl IntoView + use<> {
    let shown = match value {
        Value::Null => view! { <span class="absent">"–"</span> }.into_any(),
        Value::Number(n) => number::cell(n).into_any(),
        Value::String(text) if column.kind == "timestamp" => when(app, text).into_any(),
        Value::String(text) => printable(text, Layout::Row).into_owned().into_any(),
        other => printable(&other.to_string(), Layout::Row).into_owned().into_any(),
    };
    view! { <td class:number=is_numeric(column)>{shown}</td> }
}

/// A timestamp as people read it, the exact one on hover.
fn when(app: App, text: &str) -> impl IntoView + use<> {
    let exact = text.to_owned();
    let shown = time::millis(text).map_or_else(
        || text.to_owned(),
        |ms| {
            let civil = app.prefs.zone.get().civil(ms);
            format!(
                "{} {}",
                civil.day_month(),
                if civil.milli == 0 {
                    civil.clock_seconds()
                } else {
                    civil.clock()
                }
            )
        },
    );
    view! { <span title=exact>{shown}</span> }
}

fn is_numeric(column: &Column) -> bool {
    matches!(column.kind.as_str(), "integer" | "number")
}

/// Absent values stand last; numbers compare as numbers, all else as text.
fn compare(a: Option<&Value>, b: Option<&Value>) -> Ordering {
    match (a, b) {
        (Some(Value::Number(a)), Some(Value::Number(b))) => {
            a.as_f64().partial_cmp(&b.as_f64()).unwrap_or(Ordering::Equal)
        }
        (Some(Value::String(a)), Some(Value::String(b))) => a.cmp(b),
        (Some(Value::Null) | None, Some(Value::Null) | None) => Ordering::Equal,
        (Some(Value::Null) | None, _) => Ordering::Greater,
        (_, Some(Value::Null) | None) => Ordering::Less,
        (Some(a), Some(b)) => a.to_string().cmp(&b.to_string()),
    }
}

fn csv(table: &search::Table) -> String {
    let quoted = |text: &str| {
        if text.contains(['"', ',', '\n', '\r']) {
            format!("\"{}\"", text.replace('"', "\"\""))
        } else {
            text.to_owned()
        }
    };
    let value = |value: &Value| match value {
        Value::Null => String::new(),
        Value::String(text) => quoted(text),
        other => quoted(&other.to_string()),
    };
    let mut out = table
        .columns
        .iter()
        .map(|column| quoted(&column.name))
        .collect::<Vec<_>>()
        .join(",");
    for row in &table.rows {
        out.push('\n');
        out.push_str(&row.iter().map(value).collect::<Vec<_>>().join(","));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn rows_sort_by_kind_with_absent_values_last() {
        let mut values = vec![json!(10), Value::Null, json!(9), json!(-1)];
        values.sort_by(|a, b| compare(Some(a), Some(b)));
        assert_eq!(values, [json!(-1), json!(9), json!(10), Value::Null]);
    }

    #[test]
    fn csv_quotes_what_needs_it() {
        let column = |name: &str| Column {
            name: name.into(),
            kind: "text".into(),
        };
        let table = search::Table {
            columns: vec![column("a,b"), column("n")],
            rows: vec![vec![json!("say \"x\""), json!(1)], vec![Value::Null, json!(2)]],
        };
        assert_eq!(csv(&table), "\"a,b\",n\n\"say \"\"x\"\"\",1\n,2");
    }
}
