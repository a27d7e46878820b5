//! A filter made ready to be asked of templates, streams and severities.

use std::fmt::Debug;

use timberline_proto::line::Severity;
use timberline_proto::query::ast::{Field, Filter, Leaf, Test};
use timberline_proto::query::fields::{is_severity_field, is_time_field};
use timberline_proto::query::matcher::{FieldRef, Row};

use super::line::LineTest;
use crate::read::ReadError;
use crate::read::row::{aliased, column_name};
use crate::read::test::{Tester, regex_bytes_max};
use crate::rows::Stream;

/// A filter made ready.
#[derive(Debug)]
pub(crate) struct Decider {
    pub(super) root: Node,
    pub(super) leaves: Vec<DecidedLeaf>,
    /// What tells it from other filters; none if its meaning changes with the present.
    pub(crate) signature: Option<String>,
}

#[derive(Debug)]
pub(super) enum Node {
    All,
    And(Vec<Node>),
    Or(Vec<Node>),
    Not(Box<Node>),
    Leaf(usize),
}

#[derive(Debug)]
pub(super) struct DecidedLeaf {
    pub(super) kind: Kind,
    /// The field's name; empty for none.
    pub(super) name: String,
    tester: Option<Tester>,
}

#[derive(Debug)]
pub(super) enum Kind {
    /// The line, or any attribute.
    Anywhere(LineTest),
    /// The line.
    Body(LineTest),
    /// The record's severity, or a field of that name.
    Severity,
    Template,
    Topic,
    /// An attribute or a field.
    Named,
    /// Only the row knows.
    Unknown,
}

impl Decider {
    pub(crate) fn new(filter: &Filter) -> Result<Self, ReadError> {
        let mut leaves = Vec::new();
        let root = node(filter, regex_bytes_max(filter), &mut leaves)?;
        let mut changes = false;
        filter.for_each_leaf(&mut |leaf, _| {
            changes |= leaf.field.as_ref().is_some_and(|field| is_time_field(&field.name));
        });
        Ok(Self {
            root,
            leaves,
            signature: (!changes).then(|| filter.to_string()),
        })
    }

    /// Whether it keeps every row.
    pub(crate) fn is_all(&self) -> bool {
        matches!(self.root, Node::All)
    }

    /// Whether only streams and severities matter, whatever the template.
    pub(crate) fn ignores_templates(&self) -> bool {
        self.leaves
            .iter()
            .all(|leaf| matches!(leaf.kind, Kind::Severity | Kind::Topic | Kind::Named))
    }
}

fn node(filter: &Filter, regex_bytes_max: usize, leaves: &mut Vec<DecidedLeaf>) -> Result<Node, ReadError> {
    let mut nodes = |filters: &[Filter]| -> Result<Vec<Node>, ReadError> {
        filters
            .iter()
            .map(|filter| node(filter, regex_bytes_max, leaves))
            .collect()
    };
    Ok(match filter {
        Filter::All => Node::All,
        Filter::And(all) => Node::And(nodes(all)?),
        Filter::Or(any) => Node::Or(nodes(any)?),
        Filter::Not(inner) => Node::Not(Box::new(node(inner, regex_bytes_max, leaves)?)),
        Filter::Leaf(leaf) => {
            leaves.push(DecidedLeaf::new(leaf, regex_bytes_max)?);
            Node::Leaf(leaves.len() - 1)
        }
    })
}

impl DecidedLeaf {
    fn new(leaf: &Leaf, regex_bytes_max: usize) -> Result<Self, ReadError> {
        let line = || LineTest::new(&leaf.test, regex_bytes_max);
        let Some(Field { name, .. }) = &leaf.field else {
            return Ok(Self {
                kind: line()?.map_or(Kind::Unknown, Kind::Anywhere),
                name: String::new(),
                tester: None,
            });
        };
        let kind = match column_name(name) {
            "body" => match &leaf.test {
                Test::Exists => Kind::Unknown,
                _ => line()?.map_or(Kind::Unknown, Kind::Body),
            },
            "template" => Kind::Template,
            "topic" => Kind::Topic,
            "timestamp" | "observed" | "id" | "partition" | "offset" => Kind::Unknown,
            name if is_time_field(name) => Kind::Unknown,
            "severity" | "level" => Kind::Severity,
            name if is_severity_field(name) => Kind::Unknown,
            _ => Kind::Named,
        };
        let tester = match kind {
            Kind::Unknown | Kind::Body(_) => None,
            _ => Some(Tester::new(&Filter::Leaf(leaf.clone()))?),
        };
        Ok(Self {
            kind,
            name: name.clone(),
            tester,
        })
    }

    /// Whether one of the field's values passes.
    pub(super) fn value_passes(&self, value: &str) -> bool {
        let row = OneValue {
            name: &self.name,
            value,
        };
        self.tester.as_ref().is_some_and(|tester| tester.matches_row(&row))
    }

    /// Whether one of a stream's attributes passes.
    pub(super) fn stream_passes(&self, stream: &Stream) -> bool {
        match &self.kind {
            Kind::Anywhere(test) => stream.attributes.values().any(|value| test.matches(value.as_bytes())),
            Kind::Severity | Kind::Named => {
                let names = [self.name.as_str(), aliased(&self.name)];
                let mut values = names.iter().filter_map(|name| stream.attributes.get(*name));
                values.any(|value| self.value_passes(value))
            }
            _ => false,
        }
    }

    /// Whether the record's own severity passes.
    pub(super) fn severity_passes(&self, severity: Severity) -> bool {
        let name = severity.name();
        matches!(self.kind, Kind::Severity) && !name.is_empty() && self.value_passes(name)
    }
}

/// A row of one field with one value.
struct OneValue<'a> {
    name: &'a str,
    value: &'a str,
}

impl Row for OneValue<'_> {
    fn line(&self) -> &[u8] {
        b""
    }
    fn any_value(&self, _: &mut dyn FnMut(&[u8]) -> bool) -> bool {
        false
    }
    fn field(&self, name: &str, test: &mut dyn FnMut(FieldRef<'_>) -> bool) -> bool {
        name == self.name && test(FieldRef::text(self.value.as_bytes()))
    }
}
