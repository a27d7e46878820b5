//! The store as a whole: by topic, by what the bytes of its files hold, by merges.

use leptos::prelude::*;
use timberline_proto::api::room::{RoomAnswer, RoomLevel, RoomMerges, RoomPart, RoomTopic};

use super::{of_all, share, told, trouble};
use crate::{
    components::{
        pipeline::ago,
        sorted::{Head, Key, Order, sort},
    },
    model::app::App,
    text::number,
};

/// Parts of a file: the API's word, ours, what they hold. In the order of the bar.
const PARTS: [(&str, &str, &str); 8] = [
    ("text", "what differs in lines", "The variables of lines"),
    ("templates", "what repeats", "The fixed words of lines, once for many"),
    (
        "core",
        "times and streams",
        "Time, severity, stream, place in the queue",
    ),
    ("index", "index", "Which pages hold a word"),
    (
        "provenance",
        "places in files",
        "From which bytes of which file each line came",
    ),
    ("attributes", "attributes", "What records have besides their lines"),
    ("summary", "summaries", "Counts that need no page"),
    ("footer", "footers", "Checksums, and where everything stands"),
];

/// The tables.
#[component]
pub(super) fn Whole() -> impl IntoView {
    let app = App::get();
    let order: Order = RwSignal::new(None);
    let topics = told(app, |room| room.topics.clone());
    let levels = told(app, |room| room.levels.clone());
    let all = told(app, |room| room.total.file_bytes);
    let rows = Memo::new(move |_| {
        let mut rows = topics.get();
        sort(&mut rows, order.get(), key);
        rows
    });
    view! {
        {move || app.pipeline.room.with(|room| room.as_ref().map(trouble))}
        <div class="table-scroll">
            <table class="rows wide room">
                <thead><tr>
                    <Head at=0 word="Topic" order/>
                    <Head at=1 word="Splits" numeric=true order/>
                    <Head at=2 word="Lines" numeric=true order/>
                    <Head at=3 word="Their bytes" numeric=true order/>
                    <Head at=4 word="On disk" numeric=true order/>
                    <Head at=5 word="Of raw" title="Bytes on disk of bytes of lines" numeric=true order/>
                    <Head at=6 word="Oldest" order/>
                    <Head at=7 word="Newest" order/>
                </tr></thead>
                <tbody>{move || rows.with(|rows| rows.iter().map(|topic| topic_row(app, topic, all.get())).collect_view())}</tbody>
            </table>
            {move || app.pipeline.room.with(|room| room.as_ref().map(parts))}
            <h2 class="store-splits">"Merging"</h2>
            <p class="room-note">{move || app.pipeline.room.with(|room| room.as_ref().map(|room| waiting(room.merges.as_ref())))}</p>
            <table class="rows wide room">
                <thead><tr>
                    <th scope="col"><span class="table-head">"Splits that are"</span></th>
                    <th scope="col" class="number"><span class="table-head">"Splits"</span></th>
                    <th scope="col" class="number"><span class="table-head">"Lines"</span></th>
                    <th scope="col" class="number"><span class="table-head">"Their bytes"</span></th>
                    <th scope="col" class="number"><span class="table-head">"On disk"</span></th>
                    <th scope="col" class="number"><span class="table-head">"Of raw"</span></th>
                </tr></thead>
                <tbody>{move || levels.with(|levels| levels.iter().map(|level| level_row(level, all.get())).collect_view())}</tbody>
            </table>
        </div>
    }
}

/// What the bytes of the files hold, as a bar.
fn parts(room: &RoomAnswer) -> impl IntoView + use<> {
    let all: u64 = room.parts.iter().map(|part| part.file_bytes).sum();
    let ordered = in_order(&room.parts);
    let bar = ordered
        .iter()
        .enumerate()
        .filter(|(_, (_, bytes))| *bytes > 0)
        .map(|(at, (_, bytes))| {
            view! { <i class=format!("is-part-{}", at + 1) style:flex-grow=bytes.to_string()></i> }
        })
        .collect_view();
    let words = ordered
        .iter()
        .enumerate()
        .filter(|(_, (_, bytes))| *bytes > 0)
        .map(|(at, ((_, word, meaning), bytes))| {
            let title = format!("{meaning}: {}", of_all(*bytes, all));
            view! {
                <span class="ledger-key room-part" title=title>
                    <i class=format!("is-part-{}", at + 1)></i>{*word}<b>{number::bytes(*bytes)}</b>{number::share(*bytes, all)}
                </span>
            }
        })
        .collect_view();
    view! {
        <h2 class="store-splits">"What the bytes on disk hold"</h2>
        <div class="ledger-bar" role="img" aria-label="What the bytes on disk hold">{bar}</div>
        <div class="ledger-keys room-parts">{words}</div>
    }
}

type Part = (&'static str, &'static str, &'static str);

/// The parts as [`PARTS`] orders them.
fn in_order(parts: &[RoomPart]) -> Vec<(Part, u64)> {
    let bytes = |name: &str| {
        let known = parts.iter().find(|part| part.name == name);
        known.map_or(0, |part| part.file_bytes)
    };
    PARTS.into_iter().map(|part| (part, bytes(part.0))).collect()
}

fn waiting(merges: Option<&RoomMerges>) -> String {
    match merges {
        None => "Nobody merges here.".into(),
        Some(RoomMerges { merges: 0, .. }) => "Nothing waits to be merged.".into(),
        Some(merges) => format!(
            "{} of {} wait to be joined in {}, once there is time.",
            number::counted(merges.splits, "split", "splits"),
            number::bytes(merges.sums.file_bytes),
            number::counted(merges.merges, "merge", "merges")
        ),
    }
}

fn topic_row(app: App, topic: &RoomTopic, all: u64) -> impl IntoView + use<> {
    view! {
        <tr>
            <td><b>{topic.name.clone()}</b></td>
            <td class="number">{number::grouped(topic.splits)}</td>
            {share::cells(topic.sums, all)}
            <td>{ago(app, &topic.oldest)}</td>
            <td>{ago(app, &topic.newest)}</td>
        </tr>
    }
}

fn level_row(level: &RoomLevel, all: u64) -> impl IntoView + use<> {
    let word = match level.level {
        0 => "as written from the queue".to_owned(),
        1 => "merged once".to_owned(),
        2 => "merged twice".to_owned(),
        times => format!("merged {times} times"),
    };
    view! {
        <tr>
            <td>{word}</td>
            <td class="number">{number::grouped(level.splits)}</td>
            {share::cells(level.sums, all)}
        </tr>
    }
}

fn key(topic: &RoomTopic, column: usize) -> Key {
    match column {
        0 => Key::Text(topic.name.clone()),
        1 => Key::Number(topic.splits as f64),
        6 => Key::Text(topic.oldest.clone()),
        7 => Key::Text(topic.newest.clone()),
        column => share::key(&topic.sums, column - 2),
    }
}

#[cfg(test)]
mod tests {
    use timberline_proto::api::room::RoomSums;

    use super::*;

    #[test]
    fn what_waits_is_said_in_a_sentence() {
        let merges = RoomMerges {
            merges: 1,
            splits: 6,
            sums: RoomSums {
                file_bytes: 3 << 20,
                ..RoomSums::default()
            },
        };
        assert_eq!(
            waiting(Some(&merges)),
            "6 splits of 3 MiB wait to be joined in 1 merge, once there is time."
        );
        assert_eq!(waiting(Some(&RoomMerges::default())), "Nothing waits to be merged.");
    }

    #[test]
    fn a_part_that_is_not_told_takes_nothing() {
        let parts = [RoomPart {
            name: "index".into(),
            file_bytes: 7,
        }];
        let ordered = in_order(&parts);
        assert_eq!((ordered.len(), ordered[3].1, ordered[0].1), (8, 7, 0));
    }
}
