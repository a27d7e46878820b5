//! Pictures of sixteen pixels, drawn as one path in the colour of the text around them.

use leptos::prelude::*;

/// A picture by its path.
#[component]
pub(crate) fn Icon(
    /// The path's `d`.
    path: &'static str,
) -> impl IntoView {
    view! {
        <svg class="icon" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
            <path d=path fill="none" stroke="currentColor" stroke-width="1.5" stroke-linecap="round" stroke-linejoin="round"/>
        </svg>
    }
}

pub(crate) const SEARCH: &str = "M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10ZM10.7 10.7 14 14";
pub(crate) const LIVE: &str = "M1.5 8h3l2-5 3 10 2-5h3";
pub(crate) const PATTERNS: &str = "M2.5 4h4M9.5 4h4M2.5 8h2M7 8h6.5M2.5 12h4M9.5 12h4";
pub(crate) const PIPELINE: &str = "M2 4h3v8h3V4h3v8h3";
pub(crate) const DASHBOARDS: &str = "M2.5 2.5h5v6h-5zM9.5 2.5h4v3h-4zM9.5 7.5h4v6h-4zM2.5 10.5h5v3h-5z";
pub(crate) const ALERTS: &str = "M8 2a4 4 0 0 0-4 4v3l-1.5 2.5h11L12 9V6a4 4 0 0 0-4-4ZM6.5 13.5a1.6 1.6 0 0 0 3 0";
pub(crate) const SAVED: &str = "M4 2.5h8v11l-4-3-4 3z";
pub(crate) const MORE: &str = "M3.5 8h.01M8 8h.01M12.5 8h.01";
pub(crate) const CLOCK: &str = "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12ZM8 4.8V8l2.2 1.5";
pub(crate) const RUN: &str = "M4.5 3v10l8-5z";
pub(crate) const STOP: &str = "M4 4h8v8H4z";
pub(crate) const PAUSE: &str = "M5.5 3.5v9M10.5 3.5v9";
pub(crate) const KEEP: &str = "M8 3.5v9M3.5 8h9";
pub(crate) const DROP: &str = "M3.5 8h9";
pub(crate) const HAS: &str = "M3 8.5 6.5 12 13 4.5";
pub(crate) const COLUMN: &str = "M2.5 3h11v10h-11zM9.5 3v10";
pub(crate) const WRAP: &str = "M2.5 4h11M2.5 8h8.5a2 2 0 0 1 0 4H8M9.5 10.5 8 12l1.5 1.5M2.5 12h3";
pub(crate) const DENSE: &str = "M2.5 3h11M2.5 6.3h11M2.5 9.7h11M2.5 13h11";
pub(crate) const COPY: &str = "M5.5 5.5h8v8h-8zM3 10.5H2.5v-8h8V3";
pub(crate) const FIELDS: &str = "M2.5 4h11M2.5 8h7M2.5 12h9";
pub(crate) const SUN: &str = "M8 11a3 3 0 1 0 0-6 3 3 0 0 0 0 6ZM8 1.5v1M8 13.5v1M1.5 8h1M13.5 8h1M3.4 3.4l.7.7M11.9 11.9l.7.7M3.4 12.6l.7-.7M11.9 4.1l.7-.7";
pub(crate) const MOON: &str = "M13.5 9.5A5.8 5.8 0 0 1 6.5 2.5a5.8 5.8 0 1 0 7 7Z";
pub(crate) const SETTINGS: &str = "M8 7.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5ZM3 13.5v-.6A3.4 3.4 0 0 1 6.400 9.500h3.200A3.400 3.400 0 0 1 13 12.900v.6";
pub(crate) const HELP: &str =
    "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12ZM6.3 6.3a1.8 1.8 0 1 1 2.5 1.6c-.5.2-.8.5-.8 1.1M8 11.2v.1";
pub(crate) const CONTEXT: &str = "M2.5 3h11M2.5 13h11M5 8h6M8 4.5v1M8 10.5v1";
pub(crate) const LINK: &str =
    "M6.5 9.5 9.5 6.5M7 4.5l1.5-1.5a3 3 0 0 1 4.5 4.5L11.5 9M9 11.5 7.5 13A3 3 0 0 1 3 8.5L4.5 7";
pub(crate) const LEFT: &str = "M9.5 4 5.5 8l4 4";
pub(crate) const RIGHT: &str = "M6.5 4l4 4-4 4";
pub(crate) const SAVE: &str = "M8 2v8M4.5 7 8 10.5 11.5 7M2.5 13.5h11";
pub(crate) const EXPORT: &str = "M8 2.5v7M5 6.8l3 3 3-3M2.5 13h11";
pub(crate) const CLOSE: &str = "M4 4l8 8M12 4l-8 8";
pub(crate) const LOGO: &str = "M8 1.8 3.8 8h2L3.2 12h9.6L10.2 8h2zM8 12v2.4";
