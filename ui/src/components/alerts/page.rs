//! The page's frame: its parts, what went wrong, whether the evaluation keeps up.

use std::time::Duration;

use leptos::prelude::*;
use timberline_proto::alert::AlertsStatus;

use super::{editor::Editor, history::History, messages::Messages, now::Now, rules::Rules, silences::Silences};
use crate::{
    model::{
        app::App,
        reach::OFFLINE,
        view::{AlertsPart, RULE_NEW},
    },
    text::number,
};

/// How often it is asked again while it is in sight.
const REFRESH_INTERVAL: Duration = Duration::from_secs(5);
/// An evaluation that is later than this is told.
const LATE_SECONDS: f64 = 60.0;

/// The page.
#[component]
pub(crate) fn AlertsPage() -> impl IntoView {
    let app = App::get();
    let alerts = app.alerts;
    if let Ok(timer) = set_interval_with_handle(move || alerts.refresh(&app.view.get_untracked()), REFRESH_INTERVAL) {
        on_cleanup(move || timer.clear());
    }
    on_cleanup(move || alerts.leave());
    // Each answer sets it anew, and what is opened or typed below must stay.
    let none = Memo::new(move |_| alerts.none.get());
    let part = Memo::new(move |_| app.view.with(|view| view.alerts));
    let is_one = Memo::new(move |_| {
        app.view
            .with(|view| view.alerts == AlertsPart::Rules && view.item.is_some())
    });
    let tab = move |this: AlertsPart, word: &'static str| {
        view! {
            <button
                class="tab" role="tab"
                class:current=move || part.get() == this
                aria-selected=move || (part.get() == this).to_string()
                on:click=move |_| app.go_to_alerts(this, None)
            >
                {word}
                {(this == AlertsPart::Now).then(|| view! {
                    {move || (alerts.firing.get() > 0).then(|| view! { <b class="tab-count">{number::grouped(alerts.firing.get())}</b> })}
                })}
            </button>
        }
    };
    view! {
        <div class="alerts">
            <div class="load" class:busy=move || alerts.busy.get() && alerts.states.with(Option::is_none) aria-hidden="true"></div>
            <header class="page-head">
                <h1>"Alerts"</h1>
                <div class="tabs" role="tablist" aria-label="Parts of the alerts">
                    {tab(AlertsPart::Now, "Now")}
                    {tab(AlertsPart::Rules, "Rules")}
                    {tab(AlertsPart::History, "History")}
                    {tab(AlertsPart::Silences, "Silences")}
                    {tab(AlertsPart::Messages, "Messages")}
                </div>
                <span class="page-state" role="status">{move || state(app)}</span>
                <div class="page-tools">
                    <button class="button primary needs-alerts" on:click=move |_| app.go_to_alerts(AlertsPart::Rules, Some(RULE_NEW.to_owned()))>"New rule"</button>
                </div>
            </header>
            {move || alerts.error.get().filter(|error| error.code != OFFLINE).map(|error| view! {
                <div class="problem" role="alert"><div class="problem-text">
                    <span>{error.message}</span>
                    <button class="button small" on:click=move |_| app.again()>"Try again"</button>
                </div></div>
            })}
            <Late/>
            <section class="page-body" aria-busy=move || alerts.busy.get().to_string()>
                {move || if none.get() {
                    view! {
                        <div class="empty">
                            <h2>"This server evaluates no rules"</h2>
                            <p>"Alerting is switched off in its configuration: set enabled = true in [alerts]."</p>
                        </div>
                    }.into_any()
                } else {
                    match (part.get(), is_one.get()) {
                        (AlertsPart::Now, _) => view! { <Now/> }.into_any(),
                        (AlertsPart::Rules, true) => view! { <Editor/> }.into_any(),
                        (AlertsPart::Rules, false) => view! { <Rules/> }.into_any(),
                        (AlertsPart::History, _) => view! { <History/> }.into_any(),
                        (AlertsPart::Silences, _) => view! { <Silences/> }.into_any(),
                        (AlertsPart::Messages, _) => view! { <Messages/> }.into_any(),
                    }
                }}
            </section>
        </div>
    }
}

fn state(app: App) -> String {
    app.alerts.status.with(|status| match status {
        Some(status) if !status.missing.is_empty() => {
            let missing = status.missing.len() as u64;
            format!("waits for {}", number::counted(missing, "source", "sources"))
        }
        Some(_) => "Up to date".into(),
        None => String::new(),
    })
}

/// What is late, slowed or broken, by name.
#[component]
fn Late() -> impl IntoView {
    let app = App::get();
    let told = Memo::new(move |_| {
        app.alerts
            .status
            .with(|status| status.as_ref().map(late).unwrap_or_default())
    });
    move || {
        told.with(|told| {
            (!told.is_empty()).then(|| {
                let told = told.iter().map(|told| view! { <p>{told.clone()}</p> }).collect_view();
                view! { <div class="alerts-late" role="status">{told}</div> }
            })
        })
    }
}

fn late(status: &AlertsStatus) -> Vec<String> {
    let mut told = Vec::new();
    for rule in &status.rules {
        if let Some(error) = &rule.error {
            told.push(format!("“{}” cannot be evaluated: {error}", rule.name));
        } else if rule.deferred {
            told.push(format!(
                "“{}” is too expensive to test every line as it comes: it is decided from the store, at every {}th window",
                rule.name, rule.slowed
            ));
        } else if rule.slowed > 1 {
            told.push(format!(
                "“{}” is too expensive and is decided at every {}th window only",
                rule.name, rule.slowed
            ));
        } else if rule.late_seconds > LATE_SECONDS {
            told.push(format!(
                "“{}” is late by {}",
                rule.name,
                number::duration(rule.late_seconds * 1e3)
            ));
        }
        if rule.owner_gone {
            told.push(format!(
                "The owner of “{}” is gone: it goes on with what they could see last, until somebody changes it",
                rule.name
            ));
        }
        if rule.left_out > 0 {
            told.push(format!(
                "“{}” has more groups than alerts.groups_max: {} lines were left out",
                rule.name,
                number::grouped(rule.left_out)
            ));
        }
    }
    told
}
