//! Columns: whole numbers ([`ints`]) and byte strings ([`values`]), each written in the smallest
//! of several encodings.

pub(crate) mod ints;
pub(crate) mod values;

#[cfg(test)]
mod tests;
