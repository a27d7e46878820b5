//! What is in the lines of some pages: bytes by field.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use timberline_proto::api::room::{RoomField, RoomFields};
use timberline_proto::line::fields;

use super::Room;
use super::sample::{Sample, choose};
use crate::catalog::CatalogSplit;
use crate::read::ReadError;
use crate::read::cache::CacheKey;
use crate::read::open_page::OpenPage;
use crate::read::running::{Running, add};
use crate::split::{Shape, Split, SplitError};

/// About so many bytes of a page's lines are looked at; of longer ones every second row, or every third.
const PAGE_BYTES_MAX: u64 = 8 << 20;
/// Fields of one page that are told apart.
const PAGE_FIELDS_MAX: usize = 4_096;
/// Between two looks at whether anybody waits.
const CHECK_ROWS: usize = 256;

/// What a field takes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Taken {
    records: f64,
    name_bytes: f64,
    value_bytes: f64,
}

impl Taken {
    fn add_scaled(&mut self, more: &Taken, by: f64) {
        self.records += more.records * by;
        self.name_bytes += more.name_bytes * by;
        self.value_bytes += more.value_bytes * by;
    }

    fn bytes(&self) -> f64 {
        self.name_bytes + self.value_bytes
    }
}

/// What is known of a page.
#[derive(Debug, Default)]
struct PageFields {
    /// Bytes of the lines that were looked at.
    looked_bytes: u64,
    fields: Vec<(Box<str>, Taken)>,
    /// Bytes of fields beyond [`PAGE_FIELDS_MAX`].
    others_bytes: u64,
}

/// Bytes by field of what is stored in `splits`, newest first; `rows` of them are named. Blocks.
pub(super) fn measure(room: &Room<'_>, splits: &[Arc<CatalogSplit>], rows: usize) -> Result<RoomFields, ReadError> {
    let oldest_first: Vec<_> = splits.iter().rev().cloned().collect();
    let mut sum = Sum {
        exact: true,
        ..Sum::default()
    };
    let mut stands_for = None;
    match choose(&oldest_first, room.sample_pages) {
        Sample::All => {
            for entry in &oldest_first {
                for page in 0..entry.meta.pages {
                    sum.take(room, entry, |_| page, None)?;
                }
            }
        }
        Sample::Places(places) => {
            sum.exact = false;
            let bytes: u64 = splits.iter().map(|split| split.meta.raw_bytes).sum();
            let each = bytes as f64 / places.len().max(1) as f64;
            stands_for = Some(each);
            for place in places {
                sum.take(
                    room,
                    &oldest_first[place.split],
                    |split| page_at(split, place.byte),
                    stands_for,
                )?;
            }
        }
    }
    let lines: u64 = splits.iter().map(|split| split.meta.raw_bytes).sum();
    Ok(sum.answer(splits, rows, lines, stands_for.is_none()))
}

/// The page that holds a byte of the split's lines.
fn page_at(split: &Split, byte: u64) -> u32 {
    let mut end = 0;
    let pages = split.pages().len() as u32;
    (0..pages)
        .find(|&page| {
            end += split.page_line_bytes(page);
            byte < end
        })
        .unwrap_or(pages.saturating_sub(1))
}

#[derive(Default)]
struct Sum {
    /// Split and page.
    read: std::collections::BTreeSet<(String, u32)>,
    fields: HashMap<Box<str>, Taken>,
    others_bytes: f64,
    exact: bool,
}

impl Sum {
    /// Adds a page, which stands for so many bytes of lines, or for its own.
    fn take(
        &mut self,
        room: &Room<'_>,
        entry: &Arc<CatalogSplit>,
        page: impl FnOnce(&Split) -> u32,
        stands_for: Option<f64>,
    ) -> Result<(), ReadError> {
        room.running.check()?;
        // Known to be readable a moment ago; if it is not any more, the answer says so.
        let Some(split) = room.view.open(entry, room.running) else {
            self.exact = false;
            return Ok(());
        };
        let page = page(&split);
        let Some(found) = of_page(room, entry, &split, page)? else {
            self.exact = false;
            return Ok(());
        };
        self.read.insert((entry.meta.id.clone(), page));
        let line_bytes = split.page_line_bytes(page);
        self.exact &= found.looked_bytes == line_bytes && found.others_bytes == 0;
        let by = match stands_for.unwrap_or(line_bytes as f64) {
            _ if found.looked_bytes == 0 => 0.0,
            bytes => bytes / found.looked_bytes as f64,
        };
        for (name, taken) in &found.fields {
            match self.fields.get_mut(name) {
                Some(sum) => sum.add_scaled(taken, by),
                None => {
                    let mut sum = Taken::default();
                    sum.add_scaled(taken, by);
                    self.fields.insert(name.clone(), sum);
                }
            }
        }
        self.others_bytes += found.others_bytes as f64 * by;
        Ok(())
    }

    fn answer(self, splits: &[Arc<CatalogSplit>], rows: usize, lines: u64, all: bool) -> RoomFields {
        let whole = |number: f64| number.round().max(0.0) as u64;
        let mut fields: Vec<(Box<str>, Taken)> = self.fields.into_iter().collect();
        fields.sort_by(|a, b| b.1.bytes().total_cmp(&a.1.bytes()).then_with(|| a.0.cmp(&b.0)));
        let others: f64 = fields.iter().skip(rows).map(|(_, taken)| taken.bytes()).sum();
        fields.truncate(rows);
        let fields: Vec<RoomField> = fields
            .into_iter()
            .map(|(name, taken)| RoomField {
                name: name.into(),
                records: whole(taken.records),
                name_bytes: whole(taken.name_bytes),
                value_bytes: whole(taken.value_bytes),
            })
            .collect();
        let others_bytes = whole(others + self.others_bytes);
        let named: u64 = fields.iter().map(RoomField::bytes).sum();
        RoomFields {
            pages_read: self.read.len() as u64,
            pages: splits.iter().map(|split| u64::from(split.meta.pages)).sum(),
            exact: self.exact && all,
            outside_bytes: lines.saturating_sub(named + others_bytes),
            others_bytes,
            fields,
        }
    }
}

/// A page's fields, kept if it was read before; `None` if it cannot be read, which the answer then says.
fn of_page(
    room: &Room<'_>,
    entry: &CatalogSplit,
    split: &Arc<Split>,
    page: u32,
) -> Result<Option<Arc<PageFields>>, ReadError> {
    let key = CacheKey {
        split: entry.meta.id.clone(),
        question: format!("room of fields of page {page}"),
    };
    if let Some(held) = room.view.cache.get::<PageFields>(&key) {
        return Ok(Some(held));
    }
    match read_page(room.running, &entry.topic, split, page) {
        Ok(found) => {
            let found = Arc::new(found);
            let names: usize = found.fields.iter().map(|(name, _)| name.len() + 48).sum();
            room.view.cache.put(key, &found, names + size_of::<PageFields>());
            Ok(Some(found))
        }
        Err(SplitError::Stopped) => {
            room.running.check()?;
            Err(ReadError::Cancelled)
        }
        Err(error) => {
            let rows = split.pages()[page as usize].rows;
            room.view.failed(&entry.meta.id, u64::from(rows), &error, room.running);
            Ok(None)
        }
    }
}

fn read_page(running: &Arc<Running>, topic: &str, split: &Arc<Split>, page: u32) -> Result<PageFields, SplitError> {
    let open = OpenPage::open(&Arc::from(topic), split, page)?;
    let text = open.text()?;
    let line_bytes = split.page_line_bytes(page);
    let step = usize::try_from(line_bytes.div_ceil(PAGE_BYTES_MAX))
        .unwrap_or(usize::MAX)
        .max(1);
    let plain: Vec<bool> = (0..open.core.templates().len())
        .map(|which| *text.shape(which) == Shape::Plain)
        .collect();
    add(&running.meter.pages_read, 1);
    // Name to what it takes, and the row that was counted last.
    let mut found: HashMap<Box<str>, (Taken, usize)> = HashMap::new();
    let (mut looked_bytes, mut others_bytes, mut line) = (0, 0, Vec::new());
    let lengths = match step {
        1 => None,
        _ => Some(text.line_lengths(open.core.rows())),
    };
    for row in (0..open.core.rows()).step_by(step) {
        if row % CHECK_ROWS < step && running.check().is_err() {
            return Err(SplitError::Stopped);
        }
        // Where all rows are looked at, the page's bytes are known without the lines that have no field.
        looked_bytes += lengths.as_ref().map_or(0, |lengths| lengths[row] as u64);
        if plain[open.core.which()[row] as usize] {
            continue;
        }
        line.clear();
        text.line_into(row, &mut line);
        add(&running.meter.bytes_read, line.len());
        fields(&line, &mut |name, value| {
            let value_bytes = value.as_text().len() as f64;
            if !found.contains_key(name) {
                if found.len() >= PAGE_FIELDS_MAX {
                    others_bytes += (name.len() + value.as_text().len()) as u64;
                    return true;
                }
                found.insert(name.into(), (Taken::default(), usize::MAX));
            }
            if let Some((taken, last)) = found.get_mut(name) {
                taken.value_bytes += value_bytes;
                // Elements of an array share its name.
                if std::mem::replace(last, row) != row {
                    taken.records += 1.0;
                    taken.name_bytes += name.len() as f64;
                }
            }
            true
        });
    }
    let fields: BTreeMap<Box<str>, Taken> = found.into_iter().map(|(name, (taken, _))| (name, taken)).collect();
    Ok(PageFields {
        looked_bytes: if step == 1 { line_bytes } else { looked_bytes },
        fields: fields.into_iter().collect(),
        others_bytes,
    })
}
