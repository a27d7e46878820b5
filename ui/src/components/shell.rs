//! The frame: the rail, the page that the address names, what floats above.

use leptos::prelude::*;
use timberline_proto::api::access::Permission;

use super::{
    alerts::AlertsPage,
    ask::Ask,
    boards::BoardsPage,
    file::FilePage,
    help::Help,
    live::Live,
    notice::Notice,
    offer::Offer,
    offline::Offline,
    palette::Palette,
    patterns::PatternsPage,
    pipeline::PipelinePage,
    rail::Rail,
    search::SearchPage,
    settings::{Denied, SettingsPage, needed},
};
use crate::{
    keys,
    model::{
        app::App,
        view::{Page, SettingsPart},
    },
};

/// The whole page.
#[component]
pub(crate) fn Shell() -> impl IntoView {
    let app = App::new();
    provide_context(app);
    keys::listen(app);
    app.access.ask_who(app);
    let revisit = window_event_listener(leptos::ev::popstate, move |_| app.revisit());
    on_cleanup(move || revisit.remove());
    // The browser asks before what was not saved is gone.
    let leaving = window_event_listener(leptos::ev::beforeunload, move |event| {
        if app.boards.has_unsaved() {
            event.prevent_default();
        }
    });
    on_cleanup(move || leaving.remove());
    Effect::new(move || {
        app.asked.track();
        let view = app.view.get_untracked();
        // What may not be asked is not asked.
        if needed(view.page).is_some_and(|permission| !untrack(|| app.may(permission))) {
            return;
        }
        match view.page {
            Page::Search if view.around.is_some() => {
                app.tail.close();
                app.file.ask(app, view.around.as_deref().unwrap_or_default());
            }
            Page::Search => {
                app.file.leave();
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
            Page::Dashboards => {
                app.search.cancel();
                app.tail.close();
                app.boards.ask(app, &view);
            }
            Page::Alerts => {
                app.search.cancel();
                app.tail.close();
                app.alerts.ask(&view);
            }
            Page::Pipeline => {
                app.search.cancel();
                app.tail.close();
                app.pipeline.ask(&view);
            }
            Page::Settings => {
                app.search.cancel();
                app.tail.close();
                app.access.ask(&view);
                if view.settings == SettingsPart::Retention {
                    app.keeping.ask();
                }
            }
        }
    });
    Effect::new(move || {
        let title = app.view.with(|view| match (view.query.is_empty(), view.page) {
            (true, Page::Search) => "Timberline".to_owned(),
            (true, Page::Live) => "Live · Timberline".to_owned(),
            (true, Page::Patterns) => "Patterns · Timberline".to_owned(),
            (_, Page::Dashboards) => {
                let name = app
                    .boards
                    .opened
                    .with(|opened| opened.as_ref().map(|opened| opened.draft.name.clone()));
                format!("{} · Timberline", name.as_deref().unwrap_or("Dashboards"))
            }
            (_, Page::Alerts) => {
                let firing = app.alerts.firing.get();
                match firing {
                    0 => "Alerts · Timberline".to_owned(),
                    firing => format!("({firing}) Alerts · Timberline"),
                }
            }
            (_, Page::Pipeline) => "Pipeline · Timberline".to_owned(),
            (_, Page::Settings) => "Settings · Timberline".to_owned(),
            (false, _) => format!("{} · Timberline", view.query),
        });
        document().set_title(&title);
    });
    // One memo of both: who listens to a memo and to another that is made of it may miss a change
    // (reactive_graph 0.2).
    let page = Memo::new(move |_| {
        let (page, in_file) = app.view.with(|view| (view.page, view.around.is_some()));
        (page, in_file, needed(page).filter(|permission| !app.may(*permission)))
    });
    view! {
        <div class="shell" class:quiet-on=move || app.prefs.quiet.get() class:dense=move || app.prefs.dense.get()
            class:no-export=move || !app.may(Permission::ExportLogs) class:no-documents=move || !app.may(Permission::WriteDocuments) class:no-alerts=move || !app.may(Permission::WriteAlerts) class:no-store=move || !app.may(Permission::ManageStore) class:wall=move || app.view.with(|view| view.wall && view.page == Page::Dashboards)>
            <Rail/>
            <main class="main">
                <Offline/>
                {move || match page.get() {
                    (.., Some(permission)) => view! { <Denied permission/> }.into_any(),
                    (Page::Search, true, _) => view! { <FilePage/> }.into_any(),
                    (Page::Search, false, _) => view! { <Ask/><SearchPage/> }.into_any(),
                    (Page::Live, ..) => view! { <Ask/><Live/> }.into_any(),
                    (Page::Patterns, ..) => view! { <Ask/><PatternsPage/> }.into_any(),
                    (Page::Dashboards, ..) => view! { <BoardsPage/> }.into_any(),
                    (Page::Alerts, ..) => view! { <AlertsPage/> }.into_any(),
                    (Page::Pipeline, ..) => view! { <PipelinePage/> }.into_any(),
                    (Page::Settings, ..) => view! { <SettingsPage/> }.into_any(),
                }}
            </main>
            <Help/>
            <Palette/>
            <Offer/>
            <Notice/>
        </div>
    }
}
