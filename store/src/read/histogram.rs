//! Records over time by severity.
//!
//! A split that lies in one bin and whose rows all belong is counted from the catalog, unread;
//! elsewhere the columns of time and severity are read, and the line only if a filter asks for it.

use timberline_proto::api::{HistogramAnswer, HistogramRequest};
use timberline_proto::query::ast::{Filter, Query};
use timberline_proto::query::parse;

use crate::split::Columns;

use super::reader::{blocking, range};
use super::row::RowView;
use super::running::{Running, add};
use super::scan::{Selection, Unit, split_units, splits_in_range};
use super::time::{TimeRange, bin_start, now_nanos, round_width};
use super::view::View;
use super::{ReadError, Reader};

/// Bins where the request names no number, and at most.
const BINS_DEFAULT: u32 = 60;
const BINS_MAX: u32 = 2000;

impl Reader {
    /// Counts the records that a search's filter keeps, over time, by severity.
    ///
    /// # Errors
    /// [`ReadError`]
    pub async fn histogram(&self, request: HistogramRequest) -> Result<HistogramAnswer, ReadError> {
        let task = self.begin(request.query_id.clone()).await?;
        let filter = filter_of(&request.query)?;
        let range = range(request.from.as_deref(), request.to.as_deref())?;
        let bins = request.bins.unwrap_or(BINS_DEFAULT).clamp(1, BINS_MAX);
        let view = self.view();
        let selection = Selection::new(filter, range)?;
        let reader = self.clone();
        blocking(move || {
            let mut answer = count(&view, &selection, bins, &task.running)?;
            answer.progress = task.running.progress();
            answer.completeness = reader.completeness(&task.running);
            Ok(answer)
        })
        .await
    }
}

/// The filter of a search, its pipes left out but for `where` that stands directly after it.
pub(crate) fn filter_of(text: &str) -> Result<Filter, ReadError> {
    match parse(text)? {
        Query::Search(search) => Ok(super::lower::fold_wheres(search).filter),
        Query::Sql(_) => Err(ReadError::BadRequest(
            "SQL has no filter of its own here: give a search".to_owned(),
        )),
    }
}

fn count(view: &View, selection: &Selection, bins: u32, running: &Running) -> Result<HistogramAnswer, ReadError> {
    let stored = view.time_bounds();
    let last = match selection.range.last {
        i64::MAX => stored.map_or(0, |(_, max)| max).max(now_nanos()),
        last => last,
    };
    let first = match selection.range.first {
        i64::MIN => stored.map_or(last, |(min, _)| min).min(last),
        first => first,
    };
    if first > last {
        return Ok(HistogramAnswer::default());
    }
    let width = round_width(first, last, bins);
    let start = bin_start(first, width);
    let bins = (i128::from(last) - i128::from(start)) / i128::from(width) + 1;
    let mut histogram = Histogram {
        start,
        width,
        bins: vec![[0; 7]; usize::try_from(bins).unwrap_or(0)],
    };
    let selection = Selection {
        range: TimeRange { first, last }.intersect(&selection.range),
        ..selection.clone()
    };
    histogram.fill(view, &selection, running)?;
    let total = histogram.bins.iter().flatten().sum();
    Ok(HistogramAnswer {
        start_ms: start.div_euclid(1_000_000),
        width_ms: width / 1_000_000,
        bins: histogram.bins,
        total,
        ..HistogramAnswer::default()
    })
}

struct Histogram {
    start: i64,
    width: i64,
    bins: Vec<[u64; 7]>,
}

impl Histogram {
    fn fill(&mut self, view: &View, selection: &Selection, running: &Running) -> Result<(), ReadError> {
        let query = selection.page_query(view);
        for entry in splits_in_range(view, &selection.range, running) {
            let meta = &entry.meta;
            let whole = selection.takes_all(meta.time_min, meta.time_max) && entry.quarantined.is_none();
            if whole && self.bin(meta.time_min) == self.bin(meta.time_max) {
                if let Some(bin) = self.bin(meta.time_min).and_then(|bin| self.bins.get_mut(bin)) {
                    bin.iter_mut()
                        .zip(meta.severity_rows)
                        .for_each(|(count, rows)| *count += rows);
                }
                continue;
            }
            for unit in split_units(view, entry, &query, &selection.range, running) {
                running.check()?;
                self.unit(view, &unit, selection, running);
            }
        }
        for part in view
            .live
            .iter()
            .filter(|part| selection.range.overlaps(part.time_min, part.time_max))
        {
            running.check()?;
            self.unit(view, &Unit::Live(part.clone()), selection, running);
        }
        Ok(())
    }

    fn unit(&mut self, view: &View, unit: &Unit, selection: &Selection, running: &Running) {
        let (min, max) = unit.times();
        let all = selection.takes_all(min, max);
        let columns = Columns {
            line: !selection.tester.is_all(),
            provenance: false,
            attributes: !selection.tester.is_all(),
        };
        let Some(rows) = unit.read(view, columns, running) else {
            return;
        };
        let mut matched = 0;
        for at in rows.first..rows.block.len() {
            let time = rows.block.times()[at];
            if !all && !selection.matches(&RowView::new(rows.block.row(at), &rows.topic)) {
                continue;
            }
            matched += 1;
            let severity = rows.block.severities()[at] as usize;
            if let Some(bin) = self.bin(time).and_then(|bin| self.bins.get_mut(bin)) {
                bin[severity] += 1;
            }
        }
        add(&running.meter.rows_matched, matched);
    }

    fn bin(&self, time: i64) -> Option<usize> {
        let offset = i128::from(time) - i128::from(self.start);
        usize::try_from(offset.div_euclid(i128::from(self.width))).ok()
    }
}
