//! What agents chained, block by block: see `crate::integrity::chains`.
//!
//! Blocks of a partition are in the order of `first`. Those of tier 0 are of one publication each, one
//! of tier *n* stands for [`JOINED`] of tier *n* − 1, all older than those that are left of it. So a
//! partition has few blocks, and a link is written again once a tier.

use rusqlite::{Transaction, params};

use super::integrity::append;
use super::{Catalog, CatalogError, Taken};
use crate::catalog::now_nanos;
use crate::integrity::{Block, ChainsEntry, Entry, Link, ranges_of};
use timberline_proto::integrity::Hash;

pub(super) const TABLES: &str = "
CREATE TABLE IF NOT EXISTS integrity_chains (
    seq INTEGER PRIMARY KEY,
    topic TEXT NOT NULL,
    partition INTEGER NOT NULL,
    tier INTEGER NOT NULL,
    first INTEGER NOT NULL,
    block BLOB NOT NULL
) STRICT;
";

/// So many blocks of a tier become one of the next.
const JOINED: i64 = 64;
/// From this tier on, links go whose generation the ledger has forgotten.
const FORGETTING_TIER: i64 = 2;

/// The links of a publication, if integrity has begun.
pub(super) fn add(
    transaction: &Transaction<'_>,
    taken: &Taken,
    links: &[Link],
    now_nanos: i64,
) -> Result<(), CatalogError> {
    if links.is_empty() {
        return Ok(());
    }
    let block = Block {
        forgotten: 0,
        links: links.to_vec(),
    };
    let entry = |bytes: &[u8]| ChainsEntry {
        topic: taken.topic.clone(),
        partition: taken.partition,
        block: Hash::of(bytes),
        links: block.links.len() as u64,
        lines: block.lines(),
        since: None,
        replaces: Vec::new(),
        at: now_nanos,
    };
    insert(transaction, 0, &block, entry)
}

fn insert(
    transaction: &Transaction<'_>,
    tier: i64,
    block: &Block,
    entry: impl FnOnce(&[u8]) -> ChainsEntry,
) -> Result<(), CatalogError> {
    let bytes = block.bytes();
    let entry = entry(&bytes);
    let (topic, partition, since) = (entry.topic.clone(), entry.partition, entry.since);
    let Some(seq) = append(transaction, &Entry::Chains(entry))? else {
        return Ok(());
    };
    transaction
        .prepare_cached(
            "INSERT INTO integrity_chains (seq, topic, partition, tier, first, block) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            seq as i64,
            topic,
            partition,
            tier,
            since.unwrap_or(seq) as i64,
            bytes
        ])?;
    Ok(())
}

impl Catalog {
    /// Makes one block of many, where a partition has enough of them; how many that were. There may be
    /// more until that is 0. Durable on return.
    ///
    /// # Errors
    /// [`CatalogError::Database`], [`CatalogError::Damaged`]
    pub fn join_chains(&self) -> Result<u64, CatalogError> {
        let due: Option<(String, u32, i64)> = {
            let connection = self.inner.connection.lock();
            let mut statement = connection.prepare_cached(
                "SELECT topic, partition, tier FROM integrity_chains
                 GROUP BY topic, partition, tier HAVING count(*) >= ?1 LIMIT 1",
            )?;
            let mut rows = statement.query(params![JOINED])?;
            match rows.next()? {
                Some(row) => Some((row.get(0)?, row.get(1)?, row.get(2)?)),
                None => None,
            }
        };
        let Some((topic, partition, tier)) = due else {
            return Ok(0);
        };
        let mut joined = 0;
        self.transact(|transaction, _| {
            joined = join(transaction, &topic, partition, tier)?;
            Ok(())
        })?;
        Ok(joined)
    }
}

fn join(transaction: &Transaction<'_>, topic: &str, partition: u32, tier: i64) -> Result<u64, CatalogError> {
    let mut statement = transaction.prepare_cached(
        "SELECT seq, first, block FROM integrity_chains
         WHERE topic = ?1 AND partition = ?2 AND tier = ?3 ORDER BY first LIMIT ?4",
    )?;
    let rows = statement.query_map(params![topic, partition, tier, JOINED], |row| {
        Ok((
            row.get::<_, i64>(0)? as u64,
            row.get::<_, i64>(1)? as u64,
            row.get::<_, Vec<u8>>(2)?,
        ))
    })?;
    let (mut replaced, mut since, mut blocks) = (Vec::new(), None, Vec::new());
    for row in rows {
        let (seq, first, bytes) = row?;
        let block = Block::read(&bytes).ok_or_else(|| CatalogError::Damaged {
            path: "catalog.sqlite".to_owned(),
            what: format!("block {seq} of agents' chains is none"),
        })?;
        replaced.push(seq);
        since.get_or_insert(first);
        blocks.push(block);
    }
    let mut block = Block::join(blocks);
    if tier + 1 >= FORGETTING_TIER {
        forget(transaction, &mut block)?;
    }
    let mut delete = transaction.prepare_cached("DELETE FROM integrity_chains WHERE seq = ?1")?;
    for seq in &replaced {
        delete.execute(params![*seq as i64])?;
    }
    let count = replaced.len() as u64;
    replaced.sort_unstable();
    insert(transaction, tier + 1, &block, |bytes| ChainsEntry {
        topic: topic.to_owned(),
        partition,
        block: Hash::of(bytes),
        links: block.links.len() as u64,
        lines: block.lines(),
        since,
        replaces: ranges_of(replaced),
        at: now_nanos(),
    })?;
    Ok(count)
}

/// Links of generations that the ledger does not know any more.
fn forget(transaction: &Transaction<'_>, block: &mut Block) -> Result<(), CatalogError> {
    let mut known = transaction.prepare_cached("SELECT 1 FROM sources WHERE generation = ?1")?;
    let mut kept = Vec::with_capacity(block.links.len());
    for links in std::mem::take(&mut block.links).chunk_by(|a, b| a.generation == b.generation) {
        if known.exists(params![links[0].generation.0])? {
            kept.extend_from_slice(links);
        } else {
            block.forgotten += 1;
        }
    }
    block.links = kept;
    Ok(())
}
