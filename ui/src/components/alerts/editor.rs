//! One rule as a form, and what it would have said beside it.

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::HtmlElement;

use super::{entry::Entry, trial::TrialPane};
use crate::model::{
    alerts::{COMMON, KINDS, fields_of},
    app::App,
    view::AlertsPart,
};

/// The form.
#[component]
pub(super) fn Editor() -> impl IntoView {
    let app = App::get();
    let alerts = app.alerts;
    let form = alerts.form;
    let is_there = Memo::new(move |_| form.with(Option::is_some));
    move || {
        if is_there.get() {
            view! { <Open/> }.into_any()
        } else {
            ().into_any()
        }
    }
}

#[component]
fn Open() -> impl IntoView {
    let app = App::get();
    let alerts = app.alerts;
    let form = alerts.form;
    let deleting = RwSignal::new(false);
    // What is left empty is told only once somebody wanted to save.
    let shown = RwSignal::new(false);
    let fault = Memo::new(move |_| form.with(|form| form.as_ref().and_then(|form| form.rule().err())));
    let kind = Memo::new(move |_| form.with(|form| form.as_ref().map_or_else(String::new, |form| form.kind.clone())));
    let is_new = Memo::new(move |_| form.with(|form| form.as_ref().is_none_or(|form| form.id.is_none())));
    let is_changed =
        Memo::new(move |_| form.with(|form| form.as_ref().is_some_and(crate::model::alerts::Form::is_changed)));
    let name = move || form.with(|form| form.as_ref().map_or_else(String::new, |form| form.name.clone()));
    let edit =
        move |change: &dyn Fn(&mut crate::model::alerts::Form)| form.update(|form| form.iter_mut().for_each(change));
    let kinds = KINDS
        .map(|(word, words, _)| view! { <option value=word selected=move || kind.with(|kind| kind == word)>{words}</option> })
        .collect_view();
    let about = move || {
        KINDS
            .iter()
            .find(|(word, ..)| kind.with(|kind| kind == word))
            .map(|(_, _, about)| *about)
    };
    let save = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        shown.set(true);
        if fault.with_untracked(Option::is_none) {
            alerts.save(app);
        } else {
            // Once it is drawn: whoever saves at the form's end is led to it.
            request_animation_frame(|| {
                let first = document().query_selector("form [aria-invalid=true]");
                if let Some(field) = first
                    .ok()
                    .flatten()
                    .and_then(|field| field.dyn_into::<HtmlElement>().ok())
                {
                    let focused = field.focus().is_ok();
                    debug_assert!(focused);
                }
            });
        }
    };
    let delete = move |_| {
        let of = form.with_untracked(|form| form.as_ref().and_then(|form| Some((form.id.clone()?, form.version))));
        if let Some((id, version)) = of {
            alerts.delete(app, id, version);
        }
    };
    let name_fault = move || {
        fault
            .get()
            .filter(|fault| fault.key == "name" && shown.get())
            .map(|fault| fault.what)
    };
    // What belongs to no field that is in sight.
    let other_fault = move || {
        let fault = fault.get().filter(|_| shown.get())?;
        let known = fields_of(&kind.get())
            .iter()
            .chain(COMMON)
            .any(|field| field.key == fault.key);
        (!known && fault.key != "name").then(|| fault.to_string())
    };
    let rare_fault = move || {
        fault.with(|fault| {
            fault.as_ref().is_some_and(|fault| {
                shown.get()
                    && fields_of(&kind.get())
                        .iter()
                        .chain(COMMON)
                        .any(|field| field.is_rare && field.key == fault.key)
            })
        })
    };
    view! {
        <form class="rule-form" aria-label="Rule" on:submit=save>
            <div class="rule-fields">
                <div class="rule-top">
                    <label class="form-field wide">
                        <span>"Name"</span>
                        <input class="input" spellcheck="false" autocomplete="off" placeholder="what people will read first" prop:value=name
                            aria-invalid=move || name_fault().is_some().to_string()
                            on:input=move |event| { let name = event_target_value(&event); edit(&|form| form.name.clone_from(&name)) }/>
                        {move || name_fault().map(|what| view! { <span class="field-fault" role="alert">{what}</span> })}
                    </label>
                    <label class="form-field wide">
                        <span>"It fires when"</span>
                        <select class="input select" on:change=move |event| { let kind = event_target_value(&event); edit(&|form| form.kind.clone_from(&kind)) }>{kinds}</select>
                        <span class="field-hint">{about}</span>
                    </label>
                </div>
                {move || kind.with(|kind| fields_of(kind).iter().filter(|field| !field.is_rare).map(|field| view! { <Entry field=*field fault shown/> }).collect_view())}
                {COMMON.iter().filter(|field| !field.is_rare).map(|field| view! { <Entry field=*field fault shown/> }).collect_view()}
                <details class="rule-more" open=rare_fault>
                    <summary>"More"</summary>
                    <div class="rule-fields">
                        {move || kind.with(|kind| fields_of(kind).iter().filter(|field| field.is_rare).map(|field| view! { <Entry field=*field fault shown/> }).collect_view())}
                        {COMMON.iter().filter(|field| field.is_rare).map(|field| view! { <Entry field=*field fault shown/> }).collect_view()}
                    </div>
                </details>
                {move || other_fault().map(|what| view! { <p class="field-fault" role="alert">{what}</p> })}
                <div class="ask-back-tools rule-tools needs-alerts">
                    <button class="button primary" disabled=move || alerts.busy.get() || !is_changed.get()>{move || if is_new.get() { "Save the rule" } else { "Save changes" }}</button>
                    <button class="button" type="button" on:click=move |_| app.go_to_alerts(AlertsPart::Rules, None)>{move || if is_changed.get() { "Discard" } else { "Back" }}</button>
                    {move || (!is_new.get()).then(|| view! { <button class="button rule-delete" type="button" on:click=move |_| deleting.set(true)>"Delete"</button> })}
                </div>
                {move || deleting.get().then(|| view! {
                    <div class="ask-back" role="group" aria-label="Delete the rule">
                        <p>"“"<b>{name}</b>"” will be gone for everybody, and its alerts with it; its history stays."</p>
                        <div class="ask-back-tools">
                            <button class="button danger" type="button" on:click=delete>"Delete the rule"</button>
                            <button class="button" type="button" on:click=move |_| deleting.set(false)>"Keep it"</button>
                        </div>
                    </div>
                })}
            </div>
            <TrialPane fault shown/>
        </form>
    }
}
