//! A stripe's templates: found when it is written, stored once for all its pages.
//!
//! Block of templates, in ascending order of their bytes: `meta`: how many (varint); per template
//! `delta`: bytes shared with the one before, bytes of its own; `text`: those.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::block::{Sinks, Sources, Unpacked};
use super::hash::FastMap;
use timberline_proto::line::TimeForm;

use super::template::{TIME, cut, stable_id};
use super::time::TimeFinder;
use super::wire::{Corrupt, put_varint};
use crate::rows::RowBlock;

/// The rows of a stripe, cut into templates and variables.
#[derive(Debug)]
pub(crate) struct StripeText {
    /// Ascending.
    pub(crate) templates: Vec<Box<[u8]>>,
    pub(crate) ids: Vec<u64>,
    /// Per row of the stripe.
    row_templates: Vec<u32>,
    /// Per row of the stripe, where its variables end in `variables`.
    variable_ends: Vec<usize>,
    /// Places in their rows' lines; for a time slot `TIME`.
    variables: Vec<(u32, u32)>,
    /// Per row of the stripe, where its time stands in the line, if that is a slot, and how.
    times: Vec<Option<LineTime>>,
}

/// A time in a line that is a slot.
#[derive(Clone, Copy, Debug)]
struct LineTime {
    start: u32,
    end: u32,
    form: [u8; TimeForm::BYTES],
}

impl StripeText {
    /// Cuts the lines of `order`'s rows.
    pub(crate) fn cut(rows: &RowBlock, order: &[u32]) -> Self {
        let mut places: FastMap<Box<[u8]>, u32> = FastMap::default();
        let mut stripe = Self {
            templates: Vec::new(),
            ids: Vec::new(),
            row_templates: Vec::with_capacity(order.len()),
            variable_ends: Vec::with_capacity(order.len()),
            variables: Vec::with_capacity(order.len() * 8),
            times: Vec::with_capacity(order.len()),
        };
        let mut template = Vec::new();
        let mut finder = TimeFinder::new();
        for &row in order {
            let row = rows.row(row as usize);
            let time = if row.time_parsed {
                finder.find(row.line, row.time_nanos)
            } else {
                None
            };
            let place = time.map(|(start, end, _)| (start, end));
            let is_slot = cut(row.line, place, &mut template, &mut stripe.variables);
            stripe
                .times
                .push(time.filter(|_| is_slot).map(|(start, end, form)| LineTime {
                    start: start as u32,
                    end: end as u32,
                    form: form.to_bytes(),
                }));
            stripe.variable_ends.push(stripe.variables.len());
            let place = places.get(template.as_slice()).copied().unwrap_or_else(|| {
                let place = places.len() as u32;
                places.insert(template.as_slice().into(), place);
                place
            });
            stripe.row_templates.push(place);
        }
        stripe.sort(places);
        stripe
    }

    fn sort(&mut self, places: FastMap<Box<[u8]>, u32>) {
        let mut templates: Vec<(Box<[u8]>, u32)> = places.into_iter().collect();
        templates.sort_unstable();
        let mut ranks = vec![0; templates.len()];
        for (rank, (_, place)) in templates.iter().enumerate() {
            ranks[*place as usize] = rank as u32;
        }
        self.row_templates.iter_mut().for_each(|t| *t = ranks[*t as usize]);
        self.templates = templates.into_iter().map(|(template, _)| template).collect();
        self.ids = self.templates.iter().map(|t| stable_id(t)).collect();
    }

    /// The template of a row of the stripe.
    pub(crate) fn template_of(&self, row: usize) -> u32 {
        self.row_templates[row]
    }

    /// What fills the slots of a row of the stripe: pieces of its line, and the form of its time.
    pub(crate) fn variables_of<'a>(&'a self, row: usize, line: &'a [u8]) -> impl ExactSizeIterator<Item = &'a [u8]> {
        let start = if row == 0 { 0 } else { self.variable_ends[row - 1] };
        let places = &self.variables[start..self.variable_ends[row]];
        places.iter().map(move |&(start, end)| match &self.times[row] {
            Some(time) if start == TIME => &time.form[..],
            _ => &line[start as usize..end as usize],
        })
    }

    /// The pieces of the line that fill slots.
    pub(crate) fn words_of<'a>(&'a self, row: usize, line: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
        let start = if row == 0 { 0 } else { self.variable_ends[row - 1] };
        let places = self.variables[start..self.variable_ends[row]].iter();
        places
            .filter(|p| p.0 != TIME)
            .map(|&(start, end)| &line[start as usize..end as usize])
    }

    /// The text of the time of a row of the stripe, if it is a slot.
    pub(crate) fn time_of<'a>(&self, row: usize, line: &'a [u8]) -> Option<&'a [u8]> {
        self.times[row].map(|time| &line[time.start as usize..time.end as usize])
    }

    pub(crate) fn encode_templates(&self, out: &mut Sinks) {
        put_varint(&mut out.meta, self.templates.len() as u64);
        let mut before: &[u8] = &[];
        for template in &self.templates {
            let shared = before.iter().zip(template.iter()).take_while(|(a, b)| a == b).count();
            put_varint(&mut out.delta, shared as u64);
            put_varint(&mut out.delta, (template.len() - shared) as u64);
            out.text.extend_from_slice(&template[shared..]);
            before = template;
        }
    }
}

/// The templates of a stripe, numbered from 0: its pages name them by these numbers.
#[derive(Debug, Default)]
pub struct Templates {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    /// Stable ids; 0 where it was not asked for yet.
    ids: Vec<AtomicU64>,
}

impl Templates {
    /// `bytes_max`: no stripe's templates take more, from the footer.
    pub(crate) fn decode(block: &[u8], bytes_max: u64) -> Result<Self, Corrupt> {
        let unpacked = Unpacked::new(block)?;
        let mut from: Sources<'_> = unpacked.sources();
        let count = from.meta.varint()?;
        if count > from.delta.remaining() as u64 {
            return Err(Corrupt("more templates than their bytes"));
        }
        let mut templates = Self::default();
        let mut before = 0..0;
        for _ in 0..count {
            let shared = from.delta.varint()?;
            let own = from.delta.varint()?;
            let own = from.text.take(usize::try_from(own).unwrap_or(usize::MAX))?;
            if shared > before.len() as u64 || templates.bytes.len() as u64 + shared > bytes_max {
                return Err(Corrupt("shares more than there is"));
            }
            let start = templates.bytes.len();
            templates
                .bytes
                .extend_from_within(before.start..before.start + shared as usize);
            templates.bytes.extend_from_slice(own);
            before = start..templates.bytes.len();
            templates.ids.push(AtomicU64::new(0));
            templates.ends.push(before.end);
        }
        from.end()?;
        Ok(templates)
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Its stable id: the same in every split.
    ///
    /// # Panics
    /// If there is no template of that number, here and below.
    pub fn id(&self, number: u32) -> u64 {
        let held = &self.ids[number as usize];
        match held.load(Relaxed) {
            0 => {
                let id = stable_id(self.bytes(number));
                held.store(id, Relaxed);
                id
            }
            id => id,
        }
    }

    /// All of them, one after another.
    pub(crate) fn all_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The template that a byte of [`all_bytes`](Self::all_bytes) belongs to.
    pub(crate) fn number_at(&self, byte: usize) -> usize {
        self.ends.partition_point(|&end| end <= byte)
    }

    /// About what it takes in memory.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.bytes.len() + self.ends.len() * 2 * size_of::<u64>()
    }

    /// Its bytes: fixed texts and slots, as ARCHITECTURE.md says.
    pub fn bytes(&self, number: u32) -> &[u8] {
        let at = number as usize;
        let start = if at == 0 { 0 } else { self.ends[at - 1] };
        &self.bytes[start..self.ends[at]]
    }
}
