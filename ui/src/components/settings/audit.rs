//! The audit trail: who did what, when, from where, what was before and after, and how it went.

use leptos::prelude::*;
use timberline_proto::api::access::Permission;

use crate::{
    components::{
        pipeline::{ago, skeleton},
        search::exact_now,
    },
    model::{
        access::{Act, audit_query},
        app::App,
        view::{Page, TimeRange},
    },
    text::{
        number,
        printable::{Layout, printable},
        time,
    },
};

/// The part.
#[component]
pub(super) fn Audit() -> impl IntoView {
    let app = App::get();
    let access = app.access;
    let typed = RwSignal::new(app.view.with_untracked(|view| view.find.clone()));
    let opened = RwSignal::new(None::<String>);
    let none_yet = Memo::new(move |_| access.acts.with(Option::is_none));
    let is_empty = Memo::new(move |_| access.acts.with(|acts| acts.as_ref().is_some_and(Vec::is_empty)));
    let has_failed = Memo::new(move |_| access.error.with(Option::is_some));
    let find = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let text = typed.get_untracked();
        app.ask(|view| view.find = text.trim().to_owned());
    };
    let in_search = move |_| {
        let query = audit_query(&app.view.get_untracked().find, access.acts_of_store.get_untracked());
        app.ask(|view| {
            view.page = Page::Search;
            view.query = query;
            view.range = TimeRange::all();
        });
    };
    let of_store = move |_| {
        access.acts_of_store.update(|on| *on = !*on);
        app.again_with_find();
    };
    let refusals = move || {
        let refusals = access.refusals.get();
        (!refusals.is_empty()).then(|| {
            let rows = refusals.into_iter().map(|refused| {
                view! {
                    <tr>
                        <td class="mono">{refused.origin}</td>
                        <td>{refused.why}</td>
                        <td class="number">{number::grouped(refused.count)}</td>
                        <td>{ago(app, &refused.last)}</td>
                    </tr>
                }
            });
            view! {
                <details class="set-refusals">
                    <summary>"Refused since the start"</summary>
                    <table class="rows wide"><thead><tr>
                        <th scope="col"><span class="table-head">"From"</span></th>
                        <th scope="col"><span class="table-head">"Why"</span></th>
                        <th scope="col" class="number"><span class="table-head">"How often"</span></th>
                        <th scope="col"><span class="table-head">"Last"</span></th>
                    </tr></thead><tbody>{rows.collect_view()}</tbody></table>
                </details>
            }
        })
    };
    view! {
        <form class="tools" role="search" on:submit=find>
            <input class="input tools-find set-find" placeholder="Who, what, to what: ada role.put" aria-label="Find in the audit trail" spellcheck="false"
                prop:value=move || typed.get() on:input=move |event| typed.set(event_target_value(&event))/>
            <button class="button small">"Find"</button>
            <button type="button" class="chip" class:current=move || access.acts_of_store.get() aria-pressed=move || access.acts_of_store.get().to_string() title="Splits that it publishes, merges and removes" on:click=of_store>"Also what the store does itself"</button>
            {move || app.may(Permission::SearchLogs).then(|| view! { <button type="button" class="button small set-add" title="With time range, fields, export" on:click=in_search>"Open in Search"</button> })}
        </form>
        {move || access.acts_partial.get().then(|| view! { <p class="set-note lacking">"Shown are the last thousand acts about accounts: the whole record takes the right to search it."</p> })}
        {move || match (none_yet.get(), has_failed.get(), is_empty.get()) {
            (true, true, _) => ().into_any(),
            (true, false, _) => skeleton().into_any(),
            (false, _, true) => {
                let asked = app.view.with_untracked(|view| view.find.clone());
                if asked.is_empty() {
                    view! { <div class="empty"><h2>"Nothing is on record yet"</h2><p>"Logins, refusals, and every change of accounts, roles, keys, dashboards, alerts and retention will stand here."</p></div> }.into_any()
                } else {
                    view! {
                        <div class="empty">
                            <h2>{format!("No act is like “{}”", printable(&asked, Layout::Row))}</h2>
                            <div class="empty-ways"><button class="button" on:click=move |_| { typed.set(String::new()); app.ask(|view| view.find.clear()) }>"Show all"</button></div>
                        </div>
                    }.into_any()
                }
            }
            (false, _, false) => view! {
                <div class="table-scroll">
                    <table class="rows wide set-acts">
                        <thead><tr>
                            <th scope="col"><span class="table-head">"When"</span></th>
                            <th scope="col"><span class="table-head">"Who"</span></th>
                            <th scope="col"><span class="table-head">"What"</span></th>
                            <th scope="col"><span class="table-head">"To what"</span></th>
                            <th scope="col"><span class="table-head">"From where"</span></th>
                            <th scope="col"><span class="table-head">"Result"</span></th>
                        </tr></thead>
                        <tbody><For each=move || access.acts.get().unwrap_or_default() key=key let(act)><Row act opened/></For></tbody>
                    </table>
                    {move || access.acts_cursor.with(Option::is_some).then(|| view! { <button class="button set-older" disabled=move || access.busy.get() on:click=move |_| access.more_acts(&app.view.get_untracked())>"Older"</button> })}
                </div>
            }.into_any(),
        }}
        {refusals}
    }
}

fn key(act: &Act) -> String {
    if act.id.is_empty() {
        format!("{} {} {} {}", act.at, act.action, act.object, act.actor)
    } else {
        act.id.clone()
    }
}

#[component]
fn Row(act: Act, opened: RwSignal<Option<String>>) -> impl IntoView {
    let app = App::get();
    let id = key(&act);
    let is_open = {
        let id = id.clone();
        Memo::new(move |_| opened.with(|opened| opened.as_ref() == Some(&id)))
    };
    let toggle = move |_| opened.update(|opened| *opened = (opened.as_ref() != Some(&id)).then(|| id.clone()));
    let shown = |text: &str| printable(text, Layout::Row).into_owned();
    let when = time::millis(&act.at).map(|ms| {
        let zone = app.prefs.zone.get_untracked();
        let (civil, now) = (zone.civil(ms), zone.civil(js_sys::Date::now() as i64));
        (
            format!("{} {}", civil.day_of(&now), civil.clock_seconds()),
            exact_now(app, ms),
        )
    });
    let (when, exact) = when.unwrap_or_else(|| (act.at.clone(), String::new()));
    let changes = act.changes();
    let is_ok = act.outcome == "ok";
    let brief = changes
        .iter()
        .filter(|(_, _, after)| says_something(after))
        .take(2)
        .map(|(name, before, after)| change_words(name, before, after))
        .collect::<Vec<_>>()
        .join("; ");
    view! {
        <tr class:current=move || is_open.get()>
            <td title=exact>{when}</td>
            <td><b>{shown(act.actor.trim_start_matches("user:"))}</b></td>
            <td><button class="link mono" aria-expanded=move || is_open.get().to_string() on:click=toggle>{shown(&act.action)}</button></td>
            <td class="alert-rule mono">{shown(&act.object)}<span class="alert-condition set-brief">{shown(&brief)}</span></td>
            <td class="mono">{act.origin.as_deref().map_or_else(|| "–".to_owned(), shown)}</td>
            <td><span class=if is_ok { "set-ok" } else { "bad" }>{shown(&act.outcome)}</span></td>
        </tr>
        {move || is_open.get().then(|| {
            let changes = changes.clone();
            let only_after = changes.iter().all(|(_, before, _)| before.is_empty());
            view! {
                <tr class="opened-below"><td colspan="6">
                    {match changes.is_empty() {
                        true => view! { <p class="absent">"Nothing more is on record of it."</p> }.into_any(),
                        false => view! {
                            <table class="set-changes" class:only-after=only_after><thead><tr><th scope="col"><span class="sr">"What"</span></th><th scope="col">"Before"</th><th scope="col">"After"</th></tr></thead><tbody>
                                {changes.into_iter().map(|(name, before, after)| view! {
                                    <tr><th scope="row">{printable(&name, Layout::Row).into_owned()}</th><td>{printable(&before, Layout::Block).into_owned()}</td><td>{printable(&after, Layout::Block).into_owned()}</td></tr>
                                }).collect_view()}
                            </tbody></table>
                        }.into_any(),
                    }}
                </td></tr>
            }
        })}
    }
}

/// In a line, what is not there is left out.
fn says_something(after: &str) -> bool {
    !matches!(after, "–" | "no" | "none" | "")
}

fn change_words(name: &str, before: &str, after: &str) -> String {
    let name = if name.is_empty() {
        String::new()
    } else {
        format!("{name} ")
    };
    match before.is_empty() || before == "–" {
        true => format!("{name}{after}"),
        false => format!("{name}{before} → {after}"),
    }
}

#[cfg(test)]
mod tests {
    use super::change_words;

    #[test]
    fn a_change_is_said_in_a_line() {
        assert_eq!(change_words("roles", "viewer", "admin"), "roles viewer → admin");
        assert_eq!(change_words("session", "", "a1"), "session a1");
        assert_eq!(change_words("", "–", "yes"), "yes");
    }
}
