//! The frame: the rail, the page that the address names, what floats above.

use leptos::prelude::*;

use super::{
    ask::Ask, help::Help, live::Live, notice::Notice, patterns::PatternsPage, pipeline::PipelinePage, rail::Rail,
    search::SearchPage,
};
use crate::{
    keys,
    model::{app::App, view::Page},
};

/// The whole page.
#[component]
pub(crate) fn Shell() -> impl IntoView {
    let app = App::new();
    provide_context(app);
    keys::listen(app);
    let revisit = window_event_listener(leptos::ev::popstate, move |_| app.revisit());
    on_cleanup(move || revisit.remove());
    Effect::new(move || {
        app.asked.track();
        let view = app.view.get_untracked();
        match view.page {
            Page::Search => {
                app.tail.close();
                app.search.ask(&view, app.prefs.zone.get_untracked());
            }
            Page::Live => {
                app.search.cancel();
                app.tail.follow(&view.query);
            }
            Page::Patterns => {
                app.search.cancel();
                app.tail.close();
                app.patterns.ask(&view, app.prefs.zone.get_untracked());
            }
            Page::Pipeline => {
                app.search.cancel();
                app.tail.close();
                app.pipeline.ask(&view);
            }
        }
    });
    Effect::new(move || {
        let title = app.view.with(|view| match (view.query.is_empty(), view.page) {
            (true, Page::Search) => "Timberline".to_owned(),
            (true, Page::Live) => "Live · Timberline".to_owned(),
            (true, Page::Patterns) => "Patterns · Timberline".to_owned(),
            (_, Page::Pipeline) => "Pipeline · Timberline".to_owned(),
            (false, _) => format!("{} · Timberline", view.query),
        });
        document().set_title(&title);
    });
    let page = Memo::new(move |_| app.view.with(|view| view.page));
    view! {
        <div class="shell" class:quiet-on=move || app.prefs.quiet.get()>
            <Rail/>
            <main class="main">
                {move || match page.get() {
                    Page::Search => view! { <Ask/><SearchPage/> }.into_any(),
                    Page::Live => view! { <Ask/><Live/> }.into_any(),
                    Page::Patterns => view! { <Ask/><PatternsPage/> }.into_any(),
                    Page::Pipeline => view! { <PipelinePage/> }.into_any(),
                }}
            </main>
            <Help/>
            <Notice/>
        </div>
    }
}
