//! The pipeline: what brings lines here, in one place.
//!
//! | module | what it shows |
//! |---|---|
//! | `overview` | a row of numbers about all of it |
//! | `agents`, `agent` | the agents, how each is and why; one with its files |
//! | `ledger` | what became of every byte of every file |
//! | `topics`, `messages` | partitions, their rates and readers; what is in one |
//! | `store` | what takes the room, splits and merging |

mod agent;
mod agents;
mod ledger;
mod messages;
mod overview;
mod page;
mod store;
mod topics;

pub(crate) use page::PipelinePage;

use leptos::prelude::*;

use crate::{
    model::app::App,
    text::{number, time},
};

/// Rows drawn of a table; the filter finds the others.
const ROWS_DRAWN_MAX: usize = 500;

/// What is longer ago is named by its day.
const DAYS_COUNTED_MS: i64 = 400 * 86_400_000;

/// How long ago an instant is, the exact one on hover.
pub(crate) fn ago(app: App, instant: &str) -> impl IntoView + use<> {
    let Some(ms) = time::millis(instant) else {
        return view! { <span>{instant.to_owned()}</span> }.into_any();
    };
    let since = (js_sys::Date::now() as i64 - ms).max(0);
    let exact = super::search::exact_now(app, ms);
    let shown = match since {
        0..2_000 => "now".to_owned(),
        // Nobody counts days of years: the day itself.
        DAYS_COUNTED_MS.. => exact.get(..10).unwrap_or_default().to_owned(),
        _ => format!("{} ago", spoken(since)),
    };
    view! { <span title=exact>{shown}</span> }.into_any()
}

/// Without the part that nobody reads: seconds of hours.
pub(crate) fn spoken(ms: i64) -> String {
    number::duration(match ms {
        0..60_000 => ms / 1_000 * 1_000,
        60_000..3_600_000 => ms / 60_000 * 60_000,
        3_600_000..86_400_000 => ms / 3_600_000 * 3_600_000,
        _ => ms / 86_400_000 * 86_400_000,
    } as f64)
}

/// Says how many rows are not drawn.
fn rest(drawn: usize, all: usize) -> Option<impl IntoView> {
    (all > drawn).then(|| {
        let text = format!(
            "{} of {} are shown; filter to find the others.",
            number::grouped(drawn as u64),
            number::grouped(all as u64)
        );
        view! { <p class="table-rest">{text}</p> }
    })
}

/// Stands where rows will be.
pub(crate) fn skeleton() -> impl IntoView {
    let rows =
        (0..8).map(|row| view! { <div class="skeleton-row" style:width=format!("{}%", 92 - row % 3 * 9)></div> });
    view! { <div class="skeleton" role="status" aria-label="Loading">{rows.collect_view()}</div> }
}
