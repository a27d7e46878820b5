//! What fills a slot in some rows of its template.

use crate::split::{PageText, SlotView, put_decimal};

/// What fills a slot in some rows, each value once where it is stored once.
#[derive(Debug, Default)]
pub(crate) struct Filled {
    bytes: Vec<u8>,
    /// Where each value ends.
    ends: Vec<usize>,
    /// Per row, which value.
    codes: Vec<u32>,
}

impl Filled {
    /// Of `rows` (numbers in the page, ascending), all of them of the template `which`.
    pub(crate) fn of(text: &PageText, which: usize, slot: usize, rows: &[u32]) -> Self {
        let mut filled = Self {
            codes: Vec::with_capacity(rows.len()),
            ..Self::default()
        };
        match text.slot(which, slot) {
            Some(SlotView::Const(value)) => {
                filled.value(|bytes| bytes.extend_from_slice(value));
                filled.codes.resize(rows.len(), 0);
            }
            Some(SlotView::Dictionary { entries, codes }) if entries.len() <= rows.len() => {
                for entry in entries.iter() {
                    filled.value(|bytes| bytes.extend_from_slice(entry));
                }
                let places = places(text.rows_of(which), rows);
                filled.codes.extend(places.map(|place| codes[place]));
            }
            Some(SlotView::Dictionary { entries, codes }) => {
                for place in places(text.rows_of(which), rows) {
                    filled.next(|bytes| bytes.extend_from_slice(entries.get(codes[place])));
                }
            }
            Some(SlotView::Integer {
                prefix,
                suffix,
                digits,
                numbers,
            }) => {
                for place in places(text.rows_of(which), rows) {
                    filled.next(|bytes| {
                        bytes.extend_from_slice(prefix);
                        put_decimal(numbers[place] as u64, digits, bytes);
                        bytes.extend_from_slice(suffix);
                    });
                }
            }
            Some(SlotView::Text(texts)) => {
                for place in places(text.rows_of(which), rows) {
                    filled.next(|bytes| bytes.extend_from_slice(texts.get(place)));
                }
            }
            // Made of several parts, or the slots of a rare template.
            Some(SlotView::Time | SlotView::Made) | None => {
                for &row in rows {
                    filled.next(|bytes| text.value_into(row as usize, slot, bytes));
                }
            }
        }
        filled
    }

    fn value(&mut self, put: impl FnOnce(&mut Vec<u8>)) {
        put(&mut self.bytes);
        self.ends.push(self.bytes.len());
    }

    fn next(&mut self, put: impl FnOnce(&mut Vec<u8>)) {
        self.codes.push(self.ends.len() as u32);
        self.value(put);
    }

    /// The values, as they stand in the lines. Some may be of no row.
    pub(crate) fn values(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        (0..self.ends.len()).map(|at| {
            let start = at.checked_sub(1).map_or(0, |before| self.ends[before]);
            &self.bytes[start..self.ends[at]]
        })
    }

    /// Bytes of the values.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Per row, which of the values.
    pub(crate) fn codes(&self) -> &[u32] {
        &self.codes
    }
}

/// Where `rows` stand among all rows of their template; both ascending.
fn places(all: &[u32], rows: &[u32]) -> impl Iterator<Item = usize> {
    let mut next = 0;
    rows.iter().map(move |row| {
        // All of them mostly, and then it is the next.
        if all[next..].first() != Some(row) {
            next += all[next..].partition_point(|other| other < row);
        }
        next += 1;
        next - 1
    })
}
