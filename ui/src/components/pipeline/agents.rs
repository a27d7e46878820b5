//! The agents: how each is and why, and one of them with its files.

use leptos::prelude::*;
use timberline_proto::api::{AgentHealth, AgentState};

use super::{ROWS_DRAWN_MAX, agent::Agent, ago, rest, skeleton};
use crate::{
    components::{
        find::Find,
        sorted::{Head, Key, Order, sort},
    },
    model::{app::App, view::Part},
    text::number,
};

const HEALTHS: [AgentHealth; 4] = [
    AgentHealth::Error,
    AgentHealth::Silent,
    AgentHealth::Lagging,
    AgentHealth::Ok,
];

/// The table.
#[component]
pub(crate) fn Agents() -> impl IntoView {
    let app = App::get();
    let pipeline = app.pipeline;
    let order: Order = RwSignal::new(None);
    let wanted = RwSignal::new(String::new());
    let only = RwSignal::new(None::<AgentHealth>);
    let shown = Memo::new(move |_| {
        let wanted = wanted.get().to_lowercase();
        let mut agents: Vec<AgentState> = pipeline.agents.with(|answer| {
            let all = answer.as_ref().map_or(&[][..], |answer| &answer.agents);
            let is_wanted = |agent: &&AgentState| {
                only.get().is_none_or(|only| agent.health == only)
                    && (agent.host.to_lowercase().contains(&wanted)
                        || agent.agent.contains(&wanted)
                        || agent.version.contains(&wanted))
            };
            all.iter().filter(is_wanted).cloned().collect()
        });
        sort(&mut agents, order.get(), key);
        agents
    });
    let opened = Memo::new(move |_| app.view.with(|view| view.item.clone()));
    let of_opened = (RwSignal::new(String::new()), Order::new(None));
    // Only when one of these changes is the whole table made anew.
    let none_yet = Memo::new(move |_| pipeline.agents.with(Option::is_none));
    let no_agents = Memo::new(move |_| {
        pipeline
            .agents
            .with(|answer| answer.as_ref().is_some_and(|answer| answer.total == 0))
    });
    let count = move |health: AgentHealth| {
        pipeline.agents.with(|answer| {
            answer.as_ref().map_or(0, |answer| match health {
                AgentHealth::Ok => answer.health.ok,
                AgentHealth::Lagging => answer.health.lagging,
                AgentHealth::Error => answer.health.error,
                AgentHealth::Silent => answer.health.silent,
            })
        })
    };
    let chip = move |health: AgentHealth| {
        let pressed = move || only.get() == Some(health);
        view! {
            <button
                class="chip" class:current=pressed aria-pressed=move || pressed().to_string()
                disabled=move || count(health) == 0 && !pressed()
                on:click=move |_| only.update(|only| *only = (*only != Some(health)).then_some(health))
            >
                {mark(health)}
                {word(health)}
                <b>{move || number::grouped(count(health))}</b>
            </button>
        }
    };
    view! {
        {move || {
            if none_yet.get() {
                return skeleton().into_any();
            }
            if no_agents.get() {
                return nothing().into_any();
            }
            view! {
                <div class="tools">
                    <Find word="Find a host" wanted/>
                    {HEALTHS.map(chip).collect_view()}
                </div>
                <div class="table-scroll">
                    <table class="rows wide">
                        <thead><tr>
                            <Head at=0 word="Health" order/>
                            <Head at=1 word="Host" order/>
                            <Head at=2 word="Files" title="Files it follows" numeric=true order/>
                            <Head at=3 word="Behind" title="Bytes in its files that are not acknowledged" numeric=true order/>
                            <Head at=4 word="For" title="How long its slowest file has been behind" numeric=true order/>
                            <Head at=5 word="Rate" title="Bytes it reads a second, lately" numeric=true order/>
                            <Head at=6 word="Acknowledged" title="Records, since its start" numeric=true order/>
                            <Head at=7 word="Lost" title="Bytes that were gone before they were read, since its start" numeric=true order/>
                            <Head at=8 word="Seen" order/>
                            <Head at=9 word="Version" order/>
                        </tr></thead>
                        <tbody>
                            {move || shown.with(|agents| {
                                let opened = opened.get();
                                agents
                                    .iter()
                                    .take(ROWS_DRAWN_MAX)
                                    .map(|agent| row(app, agent, opened.as_ref() == Some(&agent.agent), of_opened))
                                    .collect_view()
                            })}
                        </tbody>
                    </table>
                    {move || shown.with(|agents| agents.is_empty()).then(|| view! { <p class="table-rest">"No agent is like this."</p> })}
                    {move || rest(ROWS_DRAWN_MAX, shown.with(Vec::len))}
                </div>
            }
            .into_any()
        }}
    }
}

fn row(
    app: App,
    agent: &AgentState,
    is_open: bool,
    (wanted_file, files_order): (RwSignal<String>, Order),
) -> impl IntoView + use<> {
    let id = agent.agent.clone();
    let open = move |_| app.go_to_part(Part::Agents, (!is_open).then(|| id.clone()));
    let files = match (agent.files_failed, agent.files_behind) {
        (0, 0) => number::grouped(agent.files),
        (0, behind) => format!("{} ({} behind)", number::grouped(agent.files), number::grouped(behind)),
        (failed, _) => format!("{} ({} failing)", number::grouped(agent.files), number::grouped(failed)),
    };
    let lag = if agent.lag_bytes == 0 {
        "–".to_owned()
    } else {
        number::bytes(agent.lag_bytes)
    };
    let lag_for = if agent.lag_bytes == 0 {
        "–".to_owned()
    } else {
        number::duration(agent.lag_seconds * 1_000.0)
    };
    view! {
        <tr class="opens" class:current=is_open>
            <td>
                <button class="health" aria-expanded=is_open.to_string() on:click=open title=agent.reason.clone().unwrap_or_default()>
                    {mark(agent.health)}{word(agent.health)}
                </button>
            </td>
            <td><b>{agent.host.clone()}</b></td>
            <td class="number">{files}</td>
            <td class="number">{lag}</td>
            <td class="number">{lag_for}</td>
            <td class="number">{number::bytes(agent.rate_bytes_per_second.max(0.0) as u64)}"/s"</td>
            <td class="number">{number::grouped(agent.records_acked)}</td>
            <td class="number" class:bad=agent.lost_bytes != 0>{number::bytes(agent.lost_bytes)}</td>
            <td>{ago(app, &agent.last_seen)}</td>
            <td>{agent.version.clone()}</td>
        </tr>
        {is_open.then(|| view! { <tr class="opened-below"><td colspan="10"><Agent wanted=wanted_file order=files_order/></td></tr> })}
    }
}

fn key(agent: &AgentState, column: usize) -> Key {
    match column {
        0 => Key::Number(f64::from(agent.health as u8)),
        1 => Key::Text(agent.host.clone()),
        2 => Key::Number(agent.files as f64),
        3 => Key::Number(agent.lag_bytes as f64),
        4 => Key::Number(agent.lag_seconds),
        5 => Key::Number(agent.rate_bytes_per_second),
        6 => Key::Number(agent.records_acked as f64),
        7 => Key::Number(agent.lost_bytes as f64),
        8 => Key::Text(agent.last_seen.clone()),
        _ => Key::Text(agent.version.clone()),
    }
}

/// Health by shape and colour; the word stands beside it.
fn mark(health: AgentHealth) -> impl IntoView {
    view! { <i class=format!("health-mark is-{}", health.name()) aria-hidden="true"></i> }
}

fn word(health: AgentHealth) -> &'static str {
    match health {
        AgentHealth::Ok => "Well",
        AgentHealth::Lagging => "Behind",
        AgentHealth::Error => "Failing",
        AgentHealth::Silent => "Silent",
    }
}

fn nothing() -> impl IntoView {
    view! {
        <div class="empty">
            <h2>"No agent has reported yet"</h2>
            <p>"Agents follow files on a machine and ship each line once. This one is started beside the page by `timberline up`; on other machines:"</p>
            <p class="empty-code"><code>"timberline agent --collector http://THIS-HOST:4317 --tail '/var/log/**/*.log'"</code></p>
        </div>
    }
}
