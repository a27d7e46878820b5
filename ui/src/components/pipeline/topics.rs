//! Topics and their partitions: how fast they grow, how large they are, who has taken how much.

use leptos::prelude::*;
use timberline_proto::api::topics::{GroupState, PartitionState, QueueState};

use super::{messages::Messages, skeleton, spoken};
use crate::{
    components::sorted::{Head, Key, Order, sort},
    model::{app::App, view::Part},
    text::number,
};

/// A partition and its topic's name.
#[derive(Clone, Debug, PartialEq)]
struct Row {
    topic: String,
    state: PartitionState,
}

impl Row {
    /// As the address says it.
    fn id(&self) -> String {
        format!("{}/{}", self.topic, self.state.partition)
    }

    fn lag(&self) -> u64 {
        self.state.groups.iter().map(|group| group.lag).max().unwrap_or(0)
    }
}

/// The part.
#[component]
pub(crate) fn Topics() -> impl IntoView {
    let app = App::get();
    let topics = app.pipeline.topics;
    let order: Order = RwSignal::new(None);
    let rows = Memo::new(move |_| {
        let mut rows: Vec<Row> = topics.with(|answer| {
            let all = answer.iter().flat_map(|answer| &answer.topics);
            all.flat_map(|topic| {
                topic.partitions.iter().map(|state| Row {
                    topic: topic.name.clone(),
                    state: state.clone(),
                })
            })
            .collect()
        });
        sort(&mut rows, order.get(), key);
        rows
    });
    let opened = Memo::new(move |_| app.view.with(|view| view.item.clone()));
    let none_yet = Memo::new(move |_| topics.with(Option::is_none));
    let no_topics = Memo::new(move |_| app.pipeline.no_topics.get());
    view! {
        {move || {
            if no_topics.get() {
                return elsewhere(app).into_any();
            }
            if none_yet.get() {
                return skeleton().into_any();
            }
            view! {
                {move || topics.with(|answer| answer.as_ref().map(|answer| queue(&answer.queue)))}
                <div class="table-scroll">
                    <table class="rows wide">
                        <thead><tr>
                            <Head at=0 word="Topic" order/>
                            <Head at=1 word="Partition" numeric=true order/>
                            <Head at=2 word="Lines/s" title="Records a second, over the last half minute" numeric=true order/>
                            <th scope="col"><span class="table-head">"Lately"</span></th>
                            <Head at=3 word="Bytes/s" title="Packed, over the last half minute" numeric=true order/>
                            <Head at=4 word="Size" title="Bytes of its segments" numeric=true order/>
                            <Head at=5 word="Segments" numeric=true order/>
                            <Head at=6 word="First" title="The first offset held" numeric=true order/>
                            <Head at=7 word="Next" title="The offset of the next record" numeric=true order/>
                            <Head at=8 word="Behind" title="Records that its slowest reader has not read" numeric=true order/>
                        </tr></thead>
                        <tbody>
                            {move || {
                                let opened = opened.get();
                                rows.with(|rows| rows.iter().map(|row| partition(app, row, opened.as_ref() == Some(&row.id()))).collect_view())
                            }}
                        </tbody>
                    </table>
                    {move || rows.with(Vec::is_empty).then(|| view! { <p class="table-rest">"No topic yet: the first record makes one."</p> })}
                    {move || opened.get().map(|_| view! { <Messages/> })}
                </div>
            }
            .into_any()
        }}
    }
}

/// The queue as a whole, and how long it keeps what was taken.
fn queue(queue: &QueueState) -> impl IntoView + use<> {
    let kept = format!(
        "Taken by {} it stays {} or {}, in segments of {}.",
        match queue.required_groups.is_empty() {
            true => "anybody".to_owned(),
            false => queue.required_groups.join(", "),
        },
        spoken(queue.retention_seconds as i64 * 1_000),
        number::bytes(queue.retention_bytes),
        number::bytes(queue.segment_bytes_max),
    );
    let used = format!(
        "{} of {} ({}); senders are slowed from {} % on",
        number::bytes(queue.bytes),
        number::bytes(queue.bytes_max),
        number::share(queue.bytes, queue.bytes_max),
        queue.high_water_percent
    );
    let free = queue
        .disk_free_bytes
        .map(|bytes| format!("{} free on its disk", number::bytes(bytes)));
    let trouble = queue.not_ready.clone().or_else(|| queue.pressure.clone());
    view! {
        <div class="agent-facts queue-facts"><span>{used}</span><span>{free}</span><span>{kept}</span></div>
        {trouble.map(|trouble| view! { <p class="bad store-bad" role="alert">{trouble}</p> })}
    }
}

fn partition(app: App, row: &Row, is_open: bool) -> impl IntoView + use<> {
    let id = row.id();
    let state = &row.state;
    let open = move |_| app.go_to_part(Part::Topics, (!is_open).then(|| id.clone()));
    let lag = row.lag();
    let details = is_open.then(|| details(state));
    view! {
        <tr class="opens" class:current=is_open>
            <td><button class="link" aria-expanded=is_open.to_string() on:click=open><b>{row.topic.clone()}</b></button></td>
            <td class="number">{state.partition}</td>
            <td class="number">{number::compact(state.records_per_second)}</td>
            <td>{course(&state.course)}</td>
            <td class="number">{number::bytes(state.bytes_per_second.max(0.0) as u64)}"/s"</td>
            <td class="number">{number::bytes(state.bytes)}</td>
            <td class="number">{number::grouped(state.segments)}</td>
            <td class="number">{number::grouped(state.start_offset)}</td>
            <td class="number">{number::grouped(state.end_offset)}</td>
            <td class="number">{if lag == 0 { "–".to_owned() } else { number::grouped(lag) }}</td>
        </tr>
        {details.map(|details| view! { <tr class="opened-below"><td colspan="10">{details}</td></tr> })}
    }
}

fn details(state: &PartitionState) -> impl IntoView + use<> {
    let groups = state.groups.iter().map(group).collect_view();
    let no_groups = state.groups.is_empty();
    let hidden = state.segments.saturating_sub(state.newest_segments.len() as u64);
    let segments = state
        .newest_segments
        .iter()
        .rev()
        .map(|segment| {
            let word = if segment.active { "written to" } else { "sealed" };
            view! { <tr><td class="number">{number::grouped(segment.base_offset)}</td><td class="number">{number::bytes(segment.bytes)}</td><td>{word}</td></tr> }
        })
        .collect_view();
    let trouble = state
        .failed
        .clone()
        .map(|why| format!("It takes no more: {why}"))
        .or_else(|| {
            (state.damaged_batches > 0).then(|| {
                format!(
                    "{} met since the start; their records are lost",
                    number::counted(state.damaged_batches, "damaged batch", "damaged batches")
                )
            })
        });
    view! {
        {trouble.map(|trouble| view! { <p class="bad">{trouble}</p> })}
        <div class="topic-details">
            <table class="plain gaps">
                <thead><tr><th scope="col">"Reader"</th><th scope="col" class="number" title="Records that it has not read">"Behind"</th><th scope="col" class="number" title="Everything before this offset it has read">"Has read to"</th><th scope="col" class="number" title="Everything before this offset it has made durable of its own">"Has taken to"</th><th scope="col" class="number" title="Records that it has read and not made durable yet; they are kept for it">"Kept for it"</th><th scope="col">"Deleting waits for it"</th></tr></thead>
                <tbody>{groups}</tbody>
            </table>
            {no_groups.then(|| view! { <p>"Nobody has read it yet."</p> })}
            <table class="plain gaps">
                <thead><tr><th scope="col" class="number">"Segment from"</th><th scope="col" class="number">"Bytes"</th><th scope="col">"Is"</th></tr></thead>
                <tbody>{segments}</tbody>
            </table>
            {(hidden > 0).then(|| view! { <p class="table-rest">{format!("{} older ones are not listed.", number::grouped(hidden))}</p> })}
        </div>
    }
}

fn group(group: &GroupState) -> impl IntoView + use<> {
    view! {
        <tr>
            <td>{group.group.clone()}</td>
            <td class="number">{number::grouped(group.lag)}</td>
            <td class="number">{group.read.map_or_else(|| "–".to_owned(), number::grouped)}</td>
            <td class="number">{group.position.map_or_else(|| "–".to_owned(), number::grouped)}</td>
            <td class="number">{number::grouped(group.untaken)}</td>
            <td>{if group.required { "yes" } else { "no" }}</td>
        </tr>
    }
}

/// Records a second over the last minutes.
fn course(course: &[f64]) -> impl IntoView + use<> {
    let most = course.iter().copied().fold(0.0, f64::max);
    let width = course.len().max(2) as f64;
    let bars = course
        .iter()
        .enumerate()
        .filter(|(_, value)| **value > 0.0)
        .map(|(at, value)| {
            let height = (value / most * 17.0).max(1.0);
            view! { <rect x=at.to_string() y=format!("{:.1}", 18.0 - height) width="0.8" height=format!("{height:.1}")/> }
        })
        .collect_view();
    let label = format!("Up to {} lines a second in the last minutes", number::compact(most));
    view! { <svg class="spark" viewBox=format!("0 0 {width} 18") preserveAspectRatio="none" role="img" aria-label=label>{bars}</svg> }
}

fn key(row: &Row, column: usize) -> Key {
    let state = &row.state;
    match column {
        0 => Key::Text(row.topic.clone()),
        1 => Key::Number(f64::from(state.partition)),
        2 => Key::Number(state.records_per_second),
        3 => Key::Number(state.bytes_per_second),
        4 => Key::Number(state.bytes as f64),
        5 => Key::Number(state.segments as f64),
        6 => Key::Number(state.start_offset as f64),
        7 => Key::Number(state.end_offset as f64),
        _ => Key::Number(row.lag() as f64),
    }
}

/// A store by itself has no queue.
fn elsewhere(app: App) -> impl IntoView {
    let collector = move || {
        let known = app
            .pipeline
            .status
            .with(|status| status.as_ref().and_then(|status| status.collector.clone()));
        known.unwrap_or_default()
    };
    let command = move || format!("curl http://{}:7700/api/v1/topics", host_of(&collector()));
    view! {
        <div class="empty">
            <h2>"The queue is at the collector"</h2>
            <p>"This store takes its records from "<code class="topics-collector">{collector}</code>". Its topics are shown there, at the collector's own address for pages (`server.http`):"</p>
            <p class="empty-code"><code>{command}</code></p>
        </div>
    }
}

/// The host of an address such as `https://logs.example:4317`.
fn host_of(address: &str) -> &str {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    let end = match rest.strip_prefix('[') {
        Some(v6) => v6.find(']').map_or(rest.len(), |at| at + 2),
        None => rest.find([':', '/']).unwrap_or(rest.len()),
    };
    match &rest[..end] {
        "" => "COLLECTOR",
        host => host,
    }
}

#[cfg(test)]
mod tests {
    use super::host_of;

    #[test]
    fn the_host_of_a_collector_is_read_from_its_address() {
        for (address, host) in [
            ("http://127.0.0.1:4317", "127.0.0.1"),
            ("https://logs.example:4317/", "logs.example"),
            ("http://[::1]:4317", "[::1]"),
            ("logs.example", "logs.example"),
            ("", "COLLECTOR"),
        ] {
            assert_eq!(host_of(address), host);
        }
    }
}
