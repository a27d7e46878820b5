//! A file as it was written, as in `less`: from the line that one came from, on without end in
//! both directions and over rotations, searched, followed.

use std::{sync::Arc, time::Duration};

use leptos::{prelude::*, task::spawn_local};
use timberline_proto::api::{ApiError, ContextAnswer, FileGeneration, FilesAnswer, FindAnswer, Record};
use web_sys::AbortController;

use super::{
    app::App,
    feed::{Feed, Kind},
    paging::{Edge, Edges},
    search::ROOM_LINES,
    view::encode,
    window::Line,
};
use crate::api::{self, Failure};

/// Lines asked for before, and behind, the one that one came from.
const AROUND_LINES: u32 = 300;
/// Lines asked for as an end comes near.
const MORE_LINES: u32 = 500;
/// Between two looks for lines that came since.
const FOLLOW_INTERVAL: Duration = Duration::from_secs(1);

/// Which end of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Its first line.
    First,
    /// Its last line so far.
    Last,
}

/// The file that is shown. Copies share it.
#[derive(Clone, Copy)]
pub(crate) struct File {
    /// Its lines.
    pub feed: Feed,
    /// An answer is awaited that will take the place of what is shown.
    pub busy: RwSignal<bool>,
    /// What went wrong.
    pub error: RwSignal<Option<ApiError>>,
    /// What of it cannot be read.
    pub partial: RwSignal<Vec<String>>,
    /// What is held of the generation whose line one came from.
    pub generation: RwSignal<Option<FileGeneration>>,
    /// Stays at the end as lines come.
    pub follow: RwSignal<bool>,
    /// What the search in the file says.
    pub found: RwSignal<String>,
    /// The field of the search wants the keyboard.
    pub focus_find: RwSignal<u64>,
    abort: StoredValue<Option<AbortController>, LocalStorage>,
    asked: StoredValue<u64>,
    looks: StoredValue<u64>,
}

impl File {
    pub(crate) fn new() -> File {
        File {
            feed: Feed::new(Kind::File),
            busy: RwSignal::new(false),
            error: RwSignal::new(None),
            partial: RwSignal::new(Vec::new()),
            generation: RwSignal::new(None),
            follow: RwSignal::new(false),
            found: RwSignal::new(String::new()),
            focus_find: RwSignal::new(0),
            abort: StoredValue::new_local(None),
            asked: StoredValue::new(0),
            looks: StoredValue::new(0),
        }
    }

    /// Shows the file around the record `id`.
    pub(crate) fn ask(self, app: App, id: &str) {
        self.follow.set(false);
        self.found.set(String::new());
        let address = format!(
            "/api/v1/context?id={}&before={AROUND_LINES}&after={AROUND_LINES}",
            encode(id)
        );
        let id = id.to_owned();
        self.show(address, move |records| {
            // Within a long line's parts it is the line that is shown.
            let at = records.iter().position(|record| record.id == id);
            let center = at.map_or(id, |at| records[at].id.clone());
            self.feed.center.set_value(Some(center.clone()));
            (Some(center), app)
        });
    }

    /// Shows an end of the file whose line is in sight.
    pub(crate) fn travel(self, app: App, end: End) {
        let Some(id) = self.id_in_sight(app) else { return };
        let (word, count) = match end {
            End::First => ("first", "after"),
            End::Last => ("last", "before"),
        };
        let address = format!("/api/v1/context?id={}&edge={word}&{count}={MORE_LINES}", encode(&id));
        self.show(address, move |_| {
            self.feed.from_end.set(end == End::Last);
            (None, app)
        });
    }

    /// Lets go of what is on its way.
    pub(crate) fn leave(self) {
        self.follow.set(false);
        self.let_go();
        self.busy.set(false);
    }

    /// Fetches lines before the first.
    pub(crate) fn load_front(self) {
        self.load(true);
    }

    /// Fetches lines behind the last.
    pub(crate) fn load_back(self) {
        self.load(false);
    }

    /// Stays at the end of the file, or no longer.
    pub(crate) fn set_following(self, app: App, follows: bool) {
        self.follow.set(follows);
        if follows {
            self.travel(app, End::Last);
            self.looks.update_value(|looks| *looks += 1);
            self.look_again(self.looks.get_value());
        }
    }

    /// Goes to the next line that holds `text`, from the chosen line or the first in sight.
    pub(crate) fn find(self, app: App, text: &str, forward: bool) {
        if text.is_empty() {
            self.found.set(String::new());
            return;
        }
        let Some(id) = self.id_in_sight(app) else { return };
        self.follow.set(false);
        let Some((abort, asked)) = self.begin() else { return };
        self.found.set("Looking …".into());
        let address = format!(
            "/api/v1/context/find?id={}&text={}&direction={}",
            encode(&id),
            encode(text),
            if forward { "after" } else { "before" }
        );
        spawn_local(async move {
            let result = api::get::<FindAnswer>(&address, &abort.signal()).await;
            if self.asked.try_get_value() != Some(asked) {
                return;
            }
            self.busy.set(false);
            match result {
                Ok(FindAnswer {
                    record: Some(record), ..
                }) => {
                    self.found.set(String::new());
                    self.go_to(app, &record);
                }
                Ok(_) if forward => self.found.set("Not found below".into()),
                Ok(_) => self.found.set("Not found above".into()),
                Err(failure) => {
                    let message = failure.into_error().map(|error| error.message);
                    self.found.set(message.unwrap_or_default());
                }
            }
        });
    }

    /// Chooses the line, which is fetched with its surroundings if it is not held.
    fn go_to(self, app: App, record: &Record) {
        match self.feed.window.with_untracked(|window| window.index_of(&record.id)) {
            Some(index) => app.choose(index),
            None => app.show_file(&record.id, &record.timestamp),
        }
    }

    /// The chosen line, or the first in sight.
    fn id_in_sight(self, app: App) -> Option<String> {
        let index = app
            .selected
            .get_untracked()
            .unwrap_or_else(|| self.feed.seen_first.get_untracked());
        self.feed.window.with_untracked(|window| {
            let line = window.get(index).or(window.front())?;
            Some(line.record.id.clone())
        })
    }

    fn begin(self) -> Option<(AbortController, u64)> {
        self.let_go();
        let abort = AbortController::new().ok()?;
        self.abort.set_value(Some(abort.clone()));
        self.busy.set(true);
        Some((abort, self.asked.get_value()))
    }

    fn let_go(self) {
        self.asked.update_value(|asked| *asked += 1);
        self.abort.update_value(|abort| {
            if let Some(abort) = abort.take() {
                abort.abort();
            }
        });
    }

    /// Shows what stands at `address`; `place` says which line is then chosen.
    fn show(self, address: String, place: impl FnOnce(&[Record]) -> (Option<String>, App) + 'static) {
        let Some((abort, asked)) = self.begin() else { return };
        spawn_local(async move {
            let result = api::get::<ContextAnswer>(&address, &abort.signal()).await;
            if self.asked.try_get_value() != Some(asked) {
                return;
            }
            self.busy.set(false);
            let answer = match result {
                Ok(answer) => answer,
                Err(failure) => {
                    self.error.set(failure.into_error());
                    return;
                }
            };
            self.error.set(None);
            self.partial.set(answer.partial);
            let (center, app) = place(&answer.records);
            let mut window = self.feed.window.with_untracked(|window| window.next(ROOM_LINES));
            let generation = answer.records.first().and_then(generation_of);
            window.append(answer.records.into_iter().map(Line::new));
            self.feed.edges.set(Edges {
                front: more(window.front()),
                back: more(window.back()),
                ..Edges::default()
            });
            let chosen = center.and_then(|id| window.index_of(&id));
            let center_generation = chosen
                .and_then(|index| window.get(index))
                .and_then(|line| generation_of(&line.record));
            self.feed.window.set(window);
            match chosen {
                Some(index) => app.choose(index),
                None => app.unchoose(),
            }
            self.describe(center_generation.or(generation), asked).await;
        });
    }

    /// Asks what is held of the file.
    async fn describe(self, generation: Option<String>, asked: u64) {
        let Some(generation) = generation else {
            self.generation.set(None);
            return;
        };
        let Ok(abort) = AbortController::new() else { return };
        let address = format!("/api/v1/files?generation={}", encode(&generation));
        let answer = api::get::<FilesAnswer>(&address, &abort.signal()).await;
        if self.asked.try_get_value() == Some(asked) {
            self.generation
                .set(answer.ok().and_then(|answer| answer.files.into_iter().next()));
        }
    }

    fn load(self, at_front: bool) {
        let edges = self.feed.edges.get_untracked();
        let (edge, loading) = match at_front {
            true => (edges.front, edges.loading_front),
            false => (edges.back, edges.loading_back),
        };
        let Edge::Cursor(id) = edge else { return };
        if loading || self.busy.get_untracked() {
            return;
        }
        self.mark_loading(at_front, true);
        let asked = self.asked.get_value();
        spawn_local(async move {
            let result = self.fetch(&id, at_front).await;
            if self.asked.try_get_value() != Some(asked) {
                return;
            }
            self.mark_loading(at_front, false);
            match result {
                Ok(records) => self.add(records, at_front),
                Err(failure) => self.error.set(failure.into_error()),
            }
        });
    }

    async fn fetch(self, id: &str, at_front: bool) -> Result<Vec<Record>, Failure> {
        let Ok(abort) = AbortController::new() else {
            return Ok(Vec::new());
        };
        let (before, after) = if at_front { (MORE_LINES, 0) } else { (0, MORE_LINES) };
        let address = format!("/api/v1/context?id={}&before={before}&after={after}", encode(id));
        let answer: ContextAnswer = api::get(&address, &abort.signal()).await?;
        if !answer.partial.is_empty() {
            self.partial.set(answer.partial);
        }
        Ok(answer.records)
    }

    fn add(self, records: Vec<Record>, at_front: bool) {
        let mut window = self.feed.window.get_untracked();
        let mut edges = self.feed.edges.get_untracked();
        let lines = window.unknown(records);
        let none = lines.is_empty();
        if at_front {
            let shed = window.prepend(lines.into_iter().rev());
            edges.front = if none { Edge::Reached } else { more(window.front()) };
            if shed {
                edges.back = more(window.back());
            }
        } else {
            let shed = window.append(lines);
            edges.back = if none { Edge::Reached } else { more(window.back()) };
            if shed {
                edges.front = more(window.front());
            }
        }
        self.feed.edges.set(edges);
        if !none {
            self.feed.window.set(window);
        }
    }

    fn mark_loading(self, at_front: bool, loading: bool) {
        self.feed.edges.update(|edges| match at_front {
            true => edges.loading_front = loading,
            false => edges.loading_back = loading,
        });
    }

    /// While it follows: asks for what came since, again and again; who stops and follows again
    /// within the interval begins other looks, and these end.
    fn look_again(self, looks: u64) {
        set_timeout(
            move || {
                if self.follow.try_get_untracked() != Some(true) || self.looks.try_get_value() != Some(looks) {
                    return;
                }
                let last = self
                    .feed
                    .window
                    .with_untracked(|window| window.back().map(|line| line.record.id.clone()));
                let reached = self.feed.edges.with_untracked(|edges| edges.back == Edge::Reached);
                if let Some(last) = last.filter(|_| reached) {
                    self.feed.edges.update(|edges| edges.back = Edge::Cursor(last));
                }
                self.load_back();
                self.look_again(looks);
            },
            FOLLOW_INTERVAL,
        );
    }
}

/// There may be more beyond this line.
fn more(line: Option<&Arc<Line>>) -> Edge {
    line.map_or(Edge::Reached, |line| Edge::Cursor(line.record.id.clone()))
}

fn generation_of(record: &Record) -> Option<String> {
    record.place.as_ref().map(|place| place.generation.clone())
}
