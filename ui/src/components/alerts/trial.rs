//! What the rule would have said of the past, drawn over its lines.

use std::collections::BTreeMap;

use leptos::prelude::*;
use timberline_proto::alert::{AlertState, BacktestAnswer, Fault, Transition};

use super::words;
use crate::{
    components::histogram::bars,
    model::app::App,
    text::{
        number,
        printable::{Layout, printable},
        time::DAY_MS,
    },
};

const SPANS: [(&str, i64); 4] = [
    ("1 h", DAY_MS / 24),
    ("24 h", DAY_MS),
    ("7 d", 7 * DAY_MS),
    ("30 d", 30 * DAY_MS),
];
/// Groups that are drawn; the others are counted.
const GROUPS_DRAWN_MAX: usize = 12;
/// Changes that are listed.
const CHANGES_DRAWN_MAX: usize = 100;
const MS: i64 = 1_000_000;

/// The pane.
#[component]
pub(super) fn TrialPane(fault: Memo<Option<Fault>>, shown: RwSignal<bool>) -> impl IntoView {
    let app = App::get();
    let trial = app.alerts.trial;
    let span_ms = RwSignal::new(DAY_MS);
    let run = move |_| {
        shown.set(true);
        let form = app.alerts.form.get_untracked();
        if let Some((form, Ok(rule))) = form.map(|form| {
            let mut named = form.clone();
            if named.name.trim().is_empty() {
                named.name = "New rule".into();
            }
            let rule = named.rule();
            (form, rule)
        }) {
            trial.run(rule, form.filter(), span_ms.get_untracked());
        }
    };
    let is_wrong = move || fault.with(|fault| fault.as_ref().is_some_and(|fault| fault.key != "name"));
    let spans = SPANS
        .map(|(word, span)| view! {
            <button type="button" class="chip" class:current=move || span_ms.get() == span aria-pressed=move || (span_ms.get() == span).to_string() on:click=move |_| span_ms.set(span)>{word}</button>
        })
        .collect_view();
    view! {
        <section class="trial" aria-label="What it would have said">
            <div class="trial-head">
                <h2>"What it would have said"</h2>
                <div class="trial-spans" role="group" aria-label="Of the last">{spans}</div>
                {move || if trial.busy.get() {
                    view! { <button type="button" class="button" on:click=move |_| trial.stop()>"Cancel"</button> }.into_any()
                } else {
                    view! { <button type="button" class="button" disabled=is_wrong on:click=run>"Try it"</button> }.into_any()
                }}
            </div>
            <div class="load" class:busy=move || trial.busy.get() aria-hidden="true"></div>
            {move || trial.error.get().map(|error| view! { <p class="bad" role="alert">{error.message}</p> })}
            {move || match trial.answer.get() {
                None => view! { <p class="trial-none">"Lines are replayed by when they were read, so that late ones are late again: what is told here is what people would have been told."</p> }.into_any(),
                Some((from_ms, to_ms, answer)) => told(app, from_ms, to_ms, &answer).into_any(),
            }}
        </section>
    }
}

fn told(app: App, from_ms: i64, to_ms: i64, answer: &BacktestAnswer) -> impl IntoView + use<> {
    let count = |state: AlertState| answer.counts.get(&state).copied().unwrap_or(0);
    let firing = count(AlertState::Firing);
    let head = match firing {
        0 => "It would never have fired.".to_owned(),
        firing => format!("It would have fired {}.", number::counted(firing, "time", "times")),
    };
    let messages = answer.messages.as_ref().map(|messages| match messages.is_empty() {
        true => "Nobody would have been told: no route leads to a target.".to_owned(),
        false => {
            let by: Vec<String> = messages
                .iter()
                .map(|(target, count)| format!("{} to {target}", number::grouped(*count)))
                .collect();
            format!("Messages: {}.", by.join(", "))
        }
    });
    let looked = format!(
        "{} in {}",
        number::counted(answer.lines, "line", "lines"),
        number::counted(answer.windows, "window", "windows")
    );
    let groups = by_group(&answer.transitions);
    let hidden = groups.len().saturating_sub(GROUPS_DRAWN_MAX) as u64;
    let tracks = groups
        .into_iter()
        .take(GROUPS_DRAWN_MAX)
        .map(|(name, changes)| {
            let bands = bands(&changes, from_ms, to_ms)
                .into_iter()
                .map(|(state, left, width)| {
                    view! { <i class=format!("band {}", words::class(state)) style:left=format!("{left:.3}%") style:width=format!("{width:.3}%") title=state.spoken()></i> }
                })
                .collect_view();
            let name = if name.is_empty() { "all lines".to_owned() } else { printable(&name, Layout::Row).into_owned() };
            view! { <div class="track"><span class="track-name" title=name.clone()>{name.clone()}</span><div class="track-bands">{bands}</div></div> }
        })
        .collect_view();
    let zone = app.prefs.zone.get_untracked();
    let all = answer.transitions.len();
    let changes = answer
        .transitions
        .iter()
        .filter(|change| matches!(change.to, AlertState::Firing | AlertState::Resolved | AlertState::Error))
        .take(CHANGES_DRAWN_MAX)
        .map(|change| {
            let civil = zone.civil(change.at_nanos / MS);
            let when = format!("{} {}", civil.day_month(), civil.clock_seconds());
            view! { <li><time>{when}</time>{words::state_mark(change.to)}<span>{printable(&change.reason, Layout::Row).into_owned()}</span></li> }
        })
        .collect_view();
    view! {
        <p class="trial-told" role="status"><b>{head}</b>" "{messages}" "<span>{looked}</span></p>
        {answer.notes.iter().map(|note| view! { <p class="trial-note">{note.clone()}</p> }).collect_view()}
        <div class="trial-chart">
            <div class="trial-lines" role="img" aria-label="Lines over time">{move || app.alerts.trial.histogram.with(|histogram| histogram.as_ref().map(bars))}</div>
            {tracks}
            {(hidden > 0).then(|| view! { <p class="table-rest">{format!("and {} more", number::counted(hidden, "group", "groups"))}</p> })}
        </div>
        {(all > 0).then(|| view! { <ol class="trial-changes">{changes}</ol> })}
    }
}

/// The changes of each group, in their order; late entries say nothing of what people heard.
fn by_group(transitions: &[Transition]) -> Vec<(String, Vec<(i64, AlertState)>)> {
    let mut groups: BTreeMap<String, Vec<(i64, AlertState)>> = BTreeMap::new();
    for change in transitions.iter().filter(|change| !change.late) {
        groups
            .entry(words::group(&change.group))
            .or_default()
            .push((change.at_nanos / MS, change.to));
    }
    groups.into_iter().collect()
}

/// From when to when a group was in a state that people see, as shares of the range in percent.
fn bands(changes: &[(i64, AlertState)], from_ms: i64, to_ms: i64) -> Vec<(AlertState, f64, f64)> {
    let span = (to_ms - from_ms).max(1) as f64;
    let share = |ms: i64| (ms - from_ms).clamp(0, to_ms - from_ms) as f64 / span * 100.0;
    let ends = changes.iter().skip(1).map(|(ms, _)| *ms).chain([to_ms]);
    changes
        .iter()
        .zip(ends)
        .filter(|((_, state), _)| !matches!(state, AlertState::Inactive | AlertState::Resolved))
        .map(|((ms, state), end)| (*state, share(*ms), share(end) - share(*ms)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bands_reach_from_a_change_to_the_next_and_the_last_to_the_end() {
        use AlertState::{Firing, Pending, Resolved};
        let changes = [(0, Pending), (25, Firing), (50, Resolved), (75, Firing)];
        assert_eq!(
            bands(&changes, 0, 100),
            [(Pending, 0.0, 25.0), (Firing, 25.0, 25.0), (Firing, 75.0, 25.0)]
        );
        assert!(bands(&[], 0, 100).is_empty());
    }
}
