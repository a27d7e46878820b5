//! Rights as people say them.

use leptos::prelude::*;
use timberline_proto::api::access::Permission;

use crate::{components::pipeline::ago, model::app::App, text::time};

/// What a right lets one do.
pub(super) fn said(permission: Permission) -> &'static str {
    match permission {
        Permission::SearchLogs => "Search, follow and read lines",
        Permission::ExportLogs => "Take whole results and files out",
        Permission::IngestLogs => "Add lines",
        Permission::ReadQueue => "Read messages of the queue",
        Permission::ReadStatus => "See how server, agents and files are",
        Permission::ManageStore => "Say how long data is kept, check splits",
        Permission::EraseLogs => "Ask for lines to be erased",
        Permission::ApproveErasures => "Approve what others ask to be erased",
        Permission::ManageFleet => "Say which machines may connect, and what they run",
        Permission::WriteDocuments => "Keep dashboards and saved searches",
        Permission::ReadAlerts => "See alerts, incidents and silences",
        Permission::WriteAlerts => "Change alert rules and silences, take incidents up",
        Permission::ReadAudit => "Read who did what",
        Permission::ManageAccess => "Change accounts, roles, keys and sessions",
    }
}

/// All rights, as choices.
pub(super) fn rights() -> Vec<(String, String)> {
    Permission::ALL
        .into_iter()
        .map(|permission| (permission.name().to_owned(), said(permission).to_owned()))
        .collect()
}

/// An instant to come: `3 Dec 2026 12:03`.
pub(super) fn day(app: App, instant: &str) -> String {
    let Some(ms) = time::millis(instant) else {
        return instant.to_owned();
    };
    let civil = app.prefs.zone.get().civil(ms);
    format!(
        "{} {} {:02}:{:02}",
        civil.day_month(),
        civil.year,
        civil.hour,
        civil.minute
    )
}

/// How long ago, or that it never was.
pub(super) fn ago_or_never(app: App, instant: Option<&str>) -> impl IntoView + use<> {
    match instant {
        Some(instant) => ago(app, instant).into_any(),
        None => view! { <span class="absent">"never"</span> }.into_any(),
    }
}
