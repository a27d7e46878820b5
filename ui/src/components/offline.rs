//! Says that the server cannot be reached, since when, and when it is tried again.

use std::time::Duration;

use leptos::prelude::*;

use crate::{
    model::{
        app::App,
        reach::{Away, LOOK_INTERVAL},
    },
    text::number,
};

/// How often the words are looked at.
const TICK: Duration = Duration::from_secs(1);

/// The banner. Its place is always there, so that what comes into it is read out.
#[component]
pub(crate) fn Offline() -> impl IntoView {
    let app = App::get();
    let reach = app.reach;
    let now_ms = RwSignal::new(0_i64);
    let ticking = StoredValue::new_local(None::<IntervalHandle>);
    Effect::new(move || {
        let is_away = reach.away.with(Option::is_some);
        now_ms.set(js_sys::Date::now() as i64);
        ticking.update_value(|timer| {
            if let Some(timer) = timer.take() {
                timer.clear();
            }
            if is_away {
                let tick = move || now_ms.set(js_sys::Date::now() as i64);
                *timer = set_interval_with_handle(tick, TICK).ok();
            }
        });
    });
    Effect::new(move |before: Option<u64>| {
        let returned = reach.returned.get();
        if before.is_some_and(|before| before != returned) {
            app.notice.set(Some("The server is there again".into()));
            app.go_on();
        }
        returned
    });
    for event in ["online", "offline"] {
        // A browser without a network may still reach a server on its own machine: it is tried.
        let listening = window_event_listener_untyped(event, move |_| reach.try_now());
        on_cleanup(move || listening.remove());
    }
    if let Ok(timer) = set_interval_with_handle(move || reach.look(), LOOK_INTERVAL) {
        on_cleanup(move || timer.clear());
    }
    let is_away = Memo::new(move |_| reach.away.with(Option::is_some));
    view! {
        <div class="offline" role="status">
            {move || is_away.get().then(|| {
                let since = move || reach.away.get().map(|away| since(app, away));
                let next = move || reach.away.get().map(|away| next(away, now_ms.get(), reach.trying.get()));
                view! {
                    <div class="offline-bar">
                        <b>{cause()}</b>
                        <span>{since}</span>
                        // Counted down every second: not to be read out.
                        <span aria-hidden="true" class="offline-next">{next}</span>
                        <button class="button small" disabled=move || reach.trying.get() on:click=move |_| reach.try_now()>"Try now"</button>
                    </div>
                }
            })}
        </div>
    }
}

fn cause() -> &'static str {
    match window().navigator().on_line() {
        true => "The server cannot be reached",
        false => "This browser is offline",
    }
}

fn since(app: App, away: Away) -> String {
    let clock = app.prefs.zone.get().civil(away.since_ms).clock_seconds();
    format!("since {clock}. What is shown stays, and goes on when it is back.")
}

fn next(away: Away, now_ms: i64, trying: bool) -> String {
    if trying {
        return "Trying …".into();
    }
    let seconds = (away.next_ms - now_ms + 999).div_euclid(1_000).max(1);
    format!("Next try in {}.", number::duration(seconds as f64 * 1_000.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_try_is_said_in_whole_seconds() {
        let away = Away {
            since_ms: 0,
            next_ms: 10_000,
            tries: 3,
        };
        assert_eq!(next(away, 2_500, false), "Next try in 8 s.");
        assert_eq!(next(away, 20_000, false), "Next try in 1 s.");
        assert_eq!(next(away, 2_500, true), "Trying …");
    }
}
