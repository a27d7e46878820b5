//! A file as it was written: what it is, the search in it, its bytes, its lines without end.

use leptos::{ev::KeyboardEvent, html, prelude::*};
use timberline_proto::api::FileGeneration;

use super::{
    icon::{self, Icon},
    lines::Lines,
    summary::LineTools,
};
use crate::{
    model::{
        app::App,
        file::{End, File},
        view::encode,
        window::Window,
    },
    text::{number, printable},
};

/// The page.
#[component]
pub(crate) fn FilePage() -> impl IntoView {
    let app = App::get();
    let file = app.file;
    let front = Callback::new(move |()| file.load_front());
    let back = Callback::new(move |()| file.load_back());
    let follow = Signal::derive(move || file.follow.get());
    let blank = Memo::new(move |_| file.feed.window.with(Window::is_empty));
    // Whoever scrolls up no longer wants to be taken to the end.
    let on_wheel = move |event: web_sys::WheelEvent| {
        if event.delta_y() < 0.0 && file.follow.get_untracked() {
            file.follow.set(false);
        }
    };
    on_cleanup(move || file.leave());
    view! {
        <header class="file-head">
            <button class="button" title="Back to the search (Esc)" on:click=move |_| app.leave_file()>
                <Icon path=icon::LEFT/>
                <span>"Search"</span>
            </button>
            <Name/>
            <Download/>
        </header>
        <div class="file-tools">
            <Find/>
            <button class="button small" title="To the first line (g)" on:click=move |_| file.travel(app, End::First)>"Start"</button>
            <button class="button small" title="To the last line (G)" on:click=move |_| file.travel(app, End::Last)>"End"</button>
            <button
                class="button small"
                title="Stay at the end as lines come (F)"
                aria-pressed=move || file.follow.get().to_string()
                on:click=move |_| file.set_following(app, !file.follow.get_untracked())
            >
                {move || if file.follow.get() { "Following" } else { "Follow" }}
            </button>
            <LineTools/>
        </div>
        <div class="load" class:busy=move || file.busy.get() aria-hidden="true"></div>
        {move || file.partial.get().into_iter().map(|sentence| view! { <p class="file-partial lacking">{sentence}</p> }).collect_view()}
        <div class="body" on:wheel=on_wheel>
            <section class="answer" aria-label="The file">
                {move || match (file.error.get().filter(|_| blank.get()), blank.get()) {
                    (Some(error), _) => view! {
                        <div class="empty">
                            <h1 class="sr">"File"</h1>
                            <h2>"This file cannot be shown"</h2>
                            <p>{error.message}</p>
                            <div class="empty-ways"><button class="button primary" on:click=move |_| app.again()>"Try again"</button></div>
                        </div>
                    }
                    .into_any(),
                    (None, true) => view! { <div class="skeleton" role="status" aria-label="Loading"></div> }.into_any(),
                    (None, false) => view! { <Lines feed=file.feed on_front=front on_back=back follow/> }.into_any(),
                }}
            </section>
        </div>
    }
}

/// Which file it is.
#[component]
fn Name() -> impl IntoView {
    let file = App::get().file;
    let stream = Memo::new(move |_| {
        file.feed.window.with(|window| {
            let record = &window.front()?.record;
            let of = |name: &str| record.stream.get(name).cloned();
            Some((
                of("log.file.path").or_else(|| of("service.name")),
                of("host.name").unwrap_or_default(),
            ))
        })
    });
    move || {
        stream.get().map(|(path, host)| {
            let path = path.unwrap_or_else(|| "records that come from no file".to_owned());
            let path = printable::printable(&path, printable::Layout::Row).into_owned();
            let held = move || file.generation.with(|held| held.as_ref().map(held_words));
            view! {
                <div class="file-name">
                    <h1 title=path.clone()>{path.clone()}</h1>
                    <span>{host}</span>
                    <span>{held}</span>
                </div>
            }
        })
    }
}

fn held_words(held: &FileGeneration) -> String {
    let missing: u64 = held.gaps.iter().flatten().map(|gap| gap.to - gap.from).sum();
    let mut words = format!(
        "{} in {}",
        number::bytes(held.end - held.first_byte),
        number::counted(held.records, "record", "records")
    );
    if missing > 0 {
        words.push_str(&format!(", of which {} are missing", number::bytes(missing)));
    }
    words
}

/// The original bytes.
#[component]
fn Download() -> impl IntoView {
    let file = App::get().file;
    move || {
        file.generation.get().map(|held| {
            let gaps = held.gaps.as_ref().map_or(0, Vec::len) as u64;
            let address = format!(
                "/api/v1/files/{}/bytes{}",
                encode(&held.generation),
                if gaps > 0 { "?gaps=skip" } else { "" }
            );
            let (words, title) = if gaps > 0 {
                let title = format!(
                    "The original bytes, without {} that are missing",
                    number::counted(gaps, "range", "ranges")
                );
                ("Download what is held", title)
            } else {
                (
                    "Download original",
                    "The file's bytes as they were, to compare or keep".to_owned(),
                )
            };
            view! { <a class="button needs-export" href=address title=title download=""><Icon path=icon::SAVE/><span>{words}</span></a> }
        })
    }
}

/// The search in the file.
#[component]
fn Find() -> impl IntoView {
    let app = App::get();
    let file: File = app.file;
    let field = NodeRef::<html::Input>::new();
    Effect::new(move || {
        if file.focus_find.get() > 0
            && let Some(field) = field.get_untracked()
        {
            let focused = field.focus().is_ok();
            field.select();
            debug_assert!(focused);
        }
    });
    let go = move |forward: bool| file.find(app, &app.view.get_untracked().find, forward);
    let on_key = move |event: KeyboardEvent| match event.key().as_str() {
        "Enter" => {
            event.prevent_default();
            go(!event.shift_key());
        }
        "Escape" => {
            event.prevent_default();
            if let Some(field) = field.get_untracked() {
                let left = field.blur().is_ok();
                debug_assert!(left);
            }
        }
        _ => {}
    };
    view! {
        <div class="find" role="search">
            <input
                class="input mono"
                node_ref=field
                type="text"
                spellcheck="false"
                aria-label="Find in the file"
                placeholder="Find in the file, or /regex/"
                prop:value=move || app.view.with(|view| view.find.clone())
                on:input=move |event| app.set_find(&event_target_value(&event))
                on:keydown=on_key
            />
            <button class="button small" title="Upward (N)" aria-label="Find upward" on:click=move |_| go(false)>"↑"</button>
            <button class="button small" title="Downward (n, Enter)" aria-label="Find downward" on:click=move |_| go(true)>"↓"</button>
            <span class="find-state" role="status">{move || file.found.get()}</span>
        </div>
    }
}
