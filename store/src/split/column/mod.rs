//! Columns: whole numbers ([`ints`]) and byte strings ([`values`] writes them, [`decode`] reads
//! them), each written in the smallest of several encodings.

mod decoded;
mod distinct;
pub(crate) mod ints;
mod parts;
mod positions;
pub(crate) mod values;

#[cfg(test)]
mod tests;

pub(crate) use decoded::{Column, choices, decode, decode_as, put_decimal};
pub use decoded::{Entries, SlotView, Texts};
