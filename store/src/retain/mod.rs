//! How long data stays: which class a stream is of, what forbids that a split goes, what goes next.
//!
//! The order is: hold, minimum retention, erasure, policy, share of the disk. What stands here decides
//! and touches nothing: the catalog keeps it (`catalog/retention.rs`), asks [`Rules::keeper`] in the
//! transaction of every deletion, and `write` carries it out.
//!
//! | module | what it says |
//! |---|---|
//! | [`select`] | which streams a selector takes |
//! | [`rules`] | policies, promises and holds of one moment |
//! | [`plan`] | what would be deleted, and what is held back |
//! | [`preview`] | the same for people |
//! | [`disk`] | how full the file system is |
//! | [`templates`] | ready-made policies with their sources |

mod disk;
mod plan;
mod preview;
mod rules;
mod select;
mod templates;
#[cfg(test)]
mod tests;

pub use disk::{DiskSpace, DiskUse, SystemDisk};
pub use plan::{Kept, Plan, Planned, plan};
pub use preview::{preview, summary};
pub use rules::{Hold, Keeping, Promise, Promises, Rules};
pub use select::{SelectError, Selector, Taken};
pub use templates::templates;

use timberline_proto::api::retention::PolicySet;

use crate::catalog::PolicyError;

/// Whether policies can be put in force.
///
/// # Errors
/// [`PolicyError::Fault`], [`PolicyError::Select`]
pub fn check(set: &PolicySet) -> Result<(), PolicyError> {
    set.check()?;
    Rules::new(set.clone())?;
    Ok(())
}
