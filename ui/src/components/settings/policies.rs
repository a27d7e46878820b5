//! Policies as they are changed.

use leptos::prelude::*;

use super::retention::{head, preview};
use crate::model::{app::App, retention::Typed};

/// A field of a policy: its label, and how it is read and written.
type Field = (&'static str, fn(&Typed) -> &String, fn(&mut Typed) -> &mut String);

const FIELDS: [Field; 6] = [
    ("Policy", |typed| &typed.name, |typed| &mut typed.name),
    ("Streams", |typed| &typed.select, |typed| &mut typed.select),
    (
        "Deleted after days",
        |typed| &typed.age_days,
        |typed| &mut typed.age_days,
    ),
    ("At most GiB", |typed| &typed.gibibytes, |typed| &mut typed.gibibytes),
    (
        "Nobody deletes before days",
        |typed| &typed.minimum_days,
        |typed| &mut typed.minimum_days,
    ),
    ("Why", |typed| &typed.note, |typed| &mut typed.note),
];

/// The form.
#[component]
pub(super) fn Editor() -> impl IntoView {
    let app = App::get();
    let keeping = app.keeping;
    let typed = keeping.typed;
    // Rows are drawn anew when their number or order changes, not with every letter.
    let shape = RwSignal::new(0_u32);
    let change = move |change: fn(&mut Vec<Typed>, usize), at: usize| {
        typed.update(|typed| {
            if let Some(typed) = typed {
                change(typed, at);
            }
        });
        keeping.preview.set(None);
        shape.update(|shape| *shape += 1);
    };
    let row = move |at: usize, last: bool| {
        let cells = FIELDS.map(|(word, read, write)| {
            let is_fixed = last && (word == "Policy" || word == "Streams");
            let value = typed.with_untracked(|typed| typed.as_ref().map(|typed| read(&typed[at]).clone()).unwrap_or_default());
            view! {
                <td><input class="input" aria-label=word spellcheck="false" disabled=is_fixed placeholder=if is_fixed { "all others" } else { "" } prop:value=value
                    on:input=move |event| {
                        let text = event_target_value(&event);
                        keeping.preview.set(None);
                        typed.update_untracked(|typed| if let Some(typed) = typed { *write(&mut typed[at]) = text; });
                    }/></td>
            }
        });
        let tools = (!last).then(|| view! {
            <button type="button" class="button small" disabled={at == 0} on:click=move |_| change(|typed, at| typed.swap(at, at - 1), at)>"Up"</button>
            <button type="button" class="button small" on:click=move |_| change(|typed, at| drop(typed.remove(at)), at)>"Remove"</button>
        });
        view! { <tr>{cells.collect_view()}<td class="row-tools">{tools}</td></tr> }
    };
    let rows = move || {
        shape.track();
        let count = typed.with_untracked(|typed| typed.as_ref().map_or(0, Vec::len));
        (0..count).map(|at| row(at, at + 1 == count)).collect_view()
    };
    let put = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        keeping.put();
    };
    view! {
        <form aria-label="Retention policies" on:submit=put>
            <h2 class="set-head">"Change the policies"</h2>
            <p class="set-note">"The first that selects a stream decides. A change counts for what is stored, too; a minimum that is lowered shortens nothing that is stored."</p>
            <div class="set-wide" tabindex="0" role="group" aria-label="Policies as they are changed"><table class="rows wide set-policies">
                <thead><tr>{FIELDS.map(|(word, ..)| head(word)).collect_view()}<th scope="col"><span class="sr">"What can be done"</span></th></tr></thead>
                <tbody>{rows}</tbody>
            </table></div>
            <div class="set-tools">
                <button type="button" class="button" on:click=move |_| change(|typed, _| typed.insert(typed.len().saturating_sub(1), Typed::default()), 0)>"Add a policy"</button>
                <button type="button" class="button" disabled=move || keeping.busy.get() on:click=move |_| keeping.try_out()>"What would go?"</button>
                // In force only after a look at what goes.
                <button class="button primary" disabled=move || keeping.busy.get() || keeping.preview.with(Option::is_none)>"Put in force"</button>
                <button type="button" class="button" on:click=move |_| keeping.end()>"Leave as it is"</button>
            </div>
        </form>
        {move || keeping.preview.get().map(|answer| preview(app, &answer))}
    }
}
