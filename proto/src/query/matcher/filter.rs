//! A whole filter over rows.

use std::fmt::Debug;

use super::compare::{Comparison, Operand};
use super::text::CompiledText;
use crate::query::ast::{CompareOp, Filter, Leaf, Test};
use crate::query::error::QueryError;
use crate::query::fields::{is_severity_field, is_time_field, severity_rank};

/// What a filter asks of a row.
pub trait Row {
    /// The line.
    fn line(&self) -> &[u8];
    /// Calls `test` with every value of the row that is not in the line (attributes, the stream's
    /// too) until it holds; whether it held.
    fn any_value(&self, test: &mut dyn FnMut(&[u8]) -> bool) -> bool;
    /// Calls `test` with every value of the field `name` until it holds; whether it held. A field
    /// may have several values, or none.
    fn field(&self, name: &str, test: &mut dyn FnMut(FieldRef<'_>) -> bool) -> bool;
}

/// One value of a field.
#[derive(Clone, Copy, Debug, Default)]
pub struct FieldRef<'a> {
    /// Its text.
    pub text: &'a [u8],
    /// Its number, if the row knows it; else the text is asked.
    pub number: Option<f64>,
    /// Nanoseconds since the epoch, if it is a time and the row knows them; else the text is asked.
    pub nanos: Option<i64>,
}

impl<'a> FieldRef<'a> {
    /// A value of which only the text is known.
    pub fn text(text: &'a [u8]) -> Self {
        FieldRef {
            text,
            number: None,
            nanos: None,
        }
    }
}

/// A regex, ready to be sought.
pub trait RegexMatch: Debug + Send + Sync {
    /// The first place at `from` or later, with what stands before `from` as its context.
    fn find_at(&self, value: &[u8], from: usize) -> Option<(usize, usize)>;
    /// Whether there is one.
    fn is_match(&self, value: &[u8]) -> bool {
        self.find_at(value, 0).is_some()
    }
}

/// Makes regexes: the store by the crate `regex`, the page by the browser.
pub trait RegexFactory {
    /// The regex of `pattern`.
    ///
    /// # Errors
    /// What is wrong with the pattern, for a person.
    fn compile(&self, pattern: &str) -> Result<Box<dyn RegexMatch>, String>;
}

impl<F> RegexFactory for F
where
    F: Fn(&str) -> Result<Box<dyn RegexMatch>, String>,
{
    fn compile(&self, pattern: &str) -> Result<Box<dyn RegexMatch>, String> {
        self(pattern)
    }
}

/// Makes regexes that find nothing, where marking hits must not fail for want of one.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoRegex;

impl RegexFactory for NoRegex {
    fn compile(&self, _pattern: &str) -> Result<Box<dyn RegexMatch>, String> {
        Ok(Box::new(NoRegex))
    }
}

impl RegexMatch for NoRegex {
    fn find_at(&self, _value: &[u8], _from: usize) -> Option<(usize, usize)> {
        None
    }
}

/// A filter, made ready for many rows.
#[derive(Debug)]
pub struct CompiledFilter {
    root: Node,
}

#[derive(Debug)]
enum Node {
    All,
    And(Vec<Node>),
    Or(Vec<Node>),
    Not(Box<Node>),
    Leaf(CompiledLeaf),
}

#[derive(Debug)]
struct CompiledLeaf {
    field: Option<String>,
    test: CompiledTest,
}

#[derive(Debug)]
enum CompiledTest {
    Text(CompiledText),
    Regex(Box<dyn RegexMatch>),
    Exists,
    Comparison(Comparison),
    /// A comparison if the value is a severity, else the text.
    Severity(Comparison, CompiledText),
}

impl CompiledFilter {
    /// `filter`, with times relative to `now_nanos`.
    ///
    /// # Errors
    /// A regex that does not compile, or a comparison of a time with something else.
    pub fn compile(filter: &Filter, now_nanos: i64, regexes: &dyn RegexFactory) -> Result<Self, QueryError> {
        let root = node(filter, now_nanos, regexes)?;
        Ok(CompiledFilter { root })
    }

    /// Whether `row` is what the filter asks for.
    pub fn matches<R: Row + ?Sized>(&self, row: &R) -> bool {
        self.root.matches(row)
    }

    /// Whether every row is.
    pub fn is_all(&self) -> bool {
        matches!(self.root, Node::All)
    }

    /// The places in a line to mark: those of every test without a field that is not negated, left
    /// to right, joined where they touch.
    pub fn line_spans(&self, line: &[u8]) -> Vec<(usize, usize)> {
        self.spans(None, line)
    }

    /// The places to mark in a value of the field `name`.
    pub fn field_spans(&self, name: &str, value: &[u8]) -> Vec<(usize, usize)> {
        self.spans(Some(name), value)
    }

    fn spans(&self, field: Option<&str>, value: &[u8]) -> Vec<(usize, usize)> {
        let mut spans = Vec::new();
        self.root.spans(false, field, value, &mut spans);
        spans.sort_unstable();
        let mut joined: Vec<(usize, usize)> = Vec::with_capacity(spans.len());
        for (start, end) in spans {
            match joined.last_mut() {
                Some(last) if start <= last.1 => last.1 = last.1.max(end),
                _ => joined.push((start, end)),
            }
        }
        joined
    }
}

fn node(filter: &Filter, now_nanos: i64, regexes: &dyn RegexFactory) -> Result<Node, QueryError> {
    let nodes = |filters: &[Filter]| {
        let mut nodes = filters
            .iter()
            .map(|filter| node(filter, now_nanos, regexes))
            .collect::<Result<Vec<_>, _>>()?;
        nodes.sort_by_key(Node::cost);
        Ok(nodes)
    };
    Ok(match filter {
        Filter::All => Node::All,
        Filter::And(all) => Node::And(nodes(all)?),
        Filter::Or(any) => Node::Or(nodes(any)?),
        Filter::Not(inner) => Node::Not(Box::new(node(inner, now_nanos, regexes)?)),
        Filter::Leaf(leaf) => Node::Leaf(CompiledLeaf {
            field: leaf.field.as_ref().map(|field| field.name.clone()),
            test: test(leaf, now_nanos, regexes)?,
        }),
    })
}

fn test(leaf: &Leaf, now_nanos: i64, regexes: &dyn RegexFactory) -> Result<CompiledTest, QueryError> {
    let field = leaf.field.as_ref().map(|field| field.name.as_str());
    Ok(match &leaf.test {
        Test::Text { text, quoted } => text_test(text, *quoted, field, now_nanos),
        Test::Wildcard(pieces) => CompiledTest::Text(CompiledText::wildcard(pieces)),
        Test::Regex(pattern) => CompiledTest::Regex(
            regexes
                .compile(pattern)
                .map_err(|message| QueryError::new(leaf.span, format!("the regex does not compile: {message}")))?,
        ),
        Test::Exists => CompiledTest::Exists,
        Test::Compare(op, literal) => {
            CompiledTest::Comparison(Comparison::One(*op, Operand::new(literal, field, now_nanos)?))
        }
        Test::Range { low, high } => CompiledTest::Comparison(Comparison::between(low, high, field, now_nanos)?),
    })
}

fn text_test(text: &str, quoted: bool, field: Option<&str>, now_nanos: i64) -> CompiledTest {
    let plain = CompiledText::text(text, quoted);
    if field.is_some_and(is_severity_field)
        && let Some(rank) = severity_rank(text.as_bytes())
    {
        return CompiledTest::Severity(Comparison::One(CompareOp::Eq, Operand::Rank(rank)), plain);
    }
    if field.is_some_and(is_time_field)
        && let Some(period) = Comparison::period(text, now_nanos)
    {
        return CompiledTest::Comparison(period);
    }
    CompiledTest::Text(plain)
}

impl Node {
    fn matches<R: Row + ?Sized>(&self, row: &R) -> bool {
        match self {
            Node::All => true,
            Node::And(all) => all.iter().all(|node| node.matches(row)),
            Node::Or(any) => any.iter().any(|node| node.matches(row)),
            Node::Not(inner) => !inner.matches(row),
            Node::Leaf(leaf) => leaf.matches(row),
        }
    }

    /// What is cheap is asked first: the line is at hand, a field may have to be parsed out of it.
    fn cost(&self) -> u8 {
        match self {
            Node::All => 0,
            Node::Leaf(CompiledLeaf { field: None, test }) => match test {
                CompiledTest::Regex(_) => 2,
                _ => 1,
            },
            Node::Leaf(_) => 3,
            Node::Not(inner) => inner.cost(),
            Node::And(nodes) | Node::Or(nodes) => nodes.iter().map(Node::cost).max().unwrap_or(0),
        }
    }

    fn spans(&self, negated: bool, field: Option<&str>, value: &[u8], spans: &mut Vec<(usize, usize)>) {
        match self {
            Node::All => {}
            Node::And(nodes) | Node::Or(nodes) => {
                nodes.iter().for_each(|node| node.spans(negated, field, value, spans));
            }
            Node::Not(inner) => inner.spans(!negated, field, value, spans),
            Node::Leaf(leaf) if !negated && leaf.field.as_deref() == field => leaf.test.spans(value, spans),
            Node::Leaf(_) => {}
        }
    }
}

impl CompiledLeaf {
    fn matches<R: Row + ?Sized>(&self, row: &R) -> bool {
        match &self.field {
            None => {
                let mut holds = |value: &[u8]| self.test.holds(&FieldRef::text(value));
                holds(row.line()) || row.any_value(&mut holds)
            }
            Some(name) => row.field(name, &mut |value| self.test.holds(&value)),
        }
    }
}

impl CompiledTest {
    fn holds(&self, value: &FieldRef<'_>) -> bool {
        match self {
            CompiledTest::Text(text) => text.matches(value.text),
            CompiledTest::Regex(regex) => regex.is_match(value.text),
            CompiledTest::Exists => true,
            CompiledTest::Comparison(comparison) => comparison.holds(value),
            CompiledTest::Severity(comparison, text) => match severity_rank(value.text) {
                Some(_) => comparison.holds(value),
                None => text.matches(value.text),
            },
        }
    }

    fn spans(&self, value: &[u8], spans: &mut Vec<(usize, usize)>) {
        match self {
            CompiledTest::Text(text) | CompiledTest::Severity(_, text) => spans.extend(text.find_spans(value)),
            CompiledTest::Regex(regex) => {
                let mut from = 0;
                while let Some((start, end)) = regex.find_at(value, from).filter(|(_, end)| *end <= value.len()) {
                    if start < end {
                        spans.push((start, end));
                    }
                    from = end.max(from + 1);
                    if from > value.len() {
                        break;
                    }
                }
            }
            CompiledTest::Exists | CompiledTest::Comparison(_) => {}
        }
    }
}
