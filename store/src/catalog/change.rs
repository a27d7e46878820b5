//! Changes of what people keep, each with its entry in the record of acts.

use rusqlite::Transaction;
use serde_json::Value;

use super::{Catalog, CatalogError, audit};
use timberline_proto::api::access::Actor;

/// Why something is not changed: it is refused, or the catalog failed.
pub(super) trait Refusal: From<CatalogError> {
    /// The catalog's failure; else the refusal itself.
    fn failure(self) -> Result<CatalogError, Self>;
}

impl Catalog {
    /// One transaction with its entry in the record: what was done, with what, and how. What is refused
    /// changes nothing, if it is refused before anything is written. Durable on return.
    pub(super) fn change<E: Refusal, A: AsRef<str>>(
        &self,
        actor: &Actor,
        change: impl FnOnce(&Transaction<'_>) -> Result<(A, String, Value), E>,
    ) -> Result<(), E> {
        let mut refused = None;
        self.transact(|transaction, _| match change(transaction).map_err(Refusal::failure) {
            Ok((action, object, detail)) => audit::note_of(transaction, actor, action.as_ref(), &object, &detail),
            Err(Ok(failure)) => Err(failure),
            Err(Err(refusal)) => {
                refused = Some(refusal);
                Ok(())
            }
        })?;
        refused.map_or(Ok(()), Err)
    }
}
