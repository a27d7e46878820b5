//! Dashboards and saved searches: what the catalog keeps for people, and what is exported and imported.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

pub use super::saved::SavedColumn;
use crate::query::{QUERY_BYTES_MAX, is_placeholder_name};

/// The grid's columns.
pub const COLUMNS: u32 = 12;
/// Rows of the grid that one panel may take.
pub const PANEL_ROWS_MAX: u32 = 40;
/// Panels begin above this row.
pub const ROWS_MAX: u32 = 2_000;
/// Panels of one dashboard.
pub const PANELS_MAX: usize = 60;
/// Variables of one dashboard.
pub const VARIABLES_MAX: usize = 20;
/// Values that a variable lists itself.
pub const VALUES_MAX: usize = 200;
/// Columns that a saved search shows.
pub const SAVED_COLUMNS_MAX: usize = 100;
/// The choices of how often panels are asked again, in seconds; 0 is never.
pub const REFRESH_SECONDS: [u32; 7] = [0, 5, 10, 30, 60, 120, 300];
/// Characters of a name, a title, a value.
const TEXT_MAX: usize = 200;
const DESCRIPTION_MAX: usize = 2_000;

/// A dashboard as it is written, exported and imported.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dashboard {
    /// The form's version.
    pub timberline_dashboard: u32,
    /// What people call it.
    pub name: String,
    /// What it is for.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// All panels show what came from then on: `-1h`, RFC 3339; empty: no lower end.
    #[serde(default)]
    pub from: String,
    /// And up to then; empty: no upper end.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub to: String,
    /// Panels are asked again after so many seconds; 0: not by themselves.
    #[serde(default)]
    pub refresh_seconds: u32,
    /// What `$name` in queries stands for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub variables: Vec<Variable>,
    /// What is shown, and where.
    #[serde(default)]
    pub panels: Vec<Panel>,
}

/// The form that this program writes.
pub const DASHBOARD_FORM: u32 = 1;

impl Default for Dashboard {
    fn default() -> Self {
        Self {
            timberline_dashboard: DASHBOARD_FORM,
            name: String::new(),
            description: String::new(),
            from: "-1h".to_owned(),
            to: String::new(),
            refresh_seconds: 0,
            variables: Vec::new(),
            panels: Vec::new(),
        }
    }
}

/// What `$name` or `${name}` in queries stands for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Variable {
    /// Without the `$`.
    pub name: String,
    /// From where its values are.
    pub kind: VariableKind,
    /// The field or the query that gives the values.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub source: String,
    /// The values, of a list.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
    /// Chosen at first; empty: any.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub value: String,
}

/// From where a variable's values are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VariableKind {
    /// Whatever is written.
    #[default]
    Text,
    /// One of a list.
    List,
    /// A frequent value of a field.
    Field,
    /// The first column of a query's answer.
    Query,
}

/// One question and how its answer is drawn.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Panel {
    /// Its number within the dashboard.
    pub id: u32,
    /// What stands above it.
    #[serde(default)]
    pub title: String,
    /// What is asked.
    pub query: String,
    /// How it is drawn.
    #[serde(default)]
    pub chart: ChartKind,
    /// What one number is made of many.
    #[serde(default, skip_serializing_if = "Reduce::is_last")]
    pub reduce: Reduce,
    /// The first of its columns, from 0.
    pub x: u32,
    /// The first of its rows, from 0.
    pub y: u32,
    /// Columns.
    pub w: u32,
    /// Rows.
    pub h: u32,
}

/// How a table is drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChartKind {
    /// As the columns suggest.
    #[default]
    Auto,
    /// Lines over time.
    Line,
    /// Stacked areas over time.
    Area,
    /// Stacked bars, over time or by name.
    Bar,
    /// One large number.
    Stat,
    /// Rows.
    Table,
}

impl ChartKind {
    /// All of them, in the order of menus.
    pub const ALL: [Self; 6] = [Self::Auto, Self::Line, Self::Area, Self::Bar, Self::Stat, Self::Table];

    /// Its word in JSON and addresses.
    pub fn word(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Line => "line",
            Self::Area => "area",
            Self::Bar => "bar",
            Self::Stat => "stat",
            Self::Table => "table",
        }
    }

    /// Of its word.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }
}

/// What one number is made of many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reduce {
    /// The last one.
    #[default]
    Last,
    /// All together.
    Sum,
    /// Their mean.
    Mean,
    /// The smallest.
    Min,
    /// The largest.
    Max,
}

impl Reduce {
    /// All of them, in the order of menus.
    pub const ALL: [Self; 5] = [Self::Last, Self::Sum, Self::Mean, Self::Min, Self::Max];

    /// Its word in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Last => "last",
            Self::Sum => "sum",
            Self::Mean => "mean",
            Self::Min => "min",
            Self::Max => "max",
        }
    }

    /// Of its word.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reduce| reduce.word() == word)
    }

    fn is_last(&self) -> bool {
        *self == Self::Last
    }
}

/// What is wrong with a dashboard or a saved search, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {what}")]
pub struct Fault {
    /// Such as `panels[2].w`.
    pub place: String,
    /// What is wrong there.
    pub what: String,
}

fn fault(place: impl Into<String>, what: impl Into<String>) -> Result<(), Fault> {
    Err(Fault {
        place: place.into(),
        what: what.into(),
    })
}

fn within(place: &str, text: &str, max: usize) -> Result<(), Fault> {
    match text.chars().nth(max) {
        Some(_) => fault(place, format!("is longer than {max} characters")),
        None => Ok(()),
    }
}

fn named(place: &str, text: &str) -> Result<(), Fault> {
    if text.trim().is_empty() {
        return fault(place, "is empty");
    }
    within(place, text, TEXT_MAX)
}

fn query(place: &str, text: &str) -> Result<(), Fault> {
    if text.len() > QUERY_BYTES_MAX {
        return fault(place, format!("is longer than {QUERY_BYTES_MAX} bytes"));
    }
    Ok(())
}

impl Dashboard {
    /// Whether it can be shown.
    ///
    /// # Errors
    /// The first thing that cannot be, with its place.
    pub fn check(&self) -> Result<(), Fault> {
        if self.timberline_dashboard != DASHBOARD_FORM {
            return fault(
                "timberline_dashboard",
                format!(
                    "is {}; this program reads {DASHBOARD_FORM}: update it, or export again",
                    self.timberline_dashboard
                ),
            );
        }
        named("name", &self.name)?;
        within("description", &self.description, DESCRIPTION_MAX)?;
        within("from", &self.from, TEXT_MAX)?;
        within("to", &self.to, TEXT_MAX)?;
        if !REFRESH_SECONDS.contains(&self.refresh_seconds) {
            return fault("refresh_seconds", format!("is none of {REFRESH_SECONDS:?}"));
        }
        if self.variables.len() > VARIABLES_MAX {
            return fault("variables", format!("has more than {VARIABLES_MAX}"));
        }
        if self.panels.len() > PANELS_MAX {
            return fault("panels", format!("has more than {PANELS_MAX}"));
        }
        let mut names = BTreeSet::new();
        for (at, variable) in self.variables.iter().enumerate() {
            let place = format!("variables[{at}]");
            variable.check(&place)?;
            if !names.insert(&variable.name) {
                return fault(format!("{place}.name"), format!("{:?} stands twice", variable.name));
            }
        }
        let mut ids = BTreeSet::new();
        for (at, panel) in self.panels.iter().enumerate() {
            let place = format!("panels[{at}]");
            panel.check(&place)?;
            if !ids.insert(panel.id) {
                return fault(format!("{place}.id"), format!("{} stands twice", panel.id));
            }
        }
        Ok(())
    }

    /// A number that no panel has.
    pub fn next_id(&self) -> u32 {
        (1..)
            .find(|id| self.panels.iter().all(|panel| panel.id != *id))
            .unwrap_or_default()
    }

    /// The first row below all panels.
    pub fn bottom(&self) -> u32 {
        self.panels.iter().map(|panel| panel.y + panel.h).max().unwrap_or(0)
    }
}

impl Variable {
    fn check(&self, place: &str) -> Result<(), Fault> {
        let at = |field: &str| format!("{place}.{field}");
        if !is_placeholder_name(&self.name) || self.name.len() > TEXT_MAX {
            return fault(
                at("name"),
                format!("{:?} is no name: letters, digits and _, not a digit first", self.name),
            );
        }
        within(&at("value"), &self.value, TEXT_MAX)?;
        if self.values.len() > VALUES_MAX {
            return fault(at("values"), format!("has more than {VALUES_MAX}"));
        }
        for (number, value) in self.values.iter().enumerate() {
            within(&format!("{place}.values[{number}]"), value, TEXT_MAX)?;
        }
        query(&at("source"), &self.source)?;
        match self.kind {
            VariableKind::Field | VariableKind::Query if self.source.trim().is_empty() => fault(
                at("source"),
                "is empty: it names the field or the query that gives the values",
            ),
            _ => Ok(()),
        }
    }
}

impl Panel {
    fn check(&self, place: &str) -> Result<(), Fault> {
        let at = |field: &str| format!("{place}.{field}");
        within(&at("title"), &self.title, TEXT_MAX)?;
        query(&at("query"), &self.query)?;
        if !(1..=COLUMNS).contains(&self.w) {
            return fault(
                at("w"),
                format!("is {}; a panel is 1 to {COLUMNS} columns wide", self.w),
            );
        }
        if self.x > COLUMNS - self.w {
            return fault(
                at("x"),
                format!("is {}; with {} columns it ends beyond column {COLUMNS}", self.x, self.w),
            );
        }
        if !(1..=PANEL_ROWS_MAX).contains(&self.h) {
            return fault(
                at("h"),
                format!("is {}; a panel is 1 to {PANEL_ROWS_MAX} rows high", self.h),
            );
        }
        if self.y >= ROWS_MAX {
            return fault(at("y"), format!("is {}; it is below {ROWS_MAX}", self.y));
        }
        Ok(())
    }
}

/// A dashboard that is kept.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct KeptDashboard {
    /// Its id.
    pub id: String,
    /// Grows with each change: who saves says which one was changed.
    pub version: u64,
    /// When it was made (RFC 3339).
    pub created: String,
    /// When it was changed last (RFC 3339).
    pub updated: String,
    /// The dashboard.
    pub dashboard: Dashboard,
}

/// The body of `PUT /api/v1/dashboards/{id}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DashboardChange {
    /// The version that was changed; if there is a newer one, nothing is saved.
    pub version: u64,
    /// In its place.
    pub dashboard: Dashboard,
}

/// The answer of `GET /api/v1/dashboards`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DashboardsAnswer {
    /// By name.
    pub dashboards: Vec<DashboardHead>,
}

/// A dashboard in a list.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DashboardHead {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What it is for.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// How many panels it has.
    pub panels: u64,
    /// Its version.
    pub version: u64,
    /// When it was changed last (RFC 3339).
    pub updated: String,
}

/// A search with a name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SavedSearch {
    /// What people call it.
    pub name: String,
    /// The query.
    #[serde(default)]
    pub query: String,
    /// From then on: `-1h`, RFC 3339; empty: no lower end.
    #[serde(default)]
    pub from: String,
    /// And up to then; empty: no upper end.
    #[serde(default)]
    pub to: String,
    /// Fields shown as columns.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<SavedColumn>,
    /// How a table is drawn.
    #[serde(default)]
    pub chart: ChartKind,
}

impl SavedSearch {
    /// Whether it can be kept.
    ///
    /// # Errors
    /// The first thing that cannot be, with its place.
    pub fn check(&self) -> Result<(), Fault> {
        named("name", &self.name)?;
        query("query", &self.query)?;
        within("from", &self.from, TEXT_MAX)?;
        within("to", &self.to, TEXT_MAX)?;
        if self.columns.len() > SAVED_COLUMNS_MAX {
            return fault("columns", format!("has more than {SAVED_COLUMNS_MAX}"));
        }
        for (at, column) in self.columns.iter().enumerate() {
            within(&format!("columns[{at}]"), &column.name, TEXT_MAX)?;
        }
        Ok(())
    }
}

/// A saved search that is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptSearch {
    /// Its id.
    pub id: String,
    /// Grows with each change.
    pub version: u64,
    /// When it was changed last (RFC 3339).
    pub updated: String,
    /// The search.
    pub search: SavedSearch,
}

/// The body of `PUT /api/v1/saved/{id}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SearchChange {
    /// The version that was changed; if there is a newer one, nothing is saved.
    pub version: u64,
    /// In its place.
    pub search: SavedSearch,
}

/// The answer of `GET /api/v1/saved`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedAnswer {
    /// By name.
    pub searches: Vec<KeptSearch>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn panel(id: u32) -> Panel {
        Panel {
            id,
            query: "| stats count()".into(),
            w: 6,
            h: 4,
            ..Panel::default()
        }
    }

    fn board() -> Dashboard {
        Dashboard {
            name: "Errors".into(),
            panels: vec![panel(1), panel(2)],
            ..Dashboard::default()
        }
    }

    #[track_caller]
    fn refused(change: impl FnOnce(&mut Dashboard), place: &str) {
        let mut board = board();
        change(&mut board);
        assert_eq!(board.check().unwrap_err().place, place);
    }

    #[test]
    fn what_cannot_be_shown_is_refused_with_its_place() {
        assert_eq!(board().check(), Ok(()));
        refused(|board| board.timberline_dashboard = 2, "timberline_dashboard");
        refused(|board| board.name = " ".into(), "name");
        refused(|board| board.refresh_seconds = 1, "refresh_seconds");
        refused(|board| board.panels[1].id = 1, "panels[1].id");
        refused(|board| board.panels[1].x = 7, "panels[1].x");
        refused(|board| board.panels[0].w = u32::MAX, "panels[0].w");
        refused(|board| board.panels[0].h = 0, "panels[0].h");
        refused(|board| board.panels = (1..100).map(panel).collect(), "panels");
        let variable = |name: &str| Variable {
            name: name.into(),
            ..Variable::default()
        };
        refused(|board| board.variables = vec![variable("a b")], "variables[0].name");
        refused(
            |board| board.variables = vec![variable("a"), variable("a")],
            "variables[1].name",
        );
        refused(
            |board| {
                board.variables = vec![Variable {
                    kind: VariableKind::Field,
                    ..variable("a")
                }];
            },
            "variables[0].source",
        );
    }

    #[test]
    fn what_is_written_reads_back_and_a_wrong_word_is_named() {
        let text = serde_json::to_string(&board()).unwrap();
        assert_eq!(serde_json::from_str::<Dashboard>(&text).unwrap(), board());
        let wrong = text.replace("\"query\"", "\"quary\"");
        let error = serde_json::from_str::<Dashboard>(&wrong).unwrap_err().to_string();
        assert!(error.contains("quary") && error.contains("line 1"), "{error}");
        for kind in ChartKind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.word());
        }
        for reduce in Reduce::ALL {
            assert_eq!(serde_json::to_value(reduce).unwrap(), reduce.word());
        }
    }
}
