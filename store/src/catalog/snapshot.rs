//! What exists at one moment, in memory.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;

use rusqlite::Connection;
use timberline_proto::id::IncarnationId;

use super::{CatalogError, Streams, retention};
use crate::retain::Rules;
use crate::rows::{Stream, StreamId};
use crate::split::SplitMeta;

const DAY_NANOS: i64 = 86_400_000_000_000;

/// How far each partition of the queue is published: the next offset to take.
pub type Positions = BTreeMap<(String, u32), Position>;

/// How far one partition is published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The life of the partition's directory that the offset belongs to.
    pub incarnation: IncarnationId,
    /// The next offset to take; everything before it is in splits.
    pub next_offset: u64,
}

/// What exists at one moment. Shared and never changed.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// The splits, newest `time_max` first.
    pub splits: Vec<Arc<CatalogSplit>>,
    /// The positions of the same transaction.
    pub positions: Positions,
    /// The streams of the splits; those of splits that are gone may still be among them.
    pub streams: Streams,
    /// How long data stays, of the same transaction.
    pub rules: Arc<Rules>,
}

/// A split in the catalog.
#[derive(Clone, Debug, PartialEq)]
pub struct CatalogSplit {
    /// The topic of its rows.
    pub topic: String,
    /// What is known of it.
    pub meta: SplitMeta,
    /// Why it is not read, if it was found damaged.
    pub quarantined: Option<String>,
    /// When its rows were published, nanoseconds since the epoch; a merge's newest ones.
    pub published_at_nanos: i64,
    /// The same of a merge's oldest ones; 0 if that is not known.
    pub published_first_nanos: i64,
    /// The retention class of its streams; `None` while they are of several.
    pub class: Option<Arc<str>>,
    /// Held by whoever may still read the file.
    pub(crate) file: FileUse,
}

/// Shared by every copy of what the catalog says of a split: its file stays while there is one.
#[derive(Clone, Debug, Default)]
pub(crate) struct FileUse(Arc<()>);

impl FileUse {
    /// Copies that there are.
    pub(crate) fn count(&self) -> usize {
        Arc::strong_count(&self.0)
    }
}

/// What a split is does not depend on who reads it.
impl PartialEq for FileUse {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl CatalogSplit {
    /// The time of its newest row, as far as it says how old the row is: a row that claims to be of
    /// the future is as old as its publication, give or take a day for clocks.
    pub fn newest_nanos(&self) -> i64 {
        let believed = self.published_at_nanos.saturating_add(DAY_NANOS);
        self.meta.time_max.min(believed)
    }
}

/// When rows of a split were published, nanoseconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Published {
    pub(super) first: i64,
    pub(super) last: i64,
}

impl Published {
    /// All at once.
    pub(super) fn at(nanos: i64) -> Self {
        Self {
            first: nanos,
            last: nanos,
        }
    }
}

impl Snapshot {
    /// The split of this id.
    pub fn split(&self, id: &str) -> Option<&Arc<CatalogSplit>> {
        self.splits.iter().find(|split| split.meta.id == id)
    }

    /// A split as it would be listed, with the class that its streams give it.
    pub(super) fn described(&self, topic: &str, meta: &SplitMeta, published: Published) -> CatalogSplit {
        let mut split = CatalogSplit {
            topic: topic.to_owned(),
            meta: meta.clone(),
            quarantined: None,
            published_at_nanos: published.last,
            published_first_nanos: published.first,
            class: None,
            file: FileUse::default(),
        };
        split.class = self.rules.class_of(&split, &self.streams);
        split
    }

    pub(super) fn add_splits(&mut self, splits: impl IntoIterator<Item = CatalogSplit>) {
        self.splits.extend(splits.into_iter().map(Arc::new));
        self.sort();
    }

    /// Gives every split the class that the rules give its streams; those whose class changed.
    pub(super) fn classify(&mut self) -> Vec<Arc<CatalogSplit>> {
        let mut changed = Vec::new();
        for split in &mut self.splits {
            let class = self.rules.class_of(split, &self.streams);
            if split.class != class {
                *split = Arc::new(CatalogSplit {
                    class,
                    ..CatalogSplit::clone(split)
                });
                changed.push(Arc::clone(split));
            }
        }
        changed
    }

    pub(super) fn add_streams(&mut self, streams: &[Arc<Stream>]) {
        streams.iter().for_each(|stream| self.streams.add(stream));
    }

    /// Takes the other's `Arc`s where they hold the same, so that who counts them still can.
    pub(super) fn sharing(mut self, other: &Self) -> Self {
        let held: HashMap<&str, &Arc<CatalogSplit>> = other
            .splits
            .iter()
            .map(|split| (split.meta.id.as_str(), split))
            .collect();
        for split in &mut self.splits {
            let Some(same) = held.get(split.meta.id.as_str()) else {
                continue;
            };
            if ***same == **split {
                *split = Arc::clone(same);
            } else {
                *split = Arc::new(CatalogSplit {
                    file: same.file.clone(),
                    ..CatalogSplit::clone(split)
                });
            }
        }
        self
    }

    fn sort(&mut self) {
        self.splits.sort_by(|a, b| {
            b.meta
                .time_max
                .cmp(&a.meta.time_max)
                .then_with(|| a.meta.id.cmp(&b.meta.id))
        });
    }
}

pub(super) fn load(connection: &Connection, path: &Path) -> Result<Snapshot, CatalogError> {
    let mut snapshot = Snapshot {
        splits: load_splits(connection, path)?,
        positions: load_positions(connection, path)?,
        streams: load_streams(connection, path)?,
        rules: Arc::new(retention::load(connection, path)?),
    };
    snapshot.classify();
    snapshot.sort();
    Ok(snapshot)
}

fn load_splits(connection: &Connection, path: &Path) -> Result<Vec<Arc<CatalogSplit>>, CatalogError> {
    let mut statement =
        connection.prepare("SELECT id, topic, meta, quarantined, created_at, published_first FROM splits")?;
    let mut rows = statement.query([])?;
    let mut splits = Vec::new();
    while let Some(row) = rows.next()? {
        let id: String = row.get(0)?;
        let meta: String = row.get(2)?;
        splits.push(Arc::new(CatalogSplit {
            topic: row.get(1)?,
            meta: serde_json::from_str(&meta).map_err(|e| damaged(path, format!("split {id}: {e}")))?,
            quarantined: row.get(3)?,
            published_at_nanos: row.get(4)?,
            published_first_nanos: row.get::<_, Option<i64>>(5)?.unwrap_or(0),
            class: None,
            file: FileUse::default(),
        }));
    }
    Ok(splits)
}

fn load_positions(connection: &Connection, path: &Path) -> Result<Positions, CatalogError> {
    let mut statement = connection.prepare("SELECT topic, partition, incarnation, next_offset FROM positions")?;
    let mut rows = statement.query([])?;
    let mut positions = Positions::new();
    while let Some(row) = rows.next()? {
        let incarnation: Vec<u8> = row.get(2)?;
        let incarnation = IncarnationId::try_from(incarnation.as_slice())
            .map_err(|e| damaged(path, format!("position's incarnation: {e}")))?;
        let next_offset = row.get::<_, i64>(3)? as u64;
        positions.insert(
            (row.get(0)?, row.get(1)?),
            Position {
                incarnation,
                next_offset,
            },
        );
    }
    Ok(positions)
}

fn load_streams(connection: &Connection, path: &Path) -> Result<Streams, CatalogError> {
    let mut statement = connection.prepare("SELECT id, attributes FROM streams")?;
    let mut rows = statement.query([])?;
    let mut streams = Streams::default();
    while let Some(row) = rows.next()? {
        let id = StreamId(row.get::<_, i64>(0)? as u64);
        let text: String = row.get(1)?;
        let attributes =
            serde_json::from_str(&text).map_err(|e| damaged(path, format!("stream {:016x}: {e}", id.0)))?;
        streams.add(&Arc::new(Stream { id, attributes }));
    }
    Ok(streams)
}

pub(super) fn damaged(path: &Path, what: String) -> CatalogError {
    CatalogError::Damaged {
        path: path.display().to_string(),
        what,
    }
}
