//! The store: what its splits hold, by topic, and how well they are packed.

use std::collections::BTreeMap;

use leptos::prelude::*;
use timberline_proto::api::SplitState;

use super::{ROWS_DRAWN_MAX, ago, rest, skeleton};
use crate::{
    components::sorted::{Head, Key, Order, sort},
    model::app::App,
    text::number,
};

/// Splits of one topic.
#[derive(Clone, Debug, Default, PartialEq)]
struct Topic {
    name: String,
    splits: u64,
    records: u64,
    raw_bytes: u64,
    file_bytes: u64,
    oldest: String,
    newest: String,
}

/// The part.
#[component]
pub(crate) fn Store() -> impl IntoView {
    let app = App::get();
    let splits = app.pipeline.splits;
    let topics = Memo::new(move |_| splits.with(|splits| splits.as_deref().map_or_else(Vec::new, by_topic)));
    let order: Order = RwSignal::new(None);
    let sorted = Memo::new(move |_| {
        let mut list = splits.get().unwrap_or_default();
        sort(&mut list, order.get(), key);
        list
    });
    let bad = Memo::new(move |_| {
        splits.with(|splits| {
            let all = splits.iter().flatten();
            all.filter(|split| split.quarantined.is_some())
                .cloned()
                .collect::<Vec<_>>()
        })
    });
    view! {
        {move || {
            if splits.with(Option::is_none) {
                return skeleton().into_any();
            }
            if splits.with(|splits| splits.as_ref().is_some_and(Vec::is_empty)) {
                return view! {
                    <div class="empty">
                        <h2>"No split yet"</h2>
                        <p>"Lines are searchable from memory at once; every few seconds they become a split on disk, listed here."</p>
                    </div>
                }
                .into_any();
            }
            view! {
                {move || bad.with(|bad| bad.iter().map(|split| {
                    let text = format!("{}: {}", split.id, split.quarantined.clone().unwrap_or_default());
                    view! { <p class="bad store-bad">{text}</p> }
                }).collect_view())}
                <div class="table-scroll">
                    <table class="rows wide">
                        <thead><tr>
                            <th scope="col"><span class="table-head">"Topic"</span></th>
                            <th scope="col" class="number"><span class="table-head">"Splits"</span></th>
                            <th scope="col" class="number"><span class="table-head">"Lines"</span></th>
                            <th scope="col" class="number"><span class="table-head">"Their bytes"</span></th>
                            <th scope="col" class="number"><span class="table-head">"On disk"</span></th>
                            <th scope="col" class="number"><span class="table-head">"Of raw"</span></th>
                            <th scope="col"><span class="table-head">"Oldest"</span></th>
                            <th scope="col"><span class="table-head">"Newest"</span></th>
                        </tr></thead>
                        <tbody>{move || topics.with(|topics| topics.iter().map(|topic| topic_row(app, topic)).collect_view())}</tbody>
                    </table>
                    <h2 class="store-splits">"Splits"</h2>
                    <table class="rows wide">
                        <thead><tr>
                            <Head at=0 word="Split" order/>
                            <Head at=1 word="Topic" order/>
                            <Head at=2 word="Lines" numeric=true order/>
                            <Head at=3 word="Their bytes" numeric=true order/>
                            <Head at=4 word="On disk" numeric=true order/>
                            <Head at=5 word="Of raw" numeric=true order/>
                            <Head at=6 word="Merged" title="Merges behind it" numeric=true order/>
                            <Head at=7 word="Oldest" order/>
                            <Head at=8 word="Newest" order/>
                        </tr></thead>
                        <tbody>{move || sorted.with(|splits| splits.iter().take(ROWS_DRAWN_MAX).map(|split| split_row(app, split)).collect_view())}</tbody>
                    </table>
                    {move || rest(ROWS_DRAWN_MAX, sorted.with(Vec::len))}
                </div>
            }
            .into_any()
        }}
    }
}

fn by_topic(splits: &[SplitState]) -> Vec<Topic> {
    let mut topics: BTreeMap<&str, Topic> = BTreeMap::new();
    for split in splits {
        let topic = topics.entry(&split.topic).or_insert_with(|| Topic {
            name: split.topic.clone(),
            oldest: split.oldest.clone(),
            ..Topic::default()
        });
        topic.splits += 1;
        topic.records += split.records;
        topic.raw_bytes += split.raw_bytes;
        topic.file_bytes += split.file_bytes;
        if split.oldest < topic.oldest {
            topic.oldest.clone_from(&split.oldest);
        }
        if split.newest > topic.newest {
            topic.newest.clone_from(&split.newest);
        }
    }
    topics.into_values().collect()
}

fn topic_row(app: App, topic: &Topic) -> impl IntoView + use<> {
    view! {
        <tr>
            <td><b>{topic.name.clone()}</b></td>
            <td class="number">{number::grouped(topic.splits)}</td>
            <td class="number">{number::grouped(topic.records)}</td>
            <td class="number">{number::bytes(topic.raw_bytes)}</td>
            <td class="number">{number::bytes(topic.file_bytes)}</td>
            <td class="number">{number::share(topic.file_bytes, topic.raw_bytes)}</td>
            <td>{ago(app, &topic.oldest)}</td>
            <td>{ago(app, &topic.newest)}</td>
        </tr>
    }
}

fn split_row(app: App, split: &SplitState) -> impl IntoView + use<> {
    view! {
        <tr>
            <td class="mono" class:bad=split.quarantined.is_some()>{split.id.clone()}</td>
            <td>{split.topic.clone()}</td>
            <td class="number">{number::grouped(split.records)}</td>
            <td class="number">{number::bytes(split.raw_bytes)}</td>
            <td class="number">{number::bytes(split.file_bytes)}</td>
            <td class="number">{number::share(split.file_bytes, split.raw_bytes)}</td>
            <td class="number">{number::grouped(split.level.into())}</td>
            <td>{ago(app, &split.oldest)}</td>
            <td>{ago(app, &split.newest)}</td>
        </tr>
    }
}

fn key(split: &SplitState, column: usize) -> Key {
    match column {
        0 => Key::Text(split.id.clone()),
        1 => Key::Text(split.topic.clone()),
        2 => Key::Number(split.records as f64),
        3 => Key::Number(split.raw_bytes as f64),
        4 => Key::Number(split.file_bytes as f64),
        5 => Key::Number(split.file_bytes as f64 / split.raw_bytes.max(1) as f64),
        6 => Key::Number(f64::from(split.level)),
        7 => Key::Text(split.oldest.clone()),
        _ => Key::Text(split.newest.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_are_summed_up_by_topic() {
        let split = |topic: &str, oldest: &str, newest: &str| SplitState {
            topic: topic.into(),
            records: 2,
            raw_bytes: 100,
            file_bytes: 7,
            oldest: oldest.into(),
            newest: newest.into(),
            ..SplitState::default()
        };
        let topics = by_topic(&[split("b", "2", "3"), split("a", "5", "6"), split("b", "1", "2")]);
        let names: Vec<&str> = topics.iter().map(|topic| topic.name.as_str()).collect();
        assert_eq!(names, ["a", "b"]);
        assert_eq!((topics[1].splits, topics[1].records, topics[1].file_bytes), (2, 4, 14));
        assert_eq!((topics[1].oldest.as_str(), topics[1].newest.as_str()), ("1", "3"));
    }
}
