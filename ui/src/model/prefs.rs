//! What a person chose for this browser: kept in its local storage, never in the address.

use leptos::prelude::*;

use super::layout;

/// The zone that times are shown in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Zone {
    /// The browser's.
    #[default]
    Local,
    /// UTC.
    Utc,
}

impl Zone {
    /// What to add to an instant for this zone's clock.
    pub(crate) fn offset_ms(self, ms: i64) -> i64 {
        match self {
            Zone::Utc => 0,
            Zone::Local => {
                let date = js_sys::Date::new(&wasm_bindgen::JsValue::from_f64(ms as f64));
                -(date.get_timezone_offset() as i64) * 60_000
            }
        }
    }

    /// The instant on this zone's clock.
    pub(crate) fn civil(self, ms: i64) -> crate::text::time::Civil {
        crate::text::time::Civil::of(ms + self.offset_ms(ms))
    }

    /// `UTC`, `UTC+1`, `UTC−3:30`.
    pub(crate) fn name(self, ms: i64) -> String {
        let minutes = self.offset_ms(ms) / 60_000;
        let sign = if minutes < 0 { '−' } else { '+' };
        match (minutes.abs() / 60, minutes.abs() % 60) {
            (0, 0) => "UTC".into(),
            (hours, 0) => format!("UTC{sign}{hours}"),
            (hours, rest) => format!("UTC{sign}{hours}:{rest:02}"),
        }
    }
}

/// The choices.
#[derive(Clone, Copy)]
pub(crate) struct Prefs {
    /// Dark, light, or what the system says.
    pub theme: RwSignal<Option<&'static str>>,
    /// Times in which zone.
    pub zone: RwSignal<Zone>,
    /// What repeats is quiet.
    pub quiet: RwSignal<bool>,
    /// The list of fields is shown.
    pub fields: RwSignal<bool>,
    /// Long lines are broken into rows.
    pub wrap: RwSignal<bool>,
    /// Rows are dense.
    pub dense: RwSignal<bool>,
    /// As whom acts are signed, until people log in.
    pub who: RwSignal<String>,
}

impl Prefs {
    /// As stored; changes are stored from now on.
    pub(crate) fn load() -> Prefs {
        let prefs = Prefs {
            theme: RwSignal::new(match read("theme").as_deref() {
                Some("dark") => Some("dark"),
                Some("light") => Some("light"),
                _ => None,
            }),
            zone: RwSignal::new(if read("zone").as_deref() == Some("utc") {
                Zone::Utc
            } else {
                Zone::Local
            }),
            quiet: RwSignal::new(read("quiet").as_deref() != Some("off")),
            fields: RwSignal::new(read("fields").as_deref() != Some("off")),
            wrap: RwSignal::new(read("wrap").as_deref() == Some("on")),
            dense: RwSignal::new(read("dense").as_deref() == Some("on")),
            who: RwSignal::new(read("who").unwrap_or_default()),
        };
        Effect::new(move || {
            let theme = prefs.theme.get();
            if let Some(root) = document().document_element() {
                let done = match theme {
                    Some(theme) => root.set_attribute("data-theme", theme),
                    None => root.remove_attribute("data-theme"),
                };
                debug_assert!(done.is_ok());
            }
            write("theme", theme);
        });
        Effect::new(move || write("zone", (prefs.zone.get() == Zone::Utc).then_some("utc")));
        Effect::new(move || write("quiet", (!prefs.quiet.get()).then_some("off")));
        Effect::new(move || write("fields", (!prefs.fields.get()).then_some("off")));
        Effect::new(move || write("wrap", prefs.wrap.get().then_some("on")));
        Effect::new(move || write("dense", prefs.dense.get().then_some("on")));
        Effect::new(move || prefs.who.with(|who| write("who", (!who.is_empty()).then_some(who))));
        prefs
    }

    /// A row's height in pixels.
    pub(crate) fn row_px(&self) -> f64 {
        if self.dense.get() {
            layout::ROW_PX_DENSE
        } else {
            layout::ROW_PX
        }
    }

    /// From light to dark, or back.
    pub(crate) fn switch_theme(&self) {
        let next = if untrack(|| self.is_dark()) { "light" } else { "dark" };
        self.theme.set(Some(next));
    }

    /// Whether the page is dark now.
    pub(crate) fn is_dark(&self) -> bool {
        self.theme.get().map_or_else(
            || {
                window()
                    .match_media("(prefers-color-scheme: dark)")
                    .ok()
                    .flatten()
                    .is_some_and(|query| query.matches())
            },
            |theme| theme == "dark",
        )
    }
}

fn storage() -> Option<web_sys::Storage> {
    window().local_storage().ok().flatten()
}

pub(super) fn read(name: &str) -> Option<String> {
    storage()?.get_item(&format!("timberline.{name}")).ok().flatten()
}

/// Without storage (private windows, a full disk) a choice lasts as long as the page.
pub(super) fn write(name: &str, value: Option<&str>) {
    let Some(storage) = storage() else { return };
    let name = format!("timberline.{name}");
    let _stored = match value {
        Some(value) => storage.set_item(&name, value),
        None => storage.remove_item(&name),
    };
}
