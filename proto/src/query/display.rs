//! Tree to text: what [`parse`](super::parse) reads back to the same tree.
//!
//! Words that would mean something else where they stand are escaped, so a tree from anywhere
//! can be written, not only one that was parsed.

use std::fmt::{self, Display, Formatter};

use super::ast::{
    Aggregate, AggregateFunction, BinWidth, Bound, CompareOp, Explain, Field, Filter, GroupKey, Leaf, Literal, Pipe,
    PipeKind, Query, Search, Test,
};
use super::duration::format_duration;
use super::lexer::{field_name_len, is_identifier, loose_comparison, regex_at};
use super::pipes::{bin_name, is_reserved};
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

/// `value` as it can stand after `field:=`, `field:>` and in a range: as it is, or in quotes.
pub fn quote_value(value: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ':' | '/' | '+' | '@' | '%' | ',' | '#');
    if value.is_empty() || value == "TO" || !value.chars().all(plain) {
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
    if is_identifier(name) && !is_reserved(name) {
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
        _ => !is_value && matches!(word, "AND" | "OR" | "NOT"),
    }
}

/// Whether `/…` could find its closing slash at its end or beyond: only a slash inside forbids it.
fn slash_may_open_regex(word: &str) -> bool {
    regex_at(word).is_some() || {
        let closing = format!("{word} /");
        regex_at(&closing).is_some()
    }
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
            PipeKind::Timechart(chart) => {
                f.write_str("timechart ")?;
                if let Some(nanos) = chart.span_nanos {
                    write!(f, "span={} ", format_duration(nanos))?;
                }
                f.write_str(&list(&chart.aggregates, Aggregate::to_string))?;
                by(f, &chart.by, column)
            }
            PipeKind::Top { limit, fields } => write!(f, "top {limit} {}", list(fields, column)),
            PipeKind::Sort(keys) => {
                let key = |key: &super::ast::SortKey| {
                    let sign = if key.descending { "-" } else { "" };
                    format!("{sign}{}", column(&key.field))
                };
                write!(f, "sort {}", list(keys, key))
            }
            PipeKind::Head(rows) => write!(f, "head {rows}"),
            PipeKind::Fields { fields, keep } => {
                write!(f, "fields {}{}", if *keep { "" } else { "- " }, list(fields, column))
            }
        }
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
        let argument = self.field.as_ref();
        let mut function = self.function.to_string();
        // The median keeps the name it was called by.
        if function == "p50" && self.name.starts_with("median(") {
            "median".clone_into(&mut function);
        }
        write!(f, "{function}({})", argument.map(column).unwrap_or_default())?;
        let call = format!(
            "{function}({})",
            argument.map(|field| field.name.as_str()).unwrap_or_default()
        );
        if self.name == call {
            Ok(())
        } else {
            write!(f, " as {}", column_name(&self.name))
        }
    }
}

impl Display for AggregateFunction {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        use AggregateFunction::{Avg, Count, CountDistinct, First, Last, Max, Min, Percentile, Sum};
        f.write_str(match self {
            Count => "count",
            CountDistinct => "count_distinct",
            Sum => "sum",
            Avg => "avg",
            Min => "min",
            Max => "max",
            Percentile(percent) => return write!(f, "p{percent}"),
            First => "first",
            Last => "last",
        })
    }
}

fn group_key(key: &GroupKey) -> String {
    match key {
        GroupKey::Field(field) => column(field),
        GroupKey::Bin { field, width, name, .. } => {
            let width_text = match width {
                BinWidth::Nanos(nanos) => format_duration(*nanos),
                BinWidth::Number(number) => number.to_string(),
            };
            let call = format!("bin({}, {width_text})", column(field));
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
