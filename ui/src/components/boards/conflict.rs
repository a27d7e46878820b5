//! Somebody else saved the dashboard while it was being changed here. Nothing is lost: both are there.

use leptos::prelude::*;

use crate::{components::pipeline::ago, model::app::App};

/// What can be done about it.
#[component]
pub(super) fn Conflict() -> impl IntoView {
    let app = App::get();
    let boards = app.boards;
    move || {
        boards.conflict.get().map(|theirs| {
            view! {
                <div class="ask-back conflict" role="alertdialog" aria-label="Saved by somebody else">
                    <p>
                        "“"<b>{theirs.dashboard.name.clone()}</b>"” was saved by somebody else "{ago(app, &theirs.updated)}
                        {format!(" (version {}). What you changed is still here and not saved.", theirs.version)}
                    </p>
                    <div class="ask-back-tools">
                        <button class="button primary" on:click=move |_| boards.save_copy(app)>"Save mine as a copy"</button>
                        <button class="button" on:click=move |_| boards.save_over(app)>"Replace theirs with mine"</button>
                        <button class="button" on:click=move |_| { boards.take_theirs(); app.again() }>"Drop mine, take theirs"</button>
                    </div>
                </div>
            }
        })
    }
}
