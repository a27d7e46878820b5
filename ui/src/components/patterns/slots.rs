//! What stands where the lines of a kind differ: each slot's values, how often, and their range.

use leptos::prelude::*;

use crate::{
    model::{app::App, patterns::Slot},
    text::{
        number,
        printable::{Layout, printable},
    },
};

/// The slots of the opened kind.
#[component]
pub(super) fn Slots(template: String) -> impl IntoView {
    let app = App::get();
    let slots = app.patterns.slots;
    let mine = move || {
        slots.with(|slots| {
            slots
                .as_ref()
                .filter(|slots| slots.0 == template || app.patterns.is_one(&slots.0, &template))
                .map(|slots| slots.1.clone())
        })
    };
    view! {
        {move || match mine() {
            None => view! { <div class="skeleton"><div class="skeleton-row" style:width="60%"></div></div> }.into_any(),
            Some(slots) if slots.is_empty() => view! { <p class="kind-none">"These lines are all the same."</p> }.into_any(),
            Some(slots) => view! { <div class="slots">{slots.into_iter().map(|slot| one(app, slot)).collect_view()}</div> }.into_any(),
        }}
    }
}

fn one(app: App, slot: Slot) -> impl IntoView {
    let range = slot
        .range
        .filter(|_| slot.distinct > 1)
        .map(|(min, max)| format!(" · {} to {}", trim(min), trim(max)));
    let shown = slot.values.len() as u64;
    let more = slot.distinct.saturating_sub(shown);
    let values = slot
        .values
        .into_iter()
        .map(|(value, count, share)| {
            let text = if value.is_empty() {
                "(empty)".to_owned()
            } else {
                printable(&value, Layout::Row).into_owned()
            };
            let pick = value.clone();
            view! {
                <div class="fields-value" title=format!("{}, {share:.2} %", number::counted(count, "line", "lines"))>
                    <div class="fields-share" style:width=format!("{share:.1}%")></div>
                    <button class="fields-pick" on:click=move |_| app.filter(None, &pick, true)>
                        <span class="fields-text">{text}</span>
                        <span class="number">{number::short(count)}</span>
                    </button>
                </div>
            }
        })
        .collect_view();
    view! {
        <section class="slot">
            <h3>{format!("Slot {}", slot.number)}<span>{format!("{}{}", number::counted(slot.distinct, "value", "values"), range.unwrap_or_default())}</span></h3>
            {values}
            {(more > 0).then(|| view! { <p class="slot-more">{format!("and {} more", number::grouped(more))}</p> })}
        </section>
    }
}

fn trim(value: f64) -> String {
    serde_json::Number::from_f64(value).map_or_else(String::new, |value| number::cell(&value))
}
