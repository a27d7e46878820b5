//! All dashboards.

use leptos::{html, prelude::*};
use timberline_proto::api::dashboards::{Dashboard, DashboardHead};
use wasm_bindgen_futures::JsFuture;

use super::page::Trouble;
use crate::{
    components::{
        find::Find,
        icon::{self, Icon},
        pipeline::ago,
        sorted::{Head, Key, Order, sort},
    },
    model::app::App,
    text::number,
};

/// The list with its tools.
#[component]
pub(super) fn List() -> impl IntoView {
    let app = App::get();
    let boards = app.boards;
    let wanted = RwSignal::new(String::new());
    let importing = RwSignal::new(false);
    let deleting = RwSignal::new(None::<DashboardHead>);
    let order: Order = RwSignal::new(None);
    let shown = Memo::new(move |_| {
        let wanted = wanted.get().to_lowercase();
        let mut list = boards.list.get().unwrap_or_default();
        list.retain(|head| {
            head.name.to_lowercase().contains(&wanted) || head.description.to_lowercase().contains(&wanted)
        });
        sort(&mut list, order.get(), key);
        list
    });
    let make = move |_| {
        let dashboard = Dashboard {
            name: "New dashboard".into(),
            ..Dashboard::default()
        };
        boards.make(app, dashboard, true);
    };
    view! {
        <header class="page-head">
            <h1>"Dashboards"</h1>
            <div class="page-tools">
                <button class="button needs-documents" on:click=move |_| importing.update(|open| *open = !*open)>"Import"</button>
                <button class="button primary needs-documents" on:click=make><Icon path=icon::KEEP/>"New dashboard"</button>
            </div>
        </header>
        <Trouble/>
        <Show when=move || importing.get()><Import/></Show>
        {move || deleting.get().map(|head| view! { <Delete head on_done=Callback::new(move |()| deleting.set(None))/> })}
        <section class="page-body" aria-busy=move || boards.busy.get().to_string()>
            {move || match boards.list.with(|list| list.as_ref().map(Vec::is_empty)) {
                None if boards.error.with(Option::is_some) => ().into_any(),
                None => skeleton().into_any(),
                Some(true) => view! { <Nothing/> }.into_any(),
                Some(false) => view! {
                    <div class="tools">
                        <Find word="Find a dashboard" wanted/>
                    </div>
                    <div class="table-scroll">
                        <table class="rows wide">
                            <thead><tr>
                                <Head at=0 word="Name" order/>
                                <Head at=1 word="Panels" numeric=true order/>
                                <Head at=2 word="Changed" order/>
                                <th scope="col"><span class="sr">"What can be done"</span></th>
                            </tr></thead>
                            <tbody>{move || shown.get().into_iter().map(|head| row(app, head, deleting)).collect_view()}</tbody>
                        </table>
                        {move || shown.with(Vec::is_empty).then(|| view! { <p class="table-rest">"No dashboard is called like this."</p> })}
                    </div>
                }.into_any(),
            }}
        </section>
    }
}

fn row(app: App, head: DashboardHead, deleting: RwSignal<Option<DashboardHead>>) -> impl IntoView {
    let (open, copy, gone) = (head.id.clone(), head.id.clone(), head.clone());
    let name = head.name.clone();
    view! {
        <tr class="opens">
            <td>
                <button class="link board-name" on:click=move |_| app.open_board(Some(open.clone()))><b>{head.name}</b></button>
                <span class="board-about">{head.description}</span>
            </td>
            <td class="number">{number::grouped(head.panels)}</td>
            <td>{ago(app, &head.updated)}</td>
            <td class="row-tools">
                <button class="button small needs-documents" aria-label=format!("Duplicate {name}") on:click=move |_| app.boards.duplicate(app, copy.clone())>"Duplicate"</button>
                <button class="button small needs-documents" aria-label=format!("Delete {name}") on:click=move |_| deleting.set(Some(gone.clone()))>"Delete"</button>
            </td>
        </tr>
    }
}

fn key(head: &DashboardHead, column: usize) -> Key {
    match column {
        0 => Key::Text(head.name.to_lowercase()),
        1 => Key::Number(head.panels as f64),
        _ => Key::Text(head.updated.clone()),
    }
}

/// It cannot be undone, so its name is typed.
#[component]
fn Delete(head: DashboardHead, on_done: Callback<()>) -> impl IntoView {
    let app = App::get();
    let typed = RwSignal::new(String::new());
    let name = head.name.clone();
    let is_named = {
        let name = name.clone();
        Memo::new(move |_| typed.with(|typed| *typed == name))
    };
    let field = NodeRef::<html::Input>::new();
    Effect::new(move || {
        if let Some(field) = field.get() {
            _ = field.focus();
        }
    });
    let panels = number::counted(head.panels, "panel", "panels");
    let delete = move |_| {
        if is_named.get_untracked() {
            app.boards.delete(app, head.clone());
            on_done.run(());
        }
    };
    view! {
        <form class="ask-back" aria-label="Delete a dashboard" on:submit=move |event| event.prevent_default()>
            <p>"“"<b>{name}</b>"” with "{panels}" will be gone for everybody, and cannot be brought back. Type its name to delete it."</p>
            <div class="ask-back-tools">
                <input class="input" node_ref=field aria-label="Its name" spellcheck="false" prop:value=move || typed.get() on:input=move |event| typed.set(event_target_value(&event))/>
                <button class="button danger" disabled=move || !is_named.get() on:click=delete>"Delete"</button>
                <button class="button" type="button" on:click=move |_| on_done.run(())>"Keep it"</button>
            </div>
        </form>
    }
}

/// What was exported, from a file or pasted.
#[component]
fn Import() -> impl IntoView {
    let app = App::get();
    let text = RwSignal::new(String::new());
    let file = NodeRef::<html::Input>::new();
    let read = move |_| {
        let chosen = file
            .get_untracked()
            .and_then(|file| file.files())
            .and_then(|files| files.get(0));
        if let Some(chosen) = chosen {
            leptos::task::spawn_local(async move {
                if let Ok(content) = JsFuture::from(chosen.text()).await {
                    text.set(content.as_string().unwrap_or_default());
                }
            });
        }
    };
    view! {
        <form class="ask-back" aria-label="Import a dashboard" on:submit=move |event| { event.prevent_default(); app.boards.import(app, text.get_untracked()) }>
            <p>"A dashboard as it was exported: choose its file, or paste its JSON."</p>
            <input class="import-file" type="file" accept="application/json,.json" aria-label="File" node_ref=file on:change=read/>
            <textarea class="input area mono import-text" rows="6" spellcheck="false" aria-label="JSON" prop:value=move || text.get() on:input=move |event| text.set(event_target_value(&event))></textarea>
            <div class="ask-back-tools"><button class="button primary" disabled=move || text.with(|text| text.trim().is_empty())>"Import"</button></div>
        </form>
    }
}

#[component]
fn Nothing() -> impl IntoView {
    let app = App::get();
    view! {
        <div class="empty">
            <h2>"No dashboard yet"</h2>
            <p>"Panels show what queries find: counts over time, the largest, one number. Begin with one made from the fields of your logs, and change it as you like."</p>
            <div class="empty-ways">
                <button class="button primary needs-documents" on:click=move |_| app.boards.make_starter(app)>"Make one from my logs"</button>
                <button class="button needs-documents" on:click=move |_| app.boards.make(app, Dashboard { name: "New dashboard".into(), ..Dashboard::default() }, true)>"Begin empty"</button>
            </div>
        </div>
    }
}

fn skeleton() -> impl IntoView {
    let rows =
        (0..6).map(|row| view! { <div class="skeleton-row" style:width=format!("{}%", 80 - row % 3 * 13)></div> });
    view! { <div class="skeleton" aria-label="Loading">{rows.collect_view()}</div> }
}
