//! The kinds of lines that answer a search: how many of each, since when, how they went over time,
//! and what stands in their slots.

use leptos::{prelude::*, task::spawn_local};
use serde_json::Value;
use timberline_proto::api::{ApiError, Frame, Progress, QueryRequest};
use web_sys::AbortSignal;

use super::{
    asking::Asking,
    prefs::Zone,
    search::{Bounds, Phase, Table},
    view::View,
};
use crate::{
    api::{self, Failure},
    lang,
};

/// Kinds asked for.
pub(crate) const PATTERNS_MAX: u64 = 1_000;
/// Points of a course over time.
pub(crate) const POINTS: usize = 40;
/// Templates of a kind that are asked for at once: the most frequent.
pub(crate) const TEMPLATES_MAX: usize = 1_000;
/// Values shown of a slot.
const VALUES: u64 = 8;

/// One kind.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Pattern {
    /// The id of its most frequent template.
    pub template: String,
    /// The ids of all of its templates, the most frequent first.
    pub templates: Vec<String>,
    /// Its words, `<*>` where they vary.
    pub text: String,
    /// Lines.
    pub count: u64,
    /// Of all lines that match, percent.
    pub share: f64,
    /// Lines in the same span before, if compared.
    pub before: Option<u64>,
    /// `new`, `gone`, or neither.
    pub state: String,
    /// The first line in the range.
    pub first_seen: String,
    /// The last line in the range.
    pub last_seen: String,
    /// One of the lines.
    pub example: String,
    /// Lines in each part of the range.
    pub points: Vec<u64>,
}

/// What stands in one slot of a kind.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Slot {
    /// From 1 on.
    pub number: u64,
    /// Different values.
    pub distinct: u64,
    /// The smallest and largest number among them.
    pub range: Option<(f64, f64)>,
    /// The most frequent values: how many lines, and their share in percent.
    pub values: Vec<(String, u64, f64)>,
}

/// The state. Copies share it.
#[derive(Clone, Copy)]
pub(crate) struct Patterns {
    /// Where the answer is.
    pub phase: RwSignal<Phase>,
    /// What went wrong.
    pub error: RwSignal<Option<ApiError>>,
    /// The kinds, the most frequent first.
    pub list: RwSignal<Option<Vec<Pattern>>>,
    /// The search that the kinds belong to.
    pub answered: RwSignal<String>,
    /// The slots of the opened kind: its template, and them once they are here.
    pub slots: RwSignal<Option<(String, Vec<Slot>)>>,
    /// What the answer cost.
    pub progress: RwSignal<Progress>,
    /// The range that was asked.
    pub bounds: RwSignal<Bounds>,
    running: Asking,
}

impl Patterns {
    pub(crate) fn new() -> Patterns {
        Patterns {
            phase: RwSignal::new(Phase::Done),
            error: RwSignal::new(None),
            list: RwSignal::new(None),
            answered: RwSignal::new(String::new()),
            slots: RwSignal::new(None),
            progress: RwSignal::new(Progress::default()),
            bounds: RwSignal::new(Bounds::default()),
            running: Asking::new(),
        }
    }

    /// Whether an answer is awaited.
    pub(crate) fn is_busy(self) -> bool {
        matches!(self.phase.get(), Phase::Waiting | Phase::Streaming)
    }

    /// Asks for the kinds of the view's lines.
    pub(crate) fn ask(self, view: &View, zone: Zone) {
        self.running.stop();
        self.error.set(None);
        self.slots.set(None);
        let bounds = match Bounds::of(view, zone, js_sys::Date::now() as i64) {
            Ok(bounds) => bounds,
            Err(error) => return self.fail(error),
        };
        if lang::is_sql(&view.query) || lang::has_table(&view.query) {
            return self.fail(ApiError {
                code: "bad_request".into(),
                message: "Patterns are the kinds of lines of a search: take the pipes away.".into(),
                ..ApiError::default()
            });
        }
        let Some(signal) = self.running.begin() else { return };
        self.phase.set(Phase::Waiting);
        self.bounds.set(bounds);
        let view = view.clone();
        spawn_local(async move {
            let result = self.receive(&view, bounds, &signal).await;
            if signal.aborted() {
                return;
            }
            self.phase.set(Phase::Done);
            if let Err(failure) = result {
                self.error.set(failure.into_error());
            }
        });
    }

    /// Asks what stands in the slots of a kind.
    pub(crate) fn open(self, template: String) {
        self.slots.set(None);
        let (search, bounds) = (searched(&self.answered.get_untracked()), self.bounds.get_untracked());
        let Some(signal) = self.running.signal() else {
            return;
        };
        spawn_local(async move {
            let all = self.with_template(&template, |one| {
                let ids = &one.templates[..one.templates.len().min(TEMPLATES_MAX)];
                ids.join(", ")
            });
            let all = all.filter(|ids| !ids.is_empty()).unwrap_or_else(|| template.clone());
            let query = format!("{search} | variables {all} {VALUES}");
            let result = table(&query, bounds, None, &signal).await;
            if signal.aborted() {
                return;
            }
            match result {
                Ok((table, _)) => self.slots.set(Some((template, slots_of(&table)))),
                Err(failure) => self.error.set(failure.into_error()),
            }
        });
    }

    /// What is told of the kind that a template is of.
    fn with_template<T>(self, template: &str, tell: impl Fn(&Pattern) -> T) -> Option<T> {
        self.list.with_untracked(|list| {
            let one = list.iter().flatten().find(|one| one.holds(template));
            one.map(tell)
        })
    }

    /// Whether two templates are of one kind.
    pub(crate) fn is_one(self, one: &str, other: &str) -> bool {
        self.with_template(one, |kind| kind.holds(other)).unwrap_or(false)
    }

    /// Stops waiting.
    pub(crate) fn cancel(self) {
        if self.phase.get_untracked() == Phase::Waiting {
            self.running.stop();
            self.phase.set(Phase::Cancelled);
        }
    }

    fn fail(self, error: ApiError) {
        self.phase.set(Phase::Done);
        self.error.set(Some(error));
    }

    async fn receive(self, view: &View, bounds: Bounds, abort: &AbortSignal) -> Result<(), Failure> {
        let search = searched(&view.query);
        let earlier = bounds
            .from_ms
            .filter(|_| view.compare)
            .map(|from_ms| (bounds.to_ms.unwrap_or(bounds.now_ms) - from_ms) / 1_000)
            .filter(|seconds| *seconds > 0)
            .map_or_else(String::new, |seconds| format!(" compare=-{seconds}s"));
        let merge = if view.apart { " merge=off" } else { "" };
        let query = format!("{search} | patterns {PATTERNS_MAX}{merge} points={POINTS}{earlier}");
        let (found, progress) = table(&query, bounds, Some(PATTERNS_MAX), abort).await?;
        self.progress.set(progress);
        self.answered.set(search);
        self.list.set(Some(patterns_of(&found)));
        Ok(())
    }
}

impl Pattern {
    /// Whether a template is one of its own.
    pub(crate) fn holds(&self, template: &str) -> bool {
        self.template == template || self.templates.iter().any(|one| one == template)
    }
}

/// The search as a part of a query.
fn searched(query: &str) -> String {
    match query.trim() {
        "" => "*".to_owned(),
        text => text.to_owned(),
    }
}

async fn table(
    query: &str,
    bounds: Bounds,
    limit: Option<u64>,
    abort: &AbortSignal,
) -> Result<(Table, Progress), Failure> {
    let (from, to) = bounds.request_ends();
    let request = QueryRequest {
        query: query.to_owned(),
        from,
        to,
        limit,
        ..QueryRequest::default()
    };
    let (mut table, mut progress) = (Table::default(), Progress::default());
    api::query(&request, abort, |frame| match frame {
        Frame::Schema { columns } => table.columns = columns,
        Frame::Rows { rows } => table.rows.extend(rows),
        Frame::End(end) => progress = end.progress,
        _ => {}
    })
    .await?;
    Ok((table, progress))
}

/// The values of a row by the names of their columns.
struct Named<'a> {
    table: &'a Table,
    row: &'a [Value],
}

impl Named<'_> {
    fn get(&self, name: &str) -> Option<&Value> {
        let at = self.table.columns.iter().position(|column| column.name == name)?;
        self.row.get(at)
    }

    fn text(&self, name: &str) -> String {
        let text = self.get(name).and_then(Value::as_str);
        text.unwrap_or_default().to_owned()
    }

    fn number(&self, name: &str) -> Option<f64> {
        match self.get(name)? {
            Value::String(text) => text.parse().ok(),
            other => other.as_f64(),
        }
    }

    fn list(&self, name: &str) -> &[Value] {
        self.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    fn count(&self, name: &str) -> u64 {
        self.get(name).and_then(Value::as_u64).unwrap_or(0)
    }
}

fn rows(table: &Table) -> impl Iterator<Item = Named<'_>> {
    table.rows.iter().map(move |row| Named { table, row })
}

fn patterns_of(table: &Table) -> Vec<Pattern> {
    rows(table)
        .map(|row| Pattern {
            template: row.text("template"),
            templates: match row.list("templates") {
                [] => vec![row.text("template")],
                all => all.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            },
            text: row.text("pattern"),
            count: row.count("count"),
            share: row.number("share").unwrap_or(0.0),
            before: row.get("before").and_then(Value::as_u64),
            state: row.text("state"),
            first_seen: row.text("first_seen"),
            last_seen: row.text("last_seen"),
            example: row.text("example"),
            points: row.list("points").iter().filter_map(Value::as_u64).collect(),
        })
        .collect()
}

fn slots_of(table: &Table) -> Vec<Slot> {
    let mut slots: Vec<Slot> = Vec::new();
    for row in rows(table) {
        let number = row.count("slot");
        if slots.last().is_none_or(|slot| slot.number != number) {
            slots.push(Slot {
                number,
                distinct: row.count("distinct"),
                range: row.number("min").zip(row.number("max")),
                values: Vec::new(),
            });
        }
        let slot = slots.last_mut().expect("it was pushed if it was not there");
        slot.values.push((
            row.text("value"),
            row.count("count"),
            row.number("share").unwrap_or(0.0),
        ));
    }
    slots
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use timberline_proto::api::Column;

    use super::*;

    fn table(columns: &[(&str, &str)], rows: Value) -> Table {
        let column = |(name, kind): &(&str, &str)| Column {
            name: (*name).into(),
            kind: (*kind).into(),
        };
        Table {
            columns: columns.iter().map(column).collect(),
            rows: serde_json::from_value(rows).unwrap(),
        }
    }

    #[test]
    fn values_of_a_slot_stand_together() {
        let columns = [
            ("slot", "integer"),
            ("value", "text"),
            ("count", "integer"),
            ("share", "number"),
            ("distinct", "integer"),
            ("min", "number"),
            ("max", "number"),
        ];
        let rows = json!([
            [1, "alice", 3, 75.0, 2, null, null],
            [1, "bob", 1, 25.0, 2, null, null],
            [2, "22", 4, 100.0, 1, 22.0, 22.0],
        ]);
        let slots = slots_of(&table(&columns, rows));
        assert_eq!(slots.len(), 2);
        assert_eq!(slots[0].values[1], ("bob".to_owned(), 1, 25.0));
        assert_eq!((slots[0].range, slots[1].range), (None, Some((22.0, 22.0))));
    }

    #[test]
    fn a_kind_has_its_templates_and_its_course() {
        let columns = [
            ("template", "text"),
            ("pattern", "text"),
            ("count", "integer"),
            ("templates", "map"),
            ("points", "map"),
        ];
        let rows = json!([["a", "user <*>", 6, ["a", "b"], [1, 5]], ["c", "none", 1, null, null]]);
        let found = patterns_of(&table(&columns, rows));
        assert!(found[0].holds("b") && !found[0].holds("c"));
        assert_eq!(found[0].points, [1, 5]);
        assert_eq!(found[1].templates, ["c"]);
    }
}
