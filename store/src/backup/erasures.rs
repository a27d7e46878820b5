//! Erasures and backups: one that was made before an erasure holds what that took, and what is restored of it
//! must carry the erasure out again.

use std::path::Path;

use timberline_proto::api::erasure::ReceiptBackup;
use timberline_proto::query::time_range::format_rfc3339_nanos;

use super::{At, BackupError, Directory};
use crate::erase::ErasureOrder;

/// The backups of a directory that may hold what an order took: those that began before it was final. Blocks.
///
/// # Errors
/// [`BackupError`]
pub fn backups_holding(directory: &Directory, order: &ErasureOrder) -> Result<Vec<ReceiptBackup>, BackupError> {
    let mut holding = Vec::new();
    let at = format_rfc3339_nanos(order.at_unix_nanos);
    for name in directory.names()? {
        let found = |begun_at: String| ReceiptBackup {
            directory: directory.path().display().to_string(),
            name: name.clone(),
            at: begun_at,
        };
        match directory.manifest(Some(&name)) {
            // Times of this form are in the order of their text.
            Ok(manifest) if manifest.begun_at <= at => holding.push(found(manifest.begun_at)),
            Ok(_) => {}
            // What cannot be read may hold it.
            Err(BackupError::Damaged { .. }) => holding.push(found(String::new())),
            Err(error) => return Err(error),
        }
    }
    Ok(holding)
}

/// Puts the orders that lie beside backups into a restored directory that has not got them: its store carries
/// them out before it serves anything. How many those were. Durable on return.
///
/// # Errors
/// [`BackupError::Io`]
pub(super) fn hand_on(directory: &Directory, data: &Path) -> Result<usize, BackupError> {
    let store = data.join("store");
    let mut handed = 0;
    for order in ErasureOrder::all(directory.path()).at(directory.path())? {
        let path = ErasureOrder::path(&store, &order.id);
        if !path.exists() {
            order.write(&store).at(&path)?;
            handed += 1;
        }
    }
    Ok(handed)
}
