//! The search page under its question: what it cost, counts over time, fields, lines or a table.

use leptos::prelude::*;

use super::{
    empty::Empty, fields::Fields, histogram::Histogram, lines::Lines, summary::Summary, table::Table, time_map::TimeMap,
};
use crate::{
    lang,
    model::{app::App, search::Phase},
    text::time,
};

/// The page.
#[component]
pub(crate) fn SearchPage() -> impl IntoView {
    let app = App::get();
    let search = app.search;
    let waiting = move || search.phase.get() == Phase::Waiting;
    let is_table = Memo::new(move |_| search.table.with(Option::is_some));
    let is_sql = Memo::new(move |_| search.answered.with(|query| lang::is_sql(query)));
    let is_empty = Memo::new(move |_| {
        search.phase.get() == Phase::Done
            && search.error.with(Option::is_none)
            && match search
                .table
                .with(|table| table.as_ref().map(|table| table.rows.is_empty()))
            {
                // SQL says more with the names of its columns than with none matching.
                Some(no_rows) => no_rows && !is_sql.get(),
                None => search.window.with(|window| window.is_empty()),
            }
    });
    let older = Callback::new(move |()| search.load_older(&search.answered.get_untracked()));
    let newer = Callback::new(move |()| search.load_newer(&search.answered.get_untracked()));
    let blank = Memo::new(move |_| search.window.with(|window| window.epoch() == 0) && !is_table.get());
    // After an error with no answer before it there is nothing to draw, until the next question.
    let has_histogram = Memo::new(move |before: Option<&bool>| {
        if is_sql.get() {
            return false;
        }
        let may_come = search.is_busy() || search.histogram.with(Option::is_some);
        let failed = search.error.with(Option::is_some);
        may_come || (!failed && before.copied().unwrap_or(true))
    });
    view! {
        <div class="load" class:busy=move || search.is_busy() aria-hidden="true"></div>
        <Summary/>
        <Show when=move || has_histogram.get()><Histogram/></Show>
        <div class="body" class:stale=move || waiting() || search.error.with(Option::is_some) aria-busy=move || waiting().to_string()>
            <Show when=move || !is_sql.get()><Fields/></Show>
            <section class="answer" aria-label="Answer">
                {move || {
                    if is_empty.get() {
                        view! { <Empty/> }.into_any()
                    } else if is_table.get() {
                        view! { <Table/> }.into_any()
                    } else if blank.get() && waiting() {
                        skeleton().into_any()
                    } else {
                        view! {
                            <Lines feed=search.feed on_front=newer on_back=older follow=Signal::stored(false)/>
                            <TimeMap/>
                        }
                        .into_any()
                    }
                }}
            </section>
        </div>
    }
}

/// Stands where lines will be while the first answer is on its way.
fn skeleton() -> impl IntoView {
    const WIDTHS: [u32; 9] = [62, 48, 71, 55, 80, 44, 66, 58, 73];
    let rows = (0..18)
        .map(|row| view! { <div class="skeleton-row" style:width=format!("{}%", WIDTHS[row % WIDTHS.len()])></div> });
    view! { <div class="skeleton" role="status" aria-label="Loading">{rows.collect_view()}</div> }
}

/// An instant, exact, with its zone; for hovering.
pub(crate) fn exact(app: App, ms: i64) -> String {
    app.prefs.zone.track();
    exact_now(app, ms)
}

/// The same for what is drawn anew every few seconds: the zone would remember each that listens to it
/// (see `lines/ticks.rs`).
pub(crate) fn exact_now(app: App, ms: i64) -> String {
    let zone = app.prefs.zone.get_untracked();
    let civil = zone.civil(ms);
    format!(
        "{} {}.{:03} {}",
        time::rfc3339(civil.to_ms()).get(..10).unwrap_or_default(),
        civil.clock_seconds(),
        civil.milli,
        zone.name(ms)
    )
}
