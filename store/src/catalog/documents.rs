//! What people made and named: dashboards and saved searches, as JSON that the catalog does not read.
//!
//! A change names the version that it changed, so that of two who change the same one the second
//! learns of the first and neither loses anything. Each act is on record.

use rusqlite::{Connection, OptionalExtension, Row, params};
use serde_json::json;

use super::change::Refusal;
use super::edit::now_nanos;
use super::{Catalog, CatalogError};
use timberline_proto::api::access::Actor;

/// What a document is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DocumentKind {
    /// A dashboard.
    Dashboard,
    /// A saved search.
    Search,
}

impl DocumentKind {
    /// Its word in the table and in the record of acts.
    pub fn word(self) -> &'static str {
        match self {
            Self::Dashboard => "dashboard",
            Self::Search => "search",
        }
    }

    fn spoken(self) -> &'static str {
        match self {
            Self::Dashboard => "dashboard",
            Self::Search => "saved search",
        }
    }
}

/// A document that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// From 1; grows by one with each change.
    pub version: u64,
    /// What lists show of it, JSON.
    pub summary: String,
    /// All of it, JSON; empty in lists.
    pub body: String,
    /// When it was made, nanoseconds since the epoch.
    pub created_at_nanos: i64,
    /// When it was changed last, nanoseconds since the epoch.
    pub updated_at_nanos: i64,
}

/// What is to be kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewDocument {
    /// Its name.
    pub name: String,
    /// What lists show of it, JSON.
    pub summary: String,
    /// All of it, JSON.
    pub body: String,
}

/// What may be kept of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DocumentLimits {
    /// So many.
    pub count_max: u64,
    /// Each with a body of so many bytes.
    pub bytes_max: u64,
}

/// Why a document is not kept, changed or deleted.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// There are as many as there may be.
    #[error("there are {max} of its kind already (`{key}`): delete one, or allow more")]
    Full {
        /// The limit.
        max: u64,
        /// Its key.
        key: &'static str,
    },
    /// It is too large.
    #[error("it has {bytes} bytes, more than the {max} that are kept (`store.document_bytes_max`)")]
    TooLarge {
        /// Its size.
        bytes: u64,
        /// The limit.
        max: u64,
    },
    /// There is none of this id.
    #[error("there is no {kind} {id:?}: it may have been deleted")]
    NotThere {
        /// What was looked for.
        kind: &'static str,
        /// Its id.
        id: String,
    },
    /// Somebody changed it since.
    #[error("{name:?} was changed by somebody else: version {found} is kept, and this was made from version {asked}")]
    Conflict {
        /// Its name as it is kept.
        name: String,
        /// The version that was changed.
        asked: u64,
        /// The version that is kept.
        found: u64,
    },
    /// The catalog said no.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
}

impl Refusal for DocumentError {
    fn failure(self) -> Result<CatalogError, Self> {
        match self {
            Self::Catalog(error) => Ok(error),
            refusal => Err(refusal),
        }
    }
}

impl From<rusqlite::Error> for DocumentError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Catalog(error.into())
    }
}

impl Catalog {
    /// All documents of a kind by name, without their bodies.
    ///
    /// # Errors
    /// [`CatalogError::Database`]
    pub fn documents(&self, kind: DocumentKind) -> Result<Vec<Document>, CatalogError> {
        let connection = self.inner.connection.lock();
        let mut statement = connection.prepare_cached(
            "SELECT id, name, version, summary, '', created_at, updated_at FROM documents WHERE kind = ?1 \
             ORDER BY name COLLATE NOCASE, id",
        )?;
        let documents = statement.query_map(params![kind.word()], read)?;
        Ok(documents.collect::<Result<_, _>>()?)
    }

    /// One of them, whole.
    ///
    /// # Errors
    /// [`DocumentError::NotThere`], [`DocumentError::Catalog`]
    pub fn document(&self, kind: DocumentKind, id: &str) -> Result<Document, DocumentError> {
        find(&self.inner.connection.lock(), kind, id)
    }

    /// Keeps a new one, for `actor`. Durable on return.
    ///
    /// # Errors
    /// [`DocumentError::Full`], [`DocumentError::TooLarge`], [`DocumentError::Catalog`]
    pub fn create_document(
        &self,
        kind: DocumentKind,
        new: NewDocument,
        limits: DocumentLimits,
        actor: &Actor,
    ) -> Result<Document, DocumentError> {
        check_size(&new, limits)?;
        let now = now_nanos();
        let document = Document {
            id: format!("{:016x}", rand::random::<u64>()),
            name: new.name,
            version: 1,
            summary: new.summary,
            body: new.body,
            created_at_nanos: now,
            updated_at_nanos: now,
        };
        self.change::<DocumentError, _>(actor, |connection| {
            let count: i64 = connection.query_row(
                "SELECT COUNT(*) FROM documents WHERE kind = ?1",
                params![kind.word()],
                |row| row.get(0),
            )?;
            if count as u64 >= limits.count_max {
                return Err(DocumentError::Full {
                    max: limits.count_max,
                    key: match kind {
                        DocumentKind::Dashboard => "store.dashboards_max",
                        DocumentKind::Search => "store.saved_searches_max",
                    },
                });
            }
            connection.execute(
                "INSERT INTO documents (kind, id, name, version, summary, body, created_at, updated_at) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                params![
                    kind.word(),
                    document.id,
                    document.name,
                    document.version as i64,
                    document.summary,
                    document.body,
                    document.created_at_nanos,
                    document.updated_at_nanos
                ],
            )?;
            let detail = json!({ "name": document.name, "version": document.version, "bytes": document.body.len() });
            Ok((act(kind, "create"), document.id.clone(), detail))
        })?;
        Ok(document)
    }

    /// Puts another in the place of `version` of one. Durable on return.
    ///
    /// # Errors
    /// [`DocumentError::Conflict`] if another version is kept, [`DocumentError::NotThere`],
    /// [`DocumentError::TooLarge`], [`DocumentError::Catalog`]
    pub fn replace_document(
        &self,
        kind: DocumentKind,
        (id, version): (&str, u64),
        new: NewDocument,
        limits: DocumentLimits,
        actor: &Actor,
    ) -> Result<Document, DocumentError> {
        check_size(&new, limits)?;
        let mut replaced = None;
        self.change::<DocumentError, _>(actor, |connection| {
            let held = find(connection, kind, id)?;
            check_version(&held, version)?;
            let document = Document {
                name: new.name,
                version: version + 1,
                summary: new.summary,
                body: new.body,
                updated_at_nanos: now_nanos(),
                ..held
            };
            connection.execute(
                "UPDATE documents SET name = ?3, version = ?4, summary = ?5, body = ?6, updated_at = ?7 \
                 WHERE kind = ?1 AND id = ?2",
                params![
                    kind.word(),
                    id,
                    document.name,
                    document.version as i64,
                    document.summary,
                    document.body,
                    document.updated_at_nanos
                ],
            )?;
            let detail = json!({ "name": document.name, "version": document.version, "bytes": document.body.len() });
            replaced = Some(document);
            Ok((act(kind, "change"), id.to_owned(), detail))
        })?;
        Ok(replaced.expect("it was put there by the change that went well"))
    }

    /// Deletes one; if a version is named, only that one. Durable on return.
    ///
    /// # Errors
    /// [`DocumentError::Conflict`], [`DocumentError::NotThere`], [`DocumentError::Catalog`]
    pub fn delete_document(
        &self,
        kind: DocumentKind,
        id: &str,
        version: Option<u64>,
        actor: &Actor,
    ) -> Result<(), DocumentError> {
        self.change::<DocumentError, _>(actor, |connection| {
            let held = find(connection, kind, id)?;
            if let Some(version) = version {
                check_version(&held, version)?;
            }
            connection.execute(
                "DELETE FROM documents WHERE kind = ?1 AND id = ?2",
                params![kind.word(), id],
            )?;
            let detail = json!({ "name": held.name, "version": held.version });
            Ok((act(kind, "delete"), id.to_owned(), detail))
        })
    }
}

fn act(kind: DocumentKind, what: &str) -> String {
    format!("{}.{what}", kind.word())
}

fn check_size(new: &NewDocument, limits: DocumentLimits) -> Result<(), DocumentError> {
    let bytes = new.body.len() as u64;
    match bytes > limits.bytes_max {
        true => Err(DocumentError::TooLarge {
            bytes,
            max: limits.bytes_max,
        }),
        false => Ok(()),
    }
}

fn check_version(held: &Document, asked: u64) -> Result<(), DocumentError> {
    match held.version == asked {
        true => Ok(()),
        false => Err(DocumentError::Conflict {
            name: held.name.clone(),
            asked,
            found: held.version,
        }),
    }
}

fn find(connection: &Connection, kind: DocumentKind, id: &str) -> Result<Document, DocumentError> {
    let mut statement = connection.prepare_cached(
        "SELECT id, name, version, summary, body, created_at, updated_at FROM documents WHERE kind = ?1 AND id = ?2",
    )?;
    let found = statement.query_row(params![kind.word(), id], read).optional()?;
    found.ok_or_else(|| DocumentError::NotThere {
        kind: kind.spoken(),
        id: id.to_owned(),
    })
}

fn read(row: &Row<'_>) -> rusqlite::Result<Document> {
    Ok(Document {
        id: row.get(0)?,
        name: row.get(1)?,
        version: row.get::<_, i64>(2)? as u64,
        summary: row.get(3)?,
        body: row.get(4)?,
        created_at_nanos: row.get(5)?,
        updated_at_nanos: row.get(6)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: DocumentLimits = DocumentLimits {
        count_max: 2,
        bytes_max: 10,
    };

    fn named(name: &str) -> NewDocument {
        NewDocument {
            name: name.into(),
            summary: "{}".into(),
            body: format!("\"{name}\""),
        }
    }

    fn catalog() -> (tempfile::TempDir, Catalog) {
        let dir = tempfile::tempdir().unwrap();
        let catalog = Catalog::open(&dir.path().join("catalog.sqlite")).unwrap();
        (dir, catalog)
    }

    #[test]
    fn of_two_who_change_the_same_version_the_second_learns_of_the_first() {
        let (dir, catalog) = catalog();
        let kind = DocumentKind::Dashboard;
        let made = catalog
            .create_document(
                kind,
                named("a"),
                LIMITS,
                &Actor::new("user:ann", Some("10.0.0.1".to_owned())),
            )
            .unwrap();
        let changed = catalog
            .replace_document(kind, (&made.id, 1), named("b"), LIMITS, &Actor::default())
            .unwrap();
        assert_eq!((changed.version, changed.created_at_nanos), (2, made.created_at_nanos));
        let refused = catalog.replace_document(kind, (&made.id, 1), named("c"), LIMITS, &Actor::default());
        assert!(
            matches!(&refused, Err(DocumentError::Conflict { asked: 1, found: 2, name }) if name == "b"),
            "{refused:?}"
        );
        assert!(
            catalog
                .delete_document(kind, &made.id, Some(1), &Actor::default())
                .is_err()
        );
        // It is there after a restart, and what was refused left no trace.
        drop(catalog);
        let catalog = Catalog::open(&dir.path().join("catalog.sqlite")).unwrap();
        assert_eq!(catalog.document(kind, &made.id).unwrap().body, "\"b\"");
        catalog
            .delete_document(kind, &made.id, Some(2), &Actor::default())
            .unwrap();
        let acts = catalog.audit(100).unwrap();
        let acts: Vec<_> = acts
            .iter()
            .map(|act| (act.action.as_str(), act.origin.as_deref()))
            .collect();
        assert_eq!(
            acts,
            [
                ("dashboard.create", Some("10.0.0.1")),
                ("dashboard.change", None),
                ("dashboard.delete", None)
            ]
        );
        assert!(matches!(
            catalog.document(kind, &made.id),
            Err(DocumentError::NotThere { .. })
        ));
    }

    #[test]
    fn there_are_no_more_and_no_larger_ones_than_allowed() {
        let (_dir, catalog) = catalog();
        let kind = DocumentKind::Search;
        for name in ["b", "A"] {
            catalog
                .create_document(kind, named(name), LIMITS, &Actor::default())
                .unwrap();
        }
        let names: Vec<_> = catalog
            .documents(kind)
            .unwrap()
            .into_iter()
            .map(|one| one.name)
            .collect();
        assert_eq!(names, ["A", "b"]);
        assert!(matches!(
            catalog.create_document(kind, named("c"), LIMITS, &Actor::default()),
            Err(DocumentError::Full { max: 2, .. })
        ));
        assert!(catalog.documents(DocumentKind::Dashboard).unwrap().is_empty());
        assert!(matches!(
            catalog.create_document(
                DocumentKind::Dashboard,
                named("longer than ten"),
                LIMITS,
                &Actor::default()
            ),
            Err(DocumentError::TooLarge { bytes: 17, .. })
        ));
    }

    #[test]
    fn a_catalog_from_before_there_were_documents_opens() {
        let (dir, catalog) = catalog();
        catalog.hold().execute_batch("DROP TABLE documents").unwrap();
        drop(catalog);
        let catalog = Catalog::open(&dir.path().join("catalog.sqlite")).unwrap();
        assert!(!catalog.was_created());
        catalog
            .create_document(DocumentKind::Search, named("a"), LIMITS, &Actor::default())
            .unwrap();
    }
}
