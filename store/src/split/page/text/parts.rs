//! The text of a page by its parts: columns by template and slot, and any row's line.

use std::sync::Arc;

use timberline_proto::line::TimeForm;

use crate::split::block::{Sources, Unpacked};
use crate::split::column::{self, Column, SlotView};
use crate::split::page::PageCore;
use crate::split::stripe::Templates;
use crate::split::template::Pieces;
use crate::split::wire::{Corrupt, Span};

/// A page's text, unpacked: lines are made only of the rows that are asked for. Everything that
/// can be wrong with the bytes was found when it was read.
#[derive(Debug)]
pub struct PageText {
    core: Arc<PageCore>,
    unpacked: Unpacked,
    /// Per template of the page.
    templates: Vec<TemplateText>,
    /// Per row: its place in its template's columns; of a rare one, in `rare`.
    places: Vec<u32>,
    /// Values of rare templates' slots, row by row.
    rare: Vec<Span>,
}

#[derive(Debug)]
struct TemplateText {
    pieces: Pieces,
    rows: Vec<u32>,
    /// One per slot; none at all for a rare template.
    columns: Option<Vec<Column>>,
}

impl PageText {
    pub(crate) fn decode(block: &[u8], core: &Arc<PageCore>, templates: &Templates) -> Result<Self, Corrupt> {
        let unpacked = Unpacked::new(block)?;
        let mut text = Self {
            core: Arc::clone(core),
            unpacked,
            templates: Vec::with_capacity(core.templates.len()),
            places: Vec::with_capacity(core.rows()),
            rare: Vec::new(),
        };
        for &template in &core.templates {
            text.templates.push(TemplateText {
                pieces: Pieces::of(templates.bytes(template))?,
                rows: Vec::new(),
                columns: None,
            });
        }
        for (row, &which) in core.which.iter().enumerate() {
            let rows = &mut text.templates[which as usize].rows;
            text.places.push(rows.len() as u32);
            rows.push(row as u32);
        }
        let mut from = text.unpacked.sources();
        decode_columns(&mut text.templates, text.unpacked.text(), &mut from)?;
        for (&which, place) in core.which.iter().zip(&mut text.places) {
            let template = &text.templates[which as usize];
            if template.columns.is_none() {
                *place = text.rare.len() as u32;
                decode_rare(&template.pieces, text.unpacked.text(), &mut from, &mut text.rare)?;
            }
        }
        from.end()?;
        Ok(text)
    }

    /// Appends a row's line, byte for byte as it came.
    pub fn line_into(&self, row: usize, line: &mut Vec<u8>) {
        let template = &self.templates[self.core.which[row] as usize];
        let (place, text) = (self.places[row] as usize, self.unpacked.text());
        let mut fixed = template.pieces.fixed();
        line.extend_from_slice(fixed.next().unwrap_or_default());
        for (slot, fixed) in fixed.enumerate() {
            let start = line.len();
            match &template.columns {
                Some(columns) => columns[slot].value_into(place, text, line),
                None => line.extend_from_slice(self.rare[place + slot].of(text)),
            }
            if template.pieces.time_slot() == Some(slot)
                && let Some(form) = TimeForm::from_bytes(&line[start..])
            {
                line.truncate(start);
                form.write(self.core.time[row], line);
            }
            line.extend_from_slice(fixed);
        }
    }

    /// Bytes of a row's line.
    pub fn line_length(&self, row: usize) -> usize {
        let template = &self.templates[self.core.which[row] as usize];
        let (place, text) = (self.places[row] as usize, self.unpacked.text());
        let mut length = template.pieces.fixed_bytes();
        for slot in 0..template.pieces.slots() {
            if template.pieces.time_slot() == Some(slot) {
                let mut time = Vec::with_capacity(40);
                self.value_into(row, slot, &mut time);
                length += time.len();
                continue;
            }
            length += match &template.columns {
                Some(columns) => columns[slot].value_length(place),
                None => self.rare[place + slot].of(text).len(),
            };
        }
        length
    }

    /// The rows of a template, ascending. Templates are numbered as in [`PageCore::which`].
    ///
    /// # Panics
    /// If the page has no template of that number, here and below.
    pub fn rows_of(&self, which: usize) -> &[u32] {
        &self.templates[which].rows
    }

    /// How many slots a template has.
    pub fn slots(&self, which: usize) -> usize {
        self.templates[which].pieces.slots()
    }

    /// A template's fixed texts, in order: before the first slot, between, after the last.
    pub fn fixed(&self, which: usize) -> impl Iterator<Item = &[u8]> {
        self.templates[which].pieces.fixed()
    }

    /// What fills a slot in the rows of its template, in their order. `None` if the template is so
    /// rare in the page that its slots are no columns: then row by row, by
    /// [`value_into`](Self::value_into).
    pub fn slot(&self, which: usize, slot: usize) -> Option<SlotView<'_>> {
        let template = &self.templates[which];
        if template.pieces.time_slot() == Some(slot) {
            return Some(SlotView::Time);
        }
        let columns = template.columns.as_ref()?;
        Some(columns[slot].view(self.unpacked.text()))
    }

    /// Appends what fills a slot in a row of the page, as it stands in the line.
    pub fn value_into(&self, row: usize, slot: usize, out: &mut Vec<u8>) {
        let template = &self.templates[self.core.which[row] as usize];
        let (place, text, start) = (self.places[row] as usize, self.unpacked.text(), out.len());
        match &template.columns {
            Some(columns) => columns[slot].value_into(place, text, out),
            None => out.extend_from_slice(self.rare[place + slot].of(text)),
        }
        if template.pieces.time_slot() == Some(slot)
            && let Some(form) = TimeForm::from_bytes(&out[start..])
        {
            out.truncate(start);
            form.write(self.core.time[row], out);
        }
    }
}

fn decode_columns(templates: &mut [TemplateText], text: &[u8], from: &mut Sources<'_>) -> Result<(), Corrupt> {
    let with_columns = from.meta.take(templates.len())?;
    for (template, &with_columns) in templates.iter_mut().zip(with_columns) {
        if with_columns == 0 {
            continue;
        }
        let rows = template.rows.len();
        if rows == 0 {
            return Err(Corrupt("template without rows"));
        }
        let mut columns = Vec::with_capacity(template.pieces.slots());
        for slot in 0..template.pieces.slots() {
            let column = column::decode(rows, from)?;
            if template.pieces.time_slot() == Some(slot) {
                check_forms(&column, rows, text)?;
            }
            columns.push(column);
        }
        template.columns = Some(columns);
    }
    Ok(())
}

fn check_forms(column: &Column, rows: usize, text: &[u8]) -> Result<(), Corrupt> {
    let mut form = Vec::with_capacity(TimeForm::BYTES);
    // Of a constant, one row stands for all.
    let rows = if matches!(column, Column::Const(_)) { 1 } else { rows };
    for row in 0..rows {
        form.clear();
        column.value_into(row, text, &mut form);
        TimeForm::from_bytes(&form).ok_or(Corrupt("unknown form of time"))?;
    }
    Ok(())
}

fn decode_rare(pieces: &Pieces, text: &[u8], from: &mut Sources<'_>, rare: &mut Vec<Span>) -> Result<(), Corrupt> {
    for slot in 0..pieces.slots() {
        let length = from.delta.varint()?;
        let span = from.text.span(length)?;
        if pieces.time_slot() == Some(slot) {
            TimeForm::from_bytes(span.of(text)).ok_or(Corrupt("unknown form of time"))?;
        }
        rare.push(span);
    }
    Ok(())
}
