//! Rows of one page, counted by their own values.

use std::sync::Arc;

use super::keys::CellValues;
use super::tally::Tally;
use super::{Key, Value};
use crate::read::leaf::Texts;
use crate::read::open_page::OpenPage;
use crate::read::running::add;
use crate::read::time::bin_start;
use crate::split::SplitError;

impl Tally<'_> {
    /// Counts rows of a page, ascending, that match.
    pub(super) fn count_matching(&mut self, open: &OpenPage, rows: &[u32]) -> Result<(), SplitError> {
        let core = &open.core;
        if !self.keys_of_row(open.page) {
            for &row in rows {
                let row = row as usize;
                let template = match self.by_template {
                    true => open.template_id(open.template(row)),
                    false => 0,
                };
                let (stream, severity) = (core.streams()[row], core.severities()[row] as u8);
                self.add(stream, template, severity, core.times()[row], 1);
            }
            return Ok(());
        }
        if self.split.page_has_attributes(open.page) {
            let observed = self.counting.selection.needs_observed;
            let mut line = Vec::new();
            for &row in rows {
                let keys = &self.counting.keys;
                let values = open.look(row as usize, observed, &mut line, |view| {
                    keys.iter().map(|key| key.of_row(view)).collect::<Box<[Value]>>()
                })?;
                add(&self.means.running.meter.bytes_read, line.len());
                *self.groups.entry(values).or_default() += 1;
            }
            return Ok(());
        }
        let names: Vec<&str> = self.counting.keys.iter().filter_map(Key::field).collect();
        let texts = Texts::read(open, rows, &names)?;
        texts
            .iter()
            .for_each(|texts| add(&self.means.running.meter.bytes_read, texts.bytes()));
        let mut texts: Vec<_> = texts.iter().map(Texts::iter).collect();
        for &row in rows {
            let row = row as usize;
            let cell = CellValues {
                topic: &self.topic,
                stream: &self.split.streams()[core.streams()[row] as usize],
                severity: core.severities()[row],
                template: open.template_id(open.template(row)),
                bin: self.width.map_or(0, |width| bin_start(core.times()[row], width)),
            };
            let mut texts = texts.iter_mut();
            let values = self.counting.keys.iter().map(|key| {
                let text = key.field().and_then(|_| texts.next()).and_then(Iterator::next);
                key.of_cell(&cell, true, true)
                    .unwrap_or_else(|| Value::Text(text.flatten().map(Arc::from)))
            });
            *self.groups.entry(values.collect()).or_default() += 1;
        }
        Ok(())
    }
}
