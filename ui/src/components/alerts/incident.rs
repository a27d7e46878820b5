//! What people do with an incident: take it up, give it to somebody, say something, silence it.

use leptos::prelude::*;
use timberline_proto::alert::{
    AlertGroup,
    notify::{IncidentAction, IncidentAnswer, Matcher},
};

use super::who::Who;
use crate::{
    components::pipeline::ago,
    model::app::App,
    text::printable::{Layout, printable},
};

/// What is known of it, in a line.
#[component]
pub(super) fn IncidentState(group: AlertGroup) -> impl IntoView {
    let app = App::get();
    let words = Memo::new(move |_| {
        app.alerts
            .tell
            .incident_of(&group)
            .map(|incident| state(&incident))
            .unwrap_or_default()
    });
    move || {
        words.with(|words| {
            (!words.is_empty())
                .then(|| view! { <span class="alert-incident">{printable(words, Layout::Row).into_owned()}</span> })
        })
    }
}

fn state(incident: &IncidentAnswer) -> String {
    let mut parts = Vec::new();
    if let Some(by) = &incident.acknowledged_by {
        parts.push(format!("taken up by {by}"));
    }
    if let Some(to) = &incident.assigned {
        parts.push(format!("given to {to}"));
    }
    if !incident.silenced_by.is_empty() {
        parts.push("silenced".to_owned());
    }
    if incident.inhibited {
        parts.push("held back by another".to_owned());
    }
    parts.join(" · ")
}

/// Its tools, where it is opened.
#[component]
pub(super) fn Incident(group: AlertGroup) -> impl IntoView {
    let app = App::get();
    let tell = app.alerts.tell;
    let labels = matchers(&group);
    let incident = Memo::new(move |_| tell.incident_of(&group));
    let text = RwSignal::new(String::new());
    let is_taken = Memo::new(move |_| {
        incident.with(|incident| {
            incident
                .as_ref()
                .is_some_and(|incident| incident.acknowledged_by.is_some())
        })
    });
    let has_incident = Memo::new(move |_| incident.with(Option::is_some));
    let who = move || app.prefs.who.get_untracked().trim().to_owned();
    let nameless = move || app.prefs.who.with(|who| who.trim().is_empty());
    let empty = move || text.with(|text| text.trim().is_empty());
    let act = move |action: IncidentAction| {
        if let Some(id) = incident.with_untracked(|incident| incident.as_ref().map(|incident| incident.id.clone())) {
            text.set(String::new());
            tell.act_on(&id, action);
        }
    };
    let said = move || text.get_untracked().trim().to_owned();
    let take = move |_| {
        let (by, comment) = (who(), said());
        act(match is_taken.get_untracked() {
            true => IncidentAction::Release { by, comment },
            false => IncidentAction::Acknowledge { by, comment },
        });
    };
    view! {
        <Show when=move || has_incident.get()>
            <div class="alert-incident-tools needs-alerts" role="group" aria-label="This incident">
                <Who/>
                <button class="button small" disabled=nameless on:click=take>{move || if is_taken.get() { "Give it back" } else { "Take it up" }}</button>
                <input class="input" placeholder="a comment, or to whom" aria-label="Comment or name" prop:value=move || text.get() on:input=move |event| text.set(event_target_value(&event))/>
                <button class="button small" disabled=move || nameless() || empty() on:click=move |_| act(IncidentAction::Assign { by: who(), to: said() })>"Give it to them"</button>
                <button class="button small" disabled=move || nameless() || empty() on:click=move |_| act(IncidentAction::Comment { by: who(), text: said() })>"Comment"</button>
            </div>
            {move || incident.get().map(|incident| {
                let notes = incident.notes.iter().map(|note| view! {
                    <li>{ago(app, &note.at)}" "<b>{printable(&note.by, Layout::Row).into_owned()}</b>" "{note.action.clone()}" "{printable(&note.text, Layout::Row).into_owned()}</li>
                }).collect_view();
                let told = (!incident.told.is_empty()).then(|| view! { <p class="alert-told">"Told: "{incident.told.join(", ")}</p> });
                view! { {told}<ul class="alert-notes">{notes}</ul> }
            })}
            {move || tell.error.get().map(|error| view! { <p class="bad" role="alert">{error.message}</p> })}
        </Show>
        <button class="button small needs-alerts" on:click=move |_| app.make_silence(&labels)>"Silence it"</button>
    }
}

/// What a silence of this group alone matches.
fn matchers(group: &AlertGroup) -> String {
    let name = Matcher::equal("alertname", &group.name);
    let values = group.group.iter().map(|(label, value)| Matcher::equal(label, value));
    let all: Vec<String> = std::iter::once(name)
        .chain(values)
        .map(|matcher| matcher.to_string())
        .collect();
    all.join("\n")
}
