//! The choice of time: the last so and so much, or from here to there.

use leptos::{ev::KeyboardEvent, prelude::*};

use super::{
    calendar::Calendar,
    icon::{self, Icon},
};
use crate::{
    model::{
        app::App,
        prefs::Zone,
        view::{FROM_KEPT, TimeRange},
    },
    text::time,
};

pub(super) const PRESETS: [(&str, &str); 10] = [
    ("-5m", "5 min"),
    ("-15m", "15 min"),
    ("-30m", "30 min"),
    ("-1h", "1 h"),
    ("-3h", "3 h"),
    ("-6h", "6 h"),
    ("-24h", "24 h"),
    ("-3d", "3 days"),
    ("-7d", "7 days"),
    ("-30d", "30 days"),
];

/// The button and, when open, the panel under it.
#[component]
pub(crate) fn TimePicker() -> impl IntoView {
    let app = App::get();
    let range = Memo::new(move |_| app.view.with(|view| view.range.clone()));
    view! {
        <div class="time">
            <button
                class="button"
                title="Time (t)"
                aria-haspopup="dialog"
                aria-expanded=move || app.time_open.get().to_string()
                on:click=move |_| app.time_open.update(|open| *open = !*open)
            >
                <Icon path=icon::CLOCK/>
                <span class="time-label">{move || label(&range.get(), app.prefs.zone.get())}</span>
            </button>
            <Show when=move || app.time_open.get()>
                <div class="time-veil" on:click=move |_| app.time_open.set(false)></div>
                <Panel/>
            </Show>
        </div>
    }
}

#[component]
fn Panel() -> impl IntoView {
    let app = App::get();
    let range = app.view.with_untracked(|view| view.range.clone());
    let zone = app.prefs.zone;
    let now_ms = js_sys::Date::now() as i64;
    let from = RwSignal::new(editable(&range.from, zone.get_untracked()));
    let to = RwSignal::new(editable(&range.to, zone.get_untracked()));
    let apply = move || {
        let end = |text: String| {
            let zone = zone.get_untracked();
            // An absolute time is kept as an instant, so that a shared address means the same everywhere.
            match time::instant(&text, 0, |ms| zone.offset_ms(ms)) {
                Some(ms) if text.starts_with(|c: char| c.is_ascii_digit()) => time::rfc3339(ms),
                _ => text.trim().to_owned(),
            }
        };
        app.set_range(TimeRange {
            from: end(from.get_untracked()),
            to: end(to.get_untracked()),
        });
    };
    let on_enter = move |event: KeyboardEvent| {
        if event.key() == "Enter" {
            apply();
        }
    };
    let presets = PRESETS
        .into_iter()
        .map(|(text, words)| {
            let current = range == TimeRange::last(text);
            view! {
                <button class="chip" class:current=current on:click=move |_| app.set_range(TimeRange::last(text))>{words}</button>
            }
        })
        .collect_view();
    let everything = range == TimeRange::all();
    view! {
        <div class="panel time-panel" role="dialog" aria-label="Time">
            <h2>"Last"</h2>
            <div class="chips">
                {presets}
                <button class="chip wide" class:current=everything on:click=move |_| app.set_range(TimeRange::all())>"All time"</button>
            </div>
            <h2>"Between"</h2>
            {move || view! { <Calendar from to zone=zone.get()/> }}
            <label class="field">
                <span>"From"</span>
                <input
                    class="input mono" spellcheck="false" placeholder="2026-11-20 14:30 or -2h"
                    prop:value=move || from.get()
                    on:input=move |event| from.set(event_target_value(&event))
                    on:keydown=on_enter
                />
            </label>
            <label class="field">
                <span>"To"</span>
                <input
                    class="input mono" spellcheck="false" placeholder="now"
                    prop:value=move || to.get()
                    on:input=move |event| to.set(event_target_value(&event))
                    on:keydown=on_enter
                />
            </label>
            <div class="time-foot">
                <div class="switch" role="group" aria-label="Zone">
                    <ZoneChoice value=Zone::Local label=format!("Local ({})", Zone::Local.name(now_ms))/>
                    <ZoneChoice value=Zone::Utc label="UTC".to_owned()/>
                </div>
                <button class="button primary" on:click=move |_| apply()>"Apply"</button>
            </div>
        </div>
    }
}

#[component]
fn ZoneChoice(value: Zone, label: String) -> impl IntoView {
    let zone = App::get().prefs.zone;
    view! {
        <button class="switch-part" class:current=move || zone.get() == value on:click=move |_| zone.set(value)>{label}</button>
    }
}

/// What a person would edit.
fn editable(text: &str, zone: Zone) -> String {
    match time::millis(text) {
        Some(ms) => zone.civil(ms).editable(),
        None => text.to_owned(),
    }
}

/// The range in words.
pub(crate) fn label(range: &TimeRange, zone: Zone) -> String {
    let TimeRange { from, to } = range;
    let words = |text: &str| {
        PRESETS.iter().find(|(preset, _)| *preset == text).map_or_else(
            || text.trim_start_matches('-').to_owned(),
            |(_, words)| (*words).to_owned(),
        )
    };
    match (from.as_str(), to.as_str()) {
        ("", "") => "All time".into(),
        (FROM_KEPT, _) => "…".into(),
        (from, "") if from.starts_with('-') => format!("Last {}", words(from)),
        (from, "") => format!("From {}", editable(from, zone)),
        ("", to) => format!("Until {}", editable(to, zone)),
        (from, to) => format!("{} – {}", editable(from, zone), short_end(from, to, zone)),
    }
}

/// The end without its date where it is the start's.
fn short_end(from: &str, to: &str, zone: Zone) -> String {
    let (from, to) = (editable(from, zone), editable(to, zone));
    match (from.get(..11), to.get(..11)) {
        (Some(day), Some(same)) if day == same => to[11..].to_owned(),
        _ => to,
    }
}
