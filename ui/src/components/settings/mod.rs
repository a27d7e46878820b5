//! Settings: oneself, and who may do what.
//!
//! | module | what it shows |
//! |---|---|
//! | `page` | the parts that whoever looks may see |
//! | `you`, `password`, `totp`, `sessions` | one's own rights, password, second factor, sessions |
//! | `accounts`, `account` | accounts; one with what can be done to it |
//! | `roles`, `role` | sets of rights; one as a form |
//! | `keys`, `new_key` | keys of programs; making one, shown once |
//! | `retention`, `policies`, `holds` | how long what is stored stays, changing that, and what holds it |
//! | `audit` | who did what, when, from where, and how it went |
//! | `denied` | in place of a page that whoever looks may not see |
//! | `qr` | a text as a picture that an authenticator reads |

mod account;
mod accounts;
mod audit;
mod denied;
mod holds;
mod keys;
mod new_key;
mod page;
mod password;
mod policies;
mod qr;
mod retention;
mod role;
mod roles;
mod sessions;
mod totp;
mod words;
mod you;

use leptos::prelude::*;

pub(crate) use denied::{Denied, needed};
pub(crate) use page::SettingsPage;

/// A part of a page: what it is about to the left, what can be done to the right.
#[component]
fn Section(
    /// Its head.
    title: &'static str,
    /// What it is for.
    #[prop(into)]
    about: String,
    /// What stands in it.
    children: Children,
) -> impl IntoView {
    view! {
        <section class="set-section" aria-label=title>
            <div class="set-about"><h2>{title}</h2><p>{about}</p></div>
            <div class="set-content">{children()}</div>
        </section>
    }
}

/// What went wrong in a form, under it.
#[component]
fn Fault(form: &'static str) -> impl IntoView {
    let access = crate::model::app::App::get().access;
    move || {
        access
            .fault_of(form)
            .map(|fault| view! { <p class="field-fault" role="alert">{fault}</p> })
    }
}

/// Choices of which several can be made.
#[component]
fn Choices(
    /// What they are.
    label: &'static str,
    /// All there are, each with what it says on hover.
    #[prop(into)]
    all: Signal<Vec<(String, String)>>,
    /// Those that are made.
    chosen: RwSignal<std::collections::BTreeSet<String>>,
) -> impl IntoView {
    let one = move |(word, title): (String, String)| {
        let (on, toggled) = (word.clone(), word.clone());
        let is_on = Memo::new(move |_| chosen.with(|chosen| chosen.contains(&on)));
        view! {
            <button
                type="button" class="chip" class:current=move || is_on.get() aria-pressed=move || is_on.get().to_string() title=title
                on:click=move |_| chosen.update(|chosen| if !chosen.remove(&toggled) { chosen.insert(toggled.clone()); })
            >{word}</button>
        }
    };
    view! { <div class="set-choices" role="group" aria-label=label>{move || all.get().into_iter().map(one).collect_view()}</div> }
}
