//! The heads of tables that can be sorted.

use std::cmp::Ordering;

use leptos::prelude::*;

/// By which column, and whether from its largest on; `None`: as it came.
pub(crate) type Order = RwSignal<Option<(usize, bool)>>;

/// What a cell is sorted by.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Key {
    /// By size.
    Number(f64),
    /// By its letters.
    Text(String),
}

impl Key {
    fn compare(&self, other: &Key) -> Ordering {
        match (self, other) {
            (Key::Number(a), Key::Number(b)) => a.total_cmp(b),
            (Key::Text(a), Key::Text(b)) => a.cmp(b),
            (Key::Number(_), Key::Text(_)) => Ordering::Less,
            (Key::Text(_), Key::Number(_)) => Ordering::Greater,
        }
    }
}

/// Sorts rows as `order` says; equal ones keep their places.
pub(crate) fn sort<T>(rows: &mut [T], order: Option<(usize, bool)>, key: impl Fn(&T, usize) -> Key) {
    let Some((column, descending)) = order else { return };
    rows.sort_by(|a, b| {
        let ordering = key(a, column).compare(&key(b, column));
        if descending { ordering.reverse() } else { ordering }
    });
}

/// One head: a click sorts by it, the next the other way round, the third as it came.
#[component]
pub(crate) fn Head(
    /// Its column.
    at: usize,
    /// What stands in it.
    #[prop(into)]
    word: String,
    /// More about it, on hover.
    #[prop(into, optional)]
    title: String,
    /// Numbers stand to the right and are looked at from the largest on.
    #[prop(optional)]
    numeric: bool,
    /// The table's order.
    order: Order,
) -> impl IntoView {
    let direction = move || {
        order
            .get()
            .filter(|(column, _)| *column == at)
            .map(|(_, descending)| descending)
    };
    let next = move |_| {
        order.update(|order| {
            *order = match *order {
                Some((column, descending)) if column == at && descending == numeric => Some((at, !descending)),
                Some((column, _)) if column == at => None,
                _ => Some((at, numeric)),
            }
        });
    };
    let sorted = move || direction().map_or("none", |descending| if descending { "descending" } else { "ascending" });
    view! {
        <th class:number=numeric scope="col" aria-sort=sorted>
            <button class="table-head" on:click=next title=format!("{title}{}sort", if title.is_empty() { "" } else { " · " })>
                {word}
                <span class="table-arrow">{move || direction().map_or("", |descending| if descending { "↓" } else { "↑" })}</span>
            </button>
        </th>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_sorted_by_a_column_and_stay_as_they_came_without_one() {
        let mut rows = vec![("b", 2.0), ("a", 10.0), ("c", 2.0)];
        let key = |row: &(&str, f64), column| match column {
            0 => Key::Text(row.0.into()),
            _ => Key::Number(row.1),
        };
        sort(&mut rows, None, key);
        assert_eq!(rows[0].0, "b");
        sort(&mut rows, Some((1, true)), key);
        assert_eq!(rows.iter().map(|row| row.0).collect::<String>(), "abc");
        sort(&mut rows, Some((0, true)), key);
        assert_eq!(rows.iter().map(|row| row.0).collect::<String>(), "cba");
    }
}
