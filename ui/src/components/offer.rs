//! What can be done with a text that was marked in a line, beside it.

use leptos::prelude::*;
use wasm_bindgen::{JsCast, JsValue};

use super::icon::{self, Icon};
use crate::{
    lang,
    model::{app::App, view::Page},
};

/// Longer texts are only copied.
const TEXT_CHARS_MAX: usize = 200;

#[derive(Clone, PartialEq)]
struct Marked {
    text: String,
    x: f64,
    y: f64,
}

/// The offer, while text of a line is marked.
#[component]
pub(crate) fn Offer() -> impl IntoView {
    let app = App::get();
    let marked = RwSignal::new(None::<Marked>);
    let look = window_event_listener(leptos::ev::mouseup, move |event| {
        let in_offer = event
            .target()
            .and_then(|target| target.dyn_into::<web_sys::Element>().ok())
            .is_some_and(|element| element.closest(".offer").ok().flatten().is_some());
        if !in_offer {
            // The selection is there only after the event.
            request_animation_frame(move || marked.set(selection()));
        }
    });
    let hide = window_event_listener(leptos::ev::keydown, move |_| marked.set(None));
    on_cleanup(move || {
        look.remove();
        hide.remove();
    });
    let act = move |act: fn(App, &str)| {
        move |_| {
            if let Some(found) = marked.get_untracked() {
                marked.set(None);
                act(app, &found.text);
            }
        }
    };
    move || {
        marked.get().map(|found| {
            let can_ask = found.text.chars().count() <= TEXT_CHARS_MAX && !found.text.contains('\n');
            view! {
                <div class="offer" role="toolbar" aria-label="With the marked text" style:left=format!("{}px", found.x) style:top=format!("{}px", found.y)>
                    {can_ask.then(|| view! {
                        <button class="button small bare" on:click=act(|app, text| ask(app, |query| lang::with_filter(query, None, text, true)))>"Find"</button>
                        <button class="button small bare" title="Also within words" on:click=act(|app, text| ask(app, |query| lang::with_fragment(query, text)))>"Find as fragment"</button>
                        <button class="button small bare" on:click=act(|app, text| ask(app, |query| lang::with_filter(query, None, text, false)))>"Leave out"</button>
                        <button class="button small bare needs-alerts" title="Tell people when it comes again" on:click=act(|app, text| {
                            let query = app.view.with_untracked(|view| lang::filter_text(&view.query).to_owned());
                            app.make_rule("match", &lang::with_filter(&query, None, text, true));
                        })>"Add a rule"</button>
                    })}
                    <button class="button small bare" on:click=act(|app, text| app.copy(text, "Text"))><Icon path=icon::COPY/>"Copy"</button>
                </div>
            }
        })
    }
}

fn ask(app: App, change: impl FnOnce(&str) -> String) {
    app.ask(|view| {
        if view.page != Page::Live {
            view.page = Page::Search;
        }
        view.query = change(&view.query);
    });
}

/// What is marked, if it is text of a line.
fn selection() -> Option<Marked> {
    let selection = window().get_selection().ok().flatten()?;
    let text = JsValue::from(selection.to_string()).as_string()?;
    let text = text.trim();
    if selection.is_collapsed() || text.is_empty() {
        return None;
    }
    let node = selection.anchor_node()?;
    let element = node.parent_element()?;
    element
        .closest(".row-text, .detail-text, .detail-value")
        .ok()
        .flatten()?;
    let range = selection.get_range_at(0).ok()?;
    let rect = range.get_bounding_client_rect();
    let width = window().inner_width().ok()?.as_f64()?;
    Some(Marked {
        text: text.to_owned(),
        x: rect.left().clamp(8.0, (width - 420.0).max(8.0)),
        y: rect.bottom() + 4.0,
    })
}
