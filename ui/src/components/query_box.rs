//! The query box: a transparent text area over its own text in colours. Both share one grid cell
//! and one type, so they wrap and grow alike.

use leptos::{ev::KeyboardEvent, html, prelude::*};
use web_sys::HtmlTextAreaElement;

use super::complete::{Complete, LIST_ID, option_id};
use crate::{
    lang,
    model::{app::App, complete::Item},
};

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
    let suggestions = app.suggestions;
    let offer = move |asked: bool| {
        if let Some(area) = area.get_untracked() {
            suggestions.offer(app, &area.value(), cursor(&area), asked);
        }
    };
    let take = Callback::new(move |item: Item| {
        if let Some(area) = area.get_untracked() {
            write(app, &area, &item);
            // A field wants its value next.
            if item.text.ends_with(':') {
                offer(false);
            } else {
                suggestions.close();
            }
        }
    });
    // Values that were asked for are here.
    Effect::new(move |before: Option<u64>| {
        let asked = app.complete_again.get();
        let writes = area
            .get_untracked()
            .is_some_and(|area| document().active_element().as_ref() == Some(area.as_ref()));
        if before.is_some_and(|before| before != asked) && writes {
            offer(false);
        }
        asked
    });
    Effect::new(move || {
        app.search.fields.with(|answer| {
            if let Some(answer) = answer {
                suggestions.learn(&answer.fields);
            }
        });
    });
    let on_key = move |event: KeyboardEvent| {
        let key = event.key();
        let open = suggestions.is_open();
        match key.as_str() {
            "Enter" if open && suggestions.current.get_untracked().is_some() && !event.is_composing() => {
                event.prevent_default();
                if let Some(item) = suggestions.chosen() {
                    take.run(item);
                }
            }
            "Tab" if open && !event.shift_key() => {
                event.prevent_default();
                if let Some(item) = suggestions.chosen() {
                    take.run(item);
                }
            }
            "Enter" if !event.shift_key() && !event.is_composing() => {
                event.prevent_default();
                suggestions.close();
                app.run();
            }
            "ArrowDown" | "ArrowUp" if open => {
                event.prevent_default();
                suggestions.step(key == "ArrowDown");
            }
            "ArrowDown" if app.draft.with_untracked(String::is_empty) => {
                event.prevent_default();
                offer(true);
            }
            " " if event.ctrl_key() => {
                event.prevent_default();
                offer(true);
            }
            "Escape" if open => {
                event.prevent_default();
                suggestions.close();
            }
            "Escape" => {
                event.prevent_default();
                if let Some(area) = area.get_untracked() {
                    let left = area.blur().is_ok();
                    debug_assert!(left);
                }
            }
            _ => {}
        }
    };
    view! {
        <div class="query-frame">
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
                    aria-autocomplete="list"
                    aria-controls=LIST_ID
                    aria-haspopup="listbox"
                    aria-activedescendant=move || suggestions.current.get().map(option_id)
                    placeholder="Search: error AND service.name:checkout | stats count() by host"
                    prop:value=move || app.draft.get()
                    on:input=move |event| {
                        app.draft.set(event_target_value(&event));
                        app.search.error.set(None);
                        offer(false);
                    }
                    on:blur=move |_| suggestions.close()
                    on:keydown=on_key
                ></textarea>
            </div>
            <Complete on_take=take/>
        </div>
    }
}

/// The byte at which the cursor stands.
fn cursor(area: &HtmlTextAreaElement) -> usize {
    let units = area.selection_end().ok().flatten().unwrap_or(0) as usize;
    byte_of(&area.value(), units)
}

/// Puts the item in its place and the cursor behind it.
fn write(app: App, area: &HtmlTextAreaElement, item: &Item) {
    let mut text = area.value();
    let (start, end) = item.replace;
    if text.get(start..end).is_none() {
        return;
    }
    text.replace_range(start..end, &item.text);
    let at = start + item.text.len() - item.back;
    let units = text[..at].encode_utf16().count() as u32;
    area.set_value(&text);
    let placed = area.set_selection_range(units, units).is_ok();
    debug_assert!(placed);
    app.search.error.set(None);
    app.draft.set(text);
}

/// The byte before which `units` UTF-16 units stand.
fn byte_of(text: &str, units: usize) -> usize {
    let mut seen = 0;
    text.char_indices()
        .find(|(_, c)| {
            let here = seen >= units;
            seen += c.len_utf16();
            here
        })
        .map_or(text.len(), |(at, _)| at)
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

#[cfg(test)]
mod tests {
    use super::byte_of;

    #[test]
    fn the_cursor_is_counted_in_the_browsers_units() {
        let text = "aü🪵b";
        assert_eq!(byte_of(text, 0), 0);
        assert_eq!(byte_of(text, 2), 3);
        assert_eq!(byte_of(text, 4), 7);
        assert_eq!(byte_of(text, 5), 8);
        assert_eq!(byte_of(text, 99), 8);
    }
}
