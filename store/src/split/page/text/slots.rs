//! Texts that were cut into templates and slots, read again: a page's lines, or a leaf's values.

use timberline_proto::line::TimeForm;

use crate::split::block::Sources;
use crate::split::column::{self, Column, SlotView, choices, ints, values};
use crate::split::page::Groups;
use crate::split::stripe::Templates;
use crate::split::template::{Pieces, SlotKind};
use crate::split::wire::{Corrupt, Span};

/// Texts by template and slot. Everything that can be wrong with the bytes was found when it was
/// read, so making a text cannot fail.
#[derive(Debug)]
pub(crate) struct CutSlots {
    /// Templates by number in the stripe.
    pub(crate) groups: Groups,
    /// Per template: one column per slot; none at all for a rare template.
    columns: Vec<Option<Vec<SlotColumn>>>,
    /// Per template: bytes of the time in its lines, where it always takes as many.
    time_widths: Vec<Option<usize>>,
    /// Per row: its place in its template's columns; of a rare one, in `rare`.
    places: Vec<u32>,
    /// Values of rare templates' slots, row by row.
    rare: Vec<Span>,
}

#[derive(Debug)]
pub(crate) enum SlotColumn {
    Values(Column),
    /// The values of a leaf, cut.
    Cut(Box<CutSlots>),
}

/// The sink that holds the texts, and the templates: what slots are read with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Context<'a> {
    pub(crate) text: &'a [u8],
    pub(crate) templates: &'a Templates,
}

impl Context<'_> {
    fn pieces(&self, number: u32) -> Result<&Pieces, Corrupt> {
        self.templates.pieces(number)
    }
}

impl CutSlots {
    /// `leaves`: slots may be leaves, whose values may be cut in turn.
    pub(crate) fn decode(
        groups: Groups,
        context: Context<'_>,
        leaves: bool,
        from: &mut Sources<'_>,
    ) -> Result<Self, Corrupt> {
        let mut slots = Self {
            columns: Vec::with_capacity(groups.len()),
            time_widths: Vec::with_capacity(groups.len()),
            places: vec![0; groups.which.len()],
            rare: Vec::new(),
            groups,
        };
        let with_columns = from.meta.take(slots.groups.len())?;
        for (group, &with_columns) in with_columns.iter().enumerate() {
            let rows = slots.groups.rows_of(group);
            for (place, &row) in rows.iter().enumerate() {
                slots.places[row as usize] = place as u32;
            }
            let pieces = context.pieces(slots.groups.numbers[group])?;
            let columns = match (with_columns, rows.len()) {
                (0, _) => None,
                (_, 0) => return Err(Corrupt("template without rows")),
                (_, rows) => Some(decode_columns(pieces, rows, context, leaves, from)?),
            };
            slots
                .time_widths
                .push(time_width(pieces, columns.as_deref(), context.text));
            slots.columns.push(columns);
        }
        for (&which, place) in slots.groups.which.iter().zip(&mut slots.places) {
            if slots.columns[which as usize].is_none() {
                *place = slots.rare.len() as u32;
                let pieces = context.pieces(slots.groups.numbers[which as usize])?;
                decode_rare(pieces, context.text, from, &mut slots.rare)?;
            }
        }
        Ok(slots)
    }

    /// Appends a row's text. `nanos`: the time of its record.
    pub(crate) fn text_into(&self, row: usize, nanos: i64, context: Context<'_>, out: &mut Vec<u8>) {
        let which = self.groups.which[row] as usize;
        let Ok(pieces) = context.pieces(self.groups.numbers[which]) else {
            return;
        };
        let place = self.places[row] as usize;
        let mut fixed = pieces.fixed();
        out.extend_from_slice(fixed.next().unwrap_or_default());
        for ((slot, kind), fixed) in pieces.kinds().iter().enumerate().zip(fixed) {
            let start = out.len();
            match &self.columns[which] {
                Some(columns) => columns[slot].value_into(place, nanos, context, out),
                None => out.extend_from_slice(self.rare[place + slot].of(context.text)),
            }
            if *kind == SlotKind::Time {
                write_time(start, nanos, out);
            }
            out.extend_from_slice(fixed);
        }
    }

    /// Bytes of a row's text.
    pub(crate) fn text_length(&self, row: usize, nanos: i64, context: Context<'_>) -> usize {
        let which = self.groups.which[row] as usize;
        let Ok(pieces) = context.pieces(self.groups.numbers[which]) else {
            return 0;
        };
        let place = self.places[row] as usize;
        let mut length = pieces.fixed_bytes();
        for (slot, kind) in pieces.kinds().iter().enumerate() {
            length += match (kind, &self.columns[which]) {
                (SlotKind::Time, _) if self.time_widths[which].is_some() => self.time_widths[which].unwrap_or(0),
                (SlotKind::Time, _) => {
                    let mut time = Vec::with_capacity(40);
                    self.value_into(row, slot, nanos, context, &mut time);
                    time.len()
                }
                (_, Some(columns)) => columns[slot].value_length(place, nanos, context),
                (_, None) => self.rare[place + slot].of(context.text).len(),
            };
        }
        length
    }

    /// Bytes of the texts of the first `rows` rows, column by column. `times`: those of their records.
    pub(crate) fn text_lengths(&self, rows: usize, times: &[i64], context: Context<'_>) -> Vec<usize> {
        let mut lengths = vec![0; rows];
        for (which, columns) in self.columns.iter().enumerate() {
            let of_group = self.groups.rows_of(which);
            let of_group = &of_group[..of_group.partition_point(|&row| (row as usize) < rows)];
            let pieces = context.pieces(self.groups.numbers[which]);
            let (Some(columns), Ok(pieces)) = (columns, pieces) else {
                for &row in of_group {
                    lengths[row as usize] = self.text_length(row as usize, times[row as usize], context);
                }
                continue;
            };
            let mut of_all = pieces.fixed_bytes();
            for (slot, kind) in pieces.kinds().iter().enumerate() {
                match (kind, &columns[slot]) {
                    (SlotKind::Time, _) if let Some(width) = self.time_widths[which] => of_all += width,
                    (SlotKind::Time, _) => {
                        let mut time = Vec::with_capacity(40);
                        for &row in of_group {
                            time.clear();
                            self.value_into(row as usize, slot, times[row as usize], context, &mut time);
                            lengths[row as usize] += time.len();
                        }
                    }
                    (_, SlotColumn::Values(column)) => of_all += column.add_lengths(of_group, &mut lengths),
                    (_, SlotColumn::Cut(slots)) => {
                        for (place, &row) in of_group.iter().enumerate() {
                            lengths[row as usize] += slots.text_length(place, times[row as usize], context);
                        }
                    }
                }
            }
            of_group.iter().for_each(|&row| lengths[row as usize] += of_all);
        }
        lengths
    }

    /// Appends what fills a slot in a row.
    pub(crate) fn value_into(&self, row: usize, slot: usize, nanos: i64, context: Context<'_>, out: &mut Vec<u8>) {
        let which = self.groups.which[row] as usize;
        let (place, start) = (self.places[row] as usize, out.len());
        match &self.columns[which] {
            Some(columns) => columns[slot].value_into(place, nanos, context, out),
            None => out.extend_from_slice(self.rare[place + slot].of(context.text)),
        }
        let pieces = context.pieces(self.groups.numbers[which]);
        if pieces.is_ok_and(|pieces| pieces.kinds()[slot] == SlotKind::Time) {
            write_time(start, nanos, out);
        }
    }

    /// Bytes of the time in a template's texts, where it always takes as many.
    pub(crate) fn time_width(&self, which: usize) -> Option<usize> {
        self.time_widths[which]
    }

    /// The column of a slot, unless its template is rare.
    pub(crate) fn column(&self, which: usize, slot: usize) -> Option<&SlotColumn> {
        self.columns[which].as_ref().map(|columns| &columns[slot])
    }
}

impl SlotColumn {
    #[inline]
    fn value_into(&self, place: usize, nanos: i64, context: Context<'_>, out: &mut Vec<u8>) {
        match self {
            SlotColumn::Values(column) => column.value_into(place, context.text, out),
            SlotColumn::Cut(slots) => slots.text_into(place, nanos, context, out),
        }
    }

    fn value_length(&self, place: usize, nanos: i64, context: Context<'_>) -> usize {
        match self {
            SlotColumn::Values(column) => column.value_length(place),
            SlotColumn::Cut(slots) => slots.text_length(place, nanos, context),
        }
    }

    pub(crate) fn view<'a>(&'a self, context: Context<'a>) -> SlotView<'a> {
        match self {
            SlotColumn::Values(column) => column.view(context.text),
            SlotColumn::Cut(_) => SlotView::Made,
        }
    }
}

/// Bytes of the time in the lines of a template, if all are written in one form that says so.
fn time_width(pieces: &Pieces, columns: Option<&[SlotColumn]>, text: &[u8]) -> Option<usize> {
    match &columns?[pieces.time_slot()?] {
        SlotColumn::Values(Column::Const(form)) => TimeForm::from_bytes(form.of(text))?.width(),
        _ => None,
    }
}

/// Replaces the form that stands from `start` on by the time in it.
fn write_time(start: usize, nanos: i64, out: &mut Vec<u8>) {
    if let Some(form) = TimeForm::from_bytes(&out[start..]) {
        out.truncate(start);
        form.write(nanos, out);
    }
}

fn decode_columns(
    pieces: &Pieces,
    rows: usize,
    context: Context<'_>,
    leaves: bool,
    from: &mut Sources<'_>,
) -> Result<Vec<SlotColumn>, Corrupt> {
    let mut columns = Vec::with_capacity(pieces.slots().min(from.meta.remaining()));
    for kind in pieces.kinds() {
        let encoding = from.meta.u8()?;
        if encoding == values::CUT && *kind == SlotKind::Leaf && leaves {
            columns.push(SlotColumn::Cut(Box::new(decode_cut(rows, context, from)?)));
            continue;
        }
        let column = column::decode_as(encoding, rows, from)?;
        if *kind == SlotKind::Time {
            check_forms(&column, rows, context.text)?;
        }
        columns.push(SlotColumn::Values(column));
    }
    Ok(columns)
}

fn decode_cut(rows: usize, context: Context<'_>, from: &mut Sources<'_>) -> Result<CutSlots, Corrupt> {
    let mut numbers = Vec::new();
    let mut last = context.templates.len() as u64;
    for _ in 0..from.meta.count()? {
        last = last.saturating_add(from.meta.varint()?);
        if last >= context.templates.len_with_inner() as u64 {
            return Err(Corrupt("template beyond the stripe's"));
        }
        numbers.push(last as u32);
    }
    let which = choices(ints::decode(rows, from)?, numbers.len())?;
    CutSlots::decode(Groups::with(numbers, which), context, false, from)
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
    for kind in pieces.kinds() {
        let length = from.delta.varint()?;
        let span = from.text.span(length)?;
        if *kind == SlotKind::Time {
            TimeForm::from_bytes(span.of(text)).ok_or(Corrupt("unknown form of time"))?;
        }
        rare.push(span);
    }
    Ok(())
}
