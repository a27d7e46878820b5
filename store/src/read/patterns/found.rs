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
    /// Rows in each part of a range, if asked for.
    pub(crate) points: Option<Box<[u32]>>,
}

/// A range in parts of one width.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parts {
    first: i64,
    width: i64,
    count: usize,
}

impl Parts {
    /// `count` parts of the range from `first` to `last`.
    pub(crate) fn new((first, last): (i64, i64), count: usize) -> Self {
        let width = (i128::from(last) - i128::from(first)) / count.max(1) as i128 + 1;
        Self {
            first,
            width: i64::try_from(width).unwrap_or(i64::MAX),
            count,
        }
    }

    fn add(self, time: i64, points: &mut Option<Box<[u32]>>) {
        let points = points.get_or_insert_with(|| vec![0; self.count].into());
        let at = (i128::from(time) - i128::from(self.first)) / i128::from(self.width);
        if let Some(point) = usize::try_from(at).ok().and_then(|at| points.get_mut(at)) {
            *point = point.saturating_add(1);
        }
    }
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
    /// Of what rows are also counted.
    pub(crate) parts: Option<Parts>,
}

impl PerSplit for Kinds<'_> {
    type Found = Found;

    fn selection(&self) -> &Selection {
        self.selection
    }

    fn question(&self) -> String {
        match self.parts {
            None => "patterns".to_owned(),
            Some(Parts { first, width, count }) => format!("patterns {count} parts of {width} from {first}"),
        }
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
            self.of_page(&open, &id, &rows, &mut found);
            meter.groups.fetch_max(found.len() as u64, Relaxed);
        }
        Ok(Some(found))
    }

    fn add_live(&self, part: &LivePart, row: usize, view: &RowView<'_>, found: &mut Found) {
        let mut points = None;
        if let Some(parts) = self.parts {
            parts.add(view.row.time_nanos, &mut points);
        }
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
            points,
        };
        join(found, template_id(&view.row), &template);
    }

    fn settle(found: &mut Found) {
        for template in found.values_mut() {
            if let Place::Live { block, row } = &mut template.place {
                *block = Arc::new(block.select(&[*row as u32]));
                *row = 0;
            }
        }
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
        let points = |template: &Template| {
            template
                .points
                .as_ref()
                .map_or(0, |points| size_of_val::<[u32]>(points))
        };
        found.len() * TEMPLATE_BYTES + found.values().map(points).sum::<usize>()
    }
}

/// Adds counts of parts.
pub(crate) fn add_points(sum: &mut Option<Box<[u32]>>, more: Option<&[u32]>) {
    let Some(more) = more else { return };
    match sum {
        None => *sum = Some(more.into()),
        Some(sum) => sum
            .iter_mut()
            .zip(more)
            .for_each(|(sum, more)| *sum = sum.saturating_add(*more)),
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
            add_points(&mut template.points, more.points.as_deref());
            if more.last > template.last {
                template.last = more.last.clone();
                template.place = more.place.clone();
            }
        }
    }
}

/// What is known of a template's rows in a page.
#[derive(Clone, Debug, Default)]
struct InPage {
    rows: u64,
    first: i64,
    /// The last of them.
    last: u32,
    points: Option<Box<[u32]>>,
}

impl Kinds<'_> {
    /// Adds a page's rows.
    fn of_page(&self, open: &OpenPage, split: &Arc<str>, rows: &[u32], found: &mut Found) {
        let core = &open.core;
        let mut of_template: Vec<Option<InPage>> = vec![None; core.templates().len()];
        let place = |row: u32| {
            let row = row as usize;
            (core.times()[row], core.partitions()[row], core.offsets()[row])
        };
        for &row in rows {
            let time = core.times()[row as usize];
            let known = of_template[core.which()[row as usize] as usize].get_or_insert_with(|| InPage {
                first: time,
                last: row,
                ..InPage::default()
            });
            known.rows += 1;
            known.first = known.first.min(time);
            if place(row) > place(known.last) {
                known.last = row;
            }
            if let Some(parts) = self.parts {
                parts.add(time, &mut known.points);
            }
        }
        for (&number, known) in core.templates().iter().zip(of_template) {
            let Some(known) = known else { continue };
            let (time, partition, offset) = place(known.last);
            let template = Template {
                rows: known.rows,
                first: known.first,
                last: Key {
                    time,
                    partition,
                    offset,
                    topic: Arc::clone(&open.topic),
                },
                place: Place::Page {
                    split: Arc::clone(split),
                    page: open.page,
                    row: known.last,
                },
                points: known.points,
            };
            join(found, open.template_id(number), &template);
        }
    }
}
