//! A column of byte strings, read: any row's value, or all of them as what they are stored as, so
//! that a question is asked once per distinct value.

use super::super::block::Sources;
use super::super::wire::{Corrupt, Span};
use super::ints;
use super::parts::PARTS_MAX;
use super::positions::PositionColumn;
use super::values::{CONST, DICTIONARY, DIGITS_MAX, INTEGER, PARTS, POSITIONS, TEXT};

/// A decoded column. Its texts stand in the block's sinks, which it does not hold.
#[derive(Debug)]
pub(crate) enum Column {
    Const(Span),
    Dictionary {
        entries: Vec<Span>,
        codes: Vec<u32>,
    },
    Integer {
        prefix: Box<[u8]>,
        suffix: Box<[u8]>,
        digits: usize,
        numbers: Vec<i64>,
    },
    Text {
        start: usize,
        /// Where each value ends.
        ends: Vec<usize>,
    },
    Parts {
        /// One more than columns.
        literals: Vec<Box<[u8]>>,
        columns: Vec<Column>,
    },
    Positions(PositionColumn),
}

/// Reads a column of `count` values; `count` is bounded by the caller and above 0.
pub(crate) fn decode(count: usize, from: &mut Sources<'_>) -> Result<Column, Corrupt> {
    let encoding = from.meta.u8()?;
    decode_as(encoding, count, from)
}

/// Reads a column whose encoding was read already.
pub(crate) fn decode_as(encoding: u8, count: usize, from: &mut Sources<'_>) -> Result<Column, Corrupt> {
    match encoding {
        CONST => {
            let length = from.delta.varint()?;
            Ok(Column::Const(from.text.span(length)?))
        }
        DICTIONARY => {
            let entries = from.meta.varint()?;
            if entries == 0 || entries > count as u64 {
                return Err(Corrupt("dictionary of another size"));
            }
            let mut spans = Vec::with_capacity(entries as usize);
            for _ in 0..entries {
                let length = from.delta.varint()?;
                spans.push(from.text.span(length)?);
            }
            let codes = choices(ints::decode(count, from)?, entries as usize)?;
            Ok(Column::Dictionary { entries: spans, codes })
        }
        INTEGER => {
            let (prefix, suffix) = (from.meta.bytes()?.into(), from.meta.bytes()?.into());
            let digits = usize::from(from.meta.u8()?);
            if digits > DIGITS_MAX {
                return Err(Corrupt("more digits than a number has"));
            }
            Ok(Column::Integer {
                prefix,
                suffix,
                digits,
                numbers: ints::decode(count, from)?,
            })
        }
        TEXT => {
            let lengths = ints::decode(count, from)?;
            let start = from.text.span(0)?.start();
            let mut end = start;
            let mut ends = Vec::with_capacity(count);
            for length in lengths {
                let length = u64::try_from(length).map_err(|_| Corrupt("negative length"))?;
                end = from.text.span(length)?.end();
                ends.push(end);
            }
            debug_assert!(start <= end);
            Ok(Column::Text { start, ends })
        }
        PARTS => {
            let parts = from.meta.varint()?;
            if parts < 2 || parts > PARTS_MAX as u64 {
                return Err(Corrupt("parts of another number"));
            }
            let literal = |_| Ok(from.meta.bytes()?.into());
            let literals = (0..=parts).map(literal).collect::<Result<_, Corrupt>>()?;
            let part = |_| match from.meta.u8()? {
                PARTS => Err(Corrupt("parts within parts")),
                encoding => decode_as(encoding, count, from),
            };
            let columns = (0..parts).map(part).collect::<Result<_, _>>()?;
            Ok(Column::Parts { literals, columns })
        }
        POSITIONS => PositionColumn::decode(count, from).map(Column::Positions),
        _ => Err(Corrupt("unknown text encoding")),
    }
}

/// Numbers that choose among `count`.
pub(crate) fn choices(numbers: Vec<i64>, count: usize) -> Result<Vec<u32>, Corrupt> {
    let check = |n: i64| u32::try_from(n).ok().filter(|&n| (n as usize) < count);
    let chosen: Option<Vec<u32>> = numbers.into_iter().map(check).collect();
    chosen.ok_or(Corrupt("number beyond what it chooses from"))
}

impl Column {
    /// Appends a row's value. `text`: the sink that the column was decoded from.
    pub(crate) fn value_into(&self, row: usize, text: &[u8], out: &mut Vec<u8>) {
        match self {
            Column::Const(span) => out.extend_from_slice(span.of(text)),
            Column::Dictionary { entries, codes } => out.extend_from_slice(entries[codes[row] as usize].of(text)),
            Column::Integer {
                prefix,
                suffix,
                digits,
                numbers,
            } => {
                out.extend_from_slice(prefix);
                put_decimal(numbers[row] as u64, *digits, out);
                out.extend_from_slice(suffix);
            }
            Column::Text { start, ends } => {
                let from = if row == 0 { *start } else { ends[row - 1] };
                out.extend_from_slice(&text[from..ends[row]]);
            }
            Column::Parts { literals, columns } => {
                for (literal, column) in literals.iter().zip(columns) {
                    out.extend_from_slice(literal);
                    column.value_into(row, text, out);
                }
                out.extend_from_slice(literals.last().map_or(&[], |literal| literal));
            }
            Column::Positions(positions) => positions.value_into(row, out),
        }
    }

    /// Bytes of a row's value.
    pub(crate) fn value_length(&self, row: usize) -> usize {
        match self {
            Column::Const(span) => span.end() - span.start(),
            Column::Dictionary { entries, codes } => {
                let span = entries[codes[row] as usize];
                span.end() - span.start()
            }
            Column::Integer {
                prefix,
                suffix,
                digits,
                numbers,
            } => {
                let own = decimal_digits(numbers[row] as u64);
                prefix.len() + own.max(*digits) + suffix.len()
            }
            Column::Text { start, ends } => ends[row] - if row == 0 { *start } else { ends[row - 1] },
            Column::Parts { literals, columns } => {
                let numbers: usize = columns.iter().map(|column| column.value_length(row)).sum();
                numbers + literals.iter().map(|literal| literal.len()).sum::<usize>()
            }
            Column::Positions(positions) => positions.value_length(),
        }
    }

    /// Adds the bytes of the first values to `lengths`, where `places` say; gives back what all of them
    /// take besides.
    pub(crate) fn add_lengths(&self, places: &[u32], lengths: &mut [usize]) -> usize {
        match self {
            Column::Const(span) => span.end() - span.start(),
            Column::Dictionary { entries, codes } => {
                let of_entry: Vec<usize> = entries.iter().map(|span| span.end() - span.start()).collect();
                for (&place, &code) in places.iter().zip(codes) {
                    lengths[place as usize] += of_entry[code as usize];
                }
                0
            }
            Column::Integer {
                prefix,
                suffix,
                digits,
                numbers,
            } => {
                for (&place, &number) in places.iter().zip(numbers) {
                    lengths[place as usize] += decimal_digits(number as u64).max(*digits);
                }
                prefix.len() + suffix.len()
            }
            Column::Text { start, ends } => {
                let mut from = *start;
                for (&place, &end) in places.iter().zip(ends) {
                    lengths[place as usize] += end - from;
                    from = end;
                }
                0
            }
            Column::Parts { literals, columns } => {
                let of_columns: usize = columns.iter().map(|column| column.add_lengths(places, lengths)).sum();
                of_columns + literals.iter().map(|literal| literal.len()).sum::<usize>()
            }
            Column::Positions(positions) => positions.value_length(),
        }
    }

    pub(crate) fn view<'a>(&'a self, text: &'a [u8]) -> SlotView<'a> {
        match self {
            Column::Const(span) => SlotView::Const(span.of(text)),
            Column::Dictionary { entries, codes } => SlotView::Dictionary {
                entries: Entries { spans: entries, text },
                codes,
            },
            Column::Integer {
                prefix,
                suffix,
                digits,
                numbers,
            } if numbers.iter().all(|&n| n >= 0) => SlotView::Integer {
                prefix,
                suffix,
                digits: *digits,
                numbers,
            },
            Column::Text { start, ends } => SlotView::Text(Texts {
                start: *start,
                ends,
                text,
            }),
            Column::Integer { .. } | Column::Parts { .. } | Column::Positions(_) => SlotView::Made,
        }
    }
}

/// What fills a slot, row by row of its template, as it is stored.
#[derive(Clone, Copy, Debug)]
pub enum SlotView<'a> {
    /// The same in every row.
    Const(&'a [u8]),
    /// One of few; entries are distinct.
    Dictionary {
        /// The values.
        entries: Entries<'a>,
        /// Which of them, per row.
        codes: &'a [u32],
    },
    /// A decimal number, not negative, between two texts.
    Integer {
        /// Before the number.
        prefix: &'a [u8],
        /// After it.
        suffix: &'a [u8],
        /// Zeros are put before the number until it has so many digits; 0: none are.
        digits: usize,
        /// Per row.
        numbers: &'a [i64],
    },
    /// Texts one after another.
    Text(Texts<'a>),
    /// The record's time, in some form.
    Time,
    /// Neither of these: made row by row, by `PageText::value_into`.
    Made,
}

/// The values of a dictionary.
#[derive(Clone, Copy, Debug)]
pub struct Entries<'a> {
    spans: &'a [Span],
    text: &'a [u8],
}

impl<'a> Entries<'a> {
    /// How many.
    pub fn len(&self) -> usize {
        self.spans.len()
    }
    /// Whether there is none: never, in a column.
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }
    /// The value of a code.
    pub fn get(&self, code: u32) -> &'a [u8] {
        self.spans[code as usize].of(self.text)
    }
    /// All, in order of their codes.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &'a [u8]> {
        let text = self.text;
        self.spans.iter().map(move |span| span.of(text))
    }
}

/// Texts one after another.
#[derive(Clone, Copy, Debug)]
pub struct Texts<'a> {
    start: usize,
    ends: &'a [usize],
    text: &'a [u8],
}

impl<'a> Texts<'a> {
    /// A row's.
    pub fn get(&self, row: usize) -> &'a [u8] {
        let from = if row == 0 { self.start } else { self.ends[row - 1] };
        &self.text[from..self.ends[row]]
    }
    /// All, in order of rows.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &'a [u8]> {
        let this = *self;
        (0..self.ends.len()).map(move |row| this.get(row))
    }
    /// The row of which the value's bytes are at this place of [`bytes`](Self::bytes), and where it ends there.
    pub fn at(&self, place: usize) -> (usize, usize) {
        let row = self.ends.partition_point(|&end| end - self.start <= place);
        (row, self.ends[row] - self.start)
    }
    /// All of them and nothing else, end to end: what does not occur here occurs in none.
    pub fn bytes(&self) -> &'a [u8] {
        let end = self.ends.last().copied().unwrap_or(self.start);
        &self.text[self.start..end]
    }
}

/// Digits of a number; most have few.
fn decimal_digits(number: u64) -> usize {
    match number {
        0..10 => 1,
        10..100 => 2,
        100..1000 => 3,
        _ => number.ilog10() as usize + 1,
    }
}

/// Two digits of each number below 100.
const PAIRS: [[u8; 2]; 100] = {
    let mut pairs = [[0; 2]; 100];
    let mut at = 0;
    while at < 100 {
        pairs[at] = [b'0' + at as u8 / 10, b'0' + at as u8 % 10];
        at += 1;
    }
    pairs
};

/// Appends a number, read as unsigned, in at least so many digits, as [`SlotView::Integer`] writes it.
pub(crate) fn put_decimal(number: u64, digits: usize, out: &mut Vec<u8>) {
    let mut text = [b'0'; 20];
    let mut at = text.len();
    let mut rest = number;
    // Two at a time: a division takes longer than a look at a table.
    while rest >= 100 {
        at -= 2;
        text[at..at + 2].copy_from_slice(&PAIRS[(rest % 100) as usize]);
        rest /= 100;
    }
    if rest >= 10 {
        at -= 2;
        text[at..at + 2].copy_from_slice(&PAIRS[rest as usize]);
    } else {
        at -= 1;
        text[at] = b'0' + rest as u8;
    }
    let at = at.min(text.len() - digits);
    out.extend_from_slice(&text[at..]);
}
