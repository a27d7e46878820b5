//! Legal holds: those in force and what they touch, those that ended, and how; putting one in force, and
//! releasing it.

use leptos::prelude::*;
use timberline_proto::api::{
    access::Permission,
    retention::{HoldState, NewHold, ReleaseRequest},
};

use super::retention::{head, number_head, sums};
use crate::{
    components::{alerts::Who, pipeline::ago},
    model::app::App,
};

/// The table.
#[component]
pub(super) fn Holds() -> impl IntoView {
    let app = App::get();
    let retained = app.keeping.retained;
    view! {
        <h2 class="set-head">"Legal holds"</h2>
        <p class="set-note">"What a hold fits nobody deletes, whatever the policies say, until it is released; both stay on record."</p>
        <New/>
        {move || retained.with(|retained| {
            let holds = retained.as_ref().map(|retained| retained.holds.as_slice()).unwrap_or_default();
            match holds.is_empty() {
                true => view! {
                    <p class="set-note">"Nothing is held."</p>
                }
                .into_any(),
                false => table(app, holds).into_any(),
            }
        })}
    }
}

fn table(app: App, holds: &[HoldState]) -> impl IntoView + use<> {
    let rows = holds.iter().map(|hold| row(app, hold)).collect_view();
    view! {
        <div class="set-wide" tabindex="0" role="group" aria-label="Legal holds"><table class="rows wide">
            <thead><tr>
                {head("Case")}{head("Owner")}{head("Reason")}{head("Lines")}{head("Range")}{head("State")}
                {number_head("Splits")}{number_head("Lines touched")}{number_head("On disk")}{head("Oldest")}
                <th scope="col"><span class="sr">"What can be done"</span></th>
            </tr></thead>
            <tbody>{rows}</tbody>
        </table></div>
    }
}

/// A new one.
#[component]
fn New() -> impl IntoView {
    let app = App::get();
    let keeping = app.keeping;
    // What it is called, what it looks like, and what is said of it.
    let fields = [
        ("Case", "input", "2026-17", ""),
        ("Reason", "input", "dispute with a customer", ""),
        (
            "Lines",
            "input mono",
            "service.name:payments",
            "a search; all lines if empty",
        ),
        ("From", "input", "2026-01-01", "the beginning if empty"),
        ("To", "input", "2026-03-31", "without end if empty"),
    ];
    let is_open = RwSignal::new(false);
    let texts: [RwSignal<String>; 5] = std::array::from_fn(|_| RwSignal::new(String::new()));
    let is_ready = move || {
        let is_given = |text: RwSignal<String>| text.with(|text| !text.trim().is_empty());
        is_given(texts[0])
            && is_given(texts[1])
            && app.prefs.who.with(|who| !who.trim().is_empty())
            && !keeping.busy.get()
    };
    let keep = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let text = |at: usize| texts[at].get_untracked().trim().to_owned();
        let moment = |at: usize| Some(text(at)).filter(|text| !text.is_empty());
        let new = NewHold {
            case: text(0),
            owner: app.prefs.who.get_untracked().trim().to_owned(),
            reason: text(1),
            select: text(2),
            from: moment(3),
            to: moment(4),
        };
        keeping.hold(new, move || {
            texts.iter().for_each(|text| text.set(String::new()));
            is_open.set(false);
        });
    };
    let field = move |at: usize| {
        let (word, class, example, hint) = fields[at];
        let text = texts[at];
        view! {
            <label class="form-field" class:set-whole=word == "Lines">
                <span>{word}</span>
                <input class=class placeholder=example spellcheck="false" autocomplete="off" prop:value=move || text.get() on:input=move |event| text.set(event_target_value(&event))/>
                {(!hint.is_empty()).then(|| view! { <span class="field-hint">{hint}</span> })}
            </label>
        }
    };
    view! {
        <Show
            when=move || is_open.get()
            fallback=move || view! {
                <div class="set-tools needs-store"><button class="button" on:click=move |_| is_open.set(true)>"Hold something"</button></div>
            }
        >
            <form class="ask-back set-new needs-store" aria-label="A new legal hold" on:submit=keep>
                <div class="set-fields">{[0, 1, 2, 3, 4].map(field)}</div>
                <div class="set-tools">
                    <Who/>
                    <button class="button primary" disabled=move || !is_ready()>"Hold"</button>
                    <button class="button" type="button" on:click=move |_| is_open.set(false)>"Discard"</button>
                </div>
            </form>
        </Show>
    }
}

/// Ends a hold, after who and why.
#[component]
fn Release(id: String) -> impl IntoView {
    let app = App::get();
    let (is_open, reason) = (RwSignal::new(false), RwSignal::new(String::new()));
    let is_ready =
        move || reason.with(|reason| !reason.trim().is_empty()) && app.prefs.who.with(|who| !who.trim().is_empty());
    let id = StoredValue::new(id);
    let release = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let request = ReleaseRequest {
            by: app.prefs.who.get_untracked().trim().to_owned(),
            reason: reason.get_untracked().trim().to_owned(),
        };
        id.with_value(|id| app.keeping.release(id, request));
    };
    view! {
        <Show
            when=move || is_open.get()
            fallback=move || view! { <button class="button small" on:click=move |_| is_open.set(true)>"Release"</button> }
        >
            <form class="set-tools" aria-label="Release the hold" on:submit=release>
                <Who/>
                <input class="input" placeholder="why it ends" aria-label="Why it ends" prop:value=move || reason.get() on:input=move |event| reason.set(event_target_value(&event))/>
                <button class="button small" disabled=move || !is_ready()>"Release"</button>
            </form>
        </Show>
    }
}

fn row(app: App, state: &HoldState) -> impl IntoView + use<> {
    let hold = &state.hold;
    let day = |moment: &Option<String>| {
        moment
            .as_ref()
            .map_or_else(|| "…".to_owned(), |at| at.chars().take(10).collect())
    };
    let range = match (&hold.from, &hold.to) {
        (None, None) => "all times".to_owned(),
        (from, to) => format!("{} to {}", day(from), day(to)),
    };
    let exact = format!(
        "{} to {}",
        hold.from.as_deref().unwrap_or("…"),
        hold.to.as_deref().unwrap_or("…")
    );
    let end = match &state.release {
        None => view! { <td>"in force since "{ago(app, &state.created)}</td> }.into_any(),
        Some(release) => {
            let title = release.reason.clone();
            view! { <td title=title>{format!("released by {} ", release.by)}{ago(app, &release.at)}</td> }.into_any()
        }
    };
    let select = if hold.select.is_empty() {
        "*".to_owned()
    } else {
        hold.select.clone()
    };
    view! {
        <tr>
            <td title=state.id.clone()>{hold.case.clone()}</td>
            <td>{hold.owner.clone()}</td>
            <td>{hold.reason.clone()}</td>
            <td class="mono">{select}</td>
            <td title=exact>{range}</td>
            {end}
            {sums(app, &state.stored)}
            <td class="row-tools">{(state.release.is_none() && app.may(Permission::ManageStore)).then(|| view! { <Release id=state.id.clone()/> })}</td>
        </tr>
    }
}
