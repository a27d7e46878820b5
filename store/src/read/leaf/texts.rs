//! The text that a name has in some rows of a page, as a column shows it.

use std::collections::HashMap;

use timberline_proto::line::{FieldValue, fields, leaf_value};

use super::{FieldPlace, Filled};
use crate::read::open_page::OpenPage;
use crate::read::row::stream_attribute;
use crate::split::SplitError;

/// Texts of rows, in their order; none where a row has none. Short of a record's own attributes, which
/// come before all others: pages that have any are not for it.
#[derive(Debug)]
pub(crate) struct Texts {
    bytes: String,
    spans: Vec<Option<(u32, u32)>>,
}

impl Texts {
    fn new(rows: usize) -> Self {
        Self {
            bytes: String::new(),
            spans: vec![None; rows],
        }
    }

    /// Per row.
    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = Option<&str>> {
        self.spans
            .iter()
            .map(|span| span.map(|(start, end)| &self.bytes[start as usize..end as usize]))
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes.len()
    }

    fn put(&mut self, text: &str) -> Option<(u32, u32)> {
        let start = u32::try_from(self.bytes.len()).ok()?;
        let end = u32::try_from(self.bytes.len() + text.len()).ok()?;
        self.bytes.push_str(text);
        Some((start, end))
    }

    /// The texts of each of `names`, none of which is a fixed column but for a stream's, of `rows`,
    /// which ascend.
    pub(crate) fn read(open: &OpenPage, rows: &[u32], names: &[&str]) -> Result<Vec<Self>, SplitError> {
        if names.is_empty() {
            return Ok(Vec::new());
        }
        debug_assert!(!open.split.page_has_attributes(open.page));
        let mut all: Vec<_> = names.iter().map(|_| Self::new(rows.len())).collect();
        for (texts, name) in all.iter_mut().zip(names) {
            texts.of_streams(open, rows, name);
        }
        let whole = |texts: &Self| texts.spans.iter().all(Option::is_some);
        if all.iter().all(whole) {
            return Ok(all);
        }
        let mut by_template = vec![Vec::new(); open.core.templates().len()];
        for (at, &row) in rows.iter().enumerate() {
            by_template[open.core.which()[row as usize] as usize].push(at);
        }
        let text = open.text()?;
        let mut line = Vec::new();
        for (which, ats) in by_template.iter().enumerate().filter(|(_, ats)| !ats.is_empty()) {
            let of_template: Vec<u32> = ats.iter().map(|&at| rows[at]).collect();
            let mut unread = Vec::new();
            for (number, (texts, name)) in all.iter_mut().zip(names).enumerate() {
                match FieldPlace::in_page(text, which, name) {
                    FieldPlace::Nowhere => {}
                    FieldPlace::Line => unread.push(number),
                    FieldPlace::Slots(slots) => {
                        for leaf in slots {
                            if ats.iter().all(|&at| texts.spans[at].is_some()) {
                                break;
                            }
                            let filled = Filled::of(text, which, leaf.slot, &of_template);
                            texts.of_slot(ats, &filled, leaf.kind);
                        }
                    }
                }
            }
            if unread.is_empty() {
                continue;
            }
            for (&at, &row) in ats.iter().zip(&of_template) {
                line.clear();
                text.line_into(row as usize, &mut line);
                fields(&line, &mut |name, value| {
                    for &number in &unread {
                        let texts = &mut all[number];
                        if names[number] == name && value != FieldValue::Null && texts.spans[at].is_none() {
                            texts.spans[at] = texts.put(value.as_text());
                        }
                    }
                    true
                });
            }
        }
        Ok(all)
    }

    /// What streams have comes first.
    fn of_streams(&mut self, open: &OpenPage, rows: &[u32], name: &str) {
        let mut of_stream = HashMap::new();
        for (at, &row) in rows.iter().enumerate() {
            let stream = open.core.streams()[row as usize];
            self.spans[at] = *of_stream.entry(stream).or_insert_with(|| {
                let attributes = &open.split.streams()[stream as usize].attributes;
                let alias = stream_attribute(name).and_then(|name| attributes.get(name));
                alias.or_else(|| attributes.get(name)).and_then(|text| self.put(text))
            });
        }
    }

    fn of_slot(&mut self, ats: &[usize], filled: &Filled, kind: timberline_proto::line::LeafKind) {
        let spans: Vec<_> = filled
            .values()
            .map(|raw| match leaf_value(raw, kind) {
                FieldValue::Null => None,
                value => self.put(value.as_text()),
            })
            .collect();
        for (&at, &code) in ats.iter().zip(filled.codes()) {
            if self.spans[at].is_none() {
                self.spans[at] = spans[code as usize];
            }
        }
    }
}
