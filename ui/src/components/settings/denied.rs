//! In place of a page that whoever looks may not see: which right it takes.

use leptos::prelude::*;
use timberline_proto::api::access::Permission;

use super::words::said;
use crate::model::{
    app::App,
    view::{Page, SettingsPart},
};

/// The right that a page takes.
pub(crate) fn needed(page: Page) -> Option<Permission> {
    match page {
        Page::Search | Page::Live | Page::Patterns | Page::Dashboards => Some(Permission::SearchLogs),
        Page::Alerts => Some(Permission::ReadAlerts),
        Page::Pipeline => Some(Permission::ReadStatus),
        Page::Settings => None,
    }
}

/// The page's place.
#[component]
pub(crate) fn Denied(permission: Permission) -> impl IntoView {
    let app = App::get();
    let who = move || app.access.user().map(|user| format!("You are logged in as {user}. "));
    view! {
        <div class="empty denied">
            <h1 class="sr">"Not allowed"</h1>
            <h2>"This takes a right that you do not have"</h2>
            <p>{who}"It is called "<code>{permission.name()}</code>" ("{said(permission).to_lowercase()}"). Whoever manages accounts can give you a role that has it."</p>
            <div class="empty-ways">
                <button class="button primary" on:click=move |_| app.go_to_settings(SettingsPart::You)>"What I may"</button>
            </div>
        </div>
    }
}
