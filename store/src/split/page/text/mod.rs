//! The text block: the variables of the lines, by template and slot.

mod encode;
mod lines;
mod parts;

pub(crate) use encode::encode_text;
pub(crate) use lines::{Lines, decode_text};
pub use parts::PageText;
