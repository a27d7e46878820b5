//! What takes the room of the store, and in which way it is looked at.

use leptos::prelude::*;
use timberline_proto::api::{
    SplitsAnswer,
    room::{RoomAnswer, RoomStream},
};
use web_sys::AbortSignal;

use super::{
    app::App,
    pipeline::Pipeline,
    view::{Page, TimeRange},
};
use crate::{
    api::{self, Failure},
    lang,
};

/// Streams, patterns and fields each that are asked for.
const ROWS: usize = 200;

/// By what the room is divided. In the address the item of the part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Aspect {
    /// By topic, part of the file, merges.
    #[default]
    Whole,
    /// By stream.
    Streams,
    /// By pattern.
    Patterns,
    /// By field.
    Fields,
    /// Split by split.
    Splits,
}

impl Aspect {
    /// All of them, in their order, with their words.
    pub(crate) const ALL: [(Aspect, &'static str); 5] = [
        (Aspect::Whole, "Whole"),
        (Aspect::Streams, "Streams"),
        (Aspect::Patterns, "Patterns"),
        (Aspect::Fields, "Fields"),
        (Aspect::Splits, "Splits"),
    ];

    /// Of an address's item.
    pub(crate) fn of(item: Option<&str>) -> Aspect {
        let named = Aspect::ALL
            .into_iter()
            .find(|(aspect, _)| aspect.item().as_deref() == item);
        named.map_or_else(Aspect::default, |(aspect, _)| aspect)
    }

    /// As the address says it.
    pub(crate) fn item(self) -> Option<String> {
        let word = match self {
            Aspect::Whole => return None,
            Aspect::Streams => "streams",
            Aspect::Patterns => "patterns",
            Aspect::Fields => "fields",
            Aspect::Splits => "splits",
        };
        Some(word.to_owned())
    }
}

impl Pipeline {
    /// Asks for what the aspect shows.
    pub(super) async fn receive_store(self, item: Option<String>, abort: &AbortSignal) -> Result<(), Failure> {
        if Aspect::of(item.as_deref()) == Aspect::Splits {
            let answer: SplitsAnswer = api::get("/api/v1/splits", abort).await?;
            self.splits.set(Some(answer.splits));
            return Ok(());
        }
        let answer: RoomAnswer = api::get(&format!("/api/v1/store/room?rows={ROWS}"), abort).await?;
        // What is the same is not drawn anew.
        if self.room.with_untracked(|known| known.as_ref() != Some(&answer)) {
            self.room.set(Some(answer));
        }
        Ok(())
    }
}

/// Shows the lines that a search finds among all that is stored.
pub(crate) fn show_lines(app: App, query: String) {
    app.ask(|view| {
        view.page = Page::Search;
        view.part = Default::default();
        view.item = None;
        view.range = TimeRange::all();
        view.query = query;
    });
}

/// The search that finds a stream's lines.
pub(crate) fn search_of(stream: &RoomStream, with_topic: bool) -> String {
    let topic = with_topic.then_some(("topic", &stream.topic));
    let attributes = stream.attributes.iter().map(|(name, value)| (name.as_str(), value));
    topic
        .into_iter()
        .chain(attributes)
        .fold(String::new(), |query, (name, value)| {
            lang::with_filter(&query, Some(name), value, true)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_aspect_comes_back_from_the_address_and_what_is_none_is_the_whole() {
        for (aspect, _) in Aspect::ALL {
            assert_eq!(Aspect::of(aspect.item().as_deref()), aspect);
        }
        assert_eq!(Aspect::of(Some("nothing")), Aspect::Whole);
    }

    #[test]
    fn a_stream_is_searched_by_all_that_tells_it_from_others() {
        let stream = RoomStream {
            topic: "logs".into(),
            attributes: [("host.name", "web 1"), ("log.file.path", "/var/log/a:b.log")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
            ..RoomStream::default()
        };
        assert_eq!(
            search_of(&stream, true),
            "topic:=logs host.name:=\"web 1\" log.file.path:=/var/log/a:b.log"
        );
        assert!(!search_of(&stream, false).contains("topic"));
    }
}
