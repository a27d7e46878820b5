//! What fires, and what is about to: those that matter most first.

use leptos::prelude::*;
use timberline_proto::alert::{AlertGroup, AlertState};

use super::{group::Group, words};
use crate::{
    components::pipeline::skeleton,
    model::{
        app::App,
        view::{AlertsPart, RULE_NEW},
    },
    text::number,
};

/// The part.
#[component]
pub(super) fn Now() -> impl IntoView {
    let app = App::get();
    let alerts = app.alerts;
    let only = RwSignal::new(None::<AlertState>);
    let opened = RwSignal::new(None::<(String, String)>);
    let groups = Memo::new(move |_| {
        alerts.states.with(|states| {
            let only = only.get();
            let all = states.iter().flat_map(|states| &states.groups);
            all.filter(|group| only.is_none_or(|only| group.state == only))
                .cloned()
                .collect::<Vec<AlertGroup>>()
        })
    });
    let chips = move || {
        let counts = alerts
            .states
            .with(|states| states.as_ref().map(|states| states.counts.clone()))?;
        let chip = |state: AlertState| {
            let count = counts.get(&state).copied().unwrap_or(0);
            (count > 0).then(|| {
                view! {
                    <button
                        class="chip" class:current=move || only.get() == Some(state)
                        aria-pressed=move || (only.get() == Some(state)).to_string()
                        on:click=move |_| only.update(|only| *only = (*only != Some(state)).then_some(state))
                    >
                        {words::state_mark(state)}<b>{number::grouped(count)}</b>
                    </button>
                }
            })
        };
        let shown = [
            AlertState::Firing,
            AlertState::Pending,
            AlertState::Error,
            AlertState::NoData,
        ];
        Some(shown.map(chip).collect_view())
    };
    // Only when one of these changes is the whole list made anew.
    let none_yet = Memo::new(move |_| alerts.states.with(Option::is_none));
    let is_calm = Memo::new(move |_| {
        alerts
            .states
            .with(|states| states.as_ref().is_some_and(|states| states.groups.is_empty()))
    });
    let has_failed = Memo::new(move |_| alerts.error.with(Option::is_some));
    let body = move || {
        if none_yet.get() {
            return match has_failed.get() {
                true => ().into_any(),
                false => skeleton().into_any(),
            };
        }
        if is_calm.get() {
            return view! { <Calm/> }.into_any();
        }
        view! {
            <div class="tools">{chips}</div>
            <div class="table-scroll"><div class="alert-list" role="list">
                <For each=move || groups.get() key=|group| (group.rule.clone(), words::group(&group.group), group.state, group.last.as_ref().map(|last| last.key.clone())) let(group)>
                    <Group group opened/>
                </For>
                {move || {
                    let (drawn, all) = (groups.with(Vec::len) as u64, alerts.states.with(|states| states.as_ref().map_or(0, |states| states.total)));
                    (only.get().is_none() && all > drawn).then(|| view! { <p class="table-rest">{format!("{} of {} are shown.", number::grouped(drawn), number::grouped(all))}</p> })
                }}
            </div></div>
        }
        .into_any()
    };
    view! { {body} }
}

/// Nothing fires.
#[component]
fn Calm() -> impl IntoView {
    let app = App::get();
    let rules = move || {
        app.alerts.rules.with(|rules| {
            rules
                .as_ref()
                .map(|rules| rules.iter().filter(|kept| kept.rule.enabled).count() as u64)
        })
    };
    move || {
        match rules() {
        Some(0) => view! {
            <div class="empty">
                <h2>"No rule yet"</h2>
                <p>"A rule watches a search and tells people when it must: too many errors, a host that fell silent, a line that never came. Each can be tried on the past before it is saved."</p>
                <div class="empty-ways">
                    <button class="button primary needs-alerts" on:click=move |_| app.go_to_alerts(AlertsPart::Rules, Some(RULE_NEW.to_owned()))>"Make a rule"</button>
                </div>
            </div>
        }.into_any(),
        Some(rules) => view! {
            <div class="empty">
                <h2>"Nothing fires"</h2>
                <p>{format!("{}; what they said before stands in the history.", number::counted(rules, "rule watches", "rules watch"))}</p>
                <div class="empty-ways">
                    <button class="button" on:click=move |_| app.go_to_alerts(AlertsPart::History, None)>"History"</button>
                </div>
            </div>
        }.into_any(),
        None => ().into_any(),
    }
    }
}
