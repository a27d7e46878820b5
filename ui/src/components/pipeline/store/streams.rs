//! Streams that take most.

use leptos::prelude::*;
use timberline_proto::api::room::RoomStream;

use super::{divided, share, told};
use crate::{
    components::sorted::{Head, Key, Order, sort},
    model::{
        app::App,
        room::{search_of, show_lines},
    },
    text::printable::{Layout, printable},
};

/// The table.
#[component]
pub(super) fn Streams() -> impl IntoView {
    let app = App::get();
    let order: Order = RwSignal::new(None);
    let streams = told(app, |room| room.streams.clone());
    let others = told(app, |room| room.streams_others);
    let shared = told(app, |room| room.shared_file_bytes);
    let all = told(app, |room| room.total.file_bytes);
    let has_topics = told(app, |room| room.topics.len() > 1);
    let rows = Memo::new(move |_| {
        let mut rows = streams.get();
        sort(&mut rows, order.get(), key);
        rows
    });
    view! {
        {divided("streams")}
        <div class="table-scroll">
            <table class="rows wide room named">
                <thead><tr>
                    <Head at=0 word="Stream" order/>
                    <Head at=1 word="Lines" numeric=true order/>
                    <Head at=2 word="Their bytes" numeric=true order/>
                    <Head at=3 word="On disk" title="In the pages of splits" numeric=true order/>
                    <Head at=4 word="Of raw" title="Bytes on disk of bytes of lines" numeric=true order/>
                </tr></thead>
                <tbody>{move || rows.with(|rows| rows.iter().map(|one| row(app, one, all.get(), has_topics.get())).collect_view())}</tbody>
                <tfoot>
                    {move || share::others("All other streams", others.get(), all.get(), 1)}
                    {move || share::shared(shared.get(), all.get())}
                </tfoot>
            </table>
        </div>
    }
}

fn row(app: App, stream: &RoomStream, all: u64, has_topics: bool) -> impl IntoView + use<> {
    let query = search_of(stream, has_topics);
    let (name, more) = words(stream, has_topics);
    let title = format!("Show the lines: {query}");
    view! {
        <tr>
            <td class="room-name">
                <button class="link" title=title on:click=move |_| show_lines(app, query.clone())><b>{name}</b></button>
                <span>{more}</span>
            </td>
            {share::cells(stream.sums, all)}
        </tr>
    }
}

/// Where it comes from, and the rest of what is known.
fn words(stream: &RoomStream, has_topics: bool) -> (String, String) {
    let shown = |text: &str| printable(text, Layout::Row).into_owned();
    let of = |name: &str| stream.attributes.get(name).map(|text| shown(text));
    let host = of("host.name");
    let path = of("log.file.path");
    let service = of("service.name");
    let topic = has_topics.then(|| stream.topic.clone());
    let first = host
        .clone()
        .or_else(|| service.clone())
        .unwrap_or_else(|| "no name".to_owned());
    let service = service.filter(|service| Some(service) != host.as_ref());
    let rest: Vec<String> = topic
        .into_iter()
        .chain(service.filter(|service| *service != first))
        .chain(path)
        .collect();
    (first, rest.join(" · "))
}

fn key(stream: &RoomStream, column: usize) -> Key {
    match column {
        0 => {
            let (name, more) = words(stream, true);
            Key::Text(format!("{name} {more}"))
        }
        column => share::key(&stream.sums, column - 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_called_by_its_host_then_its_service_and_says_the_rest() {
        let stream = |attributes: &[(&str, &str)]| RoomStream {
            topic: "logs".into(),
            attributes: attributes
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            ..RoomStream::default()
        };
        let whole = stream(&[
            ("host.name", "web-1"),
            ("service.name", "cart"),
            ("log.file.path", "/a.log"),
        ]);
        assert_eq!(words(&whole, false), ("web-1".into(), "cart · /a.log".into()));
        assert_eq!(words(&whole, true).1, "logs · cart · /a.log");
        assert_eq!(
            words(&stream(&[("service.name", "cart")]), false),
            ("cart".into(), String::new())
        );
        assert_eq!(words(&stream(&[]), false).0, "no name");
    }
}
