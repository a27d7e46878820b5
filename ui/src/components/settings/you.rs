//! Oneself: name, rights, password, second factor, sessions.

use leptos::prelude::*;
use timberline_proto::api::access::{Permission, WhoAmI};

use super::{Fault, Section, password::Password, sessions::Sessions, totp::SecondFactor, words::said};
use crate::{components::pipeline::skeleton, model::app::App};

/// The part.
#[component]
pub(super) fn You() -> impl IntoView {
    let app = App::get();
    let access = app.access;
    // Only what says who it is: the forms stay as they are while one's factor changes.
    let who = Memo::new(move |_| {
        access.who.with(|who| {
            who.as_ref().map(|who| WhoAmI {
                totp: false,
                ..who.clone()
            })
        })
    });
    move || {
        match who.get() {
        None => skeleton().into_any(),
        Some(who) if who.user.is_some() => view! {
            <Known who/>
            <Section title="Password" about="It has at least 12 characters. Your other sessions end when it changes."><Password/></Section>
            <Section title="Second factor" about="An authenticator on your phone shows a code that is asked for besides the password."><SecondFactor/></Section>
            <Section title="Sessions" about="Where you are logged in. What you do not know, end, and change your password."><Sessions/></Section>
        }
        .into_any(),
        Some(who) => view! { <Nobody who/> }.into_any(),
    }
    }
}

#[component]
fn Known(who: WhoAmI) -> impl IntoView {
    let app = App::get();
    let name = who.user.clone().unwrap_or_default();
    let initial: String = name.chars().take(1).flat_map(char::to_uppercase).collect();
    let roles: Vec<String> = who.roles.iter().cloned().collect();
    view! {
        <div class="set-who">
            <div class="set-initial" aria-hidden="true">{initial}</div>
            <div class="set-name">
                <b>{name}</b>
                <span>{if roles.is_empty() { "no role".to_owned() } else { roles.join(", ") }}</span>
            </div>
            <button class="button" on:click=move |_| app.access.log_out()>"Log out"</button>
        </div>
        <Fault form="log out"/>
        <Section title="What you may" about="Your roles give these rights. Whoever manages accounts can change them.">
            <Rights who=who.clone()/>
        </Section>
    }
}

#[component]
fn Rights(who: WhoAmI) -> impl IntoView {
    let rows = Permission::ALL
        .into_iter()
        .map(|permission| {
            let has = who.permissions.contains(&permission);
            view! {
                <li class:lacks=!has>
                    <span class="set-has" aria-hidden="true">{if has { "✓" } else { "–" }}</span>
                    <span>{said(permission)}<span class="sr">{if has { ": yes" } else { ": no" }}</span></span>
                    <code>{permission.name()}</code>
                </li>
            }
        })
        .collect_view();
    view! {
        <ul class="set-rights">{rows}</ul>
        {who.limited.then(|| view! { <p class="set-note lacking">"Your roles show only some lines or fields. What cannot be held to that is refused to you."</p> })}
    }
}

/// Where nobody logged in.
#[component]
fn Nobody(who: WhoAmI) -> impl IntoView {
    let app = App::get();
    let command = "timberline user add NAME --role admin --offline --data DIR";
    let (head, about) = if who.no_account {
        (
            "This server asks nobody who they are",
            "There is no account yet, so whoever reaches it from this machine may do everything but manage accounts. Open the link that it printed when it started to make the first account; from then on everybody is asked. If the link is gone, stop the server and make the account on its data directory:",
        )
    } else {
        (
            "You are not logged in",
            "This server was told to let everybody in. Log in to be on record by name, and to manage accounts if you may.",
        )
    };
    let has_none = who.no_account;
    view! {
        <div class="set-notice">
            <h2>{head}</h2>
            <p>{about}</p>
            {if has_none {
                view! {
                    <div class="set-secret">
                        <code>{command}</code>
                        <button class="button small" on:click=move |_| app.copy(command, "Command")>"Copy"</button>
                    </div>
                }.into_any()
            } else {
                view! { <p><a class="button primary" href="/login">"Log in"</a></p> }.into_any()
            }}
        </div>
        <Section title="What you may" about="Everybody here has these rights.">
            <Rights who=who.clone()/>
        </Section>
    }
}
