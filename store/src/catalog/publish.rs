//! Positions: publishing what was taken from the queue, and starting over.

use std::sync::Arc;

use rusqlite::{Row, Transaction, params};
use serde_json::json;
use timberline_proto::id::IncarnationId;

use super::audit;
use super::chains;
use super::edit::{insert_split, now_nanos};
use super::integrity;
use super::ledger::{self, Counted};
use super::snapshot::Published;
use super::{Catalog, CatalogError, Gap, Position, Taken};
use crate::rows::Stream;
use crate::split::SplitMeta;

/// What [`gap_of`] reads of the table `gaps`.
pub(super) const GAP_COLUMNS: &str = "topic, partition, incarnation, from_offset, to_offset, reason";

impl Catalog {
    /// Publishes splits cut from a range and advances the position, in one transaction. A `from`
    /// above the stored position is recorded as a gap; another incarnation than the stored one
    /// starts over at offset 0 with an alert on record. Durable on return.
    ///
    /// # Errors
    /// [`CatalogError::Overlap`], [`CatalogError::Database`]
    pub fn publish(&self, taken: &Taken, splits: &[SplitMeta], streams: &[Arc<Stream>]) -> Result<(), CatalogError> {
        self.publish_counted(taken, splits, streams, &Counted::default())
    }

    /// As [`publish`](Self::publish), and puts into the ledger which bytes of which files that were.
    ///
    /// # Errors
    /// As `publish`.
    pub fn publish_counted(
        &self,
        taken: &Taken,
        splits: &[SplitMeta],
        streams: &[Arc<Stream>],
        counted: &Counted,
    ) -> Result<(), CatalogError> {
        self.transact(|transaction, next| {
            let key = (taken.topic.clone(), taken.partition);
            let stored = match next.positions.get(&key) {
                Some(position) if position.incarnation != taken.incarnation => {
                    note_other_incarnation(transaction, &key, position, taken.incarnation)?;
                    0
                }
                Some(position) => position.next_offset,
                None => 0,
            };
            check_range(taken, stored)?;
            if taken.from > stored {
                insert_gap(transaction, &gap_before(taken, stored))?;
            }
            insert_streams(transaction, streams)?;
            next.add_streams(streams);
            let now = now_nanos();
            let described = splits
                .iter()
                .map(|meta| next.described(&taken.topic, meta, Published::at(now)));
            let described: Vec<_> = described.collect();
            for split in &described {
                insert_split(transaction, split)?;
            }
            ledger::count_taken(transaction, &taken.topic, splits, counted)?;
            integrity::add_trees(transaction, &counted.trees)?;
            chains::add(transaction, taken, &counted.links, now)?;
            next.add_splits(described);
            let position = Position {
                incarnation: taken.incarnation,
                next_offset: taken.to,
            };
            store_position(transaction, &key, position)?;
            next.positions.insert(key, position);
            let detail = json!({
                "from": taken.from,
                "to": taken.to,
                "splits": splits.iter().map(|meta| &meta.id).collect::<Vec<_>>(),
                "rows": splits.iter().map(|meta| meta.rows).sum::<u64>(),
            });
            audit::note(
                transaction,
                "split.publish",
                &name_of(&taken.topic, taken.partition),
                &detail,
            )
        })
    }

    /// Sets a partition's position, because the queue came back as another incarnation or shorter
    /// than what was published; nothing of it may be ignored. `why` is recorded as an alert.
    /// Durable on return.
    ///
    /// # Errors
    /// [`CatalogError::Database`]
    pub fn reset(&self, topic: &str, partition: u32, position: Position, why: &str) -> Result<(), CatalogError> {
        self.transact(|transaction, next| {
            let key = (topic.to_owned(), partition);
            insert_alert(transaction, &key, why)?;
            store_position(transaction, &key, position)?;
            next.positions.insert(key, position);
            let detail = json!({ "next_offset": position.next_offset, "reason": why });
            audit::note(transaction, "queue.reset", &name_of(topic, partition), &detail)
        })
    }

    /// Records offsets that the queue could not give. Noting the same again changes nothing.
    /// Durable on return.
    ///
    /// # Errors
    /// [`CatalogError::Database`]
    pub fn note_gap(&self, gap: &Gap) -> Result<(), CatalogError> {
        self.transact(|transaction, _| insert_gap(transaction, gap))
    }

    /// Every gap on record, in the order of topic, partition and offset.
    ///
    /// # Errors
    /// [`CatalogError::Database`]
    pub fn gaps(&self) -> Result<Vec<Gap>, CatalogError> {
        let connection = self.inner.connection.lock();
        let mut statement = connection.prepare(&format!(
            "SELECT {GAP_COLUMNS} FROM gaps ORDER BY topic, partition, from_offset"
        ))?;
        let gaps = statement.query_map([], gap_of)?;
        Ok(gaps.collect::<Result<_, _>>()?)
    }

    /// Every alert on record, oldest first.
    ///
    /// # Errors
    /// [`CatalogError::Database`]
    pub fn alerts(&self) -> Result<Vec<String>, CatalogError> {
        let connection = self.inner.connection.lock();
        let mut statement = connection.prepare("SELECT what FROM alerts ORDER BY id")?;
        let alerts = statement.query_map([], |row| row.get(0))?;
        Ok(alerts.collect::<Result<_, _>>()?)
    }
}

fn check_range(taken: &Taken, stored: u64) -> Result<(), CatalogError> {
    if taken.from >= stored && taken.to >= taken.from {
        return Ok(());
    }
    Err(CatalogError::Overlap {
        topic: taken.topic.clone(),
        partition: taken.partition,
        from: taken.from,
        to: taken.to,
        stored,
    })
}

fn gap_before(taken: &Taken, stored: u64) -> Gap {
    Gap {
        topic: taken.topic.clone(),
        partition: taken.partition,
        incarnation: taken.incarnation,
        from: stored,
        to: taken.from,
        reason: "the queue no longer held these offsets".into(),
    }
}

fn note_other_incarnation(
    transaction: &Transaction<'_>,
    key: &(String, u32),
    stored: &Position,
    found: IncarnationId,
) -> Result<(), CatalogError> {
    let what = format!(
        "partition {}-{} came back as incarnation {found}; {} was published up to offset {}: taken again from its start",
        key.0, key.1, stored.incarnation, stored.next_offset
    );
    insert_alert(transaction, key, &what)
}

fn insert_alert(transaction: &Transaction<'_>, key: &(String, u32), what: &str) -> Result<(), CatalogError> {
    transaction
        .prepare_cached("INSERT INTO alerts (topic, partition, what, noted_at) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![key.0, key.1, what, now_nanos()])?;
    Ok(())
}

/// A row of [`GAP_COLUMNS`].
pub(super) fn gap_of(row: &Row<'_>) -> rusqlite::Result<Gap> {
    let incarnation: Vec<u8> = row.get(2)?;
    Ok(Gap {
        topic: row.get(0)?,
        partition: row.get(1)?,
        incarnation: IncarnationId::try_from(incarnation.as_slice()).unwrap_or_default(),
        from: row.get::<_, i64>(3)? as u64,
        to: row.get::<_, i64>(4)? as u64,
        reason: row.get(5)?,
    })
}

fn insert_gap(transaction: &Transaction<'_>, gap: &Gap) -> Result<(), CatalogError> {
    let inserted = transaction
        .prepare_cached(
            "INSERT OR IGNORE INTO gaps (topic, partition, incarnation, from_offset, to_offset, reason, noted_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            gap.topic,
            gap.partition,
            gap.incarnation.0,
            gap.from as i64,
            gap.to as i64,
            gap.reason,
            now_nanos()
        ])?;
    // The same gap noted again is no new act.
    if inserted == 0 {
        return Ok(());
    }
    let detail = json!({ "from": gap.from, "to": gap.to, "reason": gap.reason });
    audit::note(transaction, "queue.gap", &name_of(&gap.topic, gap.partition), &detail)
}

fn name_of(topic: &str, partition: u32) -> String {
    format!("{topic}-{partition}")
}

fn insert_streams(transaction: &Transaction<'_>, streams: &[Arc<Stream>]) -> Result<(), CatalogError> {
    let mut statement = transaction.prepare_cached("INSERT OR IGNORE INTO streams (id, attributes) VALUES (?1, ?2)")?;
    for stream in streams {
        let attributes = serde_json::to_string(&stream.attributes).expect("a map of text to text is JSON");
        statement.execute(params![stream.id.0 as i64, attributes])?;
    }
    Ok(())
}

fn store_position(transaction: &Transaction<'_>, key: &(String, u32), position: Position) -> Result<(), CatalogError> {
    transaction
        .prepare_cached(
            "INSERT INTO positions (topic, partition, incarnation, next_offset) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (topic, partition)
             DO UPDATE SET incarnation = excluded.incarnation, next_offset = excluded.next_offset",
        )?
        .execute(params![
            key.0,
            key.1,
            position.incarnation.0,
            position.next_offset as i64
        ])?;
    Ok(())
}
