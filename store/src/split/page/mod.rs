//! A page in four blocks, so that a query decodes only what it needs.
//!
//! Every column has one entry per row of the page, in the page's order, unless it says otherwise;
//! "numbers" and "values" are the columns of `column::ints` and `column::values`.
//!
//! **core**: numbers time, time parsed (0, 1), partition, offset (as i64), severity, stream (number
//! in the split); then the page's templates: `meta`: how many, and their numbers in the stripe,
//! ascending, each as difference to the one before; numbers: which of these.
//!
//! **text**: per template of the page a byte in `meta`: 1 if its slots are columns, else 0 (*rare*);
//! then per template with columns and per slot the values of its rows; then all slots of the rare
//! templates' rows, in order of rows, one after another: `delta`: length, `text`: bytes. The values
//! of a leaf (a slot of a shape) may be `CUT`: `meta`: how many templates they have, and these;
//! numbers: which of them; then the same by template and slot.
//!
//! **provenance**: numbers observed; `meta`: count of generations, and per generation 16 bytes
//! agent, 16 bytes generation; numbers: 0 for rows without place, else 1 + which; then, for rows
//! with place only, numbers start − end of the row of this generation before it in the page (0 if
//! none), numbers source bytes − (line bytes + 1); then numbers part: 0 if none, else
//! 1 + 2 × index + last.
//!
//! **attributes** (empty if no row has any): `meta`: count of sets, per set the count of its names,
//! per name its bytes (varint length first) and a type byte as in the queue (`s` text, `i` whole
//! number in decimal, `f` f64 little-endian, `b` 0 or 1, `j` JSON); numbers: which set; then per set
//! and name the values of its rows.

mod attributes;
mod core;
mod groups;
mod provenance;
mod text;

pub(crate) use attributes::{Attributes, decode_attributes, encode_attributes};
pub use core::PageCore;
pub(crate) use core::{decode_core, encode_core};
pub(crate) use groups::Groups;
pub(crate) use provenance::{Provenance, decode_provenance, encode_provenance};
pub use text::PageText;
pub(crate) use text::{Lines, TextEncoder, decode_text};

use std::ops::Range;

use super::stripe::StripeText;
use crate::rows::RowBlock;

/// Blocks of a page.
pub(crate) const BLOCKS: usize = 4;

/// What a page is written from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PageRows<'a> {
    /// The stripe's rows, in its order, their streams numbered as the split's.
    pub(crate) rows: &'a RowBlock,
    pub(crate) stripe: &'a StripeText,
    /// The page's first row in the stripe.
    pub(crate) first: usize,
    /// Rows.
    pub(crate) count: usize,
}

impl<'a> PageRows<'a> {
    pub(crate) fn len(&self) -> usize {
        self.count
    }
    /// The page's rows in the stripe.
    pub(crate) fn range(&self) -> Range<usize> {
        self.first..self.first + self.count
    }
    #[inline]
    pub(crate) fn line(&self, at: usize) -> &'a [u8] {
        self.rows.line(self.first + at)
    }
    /// Per row, its template's number in the stripe.
    pub(crate) fn templates(&self) -> &'a [u32] {
        &self.stripe.lines.templates[self.range()]
    }
    #[inline]
    pub(crate) fn variable(&self, at: usize, slot: usize) -> &'a [u8] {
        self.stripe.lines.variable(self.first + at, slot, self.line(at))
    }
    /// The page's rows by template.
    pub(crate) fn groups(&self) -> Groups {
        Groups::of(self.templates())
    }
}
