//! What a list of lines shows and how it goes on: an answer, the live tail, a file.

use leptos::prelude::*;

use super::{paging::Edges, window::Window};

/// Which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The answer to a question, newest first.
    Answer,
    /// What comes in, newest last.
    Tail,
    /// A file, in its own order.
    File,
}

/// Lines and where the list is in them. Copies share it.
#[derive(Clone, Copy)]
pub(crate) struct Feed {
    /// Which.
    pub kind: Kind,
    /// The lines held.
    pub window: RwSignal<Window>,
    /// How it goes on at both ends.
    pub edges: RwSignal<Edges>,
    /// The next window is shown from its end.
    pub from_end: RwSignal<bool>,
    /// The next window is shown with this record in the middle.
    pub center: StoredValue<Option<String>>,
    /// The times of the first and last line in sight, milliseconds.
    pub seen: RwSignal<Option<(i64, i64)>>,
    /// The index of the first line in sight.
    pub seen_first: RwSignal<i64>,
}

impl Feed {
    pub(crate) fn new(kind: Kind) -> Feed {
        Feed {
            kind,
            window: RwSignal::new(Window::default()),
            edges: RwSignal::new(Edges::default()),
            from_end: RwSignal::new(false),
            center: StoredValue::new(None),
            seen: RwSignal::new(None),
            seen_first: RwSignal::new(0),
        }
    }
}
