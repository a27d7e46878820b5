//! The fields of the answer with their top values; each value is a click from a filter.

use std::sync::Arc;

use leptos::prelude::*;
use timberline_proto::api::{FieldSummary, ValueCount};

use super::icon::{self, Icon};
use crate::{
    lang,
    model::{app::App, columns, complete},
    text::{
        number,
        printable::{Layout, printable},
    },
};

/// About so many bars show how numbers are spread.
const SPREAD_BUCKETS: f64 = 20.0;

/// The list.
#[component]
pub(crate) fn Fields() -> impl IntoView {
    let app = App::get();
    let fields = app.search.fields;
    let wanted = RwSignal::new(String::new());
    let open = RwSignal::new(None::<String>);
    let shown = move || {
        let wanted = wanted.get().to_lowercase();
        fields.with(|answer| {
            let answer = answer.as_ref()?;
            let matching = answer
                .fields
                .iter()
                .filter(|field| field.name.to_lowercase().contains(&wanted));
            Some(matching.map(|field| (field.clone(), answer.rows)).collect::<Vec<_>>())
        })
    };
    let basis = move || {
        fields.with(|answer| {
            answer
                .as_ref()
                .filter(|answer| !answer.exact)
                .map(|answer| format!("from the newest {}", number::counted(answer.rows, "line", "lines")))
        })
    };
    view! {
        <aside class="fields" class:hidden=move || !app.prefs.fields.get() class:drawer=move || app.drawer.get() aria-label="Fields">
            <div class="fields-head">
                <input
                    class="input" placeholder="Find a field" aria-label="Find a field" spellcheck="false"
                    prop:value=move || wanted.get()
                    on:input=move |event| wanted.set(event_target_value(&event))
                />
                <button class="button bare drawer-close" aria-label="Close" on:click=move |_| app.drawer.set(false)><Icon path=icon::CLOSE/></button>
            </div>
            <div class="fields-list">
                {move || match shown() {
                    None => ().into_any(),
                    Some(list) if list.is_empty() => view! { <p class="fields-none">"No fields"</p> }.into_any(),
                    Some(list) => list.into_iter().map(|(field, rows)| view! { <FieldEntry field rows open/> }).collect_view().into_any(),
                }}
            </div>
            <div class="fields-foot">{basis}</div>
        </aside>
        <Show when=move || app.drawer.get()>
            <div class="drawer-veil" on:click=move |_| app.drawer.set(false)></div>
        </Show>
    }
}

#[component]
fn FieldEntry(field: FieldSummary, rows: u64, open: RwSignal<Option<String>>) -> impl IntoView {
    let app = App::get();
    let field = Arc::new(field);
    let name = field.name.clone();
    let is_open = {
        let name = name.clone();
        Memo::new(move |_| open.with(|open| open.as_ref() == Some(&name)))
    };
    let distinct = format!(
        "{}{}",
        if field.distinct_capped { "~" } else { "" },
        number::short(field.distinct)
    );
    let title = format!(
        "{}: {} in {} ({}), {distinct} distinct",
        field.name,
        field.types.join(" and "),
        number::counted(field.count, "line", "lines"),
        number::share(field.count, rows)
    );
    let conflict = conflicts(&field.types);
    let types = field.types.join(" and ");
    view! {
        <div class="fields-entry">
            <button
                class="fields-name"
                title=title
                aria-expanded=move || is_open.get().to_string()
                on:click=move |_| open.update(|open| *open = (open.as_ref() != Some(&name)).then(|| name.clone()))
            >
                <span class="fields-word">{field.name.clone()}</span>
                {conflict.then(|| view! { <span class="fields-conflict" title=format!("Has values of several types: {types}. A filter finds all of them; sorting and sums take the numbers.")>"≠"</span> })}
                <span class="number">{distinct}</span>
            </button>
            {move || is_open.get().then(|| {
                let top = field.top.iter().map(|value| value_row(app, &field.name, value, field.count)).collect_view();
                let numbers = field.min.zip(field.max);
                let range = numbers.map(|(min, max)| view! {
                    <p class="fields-range">{number::of(min)}" to "{number::of(max)}</p>
                });
                view! {
                    <div class="fields-values">
                        {top}
                        {range}
                        <FieldActs name=field.name.clone() numbers/>
                    </div>
                }
            })}
        </div>
    }
}

/// What else can be done with a field.
#[component]
fn FieldActs(name: String, numbers: Option<(f64, f64)>) -> impl IntoView {
    let app = App::get();
    let name = StoredValue::new(name);
    let is_column = Memo::new(move |_| name.with_value(|name| app.view.with(|view| columns::has(&view.columns, name))));
    // The pipes of a chart take the place of those that are there.
    let chart = move |pipe: &dyn Fn(&str) -> String| {
        let pipe = name.with_value(|name| pipe(&complete::name(name)));
        app.drawer.set(false);
        app.ask(|view| {
            view.query = format!("{} | {pipe}", lang::filter_text(&view.query))
                .trim_start()
                .to_owned()
        });
    };
    view! {
        <div class="fields-acts">
            <button class="link" aria-pressed=move || is_column.get().to_string() on:click=move |_| name.with_value(|name| app.change_columns(|columns| columns::toggle(columns, name)))>
                {move || if is_column.get() { "No column" } else { "Column" }}
            </button>
            <button class="link" title="Only lines that have it" on:click=move |_| name.with_value(|name| app.filter_exists(name, true))>"Has it"</button>
            <button class="link" title="Only lines that lack it" on:click=move |_| name.with_value(|name| app.filter_exists(name, false))>"Lacks it"</button>
            <button class="link" title="How often each value stands" on:click=move |_| chart(&|name| format!("top 20 {name}"))>"Top"</button>
            <button class="link" title="Its values over time" on:click=move |_| chart(&|name| format!("timechart count() by {name}"))>"Over time"</button>
            {numbers.map(|(min, max)| view! {
                <button class="link" title="How its numbers are spread" on:click=move |_| {
                    let width = bucket((max - min) / SPREAD_BUCKETS);
                    chart(&|name| format!("stats count() by bin({name}, {width})"));
                }>"Spread"</button>
            })}
        </div>
    }
}

/// Whether the types differ for whoever filters and sorts: whole numbers and others are numbers.
fn conflicts(types: &[String]) -> bool {
    let common = |kind: &String| match kind.as_str() {
        "integer" => "number".to_owned(),
        other => other.to_owned(),
    };
    let mut seen: Vec<String> = types.iter().map(common).collect();
    seen.sort_unstable();
    seen.dedup();
    seen.len() > 1
}

/// The round width at or above `least`: 1, 2 or 5 times a power of ten.
fn bucket(least: f64) -> f64 {
    let power = 10f64.powf(least.max(1e-9).log10().floor());
    let width = [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|times| times * power)
        .find(|width| *width >= least);
    width.unwrap_or(power).max(1e-9)
}

fn value_row(app: App, name: &str, value: &ValueCount, total: u64) -> impl IntoView + use<> {
    let percent = value.count as f64 * 100.0 / total.max(1) as f64;
    let title = format!(
        "{} · {}",
        number::counted(value.count, "line", "lines"),
        number::share(value.count, total)
    );
    let shown = if value.value.is_empty() {
        "(empty)".to_owned()
    } else {
        printable(&value.value, Layout::Row).into_owned()
    };
    let (keep, drop) = (
        (name.to_owned(), value.value.clone()),
        (name.to_owned(), value.value.clone()),
    );
    view! {
        <div class="fields-value" title=title>
            <div class="fields-share" style:width=format!("{percent:.1}%")></div>
            <button class="fields-pick" on:click=move |_| app.filter(Some(&keep.0), &keep.1, true)>
                <span class="fields-text">{shown}</span>
                <span class="number">{number::share(value.count, total)}</span>
            </button>
            <button class="button bare fields-drop" title="Leave these out" aria-label="Leave these out" on:click=move |_| app.filter(Some(&drop.0), &drop.1, false)>
                <Icon path=icon::DROP/>
            </button>
        </div>
    }
}

#[cfg(test)]
mod tests {
    use super::{bucket, conflicts};

    #[test]
    fn numbers_of_two_kinds_do_not_conflict_but_numbers_and_texts_do() {
        let of = |types: &[&str]| conflicts(&types.iter().map(|kind| (*kind).to_owned()).collect::<Vec<_>>());
        assert!(!of(&["integer", "number"]) && !of(&["text"]) && !of(&[]));
        assert!(of(&["integer", "text"]) && of(&["integer", "number", "text"]));
    }

    #[test]
    fn buckets_are_round() {
        assert_eq!(bucket(0.7), 1.0);
        assert_eq!(bucket(1.1), 2.0);
        assert_eq!(bucket(35.0), 50.0);
        assert_eq!(bucket(501.0), 1000.0);
        assert!(bucket(0.0) > 0.0);
    }
}
