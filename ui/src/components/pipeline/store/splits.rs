//! The splits, one by one.

use leptos::prelude::*;
use timberline_proto::api::SplitState;

use crate::{
    components::{
        pipeline::{ROWS_DRAWN_MAX, ago, rest},
        sorted::{Head, Key, Order, sort},
    },
    model::app::App,
    text::number,
};

/// The table.
#[component]
pub(super) fn Splits() -> impl IntoView {
    let app = App::get();
    let splits = app.pipeline.splits;
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
        {move || bad.with(|bad| bad.iter().map(|split| {
            let text = format!("{}: {}", split.id, split.quarantined.clone().unwrap_or_default());
            view! { <p class="bad store-bad">{text}</p> }
        }).collect_view())}
        <div class="table-scroll">
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
