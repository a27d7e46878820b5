//! What of all records somebody may see: only those that a search keeps, and without some fields.
//!
//! | module | what it does |
//! |---|---|
//! | [`hidden`] | which names are hidden |
//! | [`mask`] | a row without its hidden fields, and without what they say elsewhere in it |
//! | [`values`] | where a line says what a hidden field says |
//!
//! Where only records are limited, the limit is one more condition of every search, so indexes and
//! summaries answer as always. Where fields are hidden, no index, summary or template may decide: each knows
//! what stands in the whole row. They choose pages, as far as a row that lost words can only be in fewer of
//! them ([`Limits::pages`]); then every row is read ([`View::shown`](super::view::View::shown)), masked, and
//! what a search tests, counts or shows is the masked row.

mod hidden;
mod mask;
#[cfg(test)]
mod tests;
mod values;

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use timberline_proto::api::access::Scope;
use timberline_proto::query::ast::Filter;

use self::hidden::Hidden;
use super::histogram::filter_of;
use super::row::RowView;
use super::test::Tester;
use super::topics::Topics;
use super::{ReadError, prune};
use crate::catalog::{ALERTS_TOPIC, DELIVERIES_TOPIC};
use crate::rows::{Row, RowBlock};
use crate::split::PageQuery;

pub(crate) use self::mask::Masked;

/// Whose limits are kept made ready, at most.
const KNOWN_MAX: usize = 64;

/// For whom questions are answered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct For {
    /// Only records that this search keeps.
    pub streams: Option<String>,
    /// Fields that are hidden.
    pub hidden_fields: Vec<String>,
    /// Whether the record of acts may be read.
    pub audit: bool,
    /// Whether what alerts did may be read.
    pub alerts: bool,
}

impl For {
    /// Everything.
    pub fn everything() -> Self {
        Self {
            audit: true,
            alerts: true,
            ..Self::default()
        }
    }

    /// Whether every record is seen whole, but for topics of our own.
    pub fn sees_all_records(&self) -> bool {
        self.streams.is_none() && self.hidden_fields.is_empty()
    }

    /// Whether both see the same records.
    pub fn sees_as(&self, other: &Self) -> bool {
        (&self.streams, &self.hidden_fields) == (&other.streams, &other.hidden_fields)
    }

    /// Within a role's limits.
    pub fn scope(scope: &Scope, audit: bool, alerts: bool) -> Self {
        Self {
            streams: scope.streams.clone(),
            hidden_fields: scope.hidden_fields.clone(),
            audit,
            alerts,
        }
    }
}

/// What may be seen.
#[derive(Debug)]
pub(crate) struct Limits {
    /// Only these records.
    streams: Option<(Filter, Tester)>,
    hidden: Option<Hidden>,
    audit: bool,
    alerts: bool,
}

impl Limits {
    /// None at all: for the program itself.
    pub(crate) fn none() -> Self {
        Self {
            streams: None,
            hidden: None,
            audit: true,
            alerts: true,
        }
    }

    /// Those of somebody.
    ///
    /// # Errors
    /// [`ReadError`] of a search that does not parse.
    fn new(of: &For) -> Result<Self, ReadError> {
        let streams = of.streams.as_deref().map(filter_of).transpose()?;
        let streams = streams.filter(|filter| *filter != Filter::All);
        let streams = streams.map(|filter| Ok::<_, ReadError>((filter.clone(), Tester::new(&filter)?)));
        Ok(Self {
            streams: streams.transpose()?,
            hidden: Hidden::new(&of.hidden_fields)?,
            audit: of.audit,
            alerts: of.alerts,
        })
    }

    /// Whether every record is seen whole.
    pub(crate) fn is_none(&self) -> bool {
        self.streams.is_none() && self.hidden.is_none()
    }

    /// Whether fields are hidden, so that nothing but masked rows may answer.
    pub(crate) fn hides(&self) -> bool {
        self.hidden.is_some()
    }

    /// A search's filter within these limits. Of masked rows it stays as it is: [`block`](Self::block) has
    /// left the others out, and by what they were before they were masked.
    pub(crate) fn narrowed(&self, filter: Filter) -> Filter {
        match &self.streams {
            Some((streams, _)) if !self.hides() => Filter::and(vec![streams.clone(), filter]),
            _ => filter,
        }
    }

    /// What pages to read for a masked row's sake: a word that it has, its row had too, but a value of it may
    /// be another one than that of the row.
    pub(crate) fn pages(&self, query: PageQuery) -> PageQuery {
        match self.hides() {
            true => weakened(query),
            false => query,
        }
    }

    /// The topics that a filter asks for, if they may be seen.
    ///
    /// # Errors
    /// [`ReadError::Forbidden`]
    pub(crate) fn topics(&self, filter: &Filter) -> Result<Topics, ReadError> {
        let topics = match Topics::of(filter) {
            // Whoever sees one of our own topics alone, asks for it.
            Topics::Queue => match &self.streams {
                Some((streams, _)) => Topics::of(streams),
                None => Topics::Queue,
            },
            named => named,
        };
        self.allow(&topics)?;
        Ok(topics)
    }

    /// Refuses topics of our own to whom they are not meant for.
    ///
    /// # Errors
    /// [`ReadError::Forbidden`]
    pub(crate) fn allow(&self, topics: &Topics) -> Result<(), ReadError> {
        let Topics::Own(topic) = topics else { return Ok(()) };
        let (may, needed) = match topic.as_str() {
            ALERTS_TOPIC | DELIVERIES_TOPIC => (self.alerts || self.audit, "alerts.read"),
            _ => (self.audit, "audit.read"),
        };
        if !may {
            return Err(ReadError::Forbidden(format!(
                "the topic {topic} takes the permission `{needed}`, which none of your roles gives"
            )));
        }
        // Their entries quote lines and searches, in which nothing says what is a field.
        if self.hides() {
            return Err(ReadError::Forbidden(format!(
                "fields are hidden from you, and the entries of {topic} tell of searches and lines as they are"
            )));
        }
        Ok(())
    }

    /// Refuses what is beyond limits.
    ///
    /// # Errors
    /// [`ReadError::Forbidden`]
    pub(crate) fn refuse(&self, what: &str) -> Result<(), ReadError> {
        match self.is_none() {
            true => Ok(()),
            false => Err(ReadError::Forbidden(format!(
                "your role shows only some records or fields, to which {what} cannot be held"
            ))),
        }
    }

    /// Whether the record of acts may be read.
    ///
    /// # Errors
    /// [`ReadError::Forbidden`]
    pub(crate) fn audit(&self) -> Result<(), ReadError> {
        match self.audit && !self.hides() {
            true => Ok(()),
            false => Err(ReadError::Forbidden(
                "the record of acts takes the permission `audit.read`, which none of your roles gives".to_owned(),
            )),
        }
    }

    /// Whether a row, as it is stored, is among those that are seen.
    pub(crate) fn shows(&self, row: &Row<'_>, topic: &str) -> bool {
        match &self.streams {
            Some((_, tester)) => tester.matches(&RowView::new(row.clone(), topic)),
            None => true,
        }
    }

    /// A row as it is seen; `None` if it is not.
    pub(crate) fn row(&self, row: &Row<'_>, topic: &str) -> Option<Masked> {
        self.shows(row, topic)
            .then(|| Masked::of(row, self.hidden.as_ref(), &mut HashMap::new()))
    }

    /// Rows as they are seen, from the row `first` on.
    pub(crate) fn block(&self, rows: &RowBlock, first: usize, topic: &str) -> RowBlock {
        let mut seen = RowBlock::with_capacity(rows.len() - first, rows.line_bytes());
        let mut streams = HashMap::new();
        for at in first..rows.len() {
            let row = rows.row(at);
            if self.shows(&row, topic) {
                seen.push(&Masked::of(&row, self.hidden.as_ref(), &mut streams).row(&row));
            }
        }
        seen
    }
}

fn weakened(query: PageQuery) -> PageQuery {
    match query {
        PageQuery::And(all) => prune::and(all.into_iter().map(weakened)),
        PageQuery::Or(any) => prune::or(any.into_iter().map(weakened)),
        PageQuery::FieldEquals(name, text) => prune::and([PageQuery::FieldExists(name), prune::words_of(&text)]),
        // Masked lines have templates of their own.
        PageQuery::Template(_) => PageQuery::All,
        other => other,
    }
}

/// Limits that were made ready, those of the last few.
#[derive(Debug, Default)]
pub(crate) struct Known(Mutex<HashMap<For, Arc<Limits>>>);

impl Known {
    /// Those of somebody.
    ///
    /// # Errors
    /// [`ReadError`]
    pub(crate) fn of(&self, of: &For) -> Result<Arc<Limits>, ReadError> {
        if let Some(known) = self.0.lock().get(of) {
            return Ok(Arc::clone(known));
        }
        let made = Arc::new(Limits::new(of)?);
        let mut known = self.0.lock();
        if known.len() >= KNOWN_MAX {
            known.clear();
        }
        known.insert(of.clone(), Arc::clone(&made));
        Ok(made)
    }
}
