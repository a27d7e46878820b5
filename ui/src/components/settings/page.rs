//! The page's frame: the parts that whoever looks may see.

use leptos::prelude::*;
use timberline_proto::api::access::Permission;

use super::{
    accounts::Accounts, audit::Audit, denied::Denied, keys::Keys, retention::Retention, roles::Roles, you::You,
};
use crate::model::{app::App, reach::OFFLINE, view::SettingsPart};

/// The right that a part takes: any of these.
fn needed(part: SettingsPart) -> &'static [Permission] {
    match part {
        SettingsPart::You => &[],
        SettingsPart::Accounts | SettingsPart::Roles | SettingsPart::Keys => &[Permission::ManageAccess],
        SettingsPart::Retention => &[Permission::ReadStatus],
        SettingsPart::Audit => &[Permission::ReadAudit, Permission::ManageAccess],
    }
}

fn word(part: SettingsPart) -> &'static str {
    match part {
        SettingsPart::You => "You",
        SettingsPart::Accounts => "Accounts",
        SettingsPart::Roles => "Roles",
        SettingsPart::Keys => "Keys",
        SettingsPart::Retention => "Retention",
        SettingsPart::Audit => "Audit trail",
    }
}

/// The page.
#[component]
pub(crate) fn SettingsPage() -> impl IntoView {
    let app = App::get();
    let access = app.access;
    let part = Memo::new(move |_| app.view.with(|view| view.settings));
    let may = move |part: SettingsPart| {
        let needed = needed(part);
        needed.is_empty() || needed.iter().any(|permission| app.may(*permission))
    };
    let is_known = Memo::new(move |_| access.who.with(Option::is_some));
    let tab = move |this: SettingsPart| {
        view! {
            <button
                class="tab" role="tab"
                class:current=move || part.get() == this
                aria-selected=move || (part.get() == this).to_string()
                on:click=move |_| app.go_to_settings(this)
            >
                {word(this)}
            </button>
        }
    };
    let tabs = move || {
        let known = is_known.get();
        SettingsPart::ALL
            .into_iter()
            .filter(|this| *this == SettingsPart::You || (known && may(*this)))
            .map(tab)
            .collect_view()
    };
    let shown = Memo::new(move |_| (part.get(), may(part.get())));
    view! {
        <div class="settings">
            <div class="load" class:busy=move || access.busy.get() aria-hidden="true"></div>
            <header class="page-head">
                <h1>"Settings"</h1>
                <div class="tabs" role="tablist" aria-label="Parts of the settings">{tabs}</div>
            </header>
            {move || access.error.get().filter(|error| error.code != OFFLINE).map(|error| view! {
                <div class="problem" role="alert"><div class="problem-text">
                    <span>{error.message}</span>
                    <button class="button small" on:click=move |_| app.again()>"Try again"</button>
                </div></div>
            })}
            <div class="set-body" aria-busy=move || access.busy.get().to_string()>
                {move || match shown.get() {
                    (part, false) => view! { <Denied permission=needed(part)[0]/> }.into_any(),
                    (SettingsPart::You, _) => view! { <You/> }.into_any(),
                    (SettingsPart::Accounts, _) => view! { <Accounts/> }.into_any(),
                    (SettingsPart::Roles, _) => view! { <Roles/> }.into_any(),
                    (SettingsPart::Keys, _) => view! { <Keys/> }.into_any(),
                    (SettingsPart::Retention, _) => view! { <Retention/> }.into_any(),
                    (SettingsPart::Audit, _) => view! { <Audit/> }.into_any(),
                }}
            </div>
        </div>
    }
}
