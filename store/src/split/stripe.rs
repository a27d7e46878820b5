//! A stripe's templates: found when it is written, stored once for all its pages.
//!
//! Block of templates: those of lines, in ascending order of their bytes, then those of texts
//! within lines (`page::text`), as they came up. `meta`: how many of each (varints); per template
//! `delta`: bytes shared with the one before, bytes of its own; `text`: those.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

use timberline_proto::line::{Leaf, TimeForm, leaves};

use super::block::{Sinks, Sources, Unpacked};
use super::hash::FastMap;
use super::template::{LEAF_SLOT, Pieces, Shape, SlotKind, TIME, cut, cut_shape, is_of_names, stable_id};
use super::time::TimeFinder;
use super::wire::{Corrupt, put_varint};
use crate::rows::RowBlock;

/// Fields of all shapes of a stripe that are held at most. The fields of lines of further shapes are
/// read from the lines: that costs time, and changes neither their templates nor how they are stored.
const FIELDS_HELD_MAX: usize = 32_768;

/// Texts cut into templates and what fills their slots. The texts themselves are not held.
#[derive(Debug, Default)]
pub(crate) struct CutTexts {
    /// Per text.
    pub(crate) templates: Vec<u32>,
    /// Per text, where its variables end in `variables`.
    variable_ends: Vec<usize>,
    /// Places in their texts; for a time slot `TIME`.
    variables: Vec<(u32, u32)>,
    /// Per text, where its time stands, if that is a slot, and how.
    times: Vec<Option<TextTime>>,
}

/// A time in a text that is a slot.
#[derive(Clone, Copy, Debug)]
struct TextTime {
    start: u32,
    end: u32,
    form: [u8; TimeForm::BYTES],
}

/// Where and how a time stands in a text.
pub(crate) type FoundTime = (usize, usize, TimeForm);

impl CutTexts {
    pub(crate) fn with_capacity(texts: usize) -> Self {
        Self {
            templates: Vec::with_capacity(texts),
            variable_ends: Vec::with_capacity(texts),
            variables: Vec::with_capacity(texts * 8),
            times: Vec::with_capacity(texts),
        }
    }

    pub(crate) fn clear(&mut self) {
        self.templates.clear();
        self.variable_ends.clear();
        self.variables.clear();
        self.times.clear();
    }

    /// Adds a text.
    pub(crate) fn push(&mut self, text: &[u8], found: Option<FoundTime>, places: &mut TemplatePlaces) {
        let time = found.map(|(start, end, _)| (start, end));
        let is_slot = cut(text, time, &mut places.scratch, &mut self.variables);
        self.add(found, is_slot, places);
    }

    /// Adds a structured line: by its shape, or as text where that has values among its names.
    fn push_shaped(
        &mut self,
        line: &[u8],
        found: Option<FoundTime>,
        structure: (usize, &[Leaf]),
        places: &mut TemplatePlaces,
    ) {
        let time = found.map(|(start, end, _)| (start, end));
        let before = self.variables.len();
        let is_slot = cut_shape(line, time, structure, &mut places.scratch, &mut self.variables);
        if places.has_scratch() || is_of_names(&places.scratch) {
            return self.add(found, is_slot, places);
        }
        self.variables.truncate(before);
        self.push(line, found, places);
    }

    fn add(&mut self, found: Option<FoundTime>, is_slot: bool, places: &mut TemplatePlaces) {
        self.times
            .push(found.filter(|_| is_slot).map(|(start, end, form)| TextTime {
                start: start as u32,
                end: end as u32,
                form: form.to_bytes(),
            }));
        self.variable_ends.push(self.variables.len());
        self.templates.push(places.place());
    }

    fn places(&self, at: usize) -> &[(u32, u32)] {
        let start = if at == 0 { 0 } else { self.variable_ends[at - 1] };
        &self.variables[start..self.variable_ends[at]]
    }

    /// What fills a slot: a piece of the text, or the form of its time.
    #[inline]
    pub(crate) fn variable<'a>(&'a self, at: usize, slot: usize, text: &'a [u8]) -> &'a [u8] {
        let (start, end) = self.places(at)[slot];
        match &self.times[at] {
            Some(time) if start == TIME => &time.form,
            _ => &text[start as usize..end as usize],
        }
    }

    pub(crate) fn slots(&self, at: usize) -> usize {
        self.places(at).len()
    }

    /// Whether a slot is the text's time.
    pub(crate) fn is_time(&self, at: usize, slot: usize) -> bool {
        self.places(at)[slot].0 == TIME
    }

    /// Where the text's slots stand in it.
    pub(crate) fn slots_of(&self, at: usize) -> impl Iterator<Item = (usize, usize)> {
        let time = self.times[at];
        let place = move |&(start, end): &(u32, u32)| match time {
            Some(time) if start == TIME => (time.start as usize, time.end as usize),
            _ => (start as usize, end as usize),
        };
        self.places(at).iter().map(place)
    }

    /// The text of its time, if it is a slot.
    pub(crate) fn time_of<'a>(&self, at: usize, text: &'a [u8]) -> Option<&'a [u8]> {
        self.times[at].map(|time| &text[time.start as usize..time.end as usize])
    }
}

/// Numbers templates as they come up.
#[derive(Debug, Default)]
pub(crate) struct TemplatePlaces {
    places: FastMap<Box<[u8]>, u32>,
    scratch: Vec<u8>,
}

impl TemplatePlaces {
    fn has_scratch(&self) -> bool {
        self.places.contains_key(self.scratch.as_slice())
    }

    fn place(&mut self) -> u32 {
        if let Some(&place) = self.places.get(self.scratch.as_slice()) {
            return place;
        }
        let place = self.places.len() as u32;
        self.places.insert(self.scratch.as_slice().into(), place);
        place
    }

    fn into_order(self) -> Vec<Box<[u8]>> {
        let mut templates: Vec<(u32, Box<[u8]>)> = self.places.into_iter().map(|(t, place)| (place, t)).collect();
        templates.sort_unstable_by_key(|t| t.0);
        templates.into_iter().map(|(_, template)| template).collect()
    }
}

/// The rows of a stripe, cut into templates and variables.
#[derive(Debug)]
pub(crate) struct StripeText {
    /// Ascending.
    pub(crate) templates: Vec<Box<[u8]>>,
    pub(crate) ids: Vec<u64>,
    pub(crate) shapes: Vec<Shape>,
    /// Per template, what its slots are for.
    pub(crate) kinds: Vec<Vec<SlotKind>>,
    /// Per row of the stripe.
    pub(crate) lines: CutTexts,
}

impl StripeText {
    /// Cuts the lines of the rows.
    pub(crate) fn cut(rows: &RowBlock) -> Self {
        let mut places = TemplatePlaces::default();
        let mut lines = CutTexts::with_capacity(rows.len());
        let mut finder = TimeFinder::new();
        let mut found: Vec<Leaf> = Vec::new();
        for at in 0..rows.len() {
            let line = rows.line(at);
            let time = if rows.times_parsed()[at] {
                finder.find(line, rows.times()[at])
            } else {
                None
            };
            match leaves(line, &mut found) {
                Some(start) => lines.push_shaped(line, time, (start, &found), &mut places),
                None => lines.push(line, time, &mut places),
            }
        }
        Self::sorted(places, lines)
    }

    fn sorted(places: TemplatePlaces, mut lines: CutTexts) -> Self {
        let mut templates: Vec<(Box<[u8]>, u32)> = places.places.into_iter().collect();
        templates.sort_unstable();
        let mut ranks = vec![0; templates.len()];
        for (rank, (_, place)) in templates.iter().enumerate() {
            ranks[*place as usize] = rank as u32;
        }
        lines.templates.iter_mut().for_each(|t| *t = ranks[*t as usize]);
        let pieces: Vec<Pieces> = templates
            .iter()
            .map(|(t, _)| Pieces::of(t).unwrap_or_default())
            .collect();
        let mut fields_left = FIELDS_HELD_MAX;
        let mut shape = |pieces: &Pieces| pieces.shape_within(&mut fields_left);
        Self {
            ids: templates.iter().map(|(t, _)| stable_id(t)).collect(),
            shapes: pieces.iter().map(&mut shape).collect(),
            kinds: pieces.iter().map(|p| p.kinds().to_vec()).collect(),
            templates: templates.into_iter().map(|(template, _)| template).collect(),
            lines,
        }
    }

    /// Encodes the templates with those of texts within lines; bytes of all of them.
    pub(crate) fn encode_templates(&self, inner: TemplatePlaces, out: &mut Sinks) -> u64 {
        let inner = inner.into_order();
        put_varint(&mut out.meta, self.templates.len() as u64);
        put_varint(&mut out.meta, inner.len() as u64);
        let mut before: &[u8] = &[];
        let mut bytes = 0;
        for template in self.templates.iter().chain(&inner) {
            let shared = before.iter().zip(template.iter()).take_while(|(a, b)| a == b).count();
            put_varint(&mut out.delta, shared as u64);
            put_varint(&mut out.delta, (template.len() - shared) as u64);
            out.text.extend_from_slice(&template[shared..]);
            bytes += template.len() as u64;
            before = template;
        }
        bytes
    }
}

/// The templates of a stripe, numbered from 0: its pages name them by these numbers.
#[derive(Debug, Default)]
pub struct Templates {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    /// Stable ids; 0 where it was not asked for yet.
    ids: Vec<AtomicU64>,
    /// How many are of lines; the others are of texts within lines.
    lines: usize,
    /// Those of lines of which slots are leaves, ascending; perhaps also some where none is.
    with_leaves: Vec<u32>,
    /// Taken apart when they are first asked for.
    parts: Vec<OnceLock<(Pieces, Shape)>>,
    /// Of [`FIELDS_HELD_MAX`].
    fields_left: AtomicUsize,
}

impl Templates {
    /// `bytes_max`: no stripe's templates take more, from the footer.
    pub(crate) fn decode(block: &[u8], bytes_max: u64) -> Result<Self, Corrupt> {
        let unpacked = Unpacked::new(block)?;
        let mut from: Sources<'_> = unpacked.sources();
        let (lines, inner) = (from.meta.varint()?, from.meta.varint()?);
        let count = lines.saturating_add(inner);
        if count > from.delta.remaining() as u64 {
            return Err(Corrupt("more templates than their bytes"));
        }
        let mut templates = Self {
            lines: lines as usize,
            fields_left: AtomicUsize::new(FIELDS_HELD_MAX),
            ..Self::default()
        };
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
            templates.parts.push(OnceLock::new());
        }
        from.end()?;
        templates.with_leaves = templates.find_leaves();
        Ok(templates)
    }

    fn find_leaves(&self) -> Vec<u32> {
        let places = memchr::memmem::find_iter(self.all_bytes(), &LEAF_SLOT);
        let mut found: Vec<u32> = places.map(|place| self.number_at(place) as u32).collect();
        found.dedup();
        found
    }

    /// How many there are of lines.
    pub fn len(&self) -> usize {
        self.lines
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.lines == 0
    }

    /// With those of texts within lines, numbered behind those of lines.
    pub(crate) fn len_with_inner(&self) -> usize {
        self.ends.len()
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

    /// All of those of lines, one after another.
    pub(crate) fn all_bytes(&self) -> &[u8] {
        let end = self.lines.checked_sub(1).map_or(0, |last| self.ends[last]);
        &self.bytes[..end]
    }

    /// The templates of which slots are leaves, ascending; perhaps also some where none is.
    pub(crate) fn with_leaves(&self) -> &[u32] {
        &self.with_leaves
    }

    /// The template that a byte of [`all_bytes`](Self::all_bytes) belongs to.
    pub(crate) fn number_at(&self, byte: usize) -> usize {
        self.ends.partition_point(|&end| end <= byte)
    }

    /// About what it takes in memory.
    pub(crate) fn memory_bytes(&self) -> usize {
        let numbers = self.ends.len() * 2 * size_of::<u64>() + self.with_leaves.len() * size_of::<u32>();
        self.bytes.len() + numbers
    }

    /// Its bytes: fixed texts and slots, as ARCHITECTURE.md says.
    pub fn bytes(&self, number: u32) -> &[u8] {
        let at = number as usize;
        let start = if at == 0 { 0 } else { self.ends[at - 1] };
        &self.bytes[start..self.ends[at]]
    }

    /// The fields of its lines.
    pub fn shape(&self, number: u32) -> &Shape {
        self.parts(number).map_or(&Shape::Unread, |(_, shape)| shape)
    }

    pub(crate) fn pieces(&self, number: u32) -> Result<&Pieces, Corrupt> {
        Ok(&self.parts(number)?.0)
    }

    fn parts(&self, number: u32) -> Result<&(Pieces, Shape), Corrupt> {
        let cell = &self.parts[number as usize];
        if let Some(parts) = cell.get() {
            return Ok(parts);
        }
        let pieces = Pieces::of(self.bytes(number))?;
        let mut left = self.fields_left.load(Relaxed);
        let shape = pieces.shape_within(&mut left);
        // Two threads may both take the same few: the bound is no exact one.
        self.fields_left.store(left, Relaxed);
        Ok(cell.get_or_init(|| (pieces, shape)))
    }
}
