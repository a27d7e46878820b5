//! One question and its answer, as it comes in.
//!
//! The answer before stays, marked as stale, until the first frame of the next one is here.

use leptos::{prelude::*, task::spawn_local};
use timberline_proto::api::{
    ApiError, Column, Completeness, FieldsAnswer, FieldsRequest, Frame, HistogramAnswer, HistogramRequest, Progress,
    QueryRequest,
};
use web_sys::{AbortController, AbortSignal};

use super::{
    feed::{Feed, Kind},
    paging::{Edge, Edges},
    prefs::Zone,
    view::View,
    window::{Line, Window},
};
use crate::{
    api::{self, Failure},
    lang,
    text::time,
};

/// Records asked for at once.
pub(crate) const PAGE_LINES: u64 = 500;
/// Rows of a table asked for.
pub(crate) const TABLE_ROWS: u64 = 10_000;
const HISTOGRAM_BINS: u32 = 120;
const FIELD_VALUES: u32 = 10;
/// Indices kept free before the first line when there are newer ones that are not loaded.
pub(crate) const ROOM_LINES: i64 = 100_000;

/// Where an answer is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Asked; nothing has come yet.
    #[default]
    Waiting,
    /// Its first part is here.
    Streaming,
    /// All of it is here, or it failed.
    Done,
    /// Stopped by a person.
    Cancelled,
}

/// The range of time that was asked, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Bounds {
    /// Without: no lower end.
    pub from_ms: Option<i64>,
    /// Without: no upper end.
    pub to_ms: Option<i64>,
    /// When it was asked.
    pub now_ms: i64,
}

impl Bounds {
    /// Of a view, asked now.
    ///
    /// # Errors
    /// What is no time.
    pub(crate) fn of(view: &View, zone: Zone, now_ms: i64) -> Result<Bounds, ApiError> {
        let end = |text: &str| match text {
            "" => Ok(None),
            _ => time::instant(text, now_ms, |ms| zone.offset_ms(ms))
                .map(Some)
                .ok_or_else(|| ApiError {
                    code: "bad_time".into(),
                    message: format!("“{text}” is no time. Write -15m, 2026-11-20 14:30 or 2026-11-20T14:30:00Z."),
                    ..ApiError::default()
                }),
        };
        Ok(Bounds {
            from_ms: end(&view.range.from)?,
            to_ms: end(&view.range.to)?,
            now_ms,
        })
    }

    /// As the API takes them.
    pub(crate) fn request_ends(&self) -> (Option<String>, Option<String>) {
        (self.from_ms.map(time::rfc3339), self.to_ms.map(time::rfc3339))
    }
}

/// Rows of an answer that are not records.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Table {
    /// The columns.
    pub columns: Vec<Column>,
    /// The rows.
    pub rows: Vec<Vec<serde_json::Value>>,
}

/// The question's state. Copies share it.
#[derive(Clone, Copy)]
pub(crate) struct Search {
    /// Where the answer is.
    pub phase: RwSignal<Phase>,
    /// What went wrong.
    pub error: RwSignal<Option<ApiError>>,
    /// The query that the shown answer belongs to.
    pub answered: RwSignal<String>,
    /// The range that was asked.
    pub bounds: RwSignal<Bounds>,
    /// Where the list of lines is.
    pub feed: Feed,
    /// Records, if the answer is records.
    pub window: RwSignal<Window>,
    /// Which ends of the answer are loaded.
    pub edges: RwSignal<Edges>,
    /// Rows, if the answer is a table.
    pub table: RwSignal<Option<Table>>,
    /// Counts over time.
    pub histogram: RwSignal<Option<HistogramAnswer>>,
    /// Fields and values.
    pub fields: RwSignal<Option<FieldsAnswer>>,
    /// What the answer cost so far.
    pub progress: RwSignal<Progress>,
    /// How complete it is.
    pub completeness: RwSignal<Option<Completeness>>,
    /// The server was lost before the question was answered.
    pub broken: StoredValue<bool>,
    running: StoredValue<Option<Running>, LocalStorage>,
    generation: StoredValue<u64>,
}

struct Running {
    abort: AbortController,
    query_id: String,
}

/// A question being asked: lets go of what comes too late.
#[derive(Clone)]
pub(crate) struct Ticket {
    search: Search,
    generation: u64,
    /// Fires when a new question is asked.
    pub abort: AbortSignal,
}

impl Ticket {
    /// Whether this is still what is asked.
    pub(crate) fn is_current(&self) -> bool {
        self.search.generation.try_get_value() == Some(self.generation)
    }
}

impl Search {
    pub(crate) fn new() -> Search {
        let feed = Feed::new(Kind::Answer);
        Search {
            phase: RwSignal::new(Phase::Waiting),
            error: RwSignal::new(None),
            answered: RwSignal::new(String::new()),
            bounds: RwSignal::new(Bounds::default()),
            feed,
            window: feed.window,
            edges: feed.edges,
            table: RwSignal::new(None),
            histogram: RwSignal::new(None),
            fields: RwSignal::new(None),
            progress: RwSignal::new(Progress::default()),
            completeness: RwSignal::new(None),
            broken: StoredValue::new(false),
            running: StoredValue::new_local(None),
            generation: StoredValue::new(0),
        }
    }

    /// Whether an answer is awaited.
    pub(crate) fn is_busy(&self) -> bool {
        matches!(self.phase.get(), Phase::Waiting | Phase::Streaming)
    }

    /// Asks for `view`.
    pub(crate) fn ask(self, view: &View, zone: Zone) {
        self.drop_running();
        self.error.set(None);
        self.broken.set_value(false);
        let now_ms = js_sys::Date::now() as i64;
        let Some(bounds) = self.read_range(view, zone, now_ms) else {
            return;
        };
        if let Some(error) = lang::mistake(&view.query) {
            self.bounds.set(bounds);
            self.phase.set(Phase::Done);
            self.error.set(Some(error));
            return;
        }
        let Some(ticket) = self.ticket() else { return };
        self.phase.set(Phase::Waiting);
        self.progress.set(Progress::default());
        if lang::is_sql(&view.query) {
            self.histogram.set(None);
            self.fields.set(None);
            self.ask_query(view, bounds, ticket, None);
        } else if lang::has_regex(&view.query) {
            // What is wrong with it only the server knows, and it is to say so once.
            let others = (view.clone(), bounds);
            self.ask_query(view, bounds, ticket, Some(others));
        } else {
            self.ask_query(view, bounds, ticket.clone(), None);
            self.ask_others(view, bounds, ticket);
        }
    }

    /// What stands beside the answer.
    fn ask_others(self, view: &View, bounds: Bounds, ticket: Ticket) {
        self.ask_histogram(view, bounds, ticket.clone());
        self.ask_fields(view, bounds, ticket);
    }

    /// Moves the lines to begin at `ms`, without a new question.
    pub(crate) fn travel(self, view: &View, ms: i64) {
        let Some(ticket) = self.same_ticket() else { return };
        let mut bounds = self.bounds.get_untracked();
        bounds.to_ms = Some(bounds.to_ms.map_or(ms, |to_ms| to_ms.min(ms)));
        let request = self.page_request(view, bounds);
        let before = Edge::Time(i128::from(ms) * 1_000_000);
        spawn_local(self.receive(request, before, ticket, None));
    }

    /// Stops waiting.
    pub(crate) fn cancel(self) {
        if self.is_busy() {
            self.drop_running();
            self.phase.set(Phase::Cancelled);
        }
    }

    /// A ticket of the question asked last.
    pub(crate) fn same_ticket(self) -> Option<Ticket> {
        let abort = self
            .running
            .with_value(|running| running.as_ref().map(|running| running.abort.signal()))?;
        Some(Ticket {
            search: self,
            generation: self.generation.get_value(),
            abort,
        })
    }

    fn ticket(self) -> Option<Ticket> {
        let abort = AbortController::new().ok()?;
        self.generation.update_value(|generation| *generation += 1);
        let query_id = format!(
            "page-{:x}-{}",
            (js_sys::Math::random() * 1e15) as u64,
            self.generation.get_value()
        );
        self.running.set_value(Some(Running { abort, query_id }));
        self.same_ticket()
    }

    fn drop_running(self) {
        let busy = matches!(self.phase.get_untracked(), Phase::Waiting | Phase::Streaming);
        self.running.update_value(|running| {
            if let Some(running) = running.take() {
                running.abort.abort();
                if busy {
                    api::cancel(&running.query_id);
                }
            }
        });
        self.generation.update_value(|generation| *generation += 1);
    }

    fn read_range(self, view: &View, zone: Zone, now_ms: i64) -> Option<Bounds> {
        match Bounds::of(view, zone, now_ms) {
            Ok(bounds) => Some(bounds),
            Err(error) => {
                self.phase.set(Phase::Done);
                self.error.set(Some(error));
                None
            }
        }
    }

    fn page_request(self, view: &View, bounds: Bounds) -> QueryRequest {
        let (from, to) = bounds.request_ends();
        QueryRequest {
            query: view.query.clone(),
            from,
            to,
            limit: Some(if lang::has_table(&view.query) {
                TABLE_ROWS
            } else {
                PAGE_LINES
            }),
            query_id: self
                .running
                .with_value(|running| running.as_ref().map(|running| running.query_id.clone())),
            ..QueryRequest::default()
        }
    }

    /// `others`: what stands beside the answer is asked for once its first part is here.
    fn ask_query(self, view: &View, bounds: Bounds, ticket: Ticket, others: Option<(View, Bounds)>) {
        let mut request = self.page_request(view, bounds);
        let mut before = Edge::Reached;
        if let Some(at) = view.at.as_deref().and_then(time::nanos) {
            request.to = Some((at + 1).to_string());
            before = Edge::Time(at);
        }
        self.bounds.set(bounds);
        spawn_local(self.receive(request, before, ticket, others));
    }

    /// Takes the frames of an answer; `before` says what lies before its first line.
    async fn receive(self, request: QueryRequest, before: Edge, ticket: Ticket, mut others: Option<(View, Bounds)>) {
        let mut fresh = true;
        let on_frame = |frame| {
            if ticket.is_current() {
                if std::mem::take(&mut fresh) {
                    self.begin(&request.query, &before);
                    if let Some((view, bounds)) = others.take().filter(|_| !matches!(frame, Frame::Error(_))) {
                        self.ask_others(&view, bounds, ticket.clone());
                    }
                }
                self.take(frame);
            }
        };
        let result = api::query(&request, &ticket.abort, on_frame).await;
        if !ticket.is_current() {
            return;
        }
        self.phase.set(Phase::Done);
        if let Err(failure) = result {
            self.broken
                .set_value(matches!(failure, Failure::Lost(_) | Failure::Unreachable(_)));
            self.error.set(failure.into_error());
        }
    }

    /// The first frame is here: the answer before makes room.
    fn begin(self, query: &str, before: &Edge) {
        self.phase.set(Phase::Streaming);
        self.answered.set(query.to_owned());
        self.table.set(None);
        let room = if *before == Edge::Reached { 0 } else { ROOM_LINES };
        self.window.update(|window| *window = window.next(room));
        self.edges.set(Edges {
            front: before.clone(),
            back: Edge::Reached,
            ..Edges::default()
        });
    }

    fn take(self, frame: Frame) {
        match frame {
            Frame::Schema { columns } => self.table.set(Some(Table {
                columns,
                rows: Vec::new(),
            })),
            Frame::Records { records } => self.window.update(|window| {
                window.append(records.into_iter().map(Line::new));
            }),
            Frame::Rows { rows } => self
                .table
                .update(|table| table.get_or_insert_default().rows.extend(rows)),
            Frame::Progress(progress) => self.progress.set(progress),
            Frame::Completeness(completeness) => self.completeness.set(Some(completeness)),
            Frame::End(end) => {
                self.edges
                    .update(|edges| edges.back = end.cursor.map_or(Edge::Reached, Edge::Cursor));
                self.progress.set(end.progress);
            }
            Frame::Error(error) => self.error.set(Some(error)),
        }
    }

    fn ask_histogram(self, view: &View, bounds: Bounds, ticket: Ticket) {
        let (from, to) = bounds.request_ends();
        let request = HistogramRequest {
            query: view.query.clone(),
            from,
            to,
            bins: Some(HISTOGRAM_BINS),
            query_id: None,
        };
        spawn_local(async move {
            let answer = api::histogram(&request, &ticket.abort).await;
            if ticket.is_current() {
                // What is wrong with the question is told by the answer to the query itself.
                keep(self.histogram, answer);
            }
        });
    }

    fn ask_fields(self, view: &View, bounds: Bounds, ticket: Ticket) {
        let (from, to) = bounds.request_ends();
        let request = FieldsRequest {
            query: view.query.clone(),
            from,
            to,
            values: Some(FIELD_VALUES),
            ..FieldsRequest::default()
        };
        spawn_local(async move {
            let answer = api::fields(&request, &ticket.abort).await;
            if ticket.is_current() {
                keep(self.fields, answer);
            }
        });
    }
}

/// What was shown stays where the server cannot be reached.
fn keep<A: Send + Sync + 'static>(shown: RwSignal<Option<A>>, answer: Result<A, Failure>) {
    if !matches!(answer, Err(Failure::Lost(_))) {
        shown.set(answer.ok());
    }
}
