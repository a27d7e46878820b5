//! Reading the ledger, on a connection of its own: who publishes does not wait for it.

use std::collections::HashMap;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, OptionalExtension, Row, ToSql, named_params, params};
use timberline_proto::gap::kind_of;
use timberline_proto::id::{AgentId, GenerationId};

use super::IS_NO_LOSS;
use crate::catalog::publish::{GAP_COLUMNS, gap_of};
use crate::catalog::{Catalog, CatalogError, Gap};

/// A writer holds the file no longer.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// Which files are asked for. What is absent is not asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LedgerFilter {
    /// Of this agent.
    pub agent: Option<AgentId>,
    /// This one.
    pub generation: Option<GenerationId>,
    /// Of this host.
    pub host: Option<String>,
    /// Found under this path; `*` and `?` stand for any characters.
    pub path: Option<String>,
    /// Of which something came at this instant or later, nanoseconds since the epoch.
    pub from_nanos: Option<i64>,
    /// Of which something came before this instant.
    pub to_nanos: Option<i64>,
    /// Only those of which bytes are lost, damaged, doubled or cannot be explained.
    pub only_loss: bool,
}

/// The order of accounts: by host, path and generation.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct LedgerKey {
    /// The host.
    pub host: String,
    /// The path.
    pub path: String,
    /// The generation.
    pub generation: GenerationId,
}

/// What is known of one file. All counts are bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// Host, path and generation.
    pub key: LedgerKey,
    /// The agent.
    pub agent: AgentId,
    /// The queue's topic.
    pub topic: String,
    /// The first byte taken.
    pub first: u64,
    /// One past the last byte taken.
    pub end: u64,
    /// Bytes that went into splits as records, ever.
    pub published: u64,
    /// Bytes that were taken a second time.
    pub doubled: u64,
    /// Bytes that were in splits deleted on purpose.
    pub removed: u64,
    /// Bytes in splits that are damaged.
    pub damaged: u64,
    /// When something of it was first published, nanoseconds since the epoch.
    pub first_at_nanos: i64,
    /// When something of it was last published.
    pub last_at_nanos: i64,
    /// Bytes without a record, by reason.
    pub sums: Vec<GapSum>,
    /// The ranges of them, losses first, as many as were asked for.
    pub gaps: Vec<NamedGap>,
}

/// Bytes without a record of one reason.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GapSum {
    /// The reason.
    pub reason: String,
    /// Ranges.
    pub ranges: u64,
    /// Bytes.
    pub bytes: u64,
}

/// A range without a record, or several that are summed up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedGap {
    /// The first byte and one past the last; `None` if it is several that are summed up.
    pub range: Option<(u64, u64)>,
    /// Bytes.
    pub bytes: u64,
    /// Why.
    pub reason: String,
    /// When the store heard of it (of the last of several), nanoseconds since the epoch.
    pub noted_at_nanos: i64,
}

/// Sums over accounts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Files.
    pub sources: u64,
    /// Bytes taken from the queue.
    pub taken: u64,
    /// See [`Account::published`].
    pub published: u64,
    /// See [`Account::doubled`].
    pub doubled: u64,
    /// See [`Account::removed`].
    pub removed: u64,
    /// See [`Account::damaged`].
    pub damaged: u64,
    /// By reason, the names of rules left out.
    pub gaps: Vec<GapSum>,
}

/// What the ledger knows of an agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentTrace {
    /// The agent.
    pub agent: AgentId,
    /// The host of its last file.
    pub host: String,
    /// When something of it was last published, nanoseconds since the epoch.
    pub last_at_nanos: i64,
}

impl Account {
    /// Bytes without a record.
    pub fn gap_bytes(&self) -> u64 {
        self.sums.iter().map(|sum| sum.bytes).sum()
    }

    /// Bytes taken that are neither in a split nor in a gap; below 0 if there is more than was taken.
    pub fn unexplained(&self) -> i64 {
        let taken = self.end - self.first + self.doubled;
        taken as i64 - self.published as i64 - self.gap_bytes() as i64
    }
}

impl Totals {
    /// As [`Account::unexplained`].
    pub fn unexplained(&self) -> i64 {
        let gaps: u64 = self.gaps.iter().map(|sum| sum.bytes).sum();
        (self.taken + self.doubled) as i64 - self.published as i64 - gaps as i64
    }

    /// Adds to the gaps of a reason.
    fn add(&mut self, reason: &str, ranges: u64, bytes: u64) {
        let kind = kind_of(reason);
        match self.gaps.iter_mut().find(|sum| sum.reason == kind) {
            Some(sum) => (sum.ranges, sum.bytes) = (sum.ranges + ranges, sum.bytes + bytes),
            None => self.gaps.push(GapSum {
                reason: kind.to_owned(),
                ranges,
                bytes,
            }),
        }
    }
}

/// The ledger as it was at one moment.
#[derive(Debug)]
pub struct LedgerView {
    connection: Connection,
}

impl Catalog {
    /// The ledger as it is now. Blocks on the disk: keep it off the async threads.
    ///
    /// # Errors
    /// [`CatalogError::Database`]
    pub fn ledger(&self) -> Result<LedgerView, CatalogError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.inner.path, flags)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        connection.execute_batch("BEGIN")?;
        Ok(LedgerView { connection })
    }
}

/// The conditions of a [`LedgerFilter`] on the table `sources`.
fn condition(only_loss: bool) -> String {
    let mut condition = String::from(
        "(:agent IS NULL OR agent = :agent) AND (:generation IS NULL OR generation = :generation)
         AND (:host IS NULL OR host = :host) AND (:path IS NULL OR path = :path)
         AND (:glob IS NULL OR path GLOB :glob)
         AND (:from IS NULL OR last_at >= :from) AND (:to IS NULL OR first_at < :to)",
    );
    if only_loss {
        let lost = |table: &str, taken: &str| {
            format!(
                "EXISTS (SELECT 1 FROM {table} AS gap WHERE gap.generation = sources.generation AND NOT {IS_NO_LOSS} {taken})"
            )
        };
        condition.push_str(&format!(
            " AND (doubled > 0 OR {} OR {} OR id IN ({DAMAGED_IDS}) OR \"end\" - first + doubled <> published
               + (SELECT coalesce(sum(min(gap.\"end\", sources.\"end\") - start), 0) FROM holes AS gap
                  WHERE gap.generation = sources.generation AND start < sources.\"end\")
               + (SELECT coalesce(sum(bytes), 0) FROM source_gaps AS gap WHERE gap.generation = sources.generation))",
            lost("holes", "AND start < sources.\"end\""),
            lost("source_gaps", "")
        ));
    }
    condition
}

const DAMAGED_IDS: &str =
    "SELECT source FROM splits JOIN split_sources ON split_id = splits.id WHERE quarantined IS NOT NULL";

impl LedgerFilter {
    /// The values of [`condition`], which are kept here as they are bound.
    fn bound(&self) -> Bound {
        let is_glob = |path: &&String| path.contains(['*', '?']);
        Bound {
            agent: self.agent.map(|id| id.0),
            generation: self.generation.map(|id| id.0),
            host: self.host.clone(),
            path: self.path.clone().filter(|path| !is_glob(&path)),
            // `[` stands for itself.
            glob: self.path.as_ref().filter(is_glob).map(|path| path.replace('[', "[[]")),
            from: self.from_nanos,
            to: self.to_nanos,
        }
    }
}

struct Bound {
    agent: Option<[u8; 16]>,
    generation: Option<[u8; 16]>,
    host: Option<String>,
    path: Option<String>,
    glob: Option<String>,
    from: Option<i64>,
    to: Option<i64>,
}

impl Bound {
    fn params(&self) -> Vec<(&str, &dyn ToSql)> {
        vec![
            (":agent", &self.agent),
            (":generation", &self.generation),
            (":host", &self.host),
            (":path", &self.path),
            (":glob", &self.glob),
            (":from", &self.from),
            (":to", &self.to),
        ]
    }
}

impl LedgerView {
    /// Up to `limit` accounts behind `after`, each with up to `gaps_max` of its ranges.
    ///
    /// # Errors
    /// [`CatalogError::Database`]
    pub fn accounts(
        &self,
        filter: &LedgerFilter,
        after: Option<&LedgerKey>,
        limit: usize,
        gaps_max: usize,
    ) -> Result<Vec<Account>, CatalogError> {
        let damaged = self.damaged()?;
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT id, host, path, generation, agent, topic, first, \"end\", published, doubled, removed, first_at, last_at
             FROM sources WHERE {}
             AND (:after_host IS NULL OR (host, path, generation) > (:after_host, :after_path, :after_generation))
             ORDER BY host, path, generation LIMIT :limit",
            condition(filter.only_loss)
        ))?;
        let bound = filter.bound();
        let after_host = after.map(|key| key.host.as_str());
        let after_path = after.map(|key| key.path.as_str());
        let after_generation = after.map(|key| key.generation.0);
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let mut all = bound.params();
        all.extend_from_slice(named_params! {
            ":after_host": after_host,
            ":after_path": after_path,
            ":after_generation": after_generation,
            ":limit": limit,
        });
        let mut rows = statement.query(&*all)?;
        let mut accounts = Vec::new();
        while let Some(row) = rows.next()? {
            let mut account = account_of(row)?;
            account.damaged = damaged.get(&row.get(0)?).copied().unwrap_or(0);
            account.sums = self.sums(&account)?;
            account.gaps = self.gaps(&account, gaps_max)?;
            accounts.push(account);
        }
        Ok(accounts)
    }

    /// Sums over all accounts that the filter names; without a filter also over those that are not kept
    /// one by one any more.
    ///
    /// # Errors
    /// [`CatalogError::Database`]
    pub fn totals(&self, filter: &LedgerFilter) -> Result<Totals, CatalogError> {
        let condition = condition(filter.only_loss);
        let bound = filter.bound();
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT count(*), coalesce(sum(\"end\" - first), 0), coalesce(sum(published), 0), coalesce(sum(doubled), 0),
                 coalesce(sum(removed), 0) FROM sources WHERE {condition}"
        ))?;
        let mut totals = statement.query_row(&*bound.params(), sums_of)?;
        let mut gaps = self.connection.prepare_cached(&format!(
            "SELECT gap.reason, count(*), sum(min(gap.\"end\", sources.\"end\") - gap.start)
             FROM sources JOIN holes AS gap ON gap.generation = sources.generation AND gap.start < sources.\"end\"
             WHERE sources.id IN (SELECT id FROM sources WHERE {condition}) GROUP BY gap.reason
             UNION ALL SELECT gap.reason, sum(gap.ranges), sum(gap.bytes)
             FROM sources JOIN source_gaps AS gap ON gap.generation = sources.generation
             WHERE sources.id IN (SELECT id FROM sources WHERE {condition}) GROUP BY gap.reason"
        ))?;
        let mut rows = gaps.query(&*bound.params())?;
        while let Some(row) = rows.next()? {
            let (reason, sum) = (row.get::<_, String>(0)?, sum_of(row)?);
            totals.add(&reason, sum.0, sum.1);
        }
        let mut damaged = self.connection.prepare_cached(&format!(
            "SELECT coalesce(sum(bytes), 0) FROM splits JOIN split_sources ON split_id = splits.id
             WHERE quarantined IS NOT NULL AND source IN (SELECT id FROM sources WHERE {condition})"
        ))?;
        totals.damaged = damaged.query_row(&*bound.params(), |row| Ok(row.get::<_, i64>(0)? as u64))?;
        if *filter == LedgerFilter::default() {
            self.add_past(&mut totals)?;
        }
        totals.gaps.sort_by(|a, b| a.reason.cmp(&b.reason));
        Ok(totals)
    }

    fn add_past(&self, totals: &mut Totals) -> Result<(), CatalogError> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT sources, taken, published, doubled, removed FROM past_sources")?;
        if let Some(past) = statement.query_row([], sums_of).optional()? {
            totals.sources += past.sources;
            totals.taken += past.taken;
            totals.published += past.published;
            totals.doubled += past.doubled;
            totals.removed += past.removed;
        }
        let mut gaps = self
            .connection
            .prepare_cached("SELECT reason, ranges, bytes FROM past_gaps")?;
        let mut rows = gaps.query([])?;
        while let Some(row) = rows.next()? {
            let (reason, sum) = (row.get::<_, String>(0)?, sum_of(row)?);
            totals.add(&reason, sum.0, sum.1);
        }
        Ok(())
    }

    /// Which bytes `first..end` of a file were taken; `None` if nothing was.
    ///
    /// # Errors
    /// [`CatalogError::Database`]
    pub fn reach(&self, generation: GenerationId) -> Result<Option<(u64, u64)>, CatalogError> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT first, \"end\" FROM sources WHERE generation = ?1")?;
        let reach = statement.query_row(params![generation.0], |row| {
            Ok((row.get::<_, i64>(0)? as u64, row.get::<_, i64>(1)? as u64))
        });
        Ok(reach.optional()?)
    }

    /// The agents of which something was published since, the latest first.
    ///
    /// # Errors
    /// [`CatalogError::Database`]
    pub fn agents_since(&self, nanos: i64, limit: usize) -> Result<Vec<AgentTrace>, CatalogError> {
        let mut statement = self.connection.prepare_cached(
            // With one `max`, SQLite takes the other columns from its row.
            "SELECT agent, host, max(last_at) FROM sources WHERE last_at >= ?1 GROUP BY agent ORDER BY 3 DESC LIMIT ?2",
        )?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let agents = statement.query_map(params![nanos, limit], |row| {
            Ok(AgentTrace {
                agent: AgentId(id_of(row, 0)?),
                host: row.get(1)?,
                last_at_nanos: row.get(2)?,
            })
        })?;
        Ok(agents.collect::<Result<_, _>>()?)
    }

    /// When something of each host's path was last published, nanoseconds since the epoch; the latest
    /// first, at most so many.
    ///
    /// # Errors
    /// [`CatalogError::Database`]
    pub fn places(&self, limit: usize) -> Result<Vec<(String, String, i64)>, CatalogError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT host, path, max(last_at) FROM sources GROUP BY host, path ORDER BY 3 DESC LIMIT ?1",
        )?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let places = statement.query_map(params![limit], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        Ok(places.collect::<Result<_, _>>()?)
    }

    /// Bytes of each source in damaged splits.
    fn damaged(&self) -> Result<HashMap<i64, u64>, CatalogError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT source, sum(bytes) FROM splits JOIN split_sources ON split_id = splits.id
             WHERE quarantined IS NOT NULL GROUP BY source",
        )?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get::<_, i64>(1)? as u64)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn sums(&self, account: &Account) -> Result<Vec<GapSum>, CatalogError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT reason, sum(ranges), sum(bytes) FROM (
                 SELECT reason, count(*) AS ranges, sum(min(\"end\", ?2) - start) AS bytes FROM holes
                 WHERE generation = ?1 AND start < ?2 GROUP BY reason
                 UNION ALL SELECT reason, ranges, bytes FROM source_gaps WHERE generation = ?1
             ) GROUP BY reason ORDER BY reason",
        )?;
        let rows = statement.query_map(params![account.key.generation.0, account.end as i64], |row| {
            let (ranges, bytes) = sum_of(row)?;
            Ok(GapSum {
                reason: row.get(0)?,
                ranges,
                bytes,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The ranges of a file without a record, losses first, as far as they were taken.
    fn gaps(&self, account: &Account, limit: usize) -> Result<Vec<NamedGap>, CatalogError> {
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT * FROM (
                 SELECT start, \"end\", \"end\" - start, reason, noted_at FROM holes WHERE generation = ?1 AND start < ?2
                 UNION ALL SELECT NULL, NULL, bytes, reason, last_at FROM source_gaps WHERE generation = ?1
             ) ORDER BY {IS_NO_LOSS}, start LIMIT ?3"
        ))?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let parameters = params![account.key.generation.0, account.end as i64, limit];
        let rows = statement.query_map(parameters, |row| {
            let start: Option<i64> = row.get(0)?;
            let end: Option<i64> = row.get(1)?;
            Ok(NamedGap {
                range: start.zip(end).map(|(start, end)| (start as u64, end as u64)),
                bytes: row.get::<_, i64>(2)? as u64,
                reason: row.get(3)?,
                noted_at_nanos: row.get(4)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Offsets that the queue could not give, the latest first, at most so many.
    ///
    /// # Errors
    /// [`CatalogError::Database`]
    pub fn queue_gaps(&self, limit: usize) -> Result<Vec<Gap>, CatalogError> {
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT {GAP_COLUMNS} FROM gaps ORDER BY noted_at DESC LIMIT ?1"
        ))?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let gaps = statement.query_map(params![limit], gap_of)?;
        Ok(gaps.collect::<Result<_, _>>()?)
    }
}

fn account_of(row: &Row<'_>) -> rusqlite::Result<Account> {
    let count = |at: usize| Ok::<_, rusqlite::Error>(row.get::<_, i64>(at)? as u64);
    Ok(Account {
        key: LedgerKey {
            host: row.get(1)?,
            path: row.get(2)?,
            generation: GenerationId(id_of(row, 3)?),
        },
        agent: AgentId(id_of(row, 4)?),
        topic: row.get(5)?,
        first: count(6)?,
        end: count(7)?,
        published: count(8)?,
        doubled: count(9)?,
        removed: count(10)?,
        first_at_nanos: row.get(11)?,
        last_at_nanos: row.get(12)?,
        ..Account::default()
    })
}

fn sums_of(row: &Row<'_>) -> rusqlite::Result<Totals> {
    let count = |at: usize| Ok::<_, rusqlite::Error>(row.get::<_, i64>(at)? as u64);
    Ok(Totals {
        sources: count(0)?,
        taken: count(1)?,
        published: count(2)?,
        doubled: count(3)?,
        removed: count(4)?,
        ..Totals::default()
    })
}

/// Ranges and bytes behind a reason.
fn sum_of(row: &Row<'_>) -> rusqlite::Result<(u64, u64)> {
    Ok((row.get::<_, i64>(1)? as u64, row.get::<_, i64>(2)? as u64))
}

fn id_of(row: &Row<'_>, at: usize) -> rusqlite::Result<[u8; 16]> {
    let bytes: Vec<u8> = row.get(at)?;
    Ok(bytes.try_into().unwrap_or_default())
}
