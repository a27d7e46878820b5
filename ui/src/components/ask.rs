//! The question: the query box, the time, run and cancel, and under it what is wrong with it.

use leptos::prelude::*;

use super::{
    icon::{self, Icon},
    problem::Problem,
    query_box::QueryBox,
    saved_menu::SavedMenu,
    time_picker::TimePicker,
};
use crate::model::{app::App, view::Page};

/// The top of every page that asks.
#[component]
pub(crate) fn Ask() -> impl IntoView {
    let app = App::get();
    let has_time = move || app.view.with(|view| view.page != Page::Live);
    let heading = move || {
        app.view.with(|view| match view.page {
            Page::Live => "Live",
            Page::Patterns => "Patterns",
            _ => "Search",
        })
    };
    let busy = move || match app.view.with(|view| view.page) {
        Page::Search => app.search.is_busy(),
        Page::Patterns => app.patterns.is_busy(),
        Page::Live | Page::Dashboards | Page::Alerts | Page::Pipeline | Page::Settings => false,
    };
    let cancel = move |_| {
        app.search.cancel();
        app.patterns.cancel();
    };
    view! {
        <header class="ask">
            <h1 class="sr">{heading}</h1>
            <QueryBox/>
            <div class="ask-side">
                <Show when=has_time>
                    <TimePicker/>
                </Show>
                <SavedMenu/>
                <Show
                    when=busy
                    fallback=move || {
                        view! {
                            <button class="button primary" title="Run (Enter)" on:click=move |_| app.run()>
                                <Icon path=icon::RUN/>
                                <span>"Run"</span>
                            </button>
                        }
                    }
                >
                    <button class="button" title="Cancel (Esc)" on:click=cancel>
                        <Icon path=icon::STOP/>
                        <span>"Cancel"</span>
                    </button>
                </Show>
            </div>
        </header>
        <Problem/>
    }
}
