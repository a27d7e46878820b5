//! An answer without lines: why, and the two most useful ways out.

use leptos::prelude::*;

use super::time_picker::label;
use crate::{
    model::{app::App, view::TimeRange},
    text::number,
};

/// The empty answer.
#[component]
pub(crate) fn Empty() -> impl IntoView {
    let app = App::get();
    let view = app.view.get_untracked();
    let time = label(&view.range, app.prefs.zone.get_untracked());
    let everywhere = view.range == TimeRange::all();
    let asked = !view.query.trim().is_empty();
    let queued = app
        .search
        .completeness
        .with_untracked(|c| c.as_ref().map_or(0, |c| c.queued_records));
    let why = match (asked, everywhere) {
        (true, true) => "No stored line matches this query.".to_owned(),
        (true, false) => format!("No line matches this query in “{time}”."),
        (false, true) => "Nothing is stored yet.".to_owned(),
        (false, false) => format!("There are no lines in “{time}”."),
    };
    let query = view.query.clone();
    view! {
        <div class="empty">
            <h2>{why}</h2>
            <p>
                {if asked {
                    "Words match whole words in any field, without regard to case; put * at an end to match a part of one."
                } else {
                    "Lines may be older than this, or their agent may not have sent them yet."
                }}
            </p>
            <p>{(queued > 0).then(|| format!("{} still wait in the queue and will be searchable shortly.", number::counted(queued, "line", "lines")))}</p>
            <div class="empty-ways">
                {(!everywhere).then(|| view! { <button class="button primary" on:click=move |_| app.set_range(TimeRange::all())>"Search all time"</button> })}
                {asked.then(|| view! { <button class="button" on:click=move |_| app.ask(|view| view.query.clear())>"Show every line in this time"</button> })}
                {(asked && everywhere).then(|| {
                    let wider = wider(&query);
                    wider.map(|wider| {
                        let label = format!("Search for {wider}");
                        view! { <button class="button primary" on:click=move |_| { let wider = wider.clone(); app.ask(|view| view.query = wider) }>{label}</button> }
                    })
                })}
                {(!asked).then(|| view! { <button class="button" on:click=move |_| app.go(crate::model::view::Page::Live)>"Watch what comes in"</button> })}
            </div>
        </div>
    }
}

/// A query of plain words, as fragments.
fn wider(query: &str) -> Option<String> {
    let plain = |word: &str| {
        word.chars().all(|c| c.is_alphanumeric() || "._-".contains(c))
            && !matches!(word, "AND" | "OR" | "NOT")
            && !word.starts_with('-')
    };
    let words: Vec<&str> = query.split_whitespace().collect();
    (!words.is_empty() && words.iter().all(|word| plain(word))).then(|| {
        words
            .iter()
            .map(|word| format!("*{word}*"))
            .collect::<Vec<_>>()
            .join(" ")
    })
}

#[cfg(test)]
mod tests {
    use super::wider;

    #[test]
    fn only_plain_words_become_fragments() {
        assert_eq!(wider("time out-5"), Some("*time* *out-5*".into()));
        assert_eq!(wider("a AND b"), None);
        assert_eq!(wider("host:x"), None);
        assert_eq!(wider(""), None);
    }
}
