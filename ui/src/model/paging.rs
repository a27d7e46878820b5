//! More lines of the same answer, before and after those that are held.

use leptos::{prelude::*, task::spawn_local};
use timberline_proto::api::{Direction, Frame, QueryRequest, Record};

use super::{
    prefs::Zone,
    search::{PAGE_LINES, ROOM_LINES, Search, Ticket},
    view::View,
    window::{Line, Window},
};
use crate::{
    api::{self, Failure},
    text::time::{self, DAY_MS},
};

/// Pages asked in a row that brought only lines already held (many lines of one instant).
const BARREN_PAGES_MAX: usize = 200;

/// How to go on at one end of the window.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Edge {
    /// There is no more.
    #[default]
    Reached,
    /// The server said how.
    Cursor(String),
    /// From this instant (nanoseconds) on, leaving out what is held.
    Time(i128),
}

/// Both ends, and whether more is on its way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Edges {
    /// Before the first line: of an answer towards now, of a file towards its beginning.
    pub front: Edge,
    /// Behind the last line.
    pub back: Edge,
    /// Lines before the first are on their way.
    pub loading_front: bool,
    /// Lines behind the last are on their way.
    pub loading_back: bool,
}

impl Search {
    /// Fetches older lines, unless that is under way or there are none.
    pub(crate) fn load_older(self, query: &str) {
        self.load(query, Direction::Backward);
    }

    /// Fetches newer lines, unless that is under way or there are none.
    pub(crate) fn load_newer(self, query: &str) {
        self.load(query, Direction::Forward);
    }

    /// Moves the window to the oldest lines of the answer.
    pub(crate) fn travel_to_oldest(self, query: &str) {
        let Some(ticket) = self.same_ticket() else { return };
        let mut request = self.request(query, Direction::Forward, &Edge::Reached);
        request.limit = Some(PAGE_LINES);
        spawn_local(async move {
            let mut records = Vec::new();
            let result = api::query(&request, &ticket.abort, |frame| {
                if let Frame::Records { records: more } = frame {
                    records.extend(more);
                }
            })
            .await;
            if !ticket.is_current() {
                return;
            }
            if let Err(failure) = result {
                self.error.set(failure.into_error());
                return;
            }
            let mut window = self.window.with_untracked(|window| window.next(ROOM_LINES));
            window.append(records.into_iter().rev().map(Line::new));
            self.edges.set(Edges {
                front: front_edge(&window),
                ..Edges::default()
            });
            self.feed.from_end.set(true);
            self.window.set(window);
        });
    }

    /// Moves the lines to the end of the next day, or the one before, that has any of the answer;
    /// days are those of the zone in which times are shown.
    pub(crate) fn travel_by_day(self, view: &View, zone: Zone, forward: bool) {
        let Some(ticket) = self.same_ticket() else { return };
        let Some((newest_ms, _)) = self.feed.seen.get_untracked() else {
            return;
        };
        let day = move |ms: i64| (ms + zone.offset_ms(ms)).div_euclid(DAY_MS);
        let instant = move |day: i64| day * DAY_MS - zone.offset_ms(day * DAY_MS);
        let today = day(newest_ms);
        let (edge, direction) = match forward {
            true => (instant(today + 1), Direction::Forward),
            // Up to, and with, the last moment of the day before.
            false => (instant(today) - 1, Direction::Backward),
        };
        let mut request = self.request(&view.query, direction, &Edge::Time(i128::from(edge) * 1_000_000));
        request.limit = Some(1);
        let view = view.clone();
        spawn_local(async move {
            let mut found = None;
            let result = api::query(&request, &ticket.abort, |frame| {
                if let Frame::Records { records } = frame {
                    found = records
                        .first()
                        .and_then(|record| time::millis(&record.timestamp))
                        .or(found);
                }
            })
            .await;
            if !ticket.is_current() {
                return;
            }
            match (result, found) {
                (Err(failure), _) => self.error.set(failure.into_error()),
                (Ok(()), Some(ms)) => self.travel(&view, instant(day(ms) + 1)),
                (Ok(()), None) => {}
            }
        });
    }

    fn load(self, query: &str, direction: Direction) {
        let edges = self.edges.get_untracked();
        let (edge, loading) = match direction {
            Direction::Backward => (edges.back, edges.loading_back),
            Direction::Forward => (edges.front, edges.loading_front),
        };
        if edge == Edge::Reached || loading || self.is_busy_untracked() {
            return;
        }
        let Some(ticket) = self.same_ticket() else { return };
        self.mark_loading(direction, true);
        let query = query.to_owned();
        spawn_local(async move {
            let result = self.fetch_page(&query, direction, edge, &ticket).await;
            if !ticket.is_current() {
                return;
            }
            self.mark_loading(direction, false);
            match result {
                Ok((records, edge)) => self.add(records, direction, edge),
                Err(failure) => self.error.set(failure.into_error()),
            }
        });
    }

    /// The next records that are not held, and how to go on after them.
    async fn fetch_page(
        self,
        query: &str,
        direction: Direction,
        mut edge: Edge,
        ticket: &Ticket,
    ) -> Result<(Vec<Record>, Edge), Failure> {
        for _ in 0..BARREN_PAGES_MAX {
            let request = self.request(query, direction, &edge);
            let mut records = Vec::new();
            let mut next = Edge::Reached;
            api::query(&request, &ticket.abort, |frame| match frame {
                Frame::Records { records: more } => records.extend(more),
                Frame::End(end) => next = end.cursor.map_or(Edge::Reached, Edge::Cursor),
                _ => {}
            })
            .await?;
            let unknown = self.window.with_untracked(|window| window.unknown(records));
            if !unknown.is_empty() || next == Edge::Reached {
                return Ok((unknown.into_iter().map(|line| line.record).collect(), next));
            }
            edge = next;
        }
        Ok((Vec::new(), Edge::Reached))
    }

    fn request(self, query: &str, direction: Direction, edge: &Edge) -> QueryRequest {
        let (mut from, mut to) = self.bounds.get_untracked().request_ends();
        let mut cursor = None;
        match (edge, direction) {
            (Edge::Cursor(text), _) => cursor = Some(text.clone()),
            (Edge::Time(nanos), Direction::Backward) => to = Some((nanos + 1).to_string()),
            (Edge::Time(nanos), Direction::Forward) => from = Some(nanos.to_string()),
            (Edge::Reached, _) => {}
        }
        QueryRequest {
            query: query.to_owned(),
            from,
            to,
            limit: Some(PAGE_LINES),
            cursor,
            direction,
            query_id: None,
        }
    }

    fn add(self, records: Vec<Record>, direction: Direction, edge: Edge) {
        let mut window = self.window.get_untracked();
        let mut edges = self.edges.get_untracked();
        let lines = window.unknown(records);
        match direction {
            Direction::Backward => {
                edges.back = edge;
                if window.append(lines) {
                    edges.front = front_edge(&window);
                }
            }
            Direction::Forward => {
                edges.front = edge;
                if window.prepend(lines) {
                    edges.back = back_edge(&window);
                }
            }
        }
        self.edges.set(edges);
        self.window.set(window);
    }

    fn mark_loading(self, direction: Direction, loading: bool) {
        self.edges.update(|edges| match direction {
            Direction::Backward => edges.loading_back = loading,
            Direction::Forward => edges.loading_front = loading,
        });
    }

    fn is_busy_untracked(self) -> bool {
        untrack(|| self.is_busy())
    }
}

fn front_edge(window: &Window) -> Edge {
    window
        .front()
        .and_then(|line| time::nanos(&line.record.timestamp))
        .map_or(Edge::Reached, Edge::Time)
}

fn back_edge(window: &Window) -> Edge {
    window
        .back()
        .and_then(|line| time::nanos(&line.record.timestamp))
        .map_or(Edge::Reached, Edge::Time)
}
