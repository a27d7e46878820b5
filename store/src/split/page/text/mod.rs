//! The text block: the variables of the lines, by template and slot.

mod encode;
mod lines;
mod parts;
mod slots;

pub(crate) use encode::TextEncoder;
pub(crate) use lines::{Lines, decode_text};
pub use parts::PageText;
