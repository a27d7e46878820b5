//! What evaluating asks of what is stored: a narrow handle, behind which tests put what they like.

use timberline_proto::alert::Evidence;
use timberline_proto::query::ast::{Filter, Search};

use super::buckets::Sums;
use super::plan::Plan;
use super::sample::Group;

/// A number for each group.
#[derive(Clone, Debug)]
pub(crate) struct Measure {
    /// The whole query.
    pub(crate) query: String,
    /// Its filter.
    pub(crate) filter: Filter,
    /// The column with the number.
    pub(crate) column: String,
    pub(crate) by: Vec<String>,
}

impl Default for Measure {
    fn default() -> Self {
        Self {
            query: String::new(),
            filter: Filter::All,
            column: "lines".to_owned(),
            by: Vec::new(),
        }
    }
}

/// When the last line of each group was.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lasts {
    pub(crate) query: String,
    pub(crate) by: Vec<String>,
}

/// Sums by group and step.
#[derive(Clone, Debug, Default)]
pub(crate) struct Baseline {
    pub(crate) query: String,
    pub(crate) field: Option<String>,
    pub(crate) by: Vec<String>,
    pub(crate) step: i64,
}

/// A kind of line.
#[derive(Clone, Debug)]
pub(crate) struct KnownPattern {
    pub(crate) pattern: Group,
    /// The id of one of its templates; those that differ in their variables' kinds have the same text.
    pub(crate) template: String,
    pub(crate) lines: u64,
    pub(crate) last: i64,
}

/// `from` up to, and without, `to`; nanoseconds.
pub(crate) type Range = (i64, i64);

/// What is asked. Errors are sentences for people.
pub(crate) trait Ask {
    /// The number of each group, of lines of a window that were read before an instant.
    fn measure(&self, measure: &Measure, window: Range, read_before: i64) -> Result<Vec<(Group, Option<f64>)>, String>;
    /// When the last line of each group was.
    fn lasts(&self, lasts: &Lasts, range: Range) -> Result<Vec<(Group, i64)>, String>;
    /// The kinds of lines.
    fn patterns(&self, query: &str, range: Range, patterns_max: usize) -> Result<Vec<KnownPattern>, String>;
    /// Sums by group and step.
    fn baseline(&self, baseline: &Baseline, range: Range) -> Result<Vec<(Group, i64, Sums)>, String>;
    /// The time of the oldest line that is kept.
    fn oldest(&self) -> i64;
    /// The search for the lines of a group; of a kind of line, for its templates.
    fn search(&self, plan: &Plan, group: &Group, window: Range) -> Search;
    /// What people need to see of the lines of a group, by its search, in a window.
    fn evidence(&self, plan: &Plan, group: &Group, search: &Search, window: Range) -> Evidence;
}
