//! From a table of the search to a panel of a dashboard.

use leptos::prelude::*;
use timberline_proto::api::dashboards::{DashboardHead, Panel};

use crate::{
    components::icon::{self, Icon},
    model::app::App,
};

/// The button and its menu.
#[component]
pub(crate) fn AddToBoard() -> impl IntoView {
    let app = App::get();
    let boards = app.boards;
    let open = RwSignal::new(false);
    let add = move |target: Option<DashboardHead>| {
        open.set(false);
        let view = app.view.get_untracked();
        let panel = Panel {
            title: view.query.chars().take(80).collect(),
            query: view.query,
            chart: view.chart,
            ..Panel::default()
        };
        boards.add_to(app, target, panel, view.range);
    };
    let toggle = move |_| {
        open.update(|open| *open = !*open);
        if open.get_untracked() {
            boards.list_again();
        }
    };
    let entries = move || {
        let list = boards.list.get().unwrap_or_default();
        list.into_iter()
            .map(|head| {
                let name = head.name.clone();
                view! { <button class="menu-item" on:click=move |_| add(Some(head.clone()))>{name}</button> }
            })
            .collect_view()
    };
    view! {
        <div class="board-menu" on:keydown=move |event| {
            if event.key() == "Escape" && open.get_untracked() {
                open.set(false);
                event.prevent_default();
            }
        }>
            <button class="button small" aria-expanded=move || open.get().to_string() on:click=toggle><Icon path=icon::KEEP/>"Add to dashboard"</button>
            <Show when=move || open.get()>
                <div class="time-veil" on:click=move |_| open.set(false)></div>
                <div class="panel board-menu-list">
                    <button class="menu-item" on:click=move |_| add(None)>"A new dashboard"</button>
                    {entries}
                </div>
            </Show>
        </div>
    }
}
