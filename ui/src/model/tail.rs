//! Live: lines as the server sends them, taken into the page once per drawn frame.

use std::{cell::RefCell, collections::VecDeque, rc::Rc};

use leptos::prelude::*;
use serde::Deserialize;
use timberline_proto::api::{ApiError, Record};
use wasm_bindgen::{JsCast, closure::Closure};
use web_sys::{EventSource, MessageEvent};

use super::{
    feed::{Feed, Kind},
    reach,
    window::{Line, Window},
};
use crate::api;

/// Lines that wait to be drawn; more are skipped, the oldest first, and counted.
const WAITING_LINES_MAX: usize = 2_000;

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
    waiting: Rc<RefCell<VecDeque<Record>>>,
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
        self.connect(query);
    }

    /// Goes on following after a break; what is shown stays.
    pub(crate) fn resume(self, query: &str) {
        self.close();
        self.connect(query);
    }

    fn connect(self, query: &str) {
        self.link.set(Link::Connecting);
        let Ok(source) = EventSource::new(&api::tail_address(query)) else {
            self.link
                .set(Link::Failed("This browser cannot follow a stream.".into()));
            return;
        };
        let waiting = Rc::new(RefCell::new(VecDeque::new()));
        let callbacks = self.listen(&source, &waiting);
        self.open.set_value(Some(Open {
            source,
            _callbacks: callbacks,
            waiting,
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
            }
        });
        self.link.set(Link::Closed);
    }

    /// Takes what waits into the window; once per frame.
    pub(crate) fn draw(self) {
        let Some(waiting) = self
            .open
            .with_value(|open| open.as_ref().map(|open| Rc::clone(&open.waiting)))
        else {
            return;
        };
        let mut waiting = waiting.borrow_mut();
        if self.paused.get_untracked() {
            if self.waiting.get_untracked() != waiting.len() {
                self.waiting.set(waiting.len());
            }
            return;
        }
        if waiting.is_empty() {
            return;
        }
        let records: Vec<Record> = waiting.drain(..).collect();
        drop(waiting);
        self.waiting.set(0);
        self.received.update(|received| *received += records.len() as u64);
        self.window.update(|window| {
            if window.append(records.into_iter().map(Line::new)) {
                window.close_front();
            }
        });
    }

    fn listen(
        self,
        source: &EventSource,
        waiting: &Rc<RefCell<VecDeque<Record>>>,
    ) -> Vec<Closure<dyn FnMut(MessageEvent)>> {
        let on_open = Closure::new(move |_: MessageEvent| self.link.set(Link::Open));
        let on_error = {
            let source = source.clone();
            Closure::new(move |_: MessageEvent| {
                reach::doubt();
                self.link.set(if source.ready_state() == EventSource::CLOSED {
                    Link::Failed("The server ended the stream. Check the query, then follow again.".into())
                } else {
                    Link::Connecting
                });
            })
        };
        let waiting = Rc::clone(waiting);
        let on_message = Closure::new(move |message: MessageEvent| {
            if let Some(text) = message.data().as_string() {
                self.take(&message.type_(), &text, &mut waiting.borrow_mut());
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
    fn take(self, kind: &str, text: &str, waiting: &mut VecDeque<Record>) {
        match kind {
            "record" => waiting.extend(serde_json::from_str::<Record>(text)),
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
        let surplus = waiting.len().saturating_sub(WAITING_LINES_MAX);
        if surplus > 0 {
            waiting.drain(..surplus);
            self.skipped.update(|count| *count += surplus as u64);
        }
    }
}
