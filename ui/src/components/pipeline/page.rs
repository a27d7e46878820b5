//! The page's frame: its parts, what went wrong, when it was asked.

use std::time::Duration;

use leptos::prelude::*;

use super::{agents::Agents, ledger::Ledger, overview::Overview, store::Store, topics::Topics};
use crate::model::{app::App, reach::OFFLINE, view::Part};

/// How often it is asked again while it is in sight.
const REFRESH_INTERVAL: Duration = Duration::from_secs(5);

/// The page.
#[component]
pub(crate) fn PipelinePage() -> impl IntoView {
    let app = App::get();
    let pipeline = app.pipeline;
    if let Ok(timer) = set_interval_with_handle(move || pipeline.refresh(&app.view.get_untracked()), REFRESH_INTERVAL) {
        on_cleanup(move || timer.clear());
    }
    on_cleanup(move || pipeline.leave());
    let part = Memo::new(move |_| app.view.with(|view| view.part));
    let tab = move |this: Part, word: &'static str| {
        view! {
            <button
                class="tab" role="tab"
                class:current=move || part.get() == this
                aria-selected=move || (part.get() == this).to_string()
                on:click=move |_| app.go_to_part(this, None)
            >
                {word}
            </button>
        }
    };
    view! {
        <div class="pipeline">
            <div class="load" class:busy=move || pipeline.busy.get() && pipeline.answered_ms.get().is_none() aria-hidden="true"></div>
            <header class="page-head">
                <h1>"Pipeline"</h1>
                <div class="tabs" role="tablist" aria-label="Parts of the pipeline">
                    {tab(Part::Agents, "Agents")}
                    {tab(Part::Ledger, "Ledger")}
                    {tab(Part::Topics, "Topics")}
                    {tab(Part::Store, "Store")}
                </div>
                <span class="page-state" role="status">{move || state(app)}</span>
            </header>
            {move || pipeline.error.get().filter(|error| error.code != OFFLINE).map(|error| view! {
                <div class="problem" role="alert"><div class="problem-text">
                    <span>{error.message}</span>
                    <button class="button small" on:click=move |_| app.again()>"Try again"</button>
                </div></div>
            })}
            <Overview/>
            <section class="page-body" aria-busy=move || pipeline.busy.get().to_string()>
                {move || match part.get() {
                    Part::Agents => view! { <Agents/> }.into_any(),
                    Part::Ledger => view! { <Ledger/> }.into_any(),
                    Part::Topics => view! { <Topics/> }.into_any(),
                    Part::Store => view! { <Store/> }.into_any(),
                }}
            </section>
        </div>
    }
}

fn state(app: App) -> String {
    let pipeline = app.pipeline;
    match pipeline.answered_ms.get() {
        None if pipeline.error.with(Option::is_some) => String::new(),
        None => "Asking …".into(),
        Some(ms) if pipeline.error.with(Option::is_some) => {
            format!("As of {}", app.prefs.zone.get().civil(ms).clock_seconds())
        }
        Some(_) => "Up to date".into(),
    }
}
