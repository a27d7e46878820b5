//! Opening the file: pragmas, version, tables.

use std::fs::File;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, params};

use super::CatalogError;

/// Version of the tables described at the top of the module.
pub(super) const FORMAT_VERSION: u32 = 1;

/// Other processes only read (a backup, a person with `sqlite3`); none holds the file longer.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

const TABLES: &str = "
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE splits (
    id TEXT PRIMARY KEY,
    topic TEXT NOT NULL,
    level INTEGER NOT NULL,
    rows INTEGER NOT NULL,
    raw_bytes INTEGER NOT NULL,
    file_bytes INTEGER NOT NULL,
    time_min INTEGER NOT NULL,
    time_max INTEGER NOT NULL,
    meta TEXT NOT NULL,
    quarantined TEXT,
    created_at INTEGER NOT NULL
) STRICT;
CREATE TABLE streams (id INTEGER PRIMARY KEY, attributes TEXT NOT NULL) STRICT;
CREATE TABLE split_streams (
    split_id TEXT NOT NULL REFERENCES splits (id) ON DELETE CASCADE,
    stream_id INTEGER NOT NULL REFERENCES streams (id),
    PRIMARY KEY (split_id, stream_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE positions (
    topic TEXT NOT NULL,
    partition INTEGER NOT NULL,
    incarnation BLOB NOT NULL,
    next_offset INTEGER NOT NULL,
    PRIMARY KEY (topic, partition)
) STRICT;
CREATE TABLE gaps (
    topic TEXT NOT NULL,
    partition INTEGER NOT NULL,
    incarnation BLOB NOT NULL,
    from_offset INTEGER NOT NULL,
    to_offset INTEGER NOT NULL,
    reason TEXT NOT NULL,
    noted_at INTEGER NOT NULL,
    PRIMARY KEY (topic, partition, incarnation, from_offset)
) STRICT;
CREATE TABLE alerts (
    id INTEGER PRIMARY KEY,
    topic TEXT NOT NULL,
    partition INTEGER NOT NULL,
    what TEXT NOT NULL,
    noted_at INTEGER NOT NULL
) STRICT;
CREATE TABLE deletions (
    id INTEGER PRIMARY KEY,
    split_id TEXT NOT NULL,
    topic TEXT NOT NULL,
    rows INTEGER NOT NULL,
    time_min INTEGER NOT NULL,
    time_max INTEGER NOT NULL,
    reason TEXT NOT NULL,
    deleted_at INTEGER NOT NULL
) STRICT;
";

/// Tables that came later and that an older program passes over: made wherever they are missing.
const LATER_TABLES: &str = "
CREATE TABLE IF NOT EXISTS holes (
    generation BLOB NOT NULL,
    start INTEGER NOT NULL,
    \"end\" INTEGER NOT NULL,
    reason TEXT NOT NULL,
    noted_at INTEGER NOT NULL,
    PRIMARY KEY (generation, start)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS audit (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    origin TEXT,
    action TEXT NOT NULL,
    object TEXT NOT NULL,
    outcome TEXT NOT NULL,
    detail TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS sources (
    id INTEGER PRIMARY KEY,
    generation BLOB NOT NULL UNIQUE,
    agent BLOB NOT NULL,
    topic TEXT NOT NULL,
    host TEXT NOT NULL,
    path TEXT NOT NULL,
    first INTEGER NOT NULL,
    \"end\" INTEGER NOT NULL,
    published INTEGER NOT NULL,
    doubled INTEGER NOT NULL,
    removed INTEGER NOT NULL,
    first_at INTEGER NOT NULL,
    last_at INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS split_sources (
    split_id TEXT NOT NULL REFERENCES splits (id) ON DELETE CASCADE,
    source INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    PRIMARY KEY (split_id, source)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS source_gaps (
    generation BLOB NOT NULL,
    reason TEXT NOT NULL,
    ranges INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    first_at INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    PRIMARY KEY (generation, reason)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS past_sources (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    sources INTEGER NOT NULL,
    taken INTEGER NOT NULL,
    published INTEGER NOT NULL,
    doubled INTEGER NOT NULL,
    removed INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS past_gaps (
    reason TEXT PRIMARY KEY,
    ranges INTEGER NOT NULL,
    bytes INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS documents (
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    name TEXT NOT NULL,
    version INTEGER NOT NULL,
    summary TEXT NOT NULL,
    body TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (kind, id)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS alert_rules (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    version INTEGER NOT NULL,
    body TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS alert_rule_versions (
    rule_id TEXT NOT NULL,
    version INTEGER NOT NULL,
    at INTEGER NOT NULL,
    origin TEXT,
    body TEXT NOT NULL,
    PRIMARY KEY (rule_id, version)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS alert_progress (
    rule_id TEXT PRIMARY KEY,
    next INTEGER NOT NULL,
    began INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS alert_states (
    rule_id TEXT NOT NULL,
    group_key TEXT NOT NULL,
    state TEXT NOT NULL,
    PRIMARY KEY (rule_id, group_key)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS alert_transitions (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    key TEXT NOT NULL UNIQUE,
    rule_id TEXT NOT NULL,
    group_key TEXT NOT NULL,
    to_state TEXT NOT NULL,
    at INTEGER NOT NULL,
    decided_at INTEGER NOT NULL,
    late INTEGER NOT NULL,
    body TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS alert_positions (
    topic TEXT NOT NULL,
    partition INTEGER NOT NULL,
    incarnation BLOB NOT NULL,
    next INTEGER NOT NULL,
    PRIMARY KEY (topic, partition)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS alert_decommissioned (host TEXT PRIMARY KEY, at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS retention_versions (
    version INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    origin TEXT,
    source TEXT NOT NULL,
    body TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS retention_promises (
    topic TEXT NOT NULL,
    stream_id INTEGER NOT NULL,
    published_to INTEGER NOT NULL,
    minimum_seconds INTEGER NOT NULL,
    PRIMARY KEY (topic, stream_id, published_to)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS holds (
    id TEXT PRIMARY KEY,
    case_number TEXT NOT NULL,
    owner TEXT NOT NULL,
    reason TEXT NOT NULL,
    selector TEXT NOT NULL,
    first INTEGER,
    last INTEGER,
    created_at INTEGER NOT NULL,
    created_from TEXT,
    released_at INTEGER,
    released_by TEXT,
    released_from TEXT,
    release_reason TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS alert_transitions_group ON alert_transitions (rule_id, group_key, sequence);
CREATE INDEX IF NOT EXISTS alert_transitions_decided ON alert_transitions (decided_at);
CREATE INDEX IF NOT EXISTS sources_place ON sources (host, path, generation);
CREATE INDEX IF NOT EXISTS sources_last ON sources (last_at);
CREATE INDEX IF NOT EXISTS split_streams_stream ON split_streams (stream_id);
CREATE INDEX IF NOT EXISTS audit_at ON audit (at);
CREATE INDEX IF NOT EXISTS audit_action ON audit (action);
";

pub(super) struct Opened {
    pub(super) connection: Connection,
    pub(super) store_id: String,
    pub(super) created: bool,
}

/// SQLite's smallest page, and so its smallest file.
const FILE_BYTES_MIN: u64 = 512;

pub(super) fn open(path: &Path) -> Result<Opened, CatalogError> {
    // SQLite would take a shorter one for a new one.
    let length = std::fs::metadata(path).map_or(0, |file| file.len());
    if (1..FILE_BYTES_MIN).contains(&length) {
        return Err(CatalogError::Damaged {
            path: path.display().to_string(),
            what: format!("only {length} bytes are left"),
        });
    }
    let mut connection = Connection::open(path)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    let found = version(&connection)?;
    if found > FORMAT_VERSION {
        return Err(CatalogError::NewerFormat {
            path: path.display().to_string(),
            found,
            supported: FORMAT_VERSION,
        });
    }
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // What is deleted is overwritten: the journal's entries name what people searched for.
    connection.pragma_update(None, "secure_delete", true)?;
    let created = found == 0;
    if created {
        create(&mut connection)?;
        sync_directory_of(path)?;
    }
    connection.execute_batch(LATER_TABLES)?;
    connection.execute_batch(super::notify::TABLES)?;
    connection.execute_batch(super::alert_owners::TABLES)?;
    connection.execute_batch(super::journal::TABLES)?;
    connection.execute_batch(super::integrity::TABLES)?;
    connection.execute_batch(super::chains::TABLES)?;
    connection.execute_batch(super::erasures::TABLES)?;
    add_later_columns(&connection)?;
    let store_id = connection
        .query_row("SELECT value FROM meta WHERE key = 'store_id'", [], |row| row.get(0))
        .optional()?
        .ok_or_else(|| CatalogError::Damaged {
            path: path.display().to_string(),
            what: "no store id".into(),
        })?;
    Ok(Opened {
        connection,
        store_id,
        created,
    })
}

/// Columns that came later and that an older program passes over: added wherever they are missing.
const LATER_COLUMNS: [(&str, &str, &str); 2] = [("splits", "published_first", "INTEGER"), ("splits", "class", "TEXT")];

fn add_later_columns(connection: &Connection) -> Result<(), CatalogError> {
    for (table, column, kind) in LATER_COLUMNS {
        let known = connection
            .prepare("SELECT 1 FROM pragma_table_info(?1) WHERE name = ?2")?
            .exists(params![table, column])?;
        if !known {
            connection.execute_batch(&format!("ALTER TABLE {table} ADD COLUMN {column} {kind}"))?;
        }
    }
    Ok(())
}

fn version(connection: &Connection) -> Result<u32, CatalogError> {
    Ok(connection.pragma_query_value(None, "user_version", |row| row.get(0))?)
}

/// Tables, store id and version in one transaction: a crash leaves all or none.
fn create(connection: &mut Connection) -> Result<(), CatalogError> {
    let transaction = connection.transaction()?;
    transaction.execute_batch(TABLES)?;
    let store_id = format!("{:032x}", rand::random::<u128>());
    transaction.execute(
        "INSERT INTO meta (key, value) VALUES ('store_id', ?1)",
        params![store_id],
    )?;
    transaction.pragma_update(None, "user_version", FORMAT_VERSION)?;
    transaction.commit()?;
    Ok(())
}

/// SQLite syncs the directory for its journal, not for a database just created.
fn sync_directory_of(path: &Path) -> Result<(), CatalogError> {
    let directory = path
        .parent()
        .filter(|p| !p.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    File::open(directory)
        .and_then(|dir| dir.sync_all())
        .map_err(|error| CatalogError::Damaged {
            path: directory.display().to_string(),
            what: format!("directory cannot be synced: {error}"),
        })
}
