//! The ledger: what became of every byte of every file, and every gap by name.

use leptos::prelude::*;
use timberline_proto::{
    api::{LedgerAnswer, LedgerGap, LedgerSource, LedgerTotal},
    gap::{self, GapClass},
};

use super::{ROWS_DRAWN_MAX, ago, rest, skeleton};
use crate::{
    components::{
        find::Find,
        sorted::{Head, Key, Order, sort},
    },
    model::app::App,
    text::number,
};

/// Where bytes are, in the order of the bar: the word, its class, what it means.
const PARTS: [(&str, &str, &str); 7] = [
    ("held", "is-held", "searchable, in sound splits"),
    (
        "in the queue",
        "is-queued",
        "acknowledged, not yet published; found from memory",
    ),
    ("removed", "is-removed", "deleted by retention"),
    ("left out", "is-policy", "dropped by rules"),
    ("empty", "is-empty", "NULs that held nothing"),
    ("damaged", "is-damaged", "in splits that are damaged"),
    ("lost", "is-lost", "gone before they were read, or refused"),
];

/// The part.
#[component]
pub(crate) fn Ledger() -> impl IntoView {
    let app = App::get();
    let pipeline = app.pipeline;
    let order: Order = RwSignal::new(None);
    let wanted = RwSignal::new(String::new());
    let opened = RwSignal::new(None::<String>);
    let shown = Memo::new(move |_| {
        let wanted = wanted.get();
        let mut sources: Vec<LedgerSource> = pipeline.ledger.with(|answer| {
            let all = answer.as_ref().map_or(&[][..], |answer| &answer.sources);
            let is_wanted = |source: &&LedgerSource| source.path.contains(&wanted) || source.host.contains(&wanted);
            all.iter().filter(is_wanted).cloned().collect()
        });
        sort(&mut sources, order.get(), key);
        sources
    });
    let only_loss = move || pipeline.only_loss.get();
    let none_yet = Memo::new(move |_| pipeline.ledger.with(Option::is_none));
    let is_empty = Memo::new(move |_| {
        pipeline
            .ledger
            .with(|answer| answer.as_ref().is_some_and(|answer| answer.total.sources == 0))
            && !only_loss()
    });
    view! {
        {move || {
            if none_yet.get() {
                return skeleton().into_any();
            }
            if is_empty.get() {
                return view! {
                    <div class="empty">
                        <h2>"Nothing was read from files yet"</h2>
                        <p>"As soon as an agent ships a file, every byte of it is accounted for here."</p>
                    </div>
                }
                .into_any();
            }
            view! {
                {move || pipeline.ledger.with(|answer| answer.as_ref().map(total))}
                <div class="tools">
                    <Find word="Find a file or host" wanted/>
                    <button
                        class="chip" class:current=only_loss aria-pressed=move || only_loss().to_string()
                        on:click=move |_| {
                            pipeline.only_loss.update(|only| *only = !*only);
                            pipeline.ask(&app.view.get_untracked());
                        }
                    >
                        "Only with losses"
                    </button>
                </div>
                <div class="table-scroll">
                    <table class="rows wide">
                        <thead><tr>
                            <Head at=0 word="File" order/>
                            <Head at=1 word="Host" order/>
                            <Head at=2 word="Read" numeric=true order/>
                            <Head at=3 word="Acknowledged" numeric=true order/>
                            <Head at=4 word="Held" title="Searchable now" numeric=true order/>
                            <Head at=5 word="Removed" title="By retention" numeric=true order/>
                            <Head at=6 word="Left out" title="By rules" numeric=true order/>
                            <Head at=7 word="Lost" numeric=true order/>
                            <Head at=8 word="Unexplained" title="0 unless the program or a disk is at fault" numeric=true order/>
                        </tr></thead>
                        <tbody>
                            {move || shown.with(|sources| {
                                let open = opened.get();
                                let rows = sources.iter().take(ROWS_DRAWN_MAX);
                                rows.map(|source| row(app, source, opened, open.as_ref() == Some(&source.generation))).collect_view()
                            })}
                        </tbody>
                    </table>
                    {move || shown.with(|sources| sources.is_empty()).then(|| view! {
                        <p class="table-rest">{if only_loss() { "No file has lost a byte." } else { "No file is called so." }}</p>
                    })}
                    {move || rest(ROWS_DRAWN_MAX, shown.with(Vec::len))}
                </div>
            }
            .into_any()
        }}
    }
}

/// The sums, as one bar and its words.
fn total(answer: &LedgerAnswer) -> impl IntoView + use<> {
    let total = &answer.total;
    let parts = parts_of(total);
    let all = parts.iter().sum::<u64>().max(1);
    let bar = PARTS
        .iter()
        .zip(parts)
        .filter(|(_, bytes)| *bytes > 0)
        .map(|((_, class, _), bytes)| {
            let width = format!("max(3px, {:.2}%)", bytes as f64 * 100.0 / all as f64);
            view! { <i class=*class style:width=width></i> }
        })
        .collect_view();
    let words = PARTS
        .iter()
        .zip(parts)
        .filter(|(part, bytes)| *bytes > 0 || part.0 == "held" || part.0 == "lost")
        .map(|((word, class, meaning), bytes)| {
            view! { <span class="ledger-key" title=*meaning><i class=*class></i>{*word}<b>{number::bytes(bytes)}</b></span> }
        })
        .collect_view();
    let reasons = total
        .gaps
        .iter()
        .filter(|gap| gap.class == GapClass::Loss)
        .map(|reason| {
            let (what, way_out) = gap::explained(&reason.reason);
            let text = format!(
                "{} {what} ({})",
                number::bytes(reason.bytes),
                number::counted(reason.ranges, "range", "ranges")
            );
            view! { <p class="bad" title=way_out>{text}</p> }
        })
        .collect_view();
    let queue_gaps = answer
        .queue_gaps
        .iter()
        .map(|gap| {
            let text = format!(
                "{} of topic {}, partition {}, could not be given by the queue: {}",
                number::counted(gap.to - gap.from, "record", "records"),
                gap.topic,
                gap.partition,
                gap.reason
            );
            view! { <p class="bad">{text}</p> }
        })
        .collect_view();
    let unexplained = (total.unexplained != 0).then(|| {
        let text = format!(
            "{} bytes are unexplained: the program or a disk is at fault.",
            number::grouped(total.unexplained.unsigned_abs())
        );
        view! { <p class="bad">{text}</p> }
    });
    let sentence = format!(
        "{} read from {}, {} acknowledged.",
        number::bytes(total.read),
        number::counted(total.sources, "file", "files"),
        number::bytes(total.acked)
    );
    view! {
        <div class="ledger-total">
            <p>{sentence}{(total.unexplained == 0).then_some(" Every byte is accounted for.")}</p>
            <div class="ledger-bar" role="img" aria-label="Where the acknowledged bytes are">{bar}</div>
            <div class="ledger-keys">{words}</div>
            {reasons}{queue_gaps}{unexplained}
        </div>
    }
}

/// In the order of [`PARTS`].
fn parts_of(total: &LedgerTotal) -> [u64; 7] {
    let of_class = |class| {
        total
            .gaps
            .iter()
            .filter(|gap| gap.class == class)
            .map(|gap| gap.bytes)
            .sum()
    };
    [
        total.held,
        total.in_queue,
        total.removed,
        of_class(GapClass::Policy),
        of_class(GapClass::Empty),
        total.damaged,
        total.lost,
    ]
}

fn row(app: App, source: &LedgerSource, opened: RwSignal<Option<String>>, is_open: bool) -> impl IntoView + use<> {
    let generation = source.generation.clone();
    let open =
        move |_| opened.update(|opened| *opened = (opened.as_ref() != Some(&generation)).then(|| generation.clone()));
    let below = is_open.then(|| details(app, source));
    let bytes = |bytes: u64| {
        if bytes == 0 {
            "–".to_owned()
        } else {
            number::bytes(bytes)
        }
    };
    view! {
        <tr class="opens" class:current=is_open>
            <td><button class="link mono" aria-expanded=is_open.to_string() on:click=open>{source.path.clone()}</button>{(!source.followed).then_some(" (ended)")}</td>
            <td>{source.host.clone()}</td>
            <td class="number">{number::bytes(source.read)}</td>
            <td class="number">{number::bytes(source.acked)}</td>
            <td class="number">{number::bytes(source.held)}</td>
            <td class="number">{bytes(source.removed)}</td>
            <td class="number">{bytes(source.policy)}</td>
            <td class="number" class:bad=source.lost != 0>{bytes(source.lost)}</td>
            <td class="number" class:bad=source.unexplained != 0>{source.unexplained.to_string()}</td>
        </tr>
        {below}
    }
}

fn details(app: App, source: &LedgerSource) -> impl IntoView + use<> {
    let gaps = source.gaps.iter().map(|gap| gap_row(app, gap)).collect_view();
    let none = source
        .gaps
        .is_empty()
        .then(|| view! { <p>"No gap: every byte that was read became a record."</p> });
    let more = (source.gaps_total > source.gaps.len() as u64)
        .then(|| view! { <p>{number::grouped(source.gaps_total - source.gaps.len() as u64)}" more gaps: timberline ledger --gaps"</p> });
    let from =
        (source.first_byte > 0).then(|| view! { <span>"from byte "{number::grouped(source.first_byte)}" on"</span> });
    let unread = (source.unread > 0).then(|| view! { <span>{number::bytes(source.unread)}" to be read"</span> });
    let doubled = (source.doubled > 0).then(|| view! { <span>{number::bytes(source.doubled)}" taken twice"</span> });
    view! {
        <tr class="opened-below"><td colspan="9">
            <div class="agent-facts">
                <span>"generation "<code>{source.generation.clone()}</code></span>
                <span>"agent "<code>{source.agent.clone()}</code></span>
                {from}{unread}{doubled}
                {source.first_at.as_deref().map(|at| view! { <span>"first published "{ago(app, at)}</span> })}
                {source.last_at.as_deref().map(|at| view! { <span>"last "{ago(app, at)}</span> })}
            </div>
            {none}
            <table class="plain gaps"><tbody>{gaps}</tbody></table>
            {more}
        </td></tr>
    }
}

fn gap_row(app: App, gap: &LedgerGap) -> impl IntoView + use<> {
    let range = match (gap.from, gap.to) {
        (Some(from), Some(to)) => format!("bytes {}–{}", number::grouped(from), number::grouped(to)),
        _ => "summed up".to_owned(),
    };
    let (what, way_out) = gap::explained(&gap.reason);
    view! {
        <tr>
            <td class="number">{number::bytes(gap.bytes)}</td>
            <td>{range}</td>
            <td class:bad=gap.class == GapClass::Loss title=way_out>{what}</td>
            <td class="mono">{gap.reason.clone()}</td>
            <td>{ago(app, &gap.at)}</td>
        </tr>
    }
}

fn key(source: &LedgerSource, column: usize) -> Key {
    let bytes = match column {
        0 => return Key::Text(source.path.clone()),
        1 => return Key::Text(source.host.clone()),
        2 => source.read,
        3 => source.acked,
        4 => source.held,
        5 => source.removed,
        6 => source.policy,
        7 => source.lost,
        _ => source.unexplained.unsigned_abs(),
    };
    Key::Number(bytes as f64)
}
