//! One group of a rule, and under it why: the lines, their pattern, what it was held against.

use leptos::prelude::*;
use timberline_proto::alert::{AlertGroup, EvidenceLine, Transition};

use super::{
    incident::{Incident, IncidentState},
    words,
};
use crate::{
    components::{pipeline::ago, search::exact_now},
    model::{
        app::App,
        view::{AlertsPart, Page, TimeRange},
    },
    text::{
        number,
        printable::{Layout, printable},
        time,
    },
};

const MS: i64 = 1_000_000;

/// One entry of the list.
#[component]
pub(super) fn Group(group: AlertGroup, opened: RwSignal<Option<(String, String)>>) -> impl IntoView {
    let app = App::get();
    let key = (group.rule.clone(), words::group(&group.group));
    let is_open = {
        let key = key.clone();
        Memo::new(move |_| opened.with(|opened| opened.as_ref() == Some(&key)))
    };
    let toggle = move |_| opened.update(|opened| *opened = (opened.as_ref() != Some(&key)).then(|| key.clone()));
    let since = group.last.as_ref().and_then(|last| last.active_since_nanos);
    let reason = group
        .last
        .as_ref()
        .map(|last| printable(&last.reason, Layout::Row).into_owned());
    let values = printable(&words::group(&group.group), Layout::Row).into_owned();
    let last = group.last.clone();
    let rule = group.rule.clone();
    let (shown, acted) = (group.clone(), group.clone());
    view! {
        <div class=format!("alert is-{}", group.severity.word()) role="listitem">
            <button class="alert-head" aria-expanded=move || is_open.get().to_string() on:click=toggle>
                {words::state_mark(group.state)}
                <b class="alert-name">{group.name.clone()}</b>
                <span class="alert-group mono">{values}</span>
                <span class="alert-severity">{group.severity.word()}</span>
                <IncidentState group=shown/>
                <span class="alert-since">{since.map(|nanos| ago(app, &time::rfc3339(nanos / MS)))}</span>
                <span class="alert-reason">{reason}</span>
            </button>
            {move || is_open.get().then(|| {
                let rule = rule.clone();
                view! {
                    <div class="alert-why">
                        {last.clone().map(|last| view! { <Why last/> })}
                        <div class="alert-tools">
                            <Incident group=acted.clone()/>
                            <button class="button small" on:click=move |_| app.go_to_alerts(AlertsPart::Rules, Some(rule.clone()))>"The rule"</button>
                        </div>
                    </div>
                }
            })}
        </div>
    }
}

/// What led to a verdict.
#[component]
pub(super) fn Why(last: Transition) -> impl IntoView {
    let app = App::get();
    let facts = facts(app, &last);
    let evidence = last.evidence.clone();
    let missing = (!last.missing_sources.is_empty()).then(|| {
        let hosts: Vec<&str> = last.missing_sources.iter().map(|source| source.host.as_str()).collect();
        format!("Decided without {}.", printable(&hosts.join(", "), Layout::Row))
    });
    let more = evidence.lines_total.saturating_sub(evidence.lines.len() as u64);
    let show = move |_| show_lines(app, &last);
    view! {
        <div class="alert-facts">{facts}</div>
        {missing.map(|missing| view! { <p class="alert-missing">{missing}</p> })}
        {spark(&evidence.counts)}
        {evidence.pattern.as_deref().map(|pattern| view! { <p class="alert-pattern"><span>"Pattern "</span><code>{printable(pattern, Layout::Row).into_owned()}</code></p> })}
        {(!evidence.lines.is_empty()).then(|| view! {
            <ol class="alert-lines">{evidence.lines.iter().map(|line| evidence_line(app, line)).collect_view()}</ol>
            {(more > 0).then(|| view! { <p class="table-rest">{format!("and {} more", number::counted(more, "line", "lines"))}</p> })}
        })}
        <button class="button small" on:click=show>"Show these lines"</button>
    }
}

fn facts(app: App, last: &Transition) -> impl IntoView + use<> {
    let fact = |name: &'static str, value: String| view! { <span>{name}" "<b>{value}</b></span> };
    let window = last.window.map(|(from, to)| {
        let zone = app.prefs.zone.get_untracked();
        let clock = |nanos: i64| zone.civil(nanos / MS).clock_seconds();
        fact("window", format!("{} – {}", clock(from), clock(to)))
    });
    view! {
        {last.value.map(|value| fact("measured", number::of(value)))}
        {last.threshold.clone().map(|threshold| fact("fires when", threshold))}
        {window}
        <span>"decided "{ago(app, &time::rfc3339(last.decided_at_nanos / MS))}</span>
    }
}

fn evidence_line(app: App, line: &EvidenceLine) -> impl IntoView + use<> {
    let ms = line.timestamp_nanos / MS;
    let zone = app.prefs.zone.get_untracked();
    view! {
        <li><time title=exact_now(app, ms)>{zone.civil(ms).clock()}</time><span>{printable(&line.body, Layout::Block).into_owned()}</span></li>
    }
}

/// A small chart of what led there.
fn spark(counts: &[f64]) -> Option<impl IntoView + use<>> {
    let max = counts.iter().copied().fold(0.0, f64::max);
    (max > 0.0 && counts.len() > 1).then(|| {
        let bars = counts
            .iter()
            .map(|count| view! { <i style:height=format!("{:.0}%", (count / max * 100.0).clamp(0.0, 100.0))></i> })
            .collect_view();
        view! { <div class="alert-spark" role="img" aria-label=format!("Over time, up to {}", number::of(max))>{bars}</div> }
    })
}

/// Goes to the search with exactly the lines of the window.
fn show_lines(app: App, last: &Transition) {
    let query = last.query.clone();
    let range = last
        .window
        .map(|(from, to)| TimeRange::absolute(from.div_euclid(MS), -(-to).div_euclid(MS)));
    app.ask(move |view| {
        view.page = Page::Search;
        view.item = None;
        view.query = query;
        if let Some(range) = range {
            view.range = range;
        }
    });
}
