//! How a line is read: its time, its severity, its fields. Read once, here, for agent, collector
//! and store alike.
//!
//! Everything here takes bytes as they came: nothing panics on any input, nothing allocates for a
//! plain line, and every loop is bounded by the line's length or by a constant with a name.

mod fields;
mod json;
mod leaves;
mod logfmt;
mod places;
mod severity;
mod time;

#[cfg(test)]
mod proptests;

pub use fields::{FieldValue, Structure, fields, structure};
pub use leaves::{Leaf, LeafKind, leaf_value, leaves};
pub use places::{FieldPlace, field_place, json_escaped};
pub use severity::{Severity, severity};
pub use time::{TimeForm, TimeFound, TimeHints, TimeReader, describe};
