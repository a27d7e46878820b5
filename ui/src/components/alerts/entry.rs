//! One field of the form, with what is wrong under it.

use leptos::prelude::*;
use timberline_proto::alert::Fault;

use crate::model::{
    alerts::{Field, Shape},
    app::App,
};

/// The field.
#[component]
pub(super) fn Entry(field: Field, fault: Memo<Option<Fault>>, shown: RwSignal<bool>) -> impl IntoView {
    let app = App::get();
    let form = app.alerts.form;
    let text = move || {
        form.with(|form| {
            form.as_ref()
                .map_or_else(String::new, |form| form.text(field.key).to_owned())
        })
    };
    let set = move |text: String| {
        form.update(|form| {
            if let Some(form) = form {
                form.texts.insert(field.key.to_owned(), text);
            }
        });
    };
    let wrong = move || {
        let typed = form.with(|form| form.as_ref().is_some_and(|form| !form.text(field.key).is_empty()));
        let fault = fault
            .get()
            .filter(|fault| fault.key == field.key && (typed || shown.get()))?;
        Some(fault.what)
    };
    let placeholder = match field.shape {
        Shape::Query => "every line",
        _ => field.default,
    };
    let input = match field.shape {
        Shape::Choice(choices) => {
            let chosen = move |word: &str| match text() {
                text if text.is_empty() => word == field.default,
                text => text == word,
            };
            let options = choices
                .iter()
                .map(|(word, words)| view! { <option value=*word selected=move || chosen(word)>{*words}</option> })
                .collect_view();
            view! { <select class="input select" on:change=move |event| set(event_target_value(&event))>{options}</select> }.into_any()
        }
        Shape::Query | Shape::Named => {
            let rows = if field.shape == Shape::Query { "3" } else { "2" };
            view! {
                <textarea class="input area mono" rows=rows spellcheck="false" placeholder=placeholder
                    aria-invalid=move || wrong().is_some().to_string()
                    prop:value=text on:input=move |event| set(event_target_value(&event))></textarea>
            }
            .into_any()
        }
        _ => view! {
            <input class="input" spellcheck="false" autocomplete="off" placeholder=placeholder
                aria-invalid=move || wrong().is_some().to_string()
                prop:value=text on:input=move |event| set(event_target_value(&event))/>
        }
        .into_any(),
    };
    view! {
        <label class="form-field" class:wide=matches!(field.shape, Shape::Query)>
            <span>{field.word}</span>
            {input}
            {move || match wrong() {
                Some(what) => view! { <span class="field-fault" role="alert">{what}</span> }.into_any(),
                None => view! { <span class="field-hint">{field.hint}</span> }.into_any(),
            }}
        </label>
    }
}
