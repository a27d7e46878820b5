//! Silences and maintenance windows: what is told to nobody for a while.

use leptos::prelude::*;
use timberline_proto::alert::notify::{Calendar, KeptSilence, Matcher, Silence, SilenceState, Weekday};

use super::who::Who;
use crate::{
    components::pipeline::{ago, skeleton},
    model::app::App,
    text::{
        printable::{Layout, printable},
        time,
    },
};

const SPANS: [(&str, i64); 5] = [
    ("30 min", 30),
    ("2 h", 120),
    ("8 h", 480),
    ("1 day", 1_440),
    ("1 week", 10_080),
];
const DAYS: [(&str, Weekday); 7] = [
    ("Mon", Weekday::Mon),
    ("Tue", Weekday::Tue),
    ("Wed", Weekday::Wed),
    ("Thu", Weekday::Thu),
    ("Fri", Weekday::Fri),
    ("Sat", Weekday::Sat),
    ("Sun", Weekday::Sun),
];

/// The part.
#[component]
pub(super) fn Silences() -> impl IntoView {
    let app = App::get();
    let tell = app.alerts.tell;
    let is_empty = Memo::new(move |_| tell.silences.with(|silences| silences.as_ref().map(Vec::is_empty)));
    let has_failed = Memo::new(move |_| app.alerts.error.with(Option::is_some));
    view! {
        <div class="table-scroll">
            <New/>
            {move || match is_empty.get() {
                None if has_failed.get() => ().into_any(),
                None => skeleton().into_any(),
                Some(true) => view! { <p class="table-rest">"No silence: everything that fires is told."</p> }.into_any(),
                Some(false) => view! {
                    <table class="rows wide">
                        <thead><tr>
                            <th scope="col"><span class="table-head">"State"</span></th>
                            <th scope="col"><span class="table-head">"What fits all of these"</span></th>
                            <th scope="col"><span class="table-head">"When"</span></th>
                            <th scope="col"><span class="table-head">"By"</span></th>
                            <th scope="col"><span class="table-head">"Why"</span></th>
                            <th scope="col"><span class="sr">"What can be done"</span></th>
                        </tr></thead>
                        <tbody><For each=move || tell.silences.get().unwrap_or_default() key=|kept| (kept.id.clone(), kept.version, kept.state as u8) let(kept)><Row kept/></For></tbody>
                    </table>
                }.into_any(),
            }}
        </div>
    }
}

#[component]
fn Row(kept: KeptSilence) -> impl IntoView {
    let app = App::get();
    let silence = &kept.silence;
    let matchers: Vec<String> = silence.matchers.iter().map(Matcher::to_string).collect();
    let state = match kept.state {
        SilenceState::Waiting => "waits",
        SilenceState::Active => "silences",
        SilenceState::Over => "over",
    };
    let when = view! {
        {ago(app, &silence.starts)}
        {silence.ends.as_deref().map(|ends| view! { " until "{instant(app, ends)} })}
        {silence.calendar.as_ref().map(calendar)}
    };
    let (by, comment) = (
        printable(&silence.by, Layout::Row).into_owned(),
        printable(&silence.comment, Layout::Row).into_owned(),
    );
    let matchers = printable(&matchers.join(", "), Layout::Row).into_owned();
    let end = kept.clone();
    view! {
        <tr>
            <td>{state}</td>
            <td class="mono alert-rule">{matchers}</td>
            <td class="alert-rule">{when}</td>
            <td>{by}</td>
            <td class="alert-rule">{comment}</td>
            <td class="row-tools"><button class="button small needs-alerts" on:click=move |_| app.alerts.tell.end_silence(&end)>{if kept.state == SilenceState::Over { "Forget it" } else { "End it" }}</button></td>
        </tr>
    }
}

fn instant(app: App, text: &str) -> String {
    match time::millis(text) {
        Some(ms) => {
            let civil = app.prefs.zone.get_untracked().civil(ms);
            format!("{} {}", civil.day_month(), civil.clock_seconds())
        }
        None => text.to_owned(),
    }
}

fn calendar(calendar: &Calendar) -> String {
    let days: Vec<&str> = DAYS
        .iter()
        .filter(|(_, day)| calendar.weekdays.contains(day))
        .map(|(word, _)| *word)
        .collect();
    let mut words = format!(", {} to {} {}", calendar.from, calendar.to, calendar.zone);
    if !days.is_empty() {
        words.push_str(&format!(" on {}", days.join(", ")));
    }
    if !calendar.days.is_empty() {
        words.push_str(&format!(", days of the month {:?}", calendar.days));
    }
    if !calendar.months.is_empty() {
        words.push_str(&format!(", months {:?}", calendar.months));
    }
    words
}

/// A new one.
#[component]
fn New() -> impl IntoView {
    let app = App::get();
    let tell = app.alerts.tell;
    let text = RwSignal::new(String::new());
    let minutes = RwSignal::new(120_i64);
    let recurs = RwSignal::new(false);
    let (from, to) = (RwSignal::new("22:00".to_owned()), RwSignal::new("02:00".to_owned()));
    let days = RwSignal::new(Vec::<Weekday>::new());
    let comment = RwSignal::new(String::new());
    // A message leads here with what is to be silenced.
    Effect::new(move || {
        let asked = app.view.with(|view| view.query.clone());
        if !asked.is_empty() {
            text.set(one_a_line(&asked));
        }
    });
    let matchers = Memo::new(move |_| text.with(|text| read(text)));
    let fault = move || {
        matchers
            .with(|matchers| matchers.as_ref().err().cloned())
            .filter(|_| text.with(|text| !text.trim().is_empty()))
    };
    let is_ready = move || {
        matchers.with(|matchers| matchers.as_ref().is_ok_and(|matchers| !matchers.is_empty()))
            && app.prefs.who.with(|who| !who.trim().is_empty())
            && !tell.busy.get()
    };
    let keep = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let Ok(matchers) = matchers.get_untracked() else { return };
        let now = js_sys::Date::now() as i64;
        let calendar = recurs.get_untracked().then(|| Calendar {
            zone: browser_zone(),
            from: from.get_untracked(),
            to: to.get_untracked(),
            weekdays: days.get_untracked(),
            ..Calendar::default()
        });
        let silence = Silence {
            matchers,
            starts: time::rfc3339(now),
            ends: calendar
                .is_none()
                .then(|| time::rfc3339(now + minutes.get_untracked() * 60_000)),
            calendar,
            by: app.prefs.who.get_untracked().trim().to_owned(),
            comment: comment.get_untracked().trim().to_owned(),
        };
        tell.silence(silence, move || {
            text.set(String::new());
            comment.set(String::new());
            app.amend(|view| view.query.clear());
            app.notice.set(Some("Silenced".into()));
        });
    };
    let spans = SPANS
        .map(|(word, span)| view! {
            <button type="button" class="chip" class:current=move || minutes.get() == span && !recurs.get() aria-pressed=move || (minutes.get() == span && !recurs.get()).to_string()
                on:click=move |_| { minutes.set(span); recurs.set(false); }>{word}</button>
        })
        .collect_view();
    let weekdays = move || {
        DAYS.map(|(word, day)| view! {
            <button type="button" class="chip" class:current=move || days.with(|days| days.contains(&day)) aria-pressed=move || days.with(|days| days.contains(&day)).to_string()
                on:click=move |_| days.update(|days| match days.iter().position(|known| *known == day) {
                    Some(at) => _ = days.remove(at),
                    None => days.push(day),
                })>{word}</button>
        })
        .collect_view()
    };
    view! {
        <form class="ask-back silence-form needs-alerts" aria-label="A new silence" on:submit=keep>
            <label class="form-field">
                <span>"What fits all of these, one a line, is told to nobody"</span>
                <textarea class="input area mono" rows="2" spellcheck="false" placeholder="alertname = \"Checkout fails\"\nhost =~ \"db-.*\"" aria-invalid=move || fault().is_some().to_string()
                    prop:value=move || text.get() on:input=move |event| text.set(event_target_value(&event))></textarea>
                {move || fault().map(|fault| view! { <span class="field-fault" role="alert">{fault}</span> })}
            </label>
            <div class="silence-when" role="group" aria-label="For how long">
                {spans}
                <button type="button" class="chip" class:current=move || recurs.get() aria-pressed=move || recurs.get().to_string() on:click=move |_| recurs.update(|recurs| *recurs = !*recurs)>"Maintenance window …"</button>
            </div>
            <Show when=move || recurs.get()>
                <div class="silence-when" role="group" aria-label="Each">
                    <input class="input silence-clock" aria-label="From" prop:value=move || from.get() on:change=move |event| from.set(event_target_value(&event))/>
                    <span>"to"</span>
                    <input class="input silence-clock" aria-label="To" prop:value=move || to.get() on:change=move |event| to.set(event_target_value(&event))/>
                    <span>{browser_zone()}" on"</span>
                    {weekdays}
                    <span class="field-hint">"any day if none is chosen"</span>
                </div>
            </Show>
            <div class="silence-when">
                <Who/>
                <input class="input silence-why" placeholder="why" aria-label="Why" prop:value=move || comment.get() on:input=move |event| comment.set(event_target_value(&event))/>
                <button class="button primary" disabled=move || !is_ready()>"Silence"</button>
            </div>
            {move || tell.error.get().map(|error| view! { <p class="bad" role="alert">{error.message}</p> })}
        </form>
    }
}

fn browser_zone() -> String {
    let options = js_sys::Intl::DateTimeFormat::new(&js_sys::Array::new(), &js_sys::Object::new()).resolved_options();
    js_sys::Reflect::get(&options, &"timeZone".into())
        .ok()
        .and_then(|zone| zone.as_string())
        .unwrap_or_else(|| "UTC".into())
}

fn read(text: &str) -> Result<Vec<Matcher>, String> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines
        .map(|line| line.parse::<Matcher>().map_err(|error| error.to_string()))
        .collect()
}

/// Matchers in an address stand side by side with commas between, of which values may hold some, too.
fn one_a_line(matchers: &str) -> String {
    let (mut out, mut quoted, mut escaped) = (String::new(), false, false);
    for c in matchers.chars() {
        match c {
            ',' if !quoted => out.push('\n'),
            c => {
                quoted ^= c == '"' && !escaped;
                out.push(c);
            }
        }
        escaped = c == '\\' && !escaped;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matchers_of_an_address_are_read_one_by_one_whatever_their_values_hold() {
        let matchers = [
            Matcher::equal("alertname", "Disk, \"full\"\\"),
            Matcher::equal("host", "db 1"),
        ];
        let text = matchers.clone().map(|matcher| matcher.to_string()).join(",");
        assert_eq!(read(&one_a_line(&text)).unwrap(), matchers);
        assert!(read("host").is_err());
        assert!(read(" \n").unwrap().is_empty());
    }
}
