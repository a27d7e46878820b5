//! A page of a split, read part by part: core first, the text when a line is asked for.

use std::cell::OnceCell;
use std::sync::Arc;

use super::row::RowView;
use crate::rows::{Row, RowBlock};
use crate::split::{Columns, PageCore, PageText, Shape, Split, SplitError, Templates};

/// A page of which rows are looked at.
#[derive(Debug)]
pub(crate) struct OpenPage {
    pub(crate) topic: Arc<str>,
    pub(crate) split: Arc<Split>,
    pub(crate) page: u32,
    pub(crate) core: Arc<PageCore>,
    templates: Arc<Templates>,
    text: OnceCell<Arc<PageText>>,
    /// All of its rows with provenance and attributes but without lines, where a test needs them.
    whole: OnceCell<Arc<RowBlock>>,
}

impl OpenPage {
    pub(crate) fn open(topic: &Arc<str>, split: &Arc<Split>, page: u32) -> Result<Self, SplitError> {
        Ok(Self {
            topic: Arc::clone(topic),
            split: Arc::clone(split),
            page,
            core: split.page_core(page)?,
            templates: split.templates(page)?,
            text: OnceCell::new(),
            whole: OnceCell::new(),
        })
    }

    pub(crate) fn text(&self) -> Result<&Arc<PageText>, SplitError> {
        if let Some(text) = self.text.get() {
            return Ok(text);
        }
        let text = Arc::new(self.split.page_text(self.page, &self.core)?);
        Ok(self.text.get_or_init(|| text))
    }

    /// The number in the stripe of a row's template.
    pub(crate) fn template(&self, row: usize) -> u32 {
        self.core.templates()[self.core.which()[row] as usize]
    }

    /// The id of a template, by its number in the stripe.
    pub(crate) fn template_id(&self, number: u32) -> u64 {
        self.templates.id(number)
    }

    /// The fields of lines of one of the page's templates.
    pub(crate) fn shape(&self, which: usize) -> &Shape {
        self.templates.shape(self.core.templates()[which])
    }

    /// The bytes of a template, by its number in the stripe.
    pub(crate) fn template_bytes(&self, number: u32) -> &[u8] {
        self.templates.bytes(number)
    }

    /// Shows `look` a row with its line, attributes and, if `observed`, when it was read. `line` is
    /// scratch.
    pub(crate) fn look<T>(
        &self,
        row: usize,
        observed: bool,
        line: &mut Vec<u8>,
        look: impl FnOnce(&RowView<'_>) -> T,
    ) -> Result<T, SplitError> {
        line.clear();
        self.text()?.line_into(row, line);
        let whole = match observed || self.split.page_has_attributes(self.page) {
            true => Some(self.whole(observed)?),
            false => None,
        };
        let whole = whole.map(|block| block.row(row));
        let view = RowView::new(
            Row {
                time_nanos: self.core.times()[row],
                time_parsed: self.core.times_parsed()[row],
                observed_nanos: whole.as_ref().map_or(0, |row| row.observed_nanos),
                partition: self.core.partitions()[row],
                offset: self.core.offsets()[row],
                severity: self.core.severities()[row],
                template: self.templates.id(self.template(row)),
                stream: &self.split.streams()[self.core.streams()[row] as usize],
                line,
                place: None,
                part: None,
                attributes: whole.as_ref().map_or(&[], |row| row.attributes),
            },
            &self.topic,
        );
        Ok(look(&view))
    }

    fn whole(&self, observed: bool) -> Result<&RowBlock, SplitError> {
        if let Some(whole) = self.whole.get() {
            return Ok(whole);
        }
        let columns = Columns {
            line: false,
            provenance: observed,
            attributes: true,
        };
        let whole = Arc::new(self.split.read_page(self.page, columns)?);
        Ok(self.whole.get_or_init(|| whole))
    }

    /// The chosen rows, in the order of `rows`, with the columns asked for.
    pub(crate) fn rows(&self, rows: &[u32], columns: Columns) -> Result<RowBlock, SplitError> {
        self.split
            .read_rows(self.page, &self.core, self.text.get(), rows, columns)
    }
}
