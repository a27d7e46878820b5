//! Tree to text: what [`parse`](super::parse) reads back to the same tree.
//!
//! Words that would mean something else where they stand are escaped, so a tree from anywhere
//! can be written, not only one that was parsed.

use std::fmt::{self, Display, Formatter};

use super::ast::{
    Aggregate, AggregateFunction, Bound, CompareOp, Explain, Field, Filter, GroupKey, Keep, Leaf, Literal, Pipe,
    PipeKind, Query, Search, Test,
};
use super::duration::{format_duration, format_width};
use super::lexer::{field_name_len, is_identifier, loose_comparison, regex_at};
use super::pipes::{bin_name, call_name, in_zone, is_reserved};
use super::sql::{explain_prefix, is_sql};

impl Display for Query {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Query::Search(search) => search.fmt(f),
            Query::Sql(sql) => f.write_str(sql),
        }
    }
}

impl Display for Search {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self.explain {
            Explain::No => "",
            Explain::Plan => "explain ",
            Explain::Analyze => "explain analyze ",
        })?;
        let mut text = self.filter.to_string();
        for pipe in &self.pipes {
            text.push_str(" | ");
            text.push_str(&pipe.to_string());
        }
        // The first word could be taken for SQL, for `explain`, or for its `analyze`.
        let first = text.split(char::is_whitespace).next().unwrap_or_default();
        let is_analyze = self.explain == Explain::Plan && first.eq_ignore_ascii_case("analyze");
        let is_option = self.explain != Explain::No && first.eq_ignore_ascii_case("verbose");
        if is_sql(&text) || explain_prefix(&text).0 != Explain::No || is_analyze || is_option {
            f.write_str("\\")?;
        }
        f.write_str(&text)
    }
}

/// `{:#}` writes it for `where`, in which `n>10` is no word.
impl Display for Filter {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Filter::All => f.write_str("*"),
            Filter::And(all) => separated(f, all, " ", |inner| matches!(inner, Filter::Or(_) | Filter::And(_))),
            Filter::Or(any) => separated(f, any, " OR ", |inner| matches!(inner, Filter::Or(_))),
            Filter::Not(inner) => match **inner {
                Filter::And(_) | Filter::Or(_) => {
                    f.write_str("NOT (")?;
                    inner.fmt(f)?;
                    f.write_str(")")
                }
                _ => {
                    f.write_str("NOT ")?;
                    inner.fmt(f)
                }
            },
            Filter::Leaf(leaf) => leaf.fmt(f),
        }
    }
}

fn separated(
    f: &mut Formatter<'_>,
    filters: &[Filter],
    separator: &str,
    in_parentheses: impl Fn(&Filter) -> bool,
) -> fmt::Result {
    for (at, filter) in filters.iter().enumerate() {
        if at > 0 {
            f.write_str(separator)?;
        }
        if in_parentheses(filter) {
            f.write_str("(")?;
            filter.fmt(f)?;
            f.write_str(")")?;
        } else {
            filter.fmt(f)?;
        }
    }
    Ok(())
}

impl Display for Leaf {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if let Some(field) = &self.field {
            write!(f, "{}:", name(field))?;
        }
        match &self.test {
            Test::Text { text, quoted: true } => f.write_str(&quote(text)),
            Test::Text { text, quoted: false } => f.write_str(&word(&[text], self.field.is_some(), f.alternate())),
            Test::Wildcard(pieces) => f.write_str(&word(pieces, self.field.is_some(), f.alternate())),
            Test::Regex(pattern) => write!(f, "/{}/", escape_slashes(pattern)),
            Test::Exists => f.write_str("*"),
            Test::Compare(op, literal) => write!(f, "{}{literal}", sign(*op)),
            Test::Range { low, high } => {
                f.write_str(if matches!(low, Bound::Excluded(_)) { "{" } else { "[" })?;
                write!(f, "{low} TO {high}")?;
                f.write_str(if matches!(high, Bound::Excluded(_)) { "}" } else { "]" })
            }
        }
    }
}

fn sign(op: CompareOp) -> &'static str {
    match op {
        CompareOp::Eq => "=",
        CompareOp::Gt => ">",
        CompareOp::Ge => ">=",
        CompareOp::Lt => "<",
        CompareOp::Le => "<=",
    }
}

impl Display for Bound {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Bound::Open => f.write_str("*"),
            Bound::Included(literal) | Bound::Excluded(literal) => literal.fmt(f),
        }
    }
}

impl Display for Literal {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&quote_value(&self.text))
    }
}

/// `value` as it can stand after `field:`, `field:=`, `field:>` and in a range: as it is, or in quotes.
pub fn quote_value(value: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ':' | '/' | '+' | '@' | '%' | ',' | '#');
    // Behind `field:` a colon would be a second one, and what stands between slashes a regex.
    let is_taken_otherwise = value.is_empty() || value == "TO" || begins_otherwise(value, true);
    if is_taken_otherwise || !value.chars().all(plain) {
        quote(value)
    } else {
        value.to_owned()
    }
}

pub(super) fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
    out
}

/// A field's name where a test or a pipe begins.
pub(super) fn name(field: &Field) -> String {
    if is_identifier(&field.name) {
        field.name.clone()
    } else {
        quote(&field.name)
    }
}

fn column(field: &Field) -> String {
    column_name(&field.name)
}

fn column_name(name: &str) -> String {
    // Words that mean something to one pipe or other.
    let is_word = ["from", "on", "if", "grok"]
        .iter()
        .any(|word| word.eq_ignore_ascii_case(name));
    if is_identifier(name) && !is_reserved(name) && !is_word {
        name.to_owned()
    } else {
        quote(name)
    }
}

/// A word, its pieces joined by stars, with everything escaped that would not be part of it.
fn word(pieces: &[impl AsRef<str>], is_value: bool, in_where: bool) -> String {
    let mut out = String::new();
    for (at, piece) in pieces.iter().enumerate() {
        if at > 0 {
            out.push('*');
        }
        let mut chars = piece.as_ref().chars().peekable();
        while let Some(c) = chars.next() {
            let special = c.is_whitespace() || matches!(c, '"' | '(' | ')' | '|' | '\\' | '*');
            if special || (c == '&' && (chars.peek() == Some(&'&') || chars.peek().is_none())) {
                out.push('\\');
            }
            out.push(c);
        }
    }
    if begins_otherwise(&out, is_value) {
        out.insert(0, '\\');
    } else if !is_value && let Some(colon) = field_name_len(&out) {
        out.insert(colon, '\\');
    } else if !is_value
        && in_where
        && let Some((name, _)) = loose_comparison(&out)
    {
        out.insert(name, '\\');
    }
    out
}

/// Whether the beginning of an escaped word would be taken for something else.
fn begins_otherwise(word: &str, is_value: bool) -> bool {
    match word.chars().next() {
        Some(':') => is_value,
        Some('/') if is_value && word.starts_with("//") => true,
        Some('/') => slash_may_open_regex(word),
        Some('-' | '+' | '!') if !is_value => true,
        Some('>' | '<' | '=' | '[' | '{' | '!') => is_value,
        // After a name and before parentheses `in` makes a list of them.
        _ => !is_value && (matches!(word, "AND" | "OR" | "NOT") || word.eq_ignore_ascii_case("in")),
    }
}

/// Whether `/…` could find its closing slash at its end or beyond: only a slash inside forbids it.
fn slash_may_open_regex(word: &str) -> bool {
    // What follows may be a blank, with which no regex begins, or a bracket.
    let closed = |between: &str| regex_at(&format!("{word}{between}/")).is_some();
    regex_at(word).is_some() || closed(" ") || closed(")")
}

/// `pattern` between slashes. `\/` is the same pattern as `/`; an empty pattern or white space at
/// its beginning would not be read as a regex and gets an empty group before it.
fn escape_slashes(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len());
    if pattern.is_empty() || pattern.starts_with(char::is_whitespace) {
        out.push_str("(?:)");
    }
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        match c {
            '/' => out.push_str("\\/"),
            '\\' => {
                out.push('\\');
                out.push(chars.next().unwrap_or('\\'));
            }
            _ => out.push(c),
        }
    }
    out
}

impl Display for Pipe {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.kind {
            PipeKind::Where(filter) => write!(f, "where {filter:#}"),
            PipeKind::Stats(stats) => {
                write!(f, "stats {}", list(&stats.aggregates, Aggregate::to_string))?;
                by(f, &stats.by, group_key)
            }
            PipeKind::Timechart(chart) => timechart(f, chart),
            PipeKind::Top { limit, fields } => write!(f, "top {limit} {}", list(fields, column)),
            PipeKind::Rare { limit, fields } => write!(f, "rare {limit} {}", list(fields, column)),
            PipeKind::Sort { keys, limit } => sort(f, keys, *limit),
            PipeKind::Head(rows) => write!(f, "head {rows}"),
            PipeKind::Tail(rows) => write!(f, "tail {rows}"),
            PipeKind::Fields { fields, keep } => {
                write!(f, "fields {}{}", if *keep { "" } else { "- " }, list(fields, column))
            }
            PipeKind::Rename(all) => write!(f, "rename {}", list(all, |one| as_name(one, true))),
            PipeKind::Extend(all) => {
                let assignment = |one: &super::ast::Assignment| format!("{} = {}", column(&one.name), one.value);
                write!(f, "extend {}", list(all, assignment))
            }
            PipeKind::Parse(parse) => {
                let from = parse.from.iter().map(|from| column(from) + " ").collect::<String>();
                let grok = if parse.grok { "grok " } else { "" };
                write!(f, "parse {from}{grok}{}", quote(&parse.pattern))
            }
            PipeKind::Json { paths, from } => json(f, paths, from.as_ref()),
            PipeKind::Dedup { rows, keep, fields } => dedup(f, *rows, *keep, fields),
            PipeKind::Patterns(all) => patterns(f, all),
            PipeKind::Variables { templates, limit } => {
                write!(
                    f,
                    "variables {} {limit}",
                    list(templates, |template| template.text.clone())
                )
            }
            PipeKind::Lookup { table, on } => write!(f, "lookup {} on {}", column(table), list(on, lookup_key)),
        }
    }
}

fn timechart(f: &mut Formatter<'_>, chart: &super::ast::Timechart) -> fmt::Result {
    f.write_str("timechart ")?;
    if let Some(width) = chart.width {
        write!(f, "span={} ", format_width(width))?;
    }
    if let Some(zone) = &chart.zone {
        write!(f, "tz={} ", zone_name(zone))?;
    }
    if let Some(limit) = chart.limit {
        write!(f, "limit={limit} ")?;
    }
    f.write_str(&list(&chart.aggregates, Aggregate::to_string))?;
    by(f, &chart.by, column)
}

fn zone_name(zone: &super::ast::Zone) -> String {
    if !zone.name.is_empty() && zone.name.chars().all(in_zone) {
        zone.name.clone()
    } else {
        quote(&zone.name)
    }
}

fn sort(f: &mut Formatter<'_>, keys: &[super::ast::SortKey], limit: Option<u64>) -> fmt::Result {
    let key = |key: &super::ast::SortKey| {
        let sign = if key.descending { "-" } else { "" };
        format!("{sign}{}", column(&key.field))
    };
    let limit = limit.map(|limit| format!("{limit} ")).unwrap_or_default();
    write!(f, "sort {limit}{}", list(keys, key))
}

fn as_name(one: &super::ast::Renaming, always: bool) -> String {
    if one.from.name == one.to.name && !always {
        column(&one.from)
    } else {
        format!("{} as {}", column(&one.from), column(&one.to))
    }
}

fn json(f: &mut Formatter<'_>, paths: &[super::ast::Renaming], from: Option<&Field>) -> fmt::Result {
    f.write_str("json")?;
    if !paths.is_empty() {
        write!(f, " {}", list(paths, |one| as_name(one, false)))?;
    }
    from.map_or(Ok(()), |from| write!(f, " from {}", column(from)))
}

fn dedup(f: &mut Formatter<'_>, rows: u64, keep: Option<Keep>, fields: &[Field]) -> fmt::Result {
    f.write_str("dedup ")?;
    if rows != 1 {
        write!(f, "{rows} ")?;
    }
    match keep {
        Some(Keep::First) => f.write_str("keep=first ")?,
        Some(Keep::Last) => f.write_str("keep=last ")?,
        None => {}
    }
    f.write_str(&list(fields, column))
}

fn patterns(f: &mut Formatter<'_>, patterns: &super::ast::Patterns) -> fmt::Result {
    f.write_str("patterns")?;
    if let Some(limit) = patterns.limit {
        write!(f, " {limit}")?;
    }
    if patterns.by_template {
        f.write_str(" merge=off")?;
    }
    if let Some(points) = patterns.points {
        write!(f, " points={points}")?;
    }
    patterns
        .compare_nanos
        .map_or(Ok(()), |nanos| write!(f, " compare=-{}", format_duration(nanos)))
}

fn lookup_key(key: &super::ast::LookupKey) -> String {
    if key.field.name == key.column.name {
        column(&key.field)
    } else {
        format!("{} = {}", column(&key.field), column(&key.column))
    }
}

fn list<T>(items: &[T], text: impl Fn(&T) -> String) -> String {
    items.iter().map(text).collect::<Vec<_>>().join(", ")
}

fn by<T>(f: &mut Formatter<'_>, items: &[T], text: impl Fn(&T) -> String) -> fmt::Result {
    if items.is_empty() {
        Ok(())
    } else {
        write!(f, " by {}", list(items, text))
    }
}

impl Display for Aggregate {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut function = self.function.to_string();
        // The median keeps the name it was called by.
        for (percentile, median) in [("p50", "median"), ("approx_p50", "approx_median")] {
            if function == percentile && self.name.starts_with(&format!("{median}(")) {
                median.clone_into(&mut function);
            }
        }
        let mut arguments = self.field.as_ref().map(column).unwrap_or_default();
        if let AggregateFunction::Histogram(Some(width)) = self.function {
            arguments.push_str(&format!(", {width}"));
        }
        if let Some(condition) = &self.condition {
            let space = if arguments.is_empty() { "" } else { " " };
            arguments.push_str(&format!("{space}if {condition}"));
        }
        write!(f, "{function}({arguments})")?;
        let call = call_name(&function, self.field.as_ref(), self.function, self.condition.as_ref());
        if self.name == call {
            Ok(())
        } else {
            write!(f, " as {}", column_name(&self.name))
        }
    }
}

impl Display for AggregateFunction {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        use AggregateFunction::{
            ApproxDistinct, ApproxPercentile, Avg, Count, CountDistinct, First, Histogram, Last, Max, Min, Percentile,
            Rate, Stddev, Sum, Variance,
        };
        f.write_str(match self {
            Count => "count",
            CountDistinct => "count_distinct",
            ApproxDistinct => "approx_distinct",
            Sum => "sum",
            Avg => "avg",
            Min => "min",
            Max => "max",
            Percentile(percent) => return write!(f, "p{percent}"),
            ApproxPercentile(percent) => return write!(f, "approx_p{percent}"),
            Stddev => "stddev",
            Variance => "variance",
            First => "first",
            Last => "last",
            Rate(60_000_000_000) => "per_minute",
            Rate(3_600_000_000_000) => "per_hour",
            Rate(86_400_000_000_000) => "per_day",
            Rate(_) => "rate",
            Histogram(_) => "histogram",
        })
    }
}

fn group_key(key: &GroupKey) -> String {
    match key {
        GroupKey::Field(field) => column(field),
        GroupKey::Bin {
            field,
            width,
            zone,
            name,
            ..
        } => {
            let zone = zone
                .as_ref()
                .map(|zone| format!(", {}", zone_name(zone)))
                .unwrap_or_default();
            let call = format!("bin({}, {}{zone})", column(field), format_width(*width));
            if *name == bin_name(&field.name, *width) {
                call
            } else {
                format!("{call} as {}", column_name(name))
            }
        }
    }
}

#[cfg(test)]
mod tests;
