//! What is known of each template in a range of time.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use crate::read::decide::SplitDecider;
use crate::read::matching::matching;
use crate::read::open_page::OpenPage;
use crate::read::per_split::{Means, PerSplit};
use crate::read::row::RowView;
use crate::read::running::add;
use crate::read::scan::Selection;
use crate::read::search::Key;
use crate::read::view::LivePart;
use crate::rows::RowBlock;
use crate::split::{PageQuery, SplitError, template_id};

/// Templates by their ids.
pub(crate) type Found = HashMap<u64, Template>;

/// Rows of one template.
#[derive(Clone, Debug)]
pub(crate) struct Template {
    pub(crate) rows: u64,
    /// The earliest time.
    pub(crate) first: i64,
    /// The last of them in the total order.
    pub(crate) last: Key,
    pub(crate) place: Place,
}

/// Where the last of them stands.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    Page { split: Arc<str>, page: u32, row: u32 },
    Live { block: Arc<RowBlock>, row: usize },
}

/// About what one takes in memory.
pub(crate) const TEMPLATE_BYTES: usize = size_of::<(u64, Template)>() + 16;

/// Kinds of the lines that match.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kinds<'a> {
    pub(crate) selection: &'a Selection,
}

impl PerSplit for Kinds<'_> {
    type Found = Found;

    fn selection(&self) -> &Selection {
        self.selection
    }

    fn question(&self) -> String {
        "patterns".to_owned()
    }

    fn of_split(
        &self,
        means: Means<'_>,
        decider: &SplitDecider,
        topic: Arc<str>,
        index: &PageQuery,
    ) -> Result<Option<Found>, SplitError> {
        let (meter, split) = (&means.running.meter, &decider.split);
        let id: Arc<str> = Arc::from(split.meta().id.as_str());
        let mut found = Found::new();
        for page in split.candidates(index)? {
            let info = split.pages()[page as usize];
            if !self.selection.range.overlaps(info.time_min, info.time_max) {
                continue;
            }
            if means.running.check().is_err() {
                return Ok(None);
            }
            if decider.holds_none(page)? {
                add(&meter.pages_decided, 1);
                continue;
            }
            let open = OpenPage::open(&topic, split, page)?;
            add(&meter.pages_read, 1);
            add(&meter.rows_scanned, open.core.rows());
            let Some(rows) = matching(self.selection, decider, &open, means.running)? else {
                return Ok(None);
            };
            of_page(&open, &id, &rows, &mut found);
            meter.groups.fetch_max(found.len() as u64, Relaxed);
        }
        Ok(Some(found))
    }

    fn add_live(&self, part: &LivePart, row: usize, view: &RowView<'_>, found: &mut Found) {
        let template = Template {
            rows: 1,
            first: view.row.time_nanos,
            last: Key {
                time: view.row.time_nanos,
                partition: view.row.partition,
                offset: view.row.offset,
                topic: Arc::clone(&part.topic),
            },
            place: Place::Live {
                block: Arc::clone(&part.rows),
                row,
            },
        };
        join(found, template_id(&view.row), &template);
    }

    fn join(sum: &mut Found, more: &Found) {
        more.iter().for_each(|(id, template)| join(sum, *id, template));
    }

    fn len(found: &Found) -> usize {
        found.len()
    }

    fn rows(found: &Found) -> u64 {
        found.values().map(|template| template.rows).sum()
    }

    fn bytes(found: &Found) -> usize {
        found.len() * TEMPLATE_BYTES
    }
}

/// Adds rows of a template to those that are known.
pub(crate) fn join(found: &mut Found, id: u64, more: &Template) {
    match found.get_mut(&id) {
        None => {
            found.insert(id, more.clone());
        }
        Some(template) => {
            template.rows += more.rows;
            template.first = template.first.min(more.first);
            if more.last > template.last {
                template.last = more.last.clone();
                template.place = more.place.clone();
            }
        }
    }
}

/// Adds a page's rows.
fn of_page(open: &OpenPage, split: &Arc<str>, rows: &[u32], found: &mut Found) {
    let core = &open.core;
    // Per template of the page: rows, earliest time, and the last row.
    let mut of_template: Vec<Option<(u64, i64, u32)>> = vec![None; core.templates().len()];
    let place = |row: u32| {
        let row = row as usize;
        (core.times()[row], core.partitions()[row], core.offsets()[row])
    };
    for &row in rows {
        let time = core.times()[row as usize];
        let known = &mut of_template[core.which()[row as usize] as usize];
        *known = Some(match *known {
            None => (1, time, row),
            Some((count, first, last)) => {
                let last = if place(row) > place(last) { row } else { last };
                (count + 1, first.min(time), last)
            }
        });
    }
    for (&number, known) in core.templates().iter().zip(of_template) {
        let Some((rows, first, row)) = known else { continue };
        let (time, partition, offset) = place(row);
        let template = Template {
            rows,
            first,
            last: Key {
                time,
                partition,
                offset,
                topic: Arc::clone(&open.topic),
            },
            place: Place::Page {
                split: Arc::clone(split),
                page: open.page,
                row,
            },
        };
        join(found, open.template_id(number), &template);
    }
}
