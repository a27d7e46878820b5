//! The list of kinds.

use leptos::prelude::*;

use super::row::Row;
use crate::{
    components::{
        find::Find,
        sorted::{Head, Key, Order, sort},
    },
    model::{
        app::App,
        patterns::{PATTERNS_MAX, Pattern},
        reach::OFFLINE,
        search::Phase,
        view::{Page, TimeRange},
    },
    text::number,
};

/// Rows drawn; the filter finds the others.
const ROWS_DRAWN_MAX: usize = 300;

/// The page under its question.
#[component]
pub(crate) fn PatternsPage() -> impl IntoView {
    let app = App::get();
    let patterns = app.patterns;
    on_cleanup(move || patterns.cancel());
    Effect::new(move || {
        let opened = app
            .view
            .with(|view| (view.page == Page::Patterns).then(|| view.item.clone()).flatten());
        let Some(template) = opened.filter(|_| patterns.list.with(Option::is_some)) else {
            return;
        };
        let known = patterns
            .slots
            .with_untracked(|slots| slots.as_ref().is_some_and(|slots| slots.0 == template));
        if !known {
            patterns.open(template);
        }
    });
    let waiting = move || patterns.phase.get() == Phase::Waiting;
    view! {
        <div class="load" class:busy=waiting aria-hidden="true"></div>
        {move || patterns.error.get().filter(|error| error.code != OFFLINE).map(|error| view! {
            <div class="problem" role="alert"><div class="problem-text"><span>{error.message}</span></div></div>
        })}
        <div class="page-body patterns" class:stale=waiting aria-busy=move || waiting().to_string()>
            {move || match patterns.list.with(|list| list.as_ref().map(Vec::is_empty)) {
                None if patterns.error.with(Option::is_some) => ().into_any(),
                None => skeleton().into_any(),
                Some(true) => view! { <Nothing/> }.into_any(),
                Some(false) => view! { <List/> }.into_any(),
            }}
        </div>
    }
}

#[component]
fn List() -> impl IntoView {
    let app = App::get();
    let patterns = app.patterns;
    let order: Order = RwSignal::new(None);
    let wanted = RwSignal::new(String::new());
    let only = RwSignal::new(None::<&'static str>);
    let shown = Memo::new(move |_| {
        let wanted = wanted.get().to_lowercase();
        let mut list = patterns.list.get().unwrap_or_default();
        list.retain(|one| {
            only.get().is_none_or(|state| one.state == state)
                && (one.text.to_lowercase().contains(&wanted) || one.example.to_lowercase().contains(&wanted))
        });
        sort(&mut list, order.get(), key);
        list
    });
    let compares = Memo::new(move |_| {
        patterns
            .list
            .with(|list| list.iter().flatten().any(|one| one.before.is_some()))
    });
    let of_state = move |state: &'static str| {
        patterns
            .list
            .with(|list| list.iter().flatten().filter(|one| one.state == state).count())
    };
    let chip = move |state: &'static str, word: &'static str| {
        let pressed = move || only.get() == Some(state);
        view! {
            <button
                class="chip" class:current=pressed aria-pressed=move || pressed().to_string()
                disabled=move || of_state(state) == 0 && !pressed()
                on:click=move |_| only.update(|only| *only = (*only != Some(state)).then_some(state))
            >
                {word}<b>{move || number::grouped(of_state(state) as u64)}</b>
            </button>
        }
    };
    let compare = move || app.view.with(|view| view.compare);
    let joins = move || app.view.with(|view| !view.apart);
    let has_span = move || app.view.with(|view| view.range != TimeRange::all());
    let opened = Memo::new(move |_| app.view.with(|view| view.item.clone()));
    let most = Memo::new(move |_| {
        patterns
            .list
            .with(|list| list.iter().flatten().map(|one| one.count).max().unwrap_or(1))
    });
    view! {
        <div class="tools">
            <Find word="Find in patterns" wanted/>
            <button
                class="chip" class:current=compare aria-pressed=move || compare().to_string() disabled=move || !has_span()
                title="Beside each kind how often it was in the same span before; what is new, what is gone"
                on:click=move |_| app.ask(|view| view.compare = !view.compare)
            >
                "Compare with before"
            </button>
            <button
                class="chip" class:current=joins aria-pressed=move || joins().to_string()
                title="Kinds of lines that differ in names alone (user alice, user bob) are one"
                on:click=move |_| app.ask(|view| view.apart = !view.apart)
            >
                "Join names"
            </button>
            <button
                class="chip" title="Tell people of kinds of lines that were not there before"
                on:click=move |_| app.make_rule("pattern", &app.view.get_untracked().query)
            >
                "Alert on new ones"
            </button>
            <Show when=move || compares.get()>
                {chip("new", "New")}
                {chip("gone", "Gone")}
            </Show>
            <span class="tools-say" role="status">{move || summary(app)}</span>
        </div>
        <div class="table-scroll">
            <table class="rows wide kinds">
                <thead><tr>
                    <Head at=0 word="Lines" numeric=true order/>
                    <th scope="col"><span class="table-head">"Over time"</span></th>
                    <Show when=move || compares.get()><Head at=1 word="Before" title="Lines in the same span before" numeric=true order/></Show>
                    <Head at=2 word="Pattern" order/>
                    <Head at=3 word="First" title="The first line in the range" order/>
                    <Head at=4 word="Last" title="The last line in the range" order/>
                </tr></thead>
                <tbody>
                    <For
                        each=move || shown.get().into_iter().take(ROWS_DRAWN_MAX)
                        key=|one| (one.template.clone(), one.templates.len(), one.count, one.before)
                        children=move |one| {
                            let known = one.clone();
                            let is_open = Signal::derive(move || opened.with(|opened| opened.as_ref().is_some_and(|opened| known.holds(opened))));
                            view! { <Row pattern=one is_open compares most/> }
                        }
                    />
                </tbody>
            </table>
            {move || {
                let all = shown.with(Vec::len);
                (all == 0).then(|| view! { <p class="table-rest">"No pattern is like this."</p> })
            }}
            {move || {
                let all = shown.with(Vec::len);
                (all > ROWS_DRAWN_MAX).then(|| view! {
                    <p class="table-rest">{format!("{ROWS_DRAWN_MAX} of {} are shown; filter to find the others.", number::grouped(all as u64))}</p>
                })
            }}
        </div>
    }
}

fn summary(app: App) -> String {
    app.patterns.list.with(|list| {
        let Some(list) = list else { return String::new() };
        let lines: u64 = list.iter().map(|one| one.count).sum();
        format!(
            "{} in {} · {}",
            number::counted(lines, "line", "lines"),
            match list.len() as u64 {
                PATTERNS_MAX => format!("the {} most frequent patterns", number::grouped(PATTERNS_MAX)),
                patterns => number::counted(patterns, "pattern", "patterns"),
            },
            number::duration(app.patterns.progress.get().elapsed_ms)
        )
    })
}

fn key(one: &Pattern, column: usize) -> Key {
    match column {
        0 => Key::Number(one.count as f64),
        1 => Key::Number(one.before.unwrap_or(0) as f64),
        2 => Key::Text(one.text.clone()),
        3 => Key::Text(one.first_seen.clone()),
        _ => Key::Text(one.last_seen.clone()),
    }
}

#[component]
fn Nothing() -> impl IntoView {
    let app = App::get();
    let everywhere = app.view.with_untracked(|view| view.range == TimeRange::all());
    view! {
        <div class="empty">
            <h2>"No line matches, so there is no pattern"</h2>
            <p>"Every line has a pattern: its words without what varies, such as numbers and addresses."</p>
            <div class="empty-ways">
                {(!everywhere).then(|| view! { <button class="button primary" on:click=move |_| app.set_range(TimeRange::all())>"Look at all time"</button> })}
                <button class="button" on:click=move |_| app.ask(|view| view.query.clear())>"Patterns of every line"</button>
            </div>
        </div>
    }
}

fn skeleton() -> impl IntoView {
    let rows =
        (0..12).map(|row| view! { <div class="skeleton-row" style:width=format!("{}%", 90 - row % 4 * 11)></div> });
    view! { <div class="skeleton" role="status" aria-label="Loading">{rows.collect_view()}</div> }
}
