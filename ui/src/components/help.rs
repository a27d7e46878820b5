//! The sheet of keys.

use leptos::prelude::*;

use super::icon::{self, Icon};
use crate::{keys::KEYS, model::app::App};

/// The sheet, when it is open.
#[component]
pub(crate) fn Help() -> impl IntoView {
    let app = App::get();
    view! {
        <Show when=move || app.help.get()>
            <aside class="sheet" aria-label="Keys">
                <div class="sheet-head">
                    <h2>"Keys"</h2>
                    <button class="button bare" aria-label="Close" on:click=move |_| app.help.set(false)>
                        <Icon path=icon::CLOSE/>
                    </button>
                </div>
                <dl class="keys">
                    {KEYS
                        .iter()
                        .map(|(keys, meaning)| {
                            let keys = keys.split(' ').map(|key| view! { <kbd>{key}</kbd> }).collect_view();
                            view! { <dt>{keys}</dt><dd>{*meaning}</dd> }
                        })
                        .collect_view()}
                </dl>
                <h2>"Query"</h2>
                <dl class="keys">
                    {EXAMPLES.iter().map(|(text, meaning)| view! { <dt><code>{*text}</code></dt><dd>{*meaning}</dd> }).collect_view()}
                </dl>
            </aside>
        </Show>
    }
}

const EXAMPLES: &[(&str, &str)] = &[
    ("error timeout", "both words, in any field"),
    ("\"connection reset\"", "the phrase"),
    ("user-* -debug", "words that begin so; without debug"),
    ("status:>=500", "a field compared"),
    ("/adm.n/", "a regular expression"),
    ("| stats count() by host", "a table"),
    ("| timechart count() by level", "over time"),
    ("SELECT … FROM logs", "SQL"),
];
