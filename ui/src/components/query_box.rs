//! The query box: a transparent text area over its own text in colours. Both share one grid cell
//! and one type, so they wrap and grow alike.

use leptos::{ev::KeyboardEvent, html, prelude::*};

use crate::{lang, model::app::App};

/// The box.
#[component]
pub(crate) fn QueryBox() -> impl IntoView {
    let app = App::get();
    let area = NodeRef::<html::Textarea>::new();
    Effect::new(move || {
        if app.focus_query.get() > 0
            && let Some(area) = area.get_untracked()
        {
            let focused = area.focus().is_ok();
            area.select();
            debug_assert!(focused);
        }
    });
    let on_key = move |event: KeyboardEvent| match event.key().as_str() {
        "Enter" if !event.shift_key() && !event.is_composing() => {
            event.prevent_default();
            app.run();
        }
        "Escape" => {
            event.prevent_default();
            if let Some(area) = area.get_untracked() {
                let left = area.blur().is_ok();
                debug_assert!(left);
            }
        }
        _ => {}
    };
    view! {
        <div class="query">
            <pre class="query-paint" aria-hidden="true">{move || painted(app)}</pre>
            <textarea
                node_ref=area
                class="query-text"
                rows="1"
                spellcheck="false"
                autocapitalize="off"
                autocomplete="off"
                aria-label="Query"
                placeholder="Search: error AND service.name:checkout | stats count() by host"
                prop:value=move || app.draft.get()
                on:input=move |event| {
                    app.draft.set(event_target_value(&event));
                    app.search.error.set(None);
                }
                on:keydown=on_key
            ></textarea>
        </div>
    }
}

fn painted(app: App) -> Vec<AnyView> {
    let text = app.draft.get();
    let bad = app
        .search
        .error
        .with(|error| error.as_ref().and_then(|error| error.span));
    let mut pieces = Vec::new();
    for (range, class) in lang::paint(&text) {
        // The error's span cuts through the colours.
        let mut cuts = vec![range.start, range.end];
        if let Some(bad) = bad {
            cuts.extend(
                [bad.start, bad.end]
                    .into_iter()
                    .filter(|at| range.contains(at) && text.is_char_boundary(*at)),
            );
        }
        cuts.sort_unstable();
        for pair in cuts.windows(2).filter(|pair| pair[0] < pair[1]) {
            let wrong = bad.is_some_and(|bad| bad.start <= pair[0] && pair[1] <= bad.end);
            let piece = text[pair[0]..pair[1]].to_owned();
            pieces.push(view! { <span class=class class:wrong=wrong>{piece}</span> }.into_any());
        }
    }
    // A last line without characters would have no height.
    pieces.push("\u{200b}".into_any());
    pieces
}
