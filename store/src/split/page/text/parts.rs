//! The text of a page by its parts: columns by template and slot, and any row's line.

use std::sync::Arc;

use super::slots::{Context, CutSlots};
use crate::split::block::Unpacked;
use crate::split::column::SlotView;
use crate::split::page::{Groups, PageCore};
use crate::split::stripe::Templates;
use crate::split::template::{Shape, SlotKind};
use crate::split::wire::Corrupt;

/// A page's text, unpacked: lines are made only of the rows that are asked for.
#[derive(Debug)]
pub struct PageText {
    core: Arc<PageCore>,
    templates: Arc<Templates>,
    unpacked: Unpacked,
    slots: CutSlots,
}

impl PageText {
    pub(crate) fn decode(block: &[u8], core: &Arc<PageCore>, templates: &Arc<Templates>) -> Result<Self, Corrupt> {
        let unpacked = Unpacked::new(block)?;
        let groups = Groups::with(core.templates.clone(), core.which.clone());
        let mut from = unpacked.sources();
        let context = Context {
            text: unpacked.text(),
            templates,
        };
        let slots = CutSlots::decode(groups, context, true, &mut from)?;
        from.end()?;
        Ok(Self {
            core: Arc::clone(core),
            templates: Arc::clone(templates),
            slots,
            unpacked,
        })
    }

    fn context(&self) -> Context<'_> {
        Context {
            text: self.unpacked.text(),
            templates: &self.templates,
        }
    }

    fn number(&self, which: usize) -> u32 {
        self.core.templates[which]
    }

    /// Appends a row's line, byte for byte as it came.
    pub fn line_into(&self, row: usize, line: &mut Vec<u8>) {
        self.slots.text_into(row, self.core.time[row], self.context(), line);
    }

    /// Bytes of the lines of the first `rows` rows.
    pub(crate) fn line_lengths(&self, rows: usize) -> Vec<usize> {
        self.slots.text_lengths(rows, &self.core.time, self.context())
    }

    /// The rows of a template, ascending. Templates are numbered as in [`PageCore::which`].
    ///
    /// # Panics
    /// If the page has no template of that number, here and below.
    pub fn rows_of(&self, which: usize) -> &[u32] {
        self.slots.groups.rows_of(which)
    }

    /// How many slots a template has.
    pub fn slots(&self, which: usize) -> usize {
        self.templates.pieces(self.number(which)).map_or(0, |p| p.slots())
    }

    /// Whether a slot of a template holds any text (a value of JSON or logfmt), and not one token
    /// with a digit.
    pub fn has_leaves(&self, which: usize) -> bool {
        let pieces = self.templates.pieces(self.number(which));
        pieces.is_ok_and(|pieces| pieces.has_leaves())
    }

    /// Whether the times in a template's lines are all written in one form of one width.
    pub(crate) fn is_time_even(&self, which: usize) -> bool {
        self.slots.time_width(which).is_some()
    }

    /// A template's fixed texts, in order: before the first slot, between, after the last.
    pub fn fixed(&self, which: usize) -> impl Iterator<Item = &[u8]> {
        let pieces = self.templates.pieces(self.number(which));
        pieces.ok().into_iter().flat_map(|pieces| pieces.fixed())
    }

    /// The fields of a template's lines, by slots.
    pub fn shape(&self, which: usize) -> &Shape {
        self.templates.shape(self.number(which))
    }

    /// What fills a slot in the rows of its template, in their order. `None` if the template is so
    /// rare in the page that its slots are no columns: then row by row, by
    /// [`value_into`](Self::value_into).
    pub fn slot(&self, which: usize, slot: usize) -> Option<SlotView<'_>> {
        let column = self.slots.column(which, slot)?;
        let pieces = self.templates.pieces(self.number(which)).ok()?;
        Some(match pieces.kinds()[slot] {
            SlotKind::Time => SlotView::Time,
            _ => column.view(self.context()),
        })
    }

    /// Appends what fills a slot in a row of the page, as it stands in the line.
    pub fn value_into(&self, row: usize, slot: usize, out: &mut Vec<u8>) {
        self.slots
            .value_into(row, slot, self.core.time[row], self.context(), out);
    }
}
