//! Live: lines as the server sends them, taken into the page once per drawn frame. What came while the
//! stream was broken off is asked for once it flows again.

mod missed;

use std::{
    cell::RefCell,
    collections::{HashSet, VecDeque},
    rc::Rc,
};

use leptos::{prelude::*, task::spawn_local};
use missed::Seen;
use serde::Deserialize;
use timberline_proto::api::{ApiError, Direction, Frame, QueryRequest, Record};
use wasm_bindgen::{JsCast, closure::Closure};
use web_sys::{AbortController, EventSource, MessageEvent};

use super::{
    feed::{Feed, Kind},
    reach,
    window::{Line, Window},
};
use crate::{api, text::time};

/// Lines that wait to be drawn; more are skipped, the oldest first, and counted.
const WAITING_LINES_MAX: usize = 2_000;
/// Records' own times lie at most about so long before they arrive, where a break is filled.
const BREAK_MARGIN_MS: i64 = 60_000;

/// Whether lines come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Link {
    /// Not asked.
    #[default]
    Closed,
    /// Asked; no answer yet, or asked again after a break.
    Connecting,
    /// Lines come.
    Open,
    /// The server refused.
    Failed(String),
}

/// The live tail. Copies share it.
#[derive(Clone, Copy)]
pub(crate) struct Tail {
    /// Whether lines come.
    pub link: RwSignal<Link>,
    /// The newest lines, newest last.
    pub window: RwSignal<Window>,
    /// Where the list of lines is.
    pub feed: Feed,
    /// Held still; what comes waits.
    pub paused: RwSignal<bool>,
    /// Lines waiting while paused.
    pub waiting: RwSignal<usize>,
    /// Lines not shown because more came than can be read.
    pub skipped: RwSignal<u64>,
    /// Portions of lines that the server let go because this page was too slow.
    pub portions_skipped: RwSignal<u64>,
    /// Lines that came in all.
    pub received: RwSignal<u64>,
    open: StoredValue<Option<Open>, LocalStorage>,
}

struct Open {
    source: EventSource,
    /// The browser calls these as long as the source lives.
    _callbacks: Vec<Closure<dyn FnMut(MessageEvent)>>,
    came: Rc<RefCell<Came>>,
}

/// What came and is not drawn, and what is needed to fill a break.
#[derive(Default)]
struct Came {
    waiting: VecDeque<Record>,
    seen: Seen,
    /// Since when, by this page's clock, nothing comes.
    broken_ms: Option<i64>,
    /// The ids that came while the break is being filled; nothing is drawn before it is.
    filling: Option<(HashSet<String>, AbortController)>,
}

impl Came {
    /// Takes a record that the stream sent.
    fn take(&mut self, record: Record) {
        match &mut self.filling {
            Some((ids, _)) => {
                ids.insert(record.id.clone());
            }
            None => self.seen.note(&record),
        }
        self.waiting.push_back(record);
    }

    /// The oldest above what may wait go; how many.
    fn trim(&mut self) -> u64 {
        let surplus = self.waiting.len().saturating_sub(WAITING_LINES_MAX);
        self.waiting.drain(..surplus);
        surplus as u64
    }

    /// What was missed stands before what came since.
    fn fill(&mut self, answer: Vec<Record>) {
        let Some((ids, _)) = self.filling.take() else { return };
        for record in self.seen.missed(answer, &ids).into_iter().rev() {
            self.waiting.push_front(record);
        }
        for record in &self.waiting {
            self.seen.note(record);
        }
    }

    fn stop_filling(&mut self) {
        if let Some((_, abort)) = self.filling.take() {
            abort.abort();
        }
    }
}

/// What the server could not send.
#[derive(Deserialize)]
struct Skipped {
    /// It could not keep up with so many portions of records.
    blocks: u64,
}

impl Tail {
    pub(crate) fn new() -> Tail {
        let feed = Feed::new(Kind::Tail);
        Tail {
            link: RwSignal::new(Link::Closed),
            window: feed.window,
            feed,
            paused: RwSignal::new(false),
            waiting: RwSignal::new(0),
            skipped: RwSignal::new(0),
            portions_skipped: RwSignal::new(0),
            received: RwSignal::new(0),
            open: StoredValue::new_local(None),
        }
    }

    /// Follows what matches `query`, from now on.
    pub(crate) fn follow(self, query: &str) {
        self.close();
        self.window.update(|window| *window = window.next(0));
        self.skipped.set(0);
        self.portions_skipped.set(0);
        self.received.set(0);
        self.waiting.set(0);
        self.paused.set(false);
        self.connect(query, Rc::default());
    }

    /// Goes on following after a break; what is shown or waits stays.
    pub(crate) fn resume(self, query: &str) {
        let came = self
            .open
            .with_value(|open| open.as_ref().map(|open| Rc::clone(&open.came)));
        self.close();
        self.connect(query, came.unwrap_or_default());
    }

    fn connect(self, query: &str, came: Rc<RefCell<Came>>) {
        self.link.set(Link::Connecting);
        let Ok(source) = EventSource::new(&api::tail_address(query)) else {
            self.link
                .set(Link::Failed("This browser cannot follow a stream.".into()));
            return;
        };
        let callbacks = self.listen(query, &source, &came);
        self.open.set_value(Some(Open {
            source,
            _callbacks: callbacks,
            came,
        }));
    }

    /// Ends it; what is shown stays.
    pub(crate) fn close(self) {
        self.open.update_value(|open| {
            if let Some(open) = open.take() {
                open.source.set_onmessage(None);
                open.source.set_onerror(None);
                open.source.set_onopen(None);
                open.source.close();
                open.came.borrow_mut().stop_filling();
            }
        });
        self.link.set(Link::Closed);
    }

    /// Takes what waits into the window; once per frame.
    pub(crate) fn draw(self) {
        let came = self
            .open
            .with_value(|open| open.as_ref().map(|open| Rc::clone(&open.came)));
        let Some(came) = came else { return };
        let mut came = came.borrow_mut();
        if self.paused.get_untracked() {
            if self.waiting.get_untracked() != came.waiting.len() {
                self.waiting.set(came.waiting.len());
            }
            return;
        }
        if came.waiting.is_empty() || came.filling.is_some() {
            return;
        }
        let records: Vec<Record> = came.waiting.drain(..).collect();
        drop(came);
        self.waiting.set(0);
        self.received.update(|received| *received += records.len() as u64);
        self.window.update(|window| {
            if window.append(records.into_iter().map(Line::new)) {
                window.close_front();
            }
        });
    }

    /// Asks for what came since the stream broke, if it did; what is missed of it by a server that does not
    /// answer this stays missed.
    fn fill(self, query: &str, came: &Rc<RefCell<Came>>) {
        let mut held = came.borrow_mut();
        held.stop_filling();
        let (Some(broken_ms), Ok(abort)) = (held.broken_ms, AbortController::new()) else {
            return;
        };
        let signal = abort.signal();
        // What waits may have come since the break, too.
        let ids = held.waiting.iter().map(|record| record.id.clone()).collect();
        held.filling = Some((ids, abort));
        drop(held);
        let request = QueryRequest {
            query: query.to_owned(),
            from: Some(time::rfc3339(broken_ms - BREAK_MARGIN_MS)),
            limit: Some(WAITING_LINES_MAX as u64),
            direction: Direction::Backward,
            ..QueryRequest::default()
        };
        let came = Rc::clone(came);
        spawn_local(async move {
            let mut found = Vec::new();
            let outcome = api::query(&request, &signal, |frame| {
                if let Frame::Records { records } = frame {
                    found.extend(records);
                }
            })
            .await;
            if signal.aborted() {
                return;
            }
            if outcome.is_err() {
                reach::doubt();
            }
            let mut came = came.borrow_mut();
            came.broken_ms = None;
            came.fill(found);
            let surplus = came.trim();
            drop(came);
            self.skipped.update(|skipped| *skipped += surplus);
        });
    }

    fn listen(
        self,
        query: &str,
        source: &EventSource,
        came: &Rc<RefCell<Came>>,
    ) -> Vec<Closure<dyn FnMut(MessageEvent)>> {
        let on_open = {
            let (query, came) = (query.to_owned(), Rc::clone(came));
            Closure::new(move |_: MessageEvent| {
                self.link.set(Link::Open);
                self.fill(&query, &came);
            })
        };
        let on_error = {
            let (source, came) = (source.clone(), Rc::clone(came));
            Closure::new(move |_: MessageEvent| {
                reach::doubt();
                came.borrow_mut()
                    .broken_ms
                    .get_or_insert_with(|| js_sys::Date::now() as i64);
                self.link.set(if source.ready_state() == EventSource::CLOSED {
                    api::ask_whether_known();
                    Link::Failed("The server ended the stream. Check the query, then follow again.".into())
                } else {
                    Link::Connecting
                });
            })
        };
        let came = Rc::clone(came);
        let on_message = Closure::new(move |message: MessageEvent| {
            if let Some(text) = message.data().as_string() {
                self.take(&message.type_(), &text, &mut came.borrow_mut());
            }
        });
        source.set_onopen(Some(on_open.as_ref().unchecked_ref()));
        source.set_onerror(Some(on_error.as_ref().unchecked_ref()));
        source.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        for name in ["record", "skipped", "failed"] {
            let listening = source.add_event_listener_with_callback(name, on_message.as_ref().unchecked_ref());
            debug_assert!(listening.is_ok());
        }
        vec![on_open, on_error, on_message]
    }

    /// Takes an event of the kind `kind`; what cannot be read is passed over.
    fn take(self, kind: &str, text: &str, came: &mut Came) {
        match kind {
            "record" => {
                if let Ok(record) = serde_json::from_str::<Record>(text) {
                    came.take(record);
                }
            }
            "skipped" => {
                if let Ok(Skipped { blocks }) = serde_json::from_str(text) {
                    self.portions_skipped.update(|count| *count += blocks);
                }
            }
            _ => {
                if let Ok(error) = serde_json::from_str::<ApiError>(text) {
                    self.link.set(Link::Failed(error.message));
                }
            }
        }
        let surplus = came.trim();
        if surplus > 0 {
            self.skipped.update(|count| *count += surplus);
        }
    }
}
