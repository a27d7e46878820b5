//! Whether the server can be reached. When it cannot, the page says so at one place, keeps what it shows,
//! asks every so often whether the server is back, and then goes on where it was.

use std::cell::Cell;
use std::time::Duration;

use leptos::{prelude::*, task::spawn_local};
use timberline_proto::api::ApiError;

use super::{app::App, search::Phase, tail::Link, view::Page};
use crate::api;

/// The code of an error that means nothing but this.
pub(crate) const OFFLINE: &str = "offline";
/// The first wait before another try; each is twice the one before …
const WAIT_MIN_MS: i64 = 1_000;
/// … up to this.
const WAIT_MAX_MS: i64 = 30_000;

/// How often it is looked whether the server is there, where nothing else is asked.
pub(crate) const LOOK_INTERVAL: Duration = Duration::from_secs(10);

thread_local! {
    /// For whoever speaks to the server, which knows of no part of the page.
    static REACH: Cell<Option<Reach>> = const { Cell::new(None) };
}

/// The server cannot be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Away {
    /// Since then, milliseconds.
    pub since_ms: i64,
    /// It is tried again then.
    pub next_ms: i64,
    /// Tries so far.
    pub tries: u32,
}

/// Whether the server can be reached. Copies share it.
#[derive(Clone, Copy)]
pub(crate) struct Reach {
    /// If it cannot.
    pub away: RwSignal<Option<Away>>,
    /// It is being tried.
    pub trying: RwSignal<bool>,
    /// Counts how often it came back.
    pub returned: RwSignal<u64>,
    /// When the last answer came, milliseconds.
    heard_ms: StoredValue<i64>,
    timer: StoredValue<Option<TimeoutHandle>, LocalStorage>,
}

impl Reach {
    pub(crate) fn new() -> Reach {
        let reach = Reach {
            away: RwSignal::new(None),
            trying: RwSignal::new(false),
            returned: RwSignal::new(0),
            heard_ms: StoredValue::new(0),
            timer: StoredValue::new_local(None),
        };
        REACH.set(Some(reach));
        reach
    }

    /// Looks whether the server is there. If it is not, tries again and again until it is.
    pub(crate) fn try_now(self) {
        if self.trying.get_untracked() {
            return;
        }
        self.stop_timer();
        self.trying.set(true);
        spawn_local(async move {
            let answers = api::is_there().await;
            self.trying.set(false);
            if answers {
                self.heard();
            } else {
                self.lost();
                self.wait();
            }
        });
    }

    /// Looks whether the server is there, if nothing was heard of it for a while and somebody looks: a
    /// page at rest asks for nothing by itself.
    pub(crate) fn look(self) {
        let rests_ms = js_sys::Date::now() as i64 - self.heard_ms.get_value();
        if rests_ms >= LOOK_INTERVAL.as_millis() as i64 && !document().hidden() && self.away.get_untracked().is_none() {
            self.try_now();
        }
    }

    fn heard(self) {
        self.heard_ms.set_value(js_sys::Date::now() as i64);
        if self.away.get_untracked().is_some() {
            self.stop_timer();
            self.away.set(None);
            self.returned.update(|times| *times += 1);
        }
    }

    fn lost(self) {
        if self.away.get_untracked().is_none() {
            let now = js_sys::Date::now() as i64;
            self.away.set(Some(Away {
                since_ms: now,
                next_ms: now,
                tries: 0,
            }));
            self.wait();
        }
    }

    fn wait(self) {
        let Some(away) = self.away.get_untracked() else { return };
        let wait_ms = wait_ms(away.tries);
        self.away.set(Some(Away {
            next_ms: js_sys::Date::now() as i64 + wait_ms,
            tries: away.tries.saturating_add(1),
            ..away
        }));
        self.stop_timer();
        let timer = set_timeout_with_handle(move || self.try_now(), Duration::from_millis(wait_ms as u64));
        self.timer.set_value(timer.ok());
    }

    fn stop_timer(self) {
        self.timer.update_value(|timer| {
            if let Some(timer) = timer.take() {
                timer.clear();
            }
        });
    }
}

/// An answer came.
pub(crate) fn heard() {
    if let Some(reach) = REACH.get() {
        reach.heard();
    }
}

/// No answer came.
pub(crate) fn lost() {
    if let Some(reach) = REACH.get() {
        reach.lost();
    }
}

/// A connection broke: perhaps the server is gone.
pub(crate) fn doubt() {
    if let Some(reach) = REACH.get() {
        reach.try_now();
    }
}

/// Whether an error is only that the server cannot be reached, which is said elsewhere.
pub(crate) fn is_offline(error: &Option<ApiError>) -> bool {
    error.as_ref().is_some_and(|error| error.code == OFFLINE)
}

impl App {
    /// The server is back: goes on with what could not be asked, and leaves all else as it is shown.
    pub(crate) fn go_on(self) {
        let lost = |error: RwSignal<Option<ApiError>>| error.with_untracked(is_offline);
        match self.view.with_untracked(|view| (view.page, view.around.is_some())) {
            (Page::Search, false) if lost(self.search.error) => {
                // What was shown before stays; only a question that has no answer is asked again.
                if self.search.broken.get_value() || self.search.phase.get_untracked() == Phase::Waiting {
                    self.again();
                } else {
                    self.search.error.set(None);
                }
            }
            (Page::Search, true) if lost(self.file.error) => self.again(),
            (Page::Live, _) if self.tail.link.get_untracked() != Link::Open => {
                self.tail.resume(&self.view.with_untracked(|view| view.query.clone()));
            }
            (Page::Patterns, _) if lost(self.patterns.error) => self.again(),
            (Page::Dashboards, _) if lost(self.boards.error) => self.again(),
            (Page::Dashboards, _) => self.boards.refresh(self),
            (Page::Pipeline, _) => self.pipeline.ask(&self.view.get_untracked()),
            (Page::Settings, _) => self.access.ask(&self.view.get_untracked()),
            (Page::Alerts, _) => self.alerts.refresh(&self.view.get_untracked()),
            _ => {}
        }
    }
}

fn wait_ms(tries: u32) -> i64 {
    (WAIT_MIN_MS << tries.min(16)).min(WAIT_MAX_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_half_a_minute() {
        let waits: Vec<i64> = (0..7).map(wait_ms).collect();
        assert_eq!(waits, [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
        assert_eq!(wait_ms(u32::MAX), 30_000);
    }

    #[test]
    fn only_an_error_of_that_code_is_said_elsewhere() {
        let error = |code: &str| {
            Some(ApiError {
                code: code.into(),
                ..ApiError::default()
            })
        };
        assert!(is_offline(&error(OFFLINE)));
        assert!(!is_offline(&error("unreachable")) && !is_offline(&None));
    }
}
