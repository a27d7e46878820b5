//! All rules.

use leptos::prelude::*;
use timberline_proto::alert::{AlertState, KeptRule};

use super::words;
use crate::{
    components::{
        find::Find,
        pipeline::{ago, skeleton},
        sorted::{Head, Key, Order, sort},
    },
    model::{
        app::App,
        view::{AlertsPart, RULE_NEW},
    },
    text::number,
};

/// The part.
#[component]
pub(super) fn Rules() -> impl IntoView {
    let app = App::get();
    let alerts = app.alerts;
    let wanted = RwSignal::new(String::new());
    let order: Order = RwSignal::new(None);
    let shown = Memo::new(move |_| {
        let wanted = wanted.get().to_lowercase();
        let mut list = alerts.rules.get().unwrap_or_default();
        list.retain(|kept| {
            let rule = &kept.rule;
            let texts = [&rule.name, &words::condition(rule), &words::group(&rule.labels)];
            texts.iter().any(|text| text.to_lowercase().contains(&wanted))
        });
        sort(&mut list, order.get(), key);
        list
    });
    // Only when one of these changes is the whole list made anew.
    let is_empty = Memo::new(move |_| alerts.rules.with(|rules| rules.as_ref().map(Vec::is_empty)));
    let has_failed = Memo::new(move |_| alerts.error.with(Option::is_some));
    move || {
        match is_empty.get() {
        None if has_failed.get() => ().into_any(),
        None => skeleton().into_any(),
        Some(true) => view! {
            <div class="empty">
                <h2>"No rule yet"</h2>
                <p>"Begin with a search: what it finds, counts or misses becomes a rule. Or keep rules as files: timberline alerts apply FILE."</p>
                <div class="empty-ways">
                    <button class="button primary needs-alerts" on:click=move |_| app.go_to_alerts(AlertsPart::Rules, Some(RULE_NEW.to_owned()))>"Make a rule"</button>
                </div>
            </div>
        }
        .into_any(),
        Some(false) => view! {
            <div class="tools">
                <Find word="Find a rule" wanted/>
            </div>
            <div class="table-scroll">
                <table class="rows wide alert-rules">
                    <thead><tr>
                        <Head at=0 word="Rule" order/>
                        <th scope="col"><span class="table-head">"Now"</span></th>
                        <Head at=1 word="Severity" order/>
                        <Head at=2 word="Changed" order/>
                        <th scope="col"><span class="sr">"What can be done"</span></th>
                    </tr></thead>
                    <tbody>
                        <For each=move || shown.get() key=|kept| (kept.id.clone(), kept.version) let(kept)><Row kept/></For>
                    </tbody>
                </table>
                {move || shown.with(Vec::is_empty).then(|| view! { <p class="table-rest">"No rule is like this."</p> })}
            </div>
        }
        .into_any(),
    }
    }
}

#[component]
fn Row(kept: KeptRule) -> impl IntoView {
    let app = App::get();
    let (id, open) = (kept.id.clone(), kept.id.clone());
    let rule = kept.rule.clone();
    let now = move || app.alerts.groups_of(&id);
    let enabled = rule.enabled;
    let states = move || {
        let groups = now();
        let count = |state: AlertState| groups.iter().filter(|group| group.state == state).count() as u64;
        let told: Vec<_> = [
            AlertState::Firing,
            AlertState::Pending,
            AlertState::Error,
            AlertState::NoData,
        ]
        .into_iter()
        .map(|state| (state, count(state)))
        .filter(|(_, count)| *count > 0)
        .collect();
        match (enabled, told.is_empty()) {
            (false, _) => view! { <span class="alert-state">"off"</span> }.into_any(),
            (true, true) => words::state_mark(AlertState::Inactive).into_any(),
            (true, false) => told
                .into_iter()
                .map(|(state, count)| view! { <span class="alert-count">{words::state_mark(state)}" "{number::grouped(count)}</span> })
                .collect_view()
                .into_any(),
        }
    };
    let name = rule.name.clone();
    let switch = if enabled { "Switch off" } else { "Switch on" };
    view! {
        <tr class="opens">
            <td class="alert-rule">
                <button class="link board-name" on:click=move |_| app.go_to_alerts(AlertsPart::Rules, Some(open.clone()))><b>{rule.name.clone()}</b></button>
                <span class="alert-condition">{words::condition(&rule)}</span>
            </td>
            <td>{states}</td>
            <td>{rule.severity.word()}</td>
            <td>{ago(app, &kept.updated)}</td>
            <td class="row-tools">
                <button class="button small needs-alerts" aria-label=format!("{switch} {name}") on:click=move |_| app.alerts.switch(kept.clone())>{switch}</button>
            </td>
        </tr>
    }
}

fn key(kept: &KeptRule, column: usize) -> Key {
    match column {
        0 => Key::Text(kept.rule.name.to_lowercase()),
        1 => Key::Number(kept.rule.severity as u8 as f64),
        _ => Key::Text(kept.updated.clone()),
    }
}
