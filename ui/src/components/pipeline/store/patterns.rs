//! Patterns that take most.

use leptos::prelude::*;
use timberline_proto::api::room::RoomPattern;

use super::{divided, share, told};
use crate::{
    components::{
        patterns::pattern_words,
        sorted::{Head, Key, Order, sort},
    },
    model::{app::App, room::show_lines},
};

/// The table.
#[component]
pub(super) fn Patterns() -> impl IntoView {
    let app = App::get();
    let order: Order = RwSignal::new(None);
    let patterns = told(app, |room| room.patterns.clone());
    let others = told(app, |room| room.patterns_others);
    let shared = told(app, |room| room.shared_file_bytes);
    let all = told(app, |room| room.total.file_bytes);
    let rows = Memo::new(move |_| {
        let mut rows = patterns.get();
        sort(&mut rows, order.get(), key);
        rows
    });
    view! {
        {divided("patterns")}
        <div class="table-scroll">
            <table class="rows wide room named">
                <thead><tr>
                    <Head at=0 word="Pattern" order/>
                    <Head at=1 word="Lines" numeric=true order/>
                    <Head at=2 word="Their bytes" numeric=true order/>
                    <Head at=3 word="On disk" title="In the pages of splits" numeric=true order/>
                    <Head at=4 word="Of raw" title="Bytes on disk of bytes of lines" numeric=true order/>
                </tr></thead>
                <tbody>{move || rows.with(|rows| rows.iter().map(|one| row(app, one, all.get())).collect_view())}</tbody>
                <tfoot>
                    {move || share::others("All other patterns", others.get(), all.get(), 1)}
                    {move || share::shared(shared.get(), all.get())}
                </tfoot>
            </table>
        </div>
    }
}

fn row(app: App, pattern: &RoomPattern, all: u64) -> impl IntoView + use<> {
    let query = format!("template:={}", pattern.template);
    let title = format!("Show the lines: {query}");
    view! {
        <tr>
            <td class="room-name room-pattern">
                <button class="kind-open mono" title=title on:click=move |_| show_lines(app, query.clone())>{pattern_words(&pattern.pattern)}</button>
            </td>
            {share::cells(pattern.sums, all)}
        </tr>
    }
}

fn key(pattern: &RoomPattern, column: usize) -> Key {
    match column {
        0 => Key::Text(pattern.pattern.clone()),
        column => share::key(&pattern.sums, column - 1),
    }
}
