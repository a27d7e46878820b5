//! Fields that take most of the lines.

use leptos::prelude::*;
use timberline_proto::api::room::{RoomField, RoomFields};

use super::{share, told};
use crate::{
    components::sorted::{Head, Key, Order, sort},
    lang,
    model::{app::App, room::show_lines},
    text::{
        number,
        printable::{Layout, printable},
    },
};

/// The table.
#[component]
pub(super) fn Fields() -> impl IntoView {
    let app = App::get();
    let order: Order = RwSignal::new(None);
    let known = told(app, |room| room.fields.clone());
    let all = told(app, |room| room.total.raw_bytes - room.unread.raw_bytes);
    let rows = Memo::new(move |_| {
        let mut rows = known.with(|known| known.fields.clone());
        sort(&mut rows, order.get(), key);
        rows
    });
    let rest = move |word: &'static str, bytes: u64| {
        (bytes > 0)
            .then(|| view! { <tr class="room-others"><td colspan="4">{word}</td>{share::bar(bytes, all.get())}</tr> })
    };
    view! {
        <p class="room-note">{move || known.with(sampled)}</p>
        <div class="table-scroll">
            <table class="rows wide room">
                <thead><tr>
                    <Head at=0 word="Field" order/>
                    <Head at=1 word="Lines" numeric=true order/>
                    <Head at=2 word="Its name" title="Bytes of its name in these lines" numeric=true order/>
                    <Head at=3 word="Its values" title="Bytes of its values, without quotes" numeric=true order/>
                    <Head at=4 word="Of lines" title="Bytes of name and values, of the bytes of all lines" numeric=true order/>
                </tr></thead>
                <tbody>{move || rows.with(|rows| rows.iter().map(|one| row(app, one, all.get())).collect_view())}</tbody>
                <tfoot>
                    {move || rest("All other fields", known.with(|known| known.others_bytes))}
                    {move || rest("In no field: text, signs between fields", known.with(|known| known.outside_bytes))}
                </tfoot>
            </table>
        </div>
    }
}

/// From how much it is known.
fn sampled(fields: &RoomFields) -> String {
    if fields.exact {
        return format!(
            "Of every line of {}, as it came, before it was packed.",
            number::counted(fields.pages, "page", "pages")
        );
    }
    format!(
        "From a sample: {} of {} were read, spread evenly, and scaled to the whole. Bytes are those of lines as they came, before they were packed.",
        number::grouped(fields.pages_read),
        number::counted(fields.pages, "page", "pages")
    )
}

fn row(app: App, field: &RoomField, all: u64) -> impl IntoView + use<> {
    let query = lang::with_exists("", &field.name, true);
    let title = format!("Show the lines that have it: {query}");
    view! {
        <tr>
            <td class="room-name mono"><button class="link" title=title on:click=move |_| show_lines(app, query.clone())>{printable(&field.name, Layout::Row).into_owned()}</button></td>
            <td class="number">{number::grouped(field.records)}</td>
            <td class="number" title=share::exactly(field.name_bytes)>{number::bytes(field.name_bytes)}</td>
            <td class="number" title=share::exactly(field.value_bytes)>{number::bytes(field.value_bytes)}</td>
            {share::bar(field.bytes(), all)}
        </tr>
    }
}

fn key(field: &RoomField, column: usize) -> Key {
    match column {
        0 => Key::Text(field.name.clone()),
        1 => Key::Number(field.records as f64),
        2 => Key::Number(field.name_bytes as f64),
        3 => Key::Number(field.value_bytes as f64),
        _ => Key::Number(field.bytes() as f64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_says_of_how_much_it_is() {
        let mut fields = RoomFields {
            pages_read: 64,
            pages: 1_200,
            ..RoomFields::default()
        };
        assert!(sampled(&fields).starts_with("From a sample: 64 of 1,200 pages were read"));
        fields.exact = true;
        assert!(sampled(&fields).starts_with("Of every line of 1,200 pages"));
    }
}
