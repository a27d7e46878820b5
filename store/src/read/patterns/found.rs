//! What is known of each template in a range of time.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use parking_lot::Mutex;

use crate::catalog::CatalogSplit;
use crate::read::ReadError;
use crate::read::cache::CacheKey;
use crate::read::counts::{Means, decider_of};
use crate::read::matching::matching;
use crate::read::open_page::OpenPage;
use crate::read::row::RowView;
use crate::read::running::add;
use crate::read::scan::{Selection, splits_in_range};
use crate::read::search::Key;
use crate::rows::RowBlock;
use crate::split::{PageQuery, Split, SplitError, template_id};

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

/// The rows that match, by template. Blocks.
pub(crate) fn find(means: Means<'_>, selection: &Selection) -> Result<Found, ReadError> {
    let splits: Vec<_> = splits_in_range(means.view, &selection.range, means.running)
        .cloned()
        .collect();
    let index = selection.page_query(means.view);
    let next = AtomicUsize::new(0);
    let sum = Mutex::new((Found::new(), Ok(())));
    let work = || {
        while let Some(split) = splits.get(next.fetch_add(1, Relaxed)) {
            let found = of_split(means, selection, split, &index);
            let mut sum = sum.lock();
            match found {
                Ok(Some(found)) => {
                    found.iter().for_each(|(id, template)| join(&mut sum.0, *id, template));
                    means.running.meter.groups.fetch_max(sum.0.len() as u64, Relaxed);
                }
                Ok(None) => {}
                Err(error) => {
                    sum.1 = Err(error);
                    next.store(splits.len(), Relaxed);
                }
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..means.threads.min(splits.len()) {
            scope.spawn(work);
        }
        work();
    });
    let (mut found, outcome) = sum.into_inner();
    outcome?;
    of_live(means, selection, &mut found)?;
    means.running.check()?;
    add(
        &means.running.meter.rows_matched,
        found.values().map(|template| template.rows as usize).sum(),
    );
    Ok(found)
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

/// A split's, held if they were found before; `None` if it cannot be read, which the answer then says.
fn of_split(
    means: Means<'_>,
    selection: &Selection,
    entry: &CatalogSplit,
    index: &PageQuery,
) -> Result<Option<Arc<Found>>, ReadError> {
    means.running.check()?;
    let Some(split) = means.view.open(entry, means.running) else {
        return Ok(None);
    };
    add(&means.running.meter.pages_total, split.pages().len());
    let range = match selection.range.covers(entry.meta.time_min, entry.meta.time_max) {
        true => String::new(),
        false => format!("{}..{}", selection.range.first, selection.range.last),
    };
    let key = selection.decider.signature.as_ref().map(|signature| CacheKey {
        split: entry.meta.id.clone(),
        question: format!("patterns {range} {signature}"),
    });
    if let Some(key) = &key
        && let Some(held) = means.cache.get::<Found>(key)
    {
        add(&means.running.meter.splits_cached, 1);
        return Ok(Some(held));
    }
    match read_split(means, selection, entry, &split, index) {
        Ok(Some(found)) => {
            let found = Arc::new(found);
            if let Some(key) = key {
                means.cache.put(key, &found, found.len() * TEMPLATE_BYTES);
            }
            Ok(Some(found))
        }
        // It was stopped on the way.
        Ok(None) => {
            means.running.check()?;
            Err(ReadError::Cancelled)
        }
        Err(error) => {
            means
                .view
                .failed(&entry.meta.id, entry.meta.rows, &error, means.running);
            Ok(None)
        }
    }
}

fn read_split(
    means: Means<'_>,
    selection: &Selection,
    entry: &CatalogSplit,
    split: &Arc<Split>,
    index: &PageQuery,
) -> Result<Option<Found>, SplitError> {
    let topic: Arc<str> = Arc::from(entry.topic.as_str());
    let decider = decider_of(means.cache, &selection.decider, split, &topic)?;
    let meter = &means.running.meter;
    let id: Arc<str> = Arc::from(entry.meta.id.as_str());
    let mut found = Found::new();
    for page in split.candidates(index)? {
        let info = split.pages()[page as usize];
        if !selection.range.overlaps(info.time_min, info.time_max) {
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
        let Some(rows) = matching(selection, &decider, &open, means.running)? else {
            return Ok(None);
        };
        of_page(&open, &id, &rows, &mut found);
        meter.groups.fetch_max(found.len() as u64, Relaxed);
    }
    Ok(Some(found))
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

fn of_live(means: Means<'_>, selection: &Selection, found: &mut Found) -> Result<(), ReadError> {
    let range = &selection.range;
    let parts = means.view.live.iter();
    for part in parts.filter(|part| range.overlaps(part.time_min, part.time_max)) {
        means.running.check()?;
        add(&means.running.meter.rows_scanned, part.rows.len() - part.first);
        for row in part.first..part.rows.len() {
            let view = RowView::new(part.rows.row(row), &part.topic);
            if !selection.matches(&view) {
                continue;
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
            };
            join(found, template_id(&view.row), &template);
        }
        means.running.meter.groups.fetch_max(found.len() as u64, Relaxed);
    }
    Ok(())
}
