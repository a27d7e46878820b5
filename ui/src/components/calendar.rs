//! A month of days: one click means a day, another the days between.

use leptos::prelude::*;

use super::icon::{self, Icon};
use crate::{
    model::prefs::Zone,
    text::time::{self, Civil, DAY_MS},
};

const WEEKDAYS: [&str; 7] = ["Mo", "Tu", "We", "Th", "Fr", "Sa", "Su"];

/// The month, with the days between the two texts marked; a click writes into them.
#[component]
pub(crate) fn Calendar(from: RwSignal<String>, to: RwSignal<String>, zone: Zone) -> impl IntoView {
    let now_ms = js_sys::Date::now() as i64;
    let local = move |text: &str| {
        let instant = time::instant(text, now_ms, |ms| zone.offset_ms(ms))?;
        Some(instant + zone.offset_ms(instant))
    };
    let today = day_of(now_ms + zone.offset_ms(now_ms));
    let first_shown = from.with_untracked(|from| local(from)).map_or(today, day_of);
    let month = RwSignal::new(Month::of(first_shown));
    // The first of two clicks.
    let begun = RwSignal::new(None::<i64>);
    let marked = Memo::new(move |_| {
        let start = from.with(|from| local(from))?;
        let end = to.with(|to| local(to)).unwrap_or(now_ms + zone.offset_ms(now_ms));
        Some((day_of(start), day_of((end - 1).max(start))))
    });
    let pick = move |day: i64| {
        let (start, end) = match begun.get_untracked() {
            Some(other) => {
                begun.set(None);
                (other.min(day), other.max(day))
            }
            None => {
                begun.set(Some(day));
                (day, day)
            }
        };
        from.set(Civil::of(start * DAY_MS).editable());
        to.set(Civil::of((end + 1) * DAY_MS).editable());
    };
    let days = move || {
        let month = month.get();
        let blank = (0..month.blank()).map(|_| view! { <span></span> }).collect_view();
        let days = (month.first..month.next().first)
            .map(|day| {
                let is_marked = move || marked.get().is_some_and(|(first, last)| (first..=last).contains(&day));
                let civil = Civil::of(day * DAY_MS);
                view! {
                    <button
                        class="calendar-day"
                        class:today=day == today
                        class:marked=is_marked
                        aria-pressed=move || is_marked().to_string()
                        aria-label=format!("{} {}", civil.day_month().trim_start_matches('0'), civil.year)
                        on:click=move |_| pick(day)
                    >
                        {civil.day}
                    </button>
                }
            })
            .collect_view();
        (blank, days)
    };
    view! {
        <div class="calendar" role="group" aria-label="Days">
            <div class="calendar-head">
                <button class="button bare" aria-label="Month before" on:click=move |_| month.update(|month| *month = month.before())><Icon path=icon::LEFT/></button>
                <b role="status">{move || month.get().words()}</b>
                <button class="button bare" aria-label="Next month" on:click=move |_| month.update(|month| *month = month.next())><Icon path=icon::RIGHT/></button>
            </div>
            <div class="calendar-days">
                {WEEKDAYS.iter().map(|day| view! { <span class="calendar-weekday" aria-hidden="true">{*day}</span> }).collect_view()}
                {days}
            </div>
        </div>
    }
}

fn day_of(local_ms: i64) -> i64 {
    local_ms.div_euclid(DAY_MS)
}

/// A month by its first day, counted from 1970-01-01.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Month {
    first: i64,
}

impl Month {
    fn of(day: i64) -> Month {
        let civil = Civil::of(day * DAY_MS);
        Month {
            first: day - i64::from(civil.day) + 1,
        }
    }

    fn next(self) -> Month {
        // A month has 28 to 31 days: 31 days on from its first is early in the next.
        Month::of(self.first + 31)
    }

    fn before(self) -> Month {
        Month::of(self.first - 1)
    }

    /// Days of the week before the first.
    fn blank(self) -> i64 {
        // 1970-01-01 was a Thursday.
        (self.first + 3).rem_euclid(7)
    }

    fn words(self) -> String {
        let civil = Civil::of(self.first * DAY_MS);
        let name = civil.day_month();
        format!("{} {}", &name[3..], civil.year)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_follow_each_other() {
        let mut month = Month::of(0);
        for n in 1..=600 {
            let next = month.next();
            assert!((28..=31).contains(&(next.first - month.first)), "month {n}: {month:?}");
            assert_eq!(next.before(), month);
            month = next;
        }
        assert_eq!(month.words(), "Jan 2020");
    }

    #[test]
    fn a_month_begins_on_its_weekday() {
        // 2026-11-01 is a Sunday.
        let november = Month::of(
            Civil {
                year: 2026,
                month: 11,
                day: 20,
                hour: 0,
                minute: 0,
                second: 0,
                milli: 0,
            }
            .to_ms()
                / DAY_MS,
        );
        assert_eq!((november.words().as_str(), november.blank()), ("Nov 2026", 6));
    }
}
