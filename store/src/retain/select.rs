//! Which streams a selector takes: a filter of the query language, asked of a stream's attributes and
//! its topic.

use timberline_proto::query::ast::{Explain, Filter, Leaf, Query};
use timberline_proto::query::fields::{is_severity_field, is_time_field};
use timberline_proto::query::matcher::{CompiledFilter, FieldRef, RegexMatch, Row};
use timberline_proto::query::{QueryError, parse};

use crate::rows::Stream;

/// Bytes that one compiled regex of a selector takes at most.
const REGEX_BYTES_MAX: usize = 1 << 20;

/// Why a text is no selector.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SelectError {
    /// It is no query.
    #[error("{0}")]
    Query(String),
    /// It is more than a filter.
    #[error("a selector is a filter alone, without pipes, `explain` or SQL")]
    NotAFilter,
    /// It asks for what a stream does not have.
    #[error(
        "{0}: policies select whole streams, so every test names `topic` or an attribute of streams, such as \
         `service.name:payments` or `host.name:web-*`"
    )]
    NotOfStreams(String),
}

impl From<QueryError> for SelectError {
    fn from(error: QueryError) -> Self {
        Self::Query(error.message)
    }
}

/// Whether a selector takes lines of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Taken {
    /// None.
    No,
    /// That depends on the line.
    Maybe,
    /// All.
    Yes,
}

impl Taken {
    fn not(self) -> Self {
        match self {
            Self::No => Self::Yes,
            Self::Maybe => Self::Maybe,
            Self::Yes => Self::No,
        }
    }

    fn of(yes: bool) -> Self {
        if yes { Self::Yes } else { Self::No }
    }
}

/// A selector, ready to be asked.
#[derive(Debug)]
pub struct Selector {
    text: String,
    root: Node,
}

#[derive(Debug)]
enum Node {
    All,
    And(Vec<Node>),
    Or(Vec<Node>),
    Not(Box<Node>),
    /// A test of `topic`, or of what may be an attribute of a stream.
    Named(String, CompiledFilter),
    /// A test of what only a line has.
    Line(String),
}

impl Selector {
    /// A selector of any lines: where a stream does not decide, it says [`Taken::Maybe`].
    ///
    /// # Errors
    /// [`SelectError::Query`], [`SelectError::NotAFilter`]
    pub fn new(text: &str) -> Result<Self, SelectError> {
        let filter = match parse(text)? {
            Query::Search(search) if search.pipes.is_empty() && search.explain == Explain::No => search.filter,
            _ => return Err(SelectError::NotAFilter),
        };
        Ok(Self {
            text: text.to_owned(),
            root: node(&filter)?,
        })
    }

    /// A selector of whole streams, by which they can be routed.
    ///
    /// # Errors
    /// [`SelectError`]
    pub fn of_streams(text: &str) -> Result<Self, SelectError> {
        let selector = Self::new(text)?;
        match line_test(&selector.root) {
            Some(test) => Err(SelectError::NotOfStreams(test.to_owned())),
            None => Ok(selector),
        }
    }

    /// As it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether it takes lines of a stream. A field that the stream has among its attributes is decided by
    /// that; of one that it has not, a line may have it.
    pub fn takes(&self, topic: &str, stream: &Stream) -> Taken {
        taken(&self.root, topic, stream)
    }

    /// Whether it takes a stream, by its attributes alone.
    pub fn routes(&self, topic: &str, stream: &Stream) -> bool {
        routed(&self.root, topic, stream)
    }
}

fn taken(node: &Node, topic: &str, stream: &Stream) -> Taken {
    match node {
        Node::All => Taken::Yes,
        Node::And(all) => all
            .iter()
            .map(|node| taken(node, topic, stream))
            .min()
            .unwrap_or(Taken::Yes),
        Node::Or(any) => any
            .iter()
            .map(|node| taken(node, topic, stream))
            .max()
            .unwrap_or(Taken::No),
        Node::Not(inner) => taken(inner, topic, stream).not(),
        Node::Line(_) => Taken::Maybe,
        Node::Named(name, filter) => match value_of(name, topic, stream) {
            Some(value) => Taken::of(filter.matches(&OneValue(value))),
            None => Taken::Maybe,
        },
    }
}

fn routed(node: &Node, topic: &str, stream: &Stream) -> bool {
    match node {
        Node::All => true,
        Node::And(all) => all.iter().all(|node| routed(node, topic, stream)),
        Node::Or(any) => any.iter().any(|node| routed(node, topic, stream)),
        Node::Not(inner) => !routed(inner, topic, stream),
        Node::Line(_) => false,
        Node::Named(name, filter) => {
            value_of(name, topic, stream).is_some_and(|value| filter.matches(&OneValue(value)))
        }
    }
}

/// A stream's value of a field; `host`, `service` and `file` are short for attributes, as in queries.
fn value_of<'a>(name: &str, topic: &'a str, stream: &'a Stream) -> Option<&'a str> {
    let attribute = match name {
        "topic" => return Some(topic),
        "host" => "host.name",
        "service" => "service.name",
        "file" => "log.file.path",
        other => other,
    };
    stream.attributes.get(attribute).map(String::as_str)
}

/// The first test that only a line decides.
fn line_test(node: &Node) -> Option<&str> {
    match node {
        Node::All | Node::Named(..) => None,
        Node::And(nodes) | Node::Or(nodes) => nodes.iter().find_map(line_test),
        Node::Not(inner) => line_test(inner),
        Node::Line(test) => Some(test),
    }
}

fn node(filter: &Filter) -> Result<Node, SelectError> {
    let nodes = |filters: &[Filter]| filters.iter().map(node).collect::<Result<Vec<_>, _>>();
    Ok(match filter {
        Filter::All => Node::All,
        Filter::And(all) => Node::And(nodes(all)?),
        Filter::Or(any) => Node::Or(nodes(any)?),
        Filter::Not(inner) => Node::Not(Box::new(node(inner)?)),
        Filter::Leaf(leaf) => leaf_node(leaf)?,
    })
}

fn leaf_node(leaf: &Leaf) -> Result<Node, SelectError> {
    let one = Filter::Leaf(leaf.clone());
    // Compiled whatever it is of: a regex that does not compile is found when it is written.
    let compiled = CompiledFilter::compile(&one, 0, &|pattern: &str| regex(pattern))?;
    let name = leaf.field.as_ref().map(|field| field.name.as_str());
    Ok(match name {
        Some(name) if is_of_streams(name) => Node::Named(name.to_owned(), compiled),
        _ => Node::Line(one.to_string()),
    })
}

/// Whether a field may be an attribute of a stream: what every record has of its own is not.
fn is_of_streams(name: &str) -> bool {
    !matches!(
        name,
        "body" | "template" | "id" | "partition" | "offset" | "stream" | "fields"
    ) && !is_time_field(name)
        && !is_severity_field(name)
}

fn regex(pattern: &str) -> Result<Box<dyn RegexMatch>, String> {
    let built = regex::bytes::RegexBuilder::new(pattern)
        .size_limit(REGEX_BYTES_MAX)
        .build();
    match built {
        Ok(regex) => Ok(Box::new(Regex(regex))),
        Err(error) => Err(error.to_string()),
    }
}

#[derive(Debug)]
struct Regex(regex::bytes::Regex);

impl RegexMatch for Regex {
    fn find_at(&self, value: &[u8], from: usize) -> Option<(usize, usize)> {
        self.0.find_at(value, from).map(|found| (found.start(), found.end()))
    }

    fn is_match(&self, value: &[u8]) -> bool {
        self.0.is_match(value)
    }
}

/// A row with one value, whatever it is asked for.
struct OneValue<'a>(&'a str);

impl Row for OneValue<'_> {
    fn line(&self) -> &[u8] {
        b""
    }

    fn any_value(&self, _: &mut dyn FnMut(&[u8]) -> bool) -> bool {
        false
    }

    fn field(&self, _: &str, test: &mut dyn FnMut(FieldRef<'_>) -> bool) -> bool {
        test(FieldRef::text(self.0.as_bytes()))
    }
}
