//! How a line is read: its time, its severity, its fields. Read once, here, for agent, collector
//! and store alike.

mod fields;
mod severity;
mod time;

pub use fields::{FieldValue, Structure, fields, structure};
pub use severity::{Severity, severity};
pub use time::{TimeFound, TimeHints, TimeReader};
