//! Who can be told, and what became of each message.

use leptos::prelude::*;
use timberline_proto::alert::notify::{Delivery, TargetAnswer};

use crate::{
    components::pipeline::{ago, skeleton},
    model::app::App,
    text::{
        number,
        printable::{Layout, printable},
    },
};

/// The part.
#[component]
pub(super) fn Messages() -> impl IntoView {
    let app = App::get();
    let tell = app.alerts.tell;
    let none_yet = Memo::new(move |_| tell.targets.with(Option::is_none));
    let no_targets = Memo::new(move |_| tell.targets.with(|targets| targets.as_ref().is_some_and(Vec::is_empty)));
    let no_messages = Memo::new(move |_| {
        tell.messages
            .with(|messages| messages.as_ref().is_none_or(Vec::is_empty))
    });
    let has_failed = Memo::new(move |_| app.alerts.error.with(Option::is_some));
    let opened = RwSignal::new(None::<u64>);
    move || {
        if none_yet.get() {
            return if has_failed.get() {
                ().into_any()
            } else {
                skeleton().into_any()
            };
        }
        view! {
            <div class="table-scroll">
                {move || if no_targets.get() {
                    view! {
                        <div class="empty">
                            <h2>"Nobody is told yet"</h2>
                            <p>"Alerts are shown here. To have them sent, name a target and a route in the configuration: e-mail, webhook, Slack, Teams, PagerDuty, Alertmanager, RabbitMQ or a command."</p>
                            <p class="empty-code"><code>"[alerts.targets.ops]  [[alerts.routes]]"</code></p>
                        </div>
                    }.into_any()
                } else {
                    view! {
                        <table class="rows wide">
                            <thead><tr>
                                <th scope="col"><span class="table-head">"Target"</span></th>
                                <th scope="col"><span class="table-head">"Kind"</span></th>
                                <th scope="col"><span class="table-head">"To"</span></th>
                                <th scope="col" class="number"><span class="table-head">"Waiting"</span></th>
                                <th scope="col" class="number"><span class="table-head">"Delivered"</span></th>
                                <th scope="col" class="number"><span class="table-head">"Given up"</span></th>
                                <th scope="col"><span class="table-head">"State"</span></th>
                                <th scope="col"><span class="sr">"What can be done"</span></th>
                            </tr></thead>
                            <tbody>{move || tell.targets.get().unwrap_or_default().into_iter().map(|target| target_row(app, target)).collect_view()}</tbody>
                        </table>
                        {move || tell.tested.get().map(|(target, answer)| {
                            let words = match answer.delivered {
                                true => format!("{target} took the test message after {}", number::duration(answer.took_ms as f64)),
                                false => format!("{target} did not take it"),
                            };
                            view! { <p class="alert-tested" class:bad=!answer.delivered role="status">{words}": "{printable(&answer.answer, Layout::Row).into_owned()}</p> }
                        })}
                        {move || tell.error.get().map(|error| view! { <p class="bad" role="alert">{error.message}</p> })}
                    }.into_any()
                }}
                <h2 class="store-splits">"Messages"</h2>
                {move || no_messages.get().then(|| view! { <p class="table-rest">"None was sent yet."</p> })}
                <div class="alert-list" role="list">
                    <For each=move || tell.messages.get().unwrap_or_default() key=|message| (message.id, message.attempts, message.state.clone()) let(message)><Message message opened/></For>
                </div>
                {move || tell.older.get().is_some().then(|| view! { <button class="button" on:click=move |_| tell.show_older()>"Older"</button> })}
            </div>
        }
        .into_any()
    }
}

fn target_row(app: App, target: TargetAnswer) -> impl IntoView {
    let name = target.name.clone();
    let state = match (&target.failing_since, &target.error) {
        (Some(since), error) => view! { <span class="bad">"fails since "{ago(app, since)}": "{printable(error.as_deref().unwrap_or_default(), Layout::Row).into_owned()}</span> }.into_any(),
        _ => view! { <span>"well"</span> }.into_any(),
    };
    view! {
        <tr>
            <td><b>{target.name.clone()}</b></td>
            <td>{target.kind}</td>
            <td class="mono alert-rule">{printable(&target.address, Layout::Row).into_owned()}</td>
            <td class="number">{number::grouped(target.waiting)}</td>
            <td class="number">{number::grouped(target.delivered)}</td>
            <td class="number" class:bad=target.failed != 0>{number::grouped(target.failed)}</td>
            <td class="alert-rule">{state}</td>
            <td class="row-tools"><button class="button small needs-alerts" aria-label=format!("Send a test to {name}") on:click=move |_| app.alerts.tell.test(name.clone())>"Send a test"</button></td>
        </tr>
    }
}

#[component]
fn Message(message: Delivery, opened: RwSignal<Option<u64>>) -> impl IntoView {
    let app = App::get();
    let id = message.id;
    let is_open = Memo::new(move |_| opened.get() == Some(id));
    let mark = match message.state.as_str() {
        "delivered" => "alert-mark is-resolved",
        "failed" => "alert-mark is-firing",
        _ => "alert-mark is-pending",
    };
    let about = format!("{} to {}", message.kind, message.target);
    let title = printable(&message.title, Layout::Row).into_owned();
    let tried = number::counted(message.attempts, "try", "tries");
    let created = ago(app, &message.created);
    let state = message.state.clone();
    view! {
        <div class="alert" role="listitem">
            <button class="alert-head" aria-expanded=move || is_open.get().to_string() on:click=move |_| opened.update(|opened| *opened = (*opened != Some(id)).then_some(id))>
                <span class="alert-state"><i class=mark></i>{state}</span>
                <b class="alert-name">{title}</b>
                <span class="alert-severity">{about}</span>
                <span class="alert-since">{tried}" · "{created}</span>
            </button>
            {move || is_open.get().then(|| {
                let tries = message.tries.iter().map(|attempt| view! {
                    <li><time>{ago(app, &attempt.at)}</time><span>{format!("{} in {}: ", attempt.outcome, number::duration(attempt.took_ms as f64))}{printable(&attempt.answer, Layout::Row).into_owned()}</span></li>
                }).collect_view();
                view! {
                    <div class="alert-why">
                        <p class="alert-facts"><span>"key "<b>{message.key.clone()}</b></span>{message.next_attempt.as_deref().map(|next| view! { <span>"tried again "<b>{next.to_owned()}</b></span> })}</p>
                        <ol class="alert-lines">{tries}</ol>
                    </div>
                }
            })}
        </div>
    }
}
