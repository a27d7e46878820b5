//! The store: what its splits hold, and what takes the room.
//!
//! | module | by what |
//! |---|---|
//! | `whole` | topics, parts of the files, merges |
//! | `streams`, `patterns`, `fields` | those that take most |
//! | `splits` | split by split |
//! | `share` | what their tables have in common |

mod fields;
mod patterns;
mod share;
mod splits;
mod streams;
mod whole;

use leptos::prelude::*;
use timberline_proto::api::room::RoomAnswer;

use self::{fields::Fields, patterns::Patterns, splits::Splits, streams::Streams, whole::Whole};
use super::skeleton;
use crate::{
    model::{app::App, room::Aspect, view::Part},
    text::number,
};

/// The part.
#[component]
pub(crate) fn Store() -> impl IntoView {
    let app = App::get();
    let pipeline = app.pipeline;
    let aspect = Memo::new(move |_| app.view.with(|view| Aspect::of(view.item.as_deref())));
    let choice = move |(this, word): (Aspect, &'static str)| {
        view! {
            <button class="chip" class:current=move || aspect.get() == this aria-pressed=move || (aspect.get() == this).to_string() on:click=move |_| app.go_to_part(Part::Store, this.item())>
                {word}
            </button>
        }
    };
    let is_empty = Memo::new(move |_| {
        pipeline
            .room
            .with(|room| room.as_ref().is_some_and(|room| room.splits == 0))
    });
    let waits = Memo::new(move |_| match aspect.get() {
        Aspect::Splits => pipeline.splits.with(Option::is_none),
        _ => pipeline.room.with(Option::is_none),
    });
    view! {
        <div class="tools room-tools" role="group" aria-label="By what the room is divided">
            {Aspect::ALL.map(choice).collect_view()}
        </div>
        {move || {
            if waits.get() {
                return skeleton().into_any();
            }
            if is_empty.get() {
                return view! {
                    <div class="empty">
                        <h2>"No split yet"</h2>
                        <p>"Lines are searchable from memory at once; every few seconds they become a split on disk, listed here."</p>
                    </div>
                }
                .into_any();
            }
            match aspect.get() {
                Aspect::Whole => view! { <Whole/> }.into_any(),
                Aspect::Streams => view! { <Streams/> }.into_any(),
                Aspect::Patterns => view! { <Patterns/> }.into_any(),
                Aspect::Fields => view! { <Fields/> }.into_any(),
                Aspect::Splits => view! { <Splits/> }.into_any(),
            }
        }}
    }
}

/// What could not be read.
fn trouble(room: &RoomAnswer) -> impl IntoView + use<> {
    room.partial
        .iter()
        .map(|sentence| view! { <p class="bad store-bad">{sentence.clone()}</p> })
        .collect_view()
}

/// What of the room an answer tells, as long as there is one.
fn told<T: PartialEq + Default + Send + Sync + 'static>(app: App, tell: fn(&RoomAnswer) -> T) -> Memo<T> {
    Memo::new(move |_| {
        app.pipeline
            .room
            .with(|room| room.as_ref().map(tell).unwrap_or_default())
    })
}

/// How the bytes of streams and patterns are known.
fn divided(what: &'static str) -> impl IntoView {
    view! {
        <p class="room-note">
            {format!("The lines of a page are stored together: its bytes are divided among {what} by estimate, from the number of lines and their fixed words. The sums are exact.")}
        </p>
    }
}

/// Bytes and what part of all they are.
fn of_all(bytes: u64, all: u64) -> String {
    format!(
        "{} of {} ({})",
        number::bytes(bytes),
        number::bytes(all),
        number::share(bytes, all)
    )
}
