//! What comes in now, newest below, with pause.

use leptos::prelude::*;

use super::{
    icon::{self, Icon},
    lines::Lines,
};
use crate::{
    model::{app::App, tail::Link, window::Window},
    text::number,
};

/// The page.
#[component]
pub(crate) fn Live() -> impl IntoView {
    let app = App::get();
    let tail = app.tail;
    draw_every_frame(app);
    let follow = Signal::derive(move || !tail.paused.get());
    let nothing = Callback::new(|()| ());
    let paused = move || tail.paused.get();
    // A memo: the list must not be built anew with every line.
    let nothing_yet = Memo::new(move |_| tail.window.with(Window::is_empty));
    view! {
        <div class="summary live" class:paused=paused>
            <button class="button" title="Space" aria-pressed=move || paused().to_string() on:click=move |_| tail.paused.update(|paused| *paused = !*paused)>
                {move || view! { <Icon path=if paused() { icon::RUN } else { icon::PAUSE }/> }}
                <span>{move || if paused() { "Go on" } else { "Pause" }}</span>
            </button>
            <span class="live-state" role="status">{move || state(app)}</span>
            <span class="summary-cost">
                {move || number::counted(tail.received.get(), "line", "lines")}
                {move || (tail.skipped.get() > 0).then(|| format!(" · {} skipped, too many to show", number::grouped(tail.skipped.get())))}
                {move || (tail.portions_skipped.get() > 0).then(|| format!(" · {} not sent, this page was too slow", number::counted(tail.portions_skipped.get(), "portion", "portions")))}
                {move || (tail.waiting.get() > 0).then(|| format!(" · {} waiting", number::grouped(tail.waiting.get() as u64)))}
            </span>
            <button class="button bare" on:click=move |_| app.again()>"Clear"</button>
        </div>
        <div class="body">
            <section class="answer" aria-label="Lines as they come">
                {move || {
                    if nothing_yet.get() {
                        view! { <div class="empty"><h2>{move || waiting_words(app)}</h2><p>"Lines appear here as agents send them."</p></div> }.into_any()
                    } else {
                        view! { <Lines feed=tail.feed on_front=nothing on_back=nothing follow/> }.into_any()
                    }
                }}
            </section>
        </div>
    }
}

fn state(app: App) -> String {
    match app.tail.link.get() {
        _ if app.tail.paused.get() => "Paused".into(),
        Link::Open => "Following".into(),
        Link::Connecting => "Connecting …".into(),
        Link::Closed => "Closed".into(),
        Link::Failed(message) => message,
    }
}

fn waiting_words(app: App) -> String {
    if app.view.with(|view| view.query.is_empty()) {
        "Waiting for lines".into()
    } else {
        "Waiting for lines that match".into()
    }
}

/// Lines are drawn at most once per frame, however fast they come.
fn draw_every_frame(app: App) {
    let alive = StoredValue::new(true);
    on_cleanup(move || {
        app.tail.close();
    });
    fn frame(app: App, alive: StoredValue<bool>) {
        request_animation_frame(move || {
            if alive.try_get_value().is_some() {
                app.tail.draw();
                frame(app, alive);
            }
        });
    }
    frame(app, alive);
}
