//! What is wrong, under the text that it concerns, with what could stand there instead.

use leptos::prelude::*;
use timberline_proto::api::ApiError;

use crate::model::{app::App, reach::OFFLINE};

/// Columns that a message may be moved to the right; beyond, it stands there and the caret goes on.
const INDENT_COLUMNS_MAX: usize = 60;

/// The error of the last question, if it has one.
#[component]
pub(crate) fn Problem() -> impl IntoView {
    let app = App::get();
    // That the server cannot be reached is said above all.
    move || {
        app.search
            .error
            .get()
            .filter(|error| error.code != OFFLINE)
            .map(|error| shown(app, error))
    }
}

fn shown(app: App, error: ApiError) -> impl IntoView {
    let text = app.draft.get_untracked();
    let place = error.span.map(|span| {
        let start = span.start.min(text.len());
        let end = span.end.clamp(start, text.len());
        (start, end)
    });
    let caret = place.and_then(|(start, end)| caret(&text, start, end));
    let again = matches!(
        error.code.as_str(),
        "unreachable" | "unavailable" | "timeout" | "internal"
    );
    let indent = caret
        .as_ref()
        .map_or(0, |(column, _)| (*column).min(INDENT_COLUMNS_MAX));
    view! {
        <div class="problem" role="alert" style:--indent=format!("{indent}ch")>
            {caret.map(|(_, marks)| view! { <div class="problem-caret" aria-hidden="true">{marks}</div> })}
            <div class="problem-text">
                <span>{error.message}</span>
                {error.suggestion.zip(place).map(|(suggestion, (start, end))| suggested(app, suggestion, start, end))}
                {again.then(|| view! { <button class="button small" on:click=move |_| app.again()>"Run again"</button> })}
            </div>
        </div>
    }
}

fn suggested(app: App, suggestion: String, start: usize, end: usize) -> impl IntoView {
    let label = offer(&app.draft.get_untracked(), &suggestion, start, end);
    let apply = move |_| {
        app.draft.update(|draft| {
            if draft.is_char_boundary(start) && draft.is_char_boundary(end.min(draft.len())) {
                draft.replace_range(start..end.min(draft.len()), &suggestion);
            }
        });
        app.run();
    };
    view! { <button class="button small mono" on:click=apply>{label}</button> }
}

/// What the button says: what would stand there, or what would go.
fn offer(text: &str, suggestion: &str, start: usize, end: usize) -> String {
    match (suggestion, text.get(start..end).unwrap_or_default()) {
        ("", "") => "Change it".to_owned(),
        ("", gone) => format!("Take {gone} out"),
        (suggestion, _) => format!("Use {suggestion}"),
    }
}

/// The column of the span's start in its line, and its underline.
fn caret(text: &str, start: usize, end: usize) -> Option<(usize, String)> {
    let before = text.get(..start)?;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count();
    let within = text.get(start..end)?.split('\n').next().unwrap_or_default();
    Some((column, "^".repeat(within.chars().count().max(1))))
}

#[cfg(test)]
mod tests {
    use super::{caret, offer};

    #[test]
    fn a_way_out_says_what_it_does() {
        assert_eq!(offer("a AND", "", 2, 5), "Take AND out");
        assert_eq!(offer("a AND (", "\"(\"", 6, 7), "Use \"(\"");
    }

    #[test]
    fn the_caret_stands_under_its_text() {
        assert_eq!(caret("ab cde", 3, 6), Some((3, "^^^".into())));
        assert_eq!(caret("ünï | x", 8, 9), Some((6, "^".into())));
        assert_eq!(caret("a\nbc", 3, 4), Some((1, "^".into())));
        assert_eq!(caret("abc", 3, 3), Some((3, "^".into())));
    }
}
