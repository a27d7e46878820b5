//! The left rail: the pages that work, the theme, the keys.

use leptos::prelude::*;

use super::icon::{self, Icon};
use crate::model::{app::App, view::Page};

/// The rail.
#[component]
pub(crate) fn Rail() -> impl IntoView {
    let app = App::get();
    let entry = move |page: Page, path, word, key| {
        let current = move || app.view.with(|view| view.page == page);
        // What one may not see is not offered.
        let hidden = move || super::settings::needed(page).is_some_and(|permission| !app.may(permission));
        view! {
            <button
                class="rail-entry"
                class:hidden=hidden
                class:current=current
                aria-current=move || current().then_some("page")
                title=format!("{word} ({key})")
                on:click=move |_| app.go(page)
            >
                <Icon path/>
                <span>{word}</span>
            </button>
        }
    };
    let dark = move || app.prefs.is_dark();
    view! {
        <nav class="rail" aria-label="Pages">
            <div class="rail-mark" title="Timberline"><Icon path=icon::LOGO/><b>"Timberline"</b></div>
            {entry(Page::Search, icon::SEARCH, "Search", "/")}
            {entry(Page::Live, icon::LIVE, "Live", "l")}
            {entry(Page::Patterns, icon::PATTERNS, "Patterns", "n")}
            {entry(Page::Dashboards, icon::DASHBOARDS, "Dashboards", "D")}
            {entry(Page::Alerts, icon::ALERTS, "Alerts", "a")}
            {entry(Page::Pipeline, icon::PIPELINE, "Pipeline", "p")}
            <div class="rail-space"></div>
            {entry(Page::Settings, icon::SETTINGS, "Settings", "S")}
            <button
                class="rail-entry"
                title="Light or dark"
                on:click=move |_| app.prefs.switch_theme()
            >
                {move || view! { <Icon path=if dark() { icon::SUN } else { icon::MOON }/> }}
                <span>{move || if dark() { "Light" } else { "Dark" }}</span>
            </button>
            <button class="rail-entry" title="Keys (?)" on:click=move |_| app.help.update(|open| *open = !*open)>
                <Icon path=icon::HELP/>
                <span>"Keys"</span>
            </button>
        </nav>
    }
}
