//! Where one is logged in.

use leptos::prelude::*;
use timberline_proto::api::access::SessionInfo;

use super::{Fault, words::day};
use crate::{
    components::pipeline::{ago, skeleton},
    model::app::App,
    text::printable::{Layout, printable},
};

/// The list of one's own.
#[component]
pub(super) fn Sessions() -> impl IntoView {
    let app = App::get();
    let access = app.access;
    let own = Memo::new(move |_| {
        let user = access.user();
        access.sessions.with(|sessions| {
            let sessions = sessions.as_ref()?;
            Some(
                sessions
                    .iter()
                    .filter(|session| Some(&session.user) == user.as_ref())
                    .cloned()
                    .collect::<Vec<SessionInfo>>(),
            )
        })
    });
    move || match own.get() {
        None => skeleton().into_any(),
        Some(sessions) => view! {
            <ul class="set-list">{sessions.into_iter().map(|session| one(app, session)).collect_view()}</ul>
            <Fault form="sessions"/>
        }
        .into_any(),
    }
}

fn one(app: App, session: SessionInfo) -> impl IntoView {
    let id = session.id.clone();
    let agent = printable(&browser(&session.agent), Layout::Row).into_owned();
    let title = printable(&session.agent, Layout::Row).into_owned();
    view! {
        <li>
            <div class="set-entry">
                <b title=title>{agent}</b>
                {session.own.then(|| view! { <span class="set-tag">"this one"</span> })}
                <span>"from "{session.origin.unwrap_or_else(|| "an unknown address".into())}</span>
                <span>"used "{ago(app, &session.last_used)}</span>
                <span>{move || format!("until {}", day(app, &session.expires))}</span>
            </div>
            {if session.own {
                view! { <button class="button small" on:click=move |_| app.access.log_out()>"Log out"</button> }.into_any()
            } else {
                view! { <button class="button small" on:click=move |_| app.access.end_session(app, id.clone())>"End it"</button> }.into_any()
            }}
        </li>
    }
}

/// What a browser calls itself, in two words.
fn browser(agent: &str) -> String {
    let name = [
        ("Edg/", "Edge"),
        ("OPR/", "Opera"),
        ("Firefox/", "Firefox"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
        ("curl/", "curl"),
    ]
    .into_iter()
    .find(|(mark, _)| agent.contains(mark));
    let system = [
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Windows", "Windows"),
        ("Mac OS", "macOS"),
        ("Linux", "Linux"),
    ]
    .into_iter()
    .find(|(mark, _)| agent.contains(mark));
    match (name, system) {
        (Some((_, name)), Some((_, system))) => format!("{name} on {system}"),
        (Some((_, name)), None) => name.to_owned(),
        _ if agent.trim().is_empty() => "A browser without a name".to_owned(),
        _ => agent.chars().take(60).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::browser;

    #[test]
    fn a_browser_is_called_what_people_call_it() {
        let chrome =
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36";
        assert_eq!(browser(chrome), "Chrome on Linux");
        assert_eq!(browser(&format!("{chrome} Edg/140.0")), "Edge on Linux");
        assert_eq!(browser("curl/8.5"), "curl");
        assert_eq!(browser(""), "A browser without a name");
    }
}
