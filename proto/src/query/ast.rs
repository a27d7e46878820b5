//! The tree that a query's text becomes. Every node that an error may concern has a [`Span`].

use serde::{Deserialize, Serialize};

use super::expr::Expr;

/// Bytes `start..end` of the query's text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Span {
    /// The first byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

/// What the one box takes.
#[derive(Clone, Debug, PartialEq)]
pub enum Query {
    /// A search with pipes.
    Search(Search),
    /// SQL, by the rule of [`is_sql`](super::is_sql).
    Sql(String),
}

/// Whether the answer is asked for, or how it would be found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Explain {
    /// The answer.
    #[default]
    No,
    /// The plan, without running it.
    Plan,
    /// The plan, after running it, with what each step read.
    Analyze,
}

/// A filter and what follows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Search {
    /// Whether `explain` or `explain analyze` stood before it.
    pub explain: Explain,
    /// Which records.
    pub filter: Filter,
    /// What is made of them, in order.
    pub pipes: Vec<Pipe>,
}

/// Which records.
#[derive(Clone, Debug, PartialEq)]
pub enum Filter {
    /// Every record: an empty query, or `*`.
    All,
    /// All of them.
    And(Vec<Filter>),
    /// Any of them.
    Or(Vec<Filter>),
    /// Not it.
    Not(Box<Filter>),
    /// A test of the line or of one field.
    Leaf(Leaf),
}

impl Filter {
    /// All of `filters`: flat, without `All`, and without a node for one.
    pub fn and(filters: Vec<Filter>) -> Filter {
        let mut flat = Vec::with_capacity(filters.len());
        for filter in filters {
            match filter {
                Filter::All => {}
                Filter::And(inner) => flat.extend(inner),
                other => flat.push(other),
            }
        }
        match flat.len() {
            0 => Filter::All,
            1 => flat.remove(0),
            _ => Filter::And(flat),
        }
    }
    /// Any of `filters`, of which there is at least one: flat, and without a node for one.
    pub fn or(filters: Vec<Filter>) -> Filter {
        let mut flat = Vec::with_capacity(filters.len());
        for filter in filters {
            match filter {
                Filter::Or(inner) => flat.extend(inner),
                other => flat.push(other),
            }
        }
        match flat.len() {
            1 => flat.remove(0),
            _ => Filter::Or(flat),
        }
    }
    /// Calls `visit` with every leaf, left to right, and whether an odd number of NOTs is above it.
    pub fn for_each_leaf<'a>(&'a self, visit: &mut dyn FnMut(&'a Leaf, bool)) {
        self.leaves_under(false, visit);
    }
    fn leaves_under<'a>(&'a self, negated: bool, visit: &mut dyn FnMut(&'a Leaf, bool)) {
        match self {
            Filter::All => {}
            Filter::And(all) | Filter::Or(all) => all.iter().for_each(|f| f.leaves_under(negated, visit)),
            Filter::Not(inner) => inner.leaves_under(!negated, visit),
            Filter::Leaf(leaf) => visit(leaf, negated),
        }
    }
}

/// One test.
#[derive(Clone, Debug, PartialEq)]
pub struct Leaf {
    /// The field; `None` is "any": the line and every attribute of the record.
    pub field: Option<Field>,
    /// The test.
    pub test: Test,
    /// Where it stands, field included.
    pub span: Span,
}

/// A field's name as written, dots included: `service.name`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Field {
    /// The name.
    pub name: String,
    /// Where it stands.
    pub span: Span,
}

/// What a leaf asks of a value.
///
/// Text is compared without regard to case, except by a regex, which says `(?i)` itself.
#[derive(Clone, Debug, PartialEq)]
pub enum Test {
    /// A word or phrase. Its tokens stand in the value as whole tokens, next to each other, with
    /// the characters between them: exactly those written for a word (`10.251.39.242`,
    /// `user-agent`); for a phrase in quotes a run of white space matches any run of white space.
    /// Characters before the first and after the last token must be there too
    /// (`/api/v1` matches the slash). Empty (`field:""`): the value is empty.
    Text {
        /// What was written, unquoted and unescaped.
        text: String,
        /// Whether it stood in quotes.
        quoted: bool,
    },
    /// A word with `*`: its pieces in order, each `*` any run of characters within the value but
    /// no white space. An end without `*` is at a token's edge. `*` at both ends is a fragment.
    Wildcard(
        /// The pieces between the stars, at least two; only the first and last may be empty, and
        /// not both if there are two.
        Vec<String>,
    ),
    /// `/regex/`, unanchored, in the syntax of the crate `regex`.
    Regex(String),
    /// `field:*`: it has a value.
    Exists,
    /// `field:>n`, `>=`, `<`, `<=`, and `field:=v` (the whole value equals).
    Compare(CompareOp, Literal),
    /// `field:[a TO b]`, `{a TO b}`, mixed; `*` leaves an end open.
    Range {
        /// The lower end.
        low: Bound,
        /// The upper end.
        high: Bound,
    },
}

/// How a field is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CompareOp {
    /// `=`
    Eq,
    /// `>`
    Gt,
    /// `>=`
    Ge,
    /// `<`
    Lt,
    /// `<=`
    Le,
}

/// An end of a range.
#[derive(Clone, Debug, PartialEq)]
pub enum Bound {
    /// No end.
    Open,
    /// The value belongs to it.
    Included(Literal),
    /// The value does not belong to it.
    Excluded(Literal),
}

/// A value as written. How it is compared stands in [`matcher`](super::matcher).
#[derive(Clone, Debug, PartialEq)]
pub struct Literal {
    /// Its text, unquoted.
    pub text: String,
    /// Where it stands.
    pub span: Span,
}

impl Literal {
    /// Its value as a number.
    pub fn number(&self) -> Option<f64> {
        super::matcher::number(self.text.as_bytes())
    }
}

/// One step of a pipeline.
#[derive(Clone, Debug, PartialEq)]
pub struct Pipe {
    /// Which.
    pub kind: PipeKind,
    /// Where it stands, from its name to its end.
    pub span: Span,
}

/// The pipes.
#[derive(Clone, Debug, PartialEq)]
pub enum PipeKind {
    /// `where FILTER`: the search syntax, over what came before.
    Where(Filter),
    /// `stats count() as n, p99(x) by host, bin(timestamp, 5m)`
    Stats(Stats),
    /// `timechart [span=5m] count() [by level]`: stats by time, with gaps filled.
    Timechart(Timechart),
    /// `top [N] field, …`: the most frequent values with count and percent.
    Top {
        /// How many; 10 unless said.
        limit: u64,
        /// Of which fields.
        fields: Vec<Field>,
    },
    /// `rare [N] field, …`: the least frequent values with count and percent.
    Rare {
        /// How many; 10 unless said.
        limit: u64,
        /// Of which fields.
        fields: Vec<Field>,
    },
    /// `sort [N] -n, +host`
    Sort {
        /// By what, the first first.
        keys: Vec<SortKey>,
        /// Only the first so many.
        limit: Option<u64>,
    },
    /// `head N`: the first N (10 unless said).
    Head(u64),
    /// `tail N`: the last N (10 unless said), in the order they have.
    Tail(u64),
    /// `fields a, b` keeps; `fields - a, b` drops.
    Fields {
        /// Which.
        fields: Vec<Field>,
        /// Keep them, or drop them.
        keep: bool,
    },
    /// `rename a as b, …`
    Rename(Vec<Renaming>),
    /// `extend name = expression, …`: columns computed from others.
    Extend(Vec<Assignment>),
    /// `parse [field] /regex/`, `parse [field] grok "pattern"`: columns taken out of a text.
    Parse(Parse),
    /// `json [path [as name], …] [from field]`: columns taken out of a JSON text.
    Json {
        /// Which; none takes what later pipes name.
        paths: Vec<Renaming>,
        /// Out of what; the line unless said.
        from: Option<Field>,
    },
    /// `dedup [N] [keep=first] field, …`: some rows of each value.
    Dedup {
        /// How many of each; 1 unless said.
        rows: u64,
        /// Which; unless said the first in the order in which they are shown: of records that are
        /// not sorted the newest.
        keep: Option<Keep>,
        /// Of each value of these.
        fields: Vec<Field>,
    },
    /// `patterns [N] [merge=off] [points=40] [compare=-1d]`: the kinds of lines with their counts.
    Patterns(Patterns),
    /// `variables TEMPLATE, … [N]`: the values in a template's slots, or where the templates of one
    /// pattern differ.
    Variables {
        /// The templates' ids, 16 hexadecimal digits each; at least one.
        templates: Vec<Literal>,
        /// Values of each slot; 10 unless said.
        limit: u64,
    },
    /// `lookup table on field [= column], …`: the columns of a table that the operator allows.
    Lookup {
        /// Its name in the configuration.
        table: Field,
        /// Which columns must be equal.
        on: Vec<LookupKey>,
    },
}

/// `patterns` arguments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Patterns {
    /// The most frequent so many; all unless said.
    pub limit: Option<u64>,
    /// One row per template: those that differ in names are not joined.
    pub by_template: bool,
    /// Count also in so many parts of the range.
    pub points: Option<u64>,
    /// Count also so many nanoseconds earlier.
    pub compare_nanos: Option<i64>,
}

/// `path as name`
#[derive(Clone, Debug, PartialEq)]
pub struct Renaming {
    /// What.
    pub from: Field,
    /// What it is called then.
    pub to: Field,
}

/// `name = expression`
#[derive(Clone, Debug, PartialEq)]
pub struct Assignment {
    /// The column.
    pub name: Field,
    /// Its value.
    pub value: Expr,
}

/// `parse` arguments.
#[derive(Clone, Debug, PartialEq)]
pub struct Parse {
    /// Out of what; the line unless said.
    pub from: Option<Field>,
    /// The pattern.
    pub pattern: String,
    /// Whether it is in grok's syntax, else a regex.
    pub grok: bool,
    /// Where the pattern stands.
    pub span: Span,
}

/// Which rows `dedup` keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// The first of rows that are sorted; of records that are not the oldest.
    First,
    /// The last of rows that are sorted; of records that are not the newest.
    Last,
}

/// One pair of `lookup`.
#[derive(Clone, Debug, PartialEq)]
pub struct LookupKey {
    /// The column of the rows.
    pub field: Field,
    /// The column of the table.
    pub column: Field,
}

/// `stats` arguments.
#[derive(Clone, Debug, PartialEq)]
pub struct Stats {
    /// What is computed; at least one.
    pub aggregates: Vec<Aggregate>,
    /// Per what; may be empty.
    pub by: Vec<GroupKey>,
}

/// `timechart` arguments.
#[derive(Clone, Debug, PartialEq)]
pub struct Timechart {
    /// A bin's width; chosen from the range if not said. Never a number.
    pub width: Option<BinWidth>,
    /// Whose days and hours; UTC if not said.
    pub zone: Option<Zone>,
    /// Series at most; the others are one called `other`.
    pub limit: Option<u64>,
    /// What is computed per bin.
    pub aggregates: Vec<Aggregate>,
    /// Split by fields; may be empty.
    pub by: Vec<Field>,
}

/// A zone of the IANA database by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone {
    /// `Europe/Berlin`
    pub name: String,
    /// Where it stands.
    pub span: Span,
}

/// One computed column.
#[derive(Clone, Debug, PartialEq)]
pub struct Aggregate {
    /// The function.
    pub function: AggregateFunction,
    /// Its argument; `None` for `count()` and `rate()`.
    pub field: Option<Field>,
    /// `count(if status >= 500)`: only of the rows for which this holds.
    pub condition: Option<Expr>,
    /// The column's name: `as n`, else the call as written without spaces (`count()`).
    pub name: String,
    /// Where it stands.
    pub span: Span,
}

/// The aggregate functions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum AggregateFunction {
    /// Records, or records with the field.
    Count,
    /// Distinct values, exact.
    CountDistinct,
    /// Distinct values, about: HyperLogLog.
    ApproxDistinct,
    /// Sum of the numeric values.
    Sum,
    /// Mean of the numeric values.
    Avg,
    /// Smallest number; smallest text if there is no number.
    Min,
    /// Largest number; largest text if there is no number.
    Max,
    /// Percentile 0–100 of the numeric values: `p50`, `p99`, `p99.9`, `median`.
    Percentile(f64),
    /// The same, about: t-digest.
    ApproxPercentile(f64),
    /// Standard deviation of the numeric values, as of a sample.
    Stddev,
    /// Variance of the numeric values, as of a sample.
    Variance,
    /// Value of the earliest record.
    First,
    /// Value of the latest record.
    Last,
    /// Records, or the sum of a field, per this many nanoseconds of the bin or of the time range.
    Rate(i64),
    /// Numeric values per bucket: of this width, else of widths that grow as 1, 2, 5, 10.
    Histogram(Option<f64>),
}

/// What `stats` groups by.
#[derive(Clone, Debug, PartialEq)]
pub enum GroupKey {
    /// A field's value.
    Field(Field),
    /// `bin(timestamp, 5m)`, `bin(timestamp, 1d, "Europe/Berlin")` or `bin(field, 100)`: the value
    /// rounded down.
    Bin {
        /// Which field.
        field: Field,
        /// The width.
        width: BinWidth,
        /// Whose days and hours; UTC if not said.
        zone: Option<Zone>,
        /// The column's name: `bin(timestamp,5m)` unless `as` says otherwise; for time, `timestamp`.
        name: String,
        /// Where it stands.
        span: Span,
    },
}

/// A bin's width.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum BinWidth {
    /// A duration, in nanoseconds. Days and weeks (from Monday) are those of the zone.
    Nanos(i64),
    /// Months of the calendar, counted from January of year 0.
    Months(u32),
    /// A number.
    Number(f64),
}

/// One key of `sort`.
#[derive(Clone, Debug, PartialEq)]
pub struct SortKey {
    /// The column.
    pub field: Field,
    /// Largest first.
    pub descending: bool,
}
