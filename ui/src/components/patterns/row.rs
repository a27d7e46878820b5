//! One kind of line.

use leptos::prelude::*;

use super::slots::Slots;
use crate::{
    components::{
        icon::{self, Icon},
        search::exact,
    },
    lang,
    model::{
        app::App,
        patterns::{POINTS, Pattern, TEMPLATES_MAX},
        view::Page,
    },
    text::{
        number,
        printable::{Layout, printable},
        time,
    },
};

/// What stands for a variable in a pattern's text.
pub(super) const VARIABLE: &str = "<*>";

/// The row, and below it what the lines differ in, if it is open.
#[component]
pub(super) fn Row(
    pattern: Pattern,
    #[prop(into)] is_open: Signal<bool>,
    compares: Memo<bool>,
    /// Lines of the most frequent kind.
    most: Memo<u64>,
) -> impl IntoView {
    let app = App::get();
    let template = StoredValue::new(pattern.template.clone());
    let templates = StoredValue::new(pattern.templates.clone());
    let toggle = move |_| app.open_pattern((!is_open.get_untracked()).then(|| template.get_value()));
    let count = pattern.count;
    let width = move || format!("{:.1}%", count as f64 * 100.0 / most.get().max(1) as f64);
    let curve = (!pattern.points.is_empty()).then(|| spark(&pattern.points));
    let joined = pattern.templates.len();
    let (state, before) = (pattern.state.clone(), pattern.before);
    let seen = move |instant: &str| {
        let Some(ms) = time::millis(instant) else {
            return ().into_any();
        };
        let civil = move || app.prefs.zone.get().civil(ms);
        view! {
            <span title=move || exact(app, ms)>{move || format!("{} {}", civil().day_month(), civil().clock_seconds())}</span>
        }
        .into_any()
    };
    let example = StoredValue::new(pattern.example.clone());
    view! {
        <tr class="opens" class:current=is_open>
            <td class="number kind-count" title=format!("{} lines, {:.3} %", number::grouped(count), pattern.share)>
                <i style:width=width></i>
                <b>{number::short(count)}</b>
                <span>{percent(pattern.share)}</span>
            </td>
            <td class="kind-curve">{curve}</td>
            <Show when=move || compares.get()>
                <td class="number">{before.map(number::short)}{change(count, before)}</td>
            </Show>
            <td class="kind-text">
                <button class="kind-open mono" aria-expanded=move || is_open.get().to_string() on:click=toggle>{words(&pattern)}</button>
                {(joined > 1).then(|| view! { <span class="kind-joined" title="Kinds of lines that differ in names alone, joined">{format!("{} joined", number::grouped(joined as u64))}</span> })}
                {(!state.is_empty()).then(|| view! { <span class=format!("kind-state is-{state}")>{state.clone()}</span> })}
            </td>
            <td class="kind-when">{seen(&pattern.first_seen)}</td>
            <td class="kind-when">{seen(&pattern.last_seen)}</td>
        </tr>
        {move || is_open.get().then(|| view! {
            <tr class="opened-below"><td colspan=move || if compares.get() { "6" } else { "5" }>
                <div class="detail-actions">
                    <button class="button small" on:click=move |_| lines_of(app, &templates.get_value())><Icon path=icon::SEARCH/>"Show the lines"</button>
                    <button class="button small" on:click=move |_| leave_out(app, &templates.get_value())><Icon path=icon::DROP/>"Leave them out"</button>
                    <button class="button small needs-alerts" title="Tell people when such a line comes" on:click=move |_| app.make_rule("match", &filtered(app, &templates.get_value(), true))><Icon path=icon::ALERTS/>"Alert on it"</button>
                    <button class="button small" on:click=move |_| app.copy(&example.get_value(), "Example")><Icon path=icon::COPY/>"Copy the example"</button>
                    {(joined == 1).then(|| view! { <span class="kind-id">"template "<code>{template.get_value()}</code></span> })}
                </div>
                <div class="kind-example mono">{printable(&example.get_value(), Layout::Row).into_owned()}</div>
                {(joined > 1).then(|| of_templates(app, &templates.get_value()))}
                <Slots template=template.get_value()/>
            </td></tr>
        })}
    }
}

/// The pattern's words, quiet, and its variables, bright.
fn words(pattern: &Pattern) -> impl IntoView + use<> {
    let text = if pattern.text.is_empty() {
        &pattern.example
    } else {
        &pattern.text
    };
    pattern_words(text)
}

/// The same of a pattern's text.
pub(crate) fn pattern_words(text: &str) -> Vec<AnyView> {
    let shown = printable(text, Layout::Row).into_owned();
    let mut pieces = Vec::new();
    for (at, piece) in shown.split(VARIABLE).enumerate() {
        if at > 0 {
            pieces.push(view! { <span class="v" title="varies">"•"</span> }.into_any());
        }
        pieces.push(view! { <span>{piece.to_owned()}</span> }.into_any());
    }
    pieces
}

/// As bars, one for each point: more than drawn lines they keep what happened once.
fn spark(points: &[u64]) -> impl IntoView + use<> {
    let max = points.iter().copied().max().unwrap_or(0).max(1);
    let bars = points
        .iter()
        .enumerate()
        .filter(|(_, count)| **count > 0)
        .map(|(at, count)| {
            let height = (*count as f64 * 18.0 / max as f64).max(1.0);
            view! { <rect x=at.to_string() width="0.8" y=format!("{:.2}", 18.0 - height) height=format!("{height:.2}")/> }
        })
        .collect_view();
    let width = points.len().max(POINTS);
    view! {
        <svg class="spark" viewBox=format!("0 0 {width} 18") preserveAspectRatio="none" role="img" aria-label="Lines over time">{bars}</svg>
    }
}

fn change(count: u64, before: Option<u64>) -> Option<String> {
    let before = before.filter(|before| *before > 0 && count > 0)?;
    let times = count as f64 / before as f64;
    match times {
        2.0.. => Some(format!(" ×{times:.0}")),
        ..=0.5 => Some(format!(" ÷{:.0}", 1.0 / times)),
        _ => None,
    }
}

fn percent(share: f64) -> String {
    match share {
        ..0.1 => "< 0.1 %".to_owned(),
        ..10.0 => format!("{share:.1} %"),
        _ => format!("{share:.0} %"),
    }
}

/// Templates of a joined kind that are listed.
const LISTED_MAX: usize = 24;

/// The templates that are joined, each a way to its lines.
fn of_templates(app: App, templates: &[String]) -> impl IntoView + use<> {
    let listed = templates
        .iter()
        .take(LISTED_MAX)
        .map(|template| {
            let id = template.clone();
            view! {
                <button class="button bare small" title="Show the lines of this template" on:click=move |_| lines_of(app, std::slice::from_ref(&id))>
                    <code>{template.clone()}</code>
                </button>
            }
        })
        .collect_view();
    let more = templates.len().saturating_sub(LISTED_MAX);
    view! {
        <div class="kind-templates">
            <span>{format!("Joined from {} templates:", number::grouped(templates.len() as u64))}</span>
            {listed}
            {(more > 0).then(|| view! { <span>{format!("and {} more", number::grouped(more as u64))}</span> })}
            {(templates.len() > TEMPLATES_MAX).then(|| view! { <span>{format!("Filters take the {} most frequent of them.", number::grouped(TEMPLATES_MAX as u64))}</span> })}
        </div>
    }
}

fn filtered(app: App, templates: &[String], keep: bool) -> String {
    let templates = &templates[..templates.len().min(TEMPLATES_MAX)];
    lang::with_one_of(&app.view.get_untracked().query, "template", templates, keep)
}

fn leave_out(app: App, templates: &[String]) {
    let query = filtered(app, templates, false);
    app.ask(|view| {
        view.item = None;
        view.query = query;
    });
}

fn lines_of(app: App, templates: &[String]) {
    let query = filtered(app, templates, true);
    app.ask(|view| {
        view.page = Page::Search;
        view.item = None;
        view.compare = false;
        view.apart = false;
        view.query = query;
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_large_changes_are_said() {
        assert_eq!(change(30, Some(10)), Some(" ×3".into()));
        assert_eq!(change(10, Some(100)), Some(" ÷10".into()));
        assert_eq!(change(11, Some(10)), None);
        assert_eq!(change(11, Some(0)), None);
        assert_eq!(change(11, None), None);
    }

    #[test]
    fn a_share_never_rounds_to_nothing() {
        assert_eq!(percent(0.0004), "< 0.1 %");
        assert_eq!(percent(1.26), "1.3 %");
        assert_eq!(percent(64.2), "64 %");
    }
}
