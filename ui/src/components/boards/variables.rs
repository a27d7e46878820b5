//! Variables: choosing their values, and changing what they are.

use leptos::prelude::*;
use timberline_proto::api::dashboards::{Variable, VariableKind};

use crate::{
    components::icon::{self, Icon},
    model::{app::App, boards::variables::value_of},
};

/// The values that are chosen now.
#[component]
pub(super) fn Values() -> impl IntoView {
    let app = App::get();
    let boards = app.boards;
    let variables = Memo::new(move |_| {
        boards.opened.with(|opened| {
            opened
                .as_ref()
                .map_or_else(Vec::new, |opened| opened.draft.variables.clone())
        })
    });
    view! {
        <div class="board-values">
            {move || variables.get().into_iter().map(|variable| view! { <Value variable/> }).collect_view()}
        </div>
    }
}

#[component]
fn Value(variable: Variable) -> impl IntoView {
    let app = App::get();
    let name = variable.name.clone();
    let is_text = variable.kind == VariableKind::Text;
    let choices = {
        let name = name.clone();
        Memo::new(move |_| {
            app.boards
                .choices
                .with(|choices| choices.get(&name).cloned().unwrap_or_default())
        })
    };
    let label = format!("${name}");
    let value = Memo::new(move |_| app.view.with(|view| value_of(&variable, view).to_owned()));
    let choose = move |chosen: String| {
        let name = name.clone();
        app.ask(|view| _ = view.variables.insert(name, chosen));
    };
    let field = if is_text {
        view! {
            <input class="input" aria-label=label.clone() spellcheck="false" placeholder="any" prop:value=move || value.get() on:change=move |event| choose(event_target_value(&event))/>
        }
        .into_any()
    } else {
        let options = move || {
            let value = value.get();
            let mut choices = choices.get();
            if !value.is_empty() && !choices.contains(&value) {
                choices.insert(0, value.clone());
            }
            let any = view! { <option value="" selected=value.is_empty()>"any"</option> };
            let others = choices
                .into_iter()
                .map(|choice| {
                    let is_chosen = choice == value;
                    view! { <option value=choice.clone() selected=is_chosen>{choice.clone()}</option> }
                })
                .collect_view();
            view! { {any}{others} }
        };
        view! { <select class="input select" aria-label=label.clone() on:change=move |event| choose(event_target_value(&event))>{options}</select> }.into_any()
    };
    view! { <label class="board-value"><span>{label}</span>{field}</label> }
}

const KINDS: [(VariableKind, &str, &str); 4] = [
    (VariableKind::Text, "text", "a text"),
    (VariableKind::List, "list", "one of a list"),
    (VariableKind::Field, "field", "a value of a field"),
    (VariableKind::Query, "query", "from a query"),
];

/// What the variables are.
#[component]
pub(super) fn VariablesEditor() -> impl IntoView {
    let app = App::get();
    let boards = app.boards;
    let count = Memo::new(move |_| {
        boards
            .opened
            .with(|opened| opened.as_ref().map_or(0, |opened| opened.draft.variables.len()))
    });
    let add = move |_| {
        boards.edit(|draft| {
            let name = (1..)
                .map(|n| format!("v{n}"))
                .find(|name| draft.variables.iter().all(|known| known.name != *name));
            draft.variables.push(Variable {
                name: name.unwrap_or_default(),
                kind: VariableKind::Field,
                source: "host.name".into(),
                ..Variable::default()
            });
        });
        app.again();
    };
    view! {
        <details class="board-variables">
            <summary>{move || format!("Variables ({})", count.get())}</summary>
            <p class="board-hint"><code>"$name"</code>" or "<code>"${name}"</code>" in a query stands for the chosen value, as a quoted value; without one, for any."</p>
            {move || (0..count.get()).map(|at| view! { <Row at/> }).collect_view()}
            <button class="button small" on:click=add><Icon path=icon::KEEP/>"Variable"</button>
        </details>
    }
}

#[component]
fn Row(at: usize) -> impl IntoView {
    let app = App::get();
    let boards = app.boards;
    let of = move |get: fn(&Variable) -> String| {
        boards
            .opened
            .with(|opened| {
                opened
                    .as_ref()
                    .and_then(|opened| opened.draft.variables.get(at))
                    .map(get)
            })
            .unwrap_or_default()
    };
    let set = move |change: &dyn Fn(&mut Variable)| {
        boards.edit(|draft| {
            if let Some(variable) = draft.variables.get_mut(at) {
                change(variable);
            }
        });
        app.again();
    };
    let kind = Memo::new(move |_| {
        boards
            .opened
            .with(|opened| {
                opened
                    .as_ref()
                    .and_then(|opened| opened.draft.variables.get(at))
                    .map(|variable| variable.kind)
            })
            .unwrap_or_default()
    });
    let kinds = KINDS
        .map(|(this, word, title)| view! { <option value=word selected=move || kind.get() == this>{title}</option> })
        .collect_view();
    let more = move || {
        match kind.get() {
        VariableKind::Text => ().into_any(),
        VariableKind::List => view! {
            <input class="input" aria-label="Values, with commas between" placeholder="a, b, c" prop:value=move || of(|variable| variable.values.join(", "))
                on:change=move |event| {
                    let text = event_target_value(&event);
                    let values: Vec<String> = text.split(',').map(|value| value.trim().to_owned()).filter(|value| !value.is_empty()).collect();
                    set(&|variable| variable.values.clone_from(&values));
                }/>
        }
        .into_any(),
        VariableKind::Field | VariableKind::Query => view! {
            <input class="input mono" spellcheck="false" aria-label="Field or query" placeholder="host.name" prop:value=move || of(|variable| variable.source.clone())
                on:change=move |event| { let text = event_target_value(&event); set(&|variable| variable.source.clone_from(&text)) }/>
        }
        .into_any(),
    }
    };
    view! {
        <div class="board-variable">
            <span class="mono">"$"</span>
            <input class="input mono" spellcheck="false" aria-label="Name" prop:value=move || of(|variable| variable.name.clone())
                on:change=move |event| { let text = event_target_value(&event); set(&|variable| variable.name.clone_from(&text)) }/>
            <select class="input select" aria-label="From where" on:change=move |event| {
                let word = event_target_value(&event);
                let chosen = KINDS.iter().find(|(_, known, _)| *known == word).map_or(VariableKind::Text, |(kind, ..)| *kind);
                set(&|variable| variable.kind = chosen);
            }>{kinds}</select>
            {more}
            <button class="button small" on:click=move |_| { boards.edit(|draft| { if at < draft.variables.len() { draft.variables.remove(at); } }); app.again() }>"Remove"</button>
        </div>
    }
}
