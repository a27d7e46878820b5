//! A stripe's templates: found when it is written, stored once for all its pages.
//!
//! Block of templates, in ascending order of their bytes: `meta`: how many (varint); per template
//! `delta`: bytes shared with the one before, bytes of its own; `text`: those.

use super::block::{Sinks, Sources, Unpacked};
use super::hash::FastMap;
use super::template::{cut, stable_id};
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
    /// Places in their rows' lines.
    variables: Vec<(u32, u32)>,
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
        };
        let mut template = Vec::new();
        for &row in order {
            cut(rows.line(row as usize), &mut template, &mut stripe.variables);
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

    /// The variables of a row of the stripe: places in its line.
    pub(crate) fn variables_of(&self, row: usize) -> &[(u32, u32)] {
        let start = if row == 0 { 0 } else { self.variable_ends[row - 1] };
        &self.variables[start..self.variable_ends[row]]
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

/// A stripe's templates, read again.
#[derive(Debug, Default)]
pub(crate) struct Templates {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    pub(crate) ids: Vec<u64>,
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
            templates.ids.push(stable_id(&templates.bytes[before.clone()]));
            templates.ends.push(before.end);
        }
        from.end()?;
        Ok(templates)
    }

    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(crate) fn get(&self, at: usize) -> &[u8] {
        let start = if at == 0 { 0 } else { self.ends[at - 1] };
        &self.bytes[start..self.ends[at]]
    }
}
