//! Records over time by severity.
//!
//! Counted by `counts`, so mostly from summaries.

use timberline_proto::api::{HistogramAnswer, HistogramRequest};
use timberline_proto::query::ast::{Filter, Query};
use timberline_proto::query::fields::severity_rank;
use timberline_proto::query::parse;

use super::counts::{Counting, Groups, Key, Value};
use super::per_split::Means;
use super::reader::{blocking, range};
use super::scan::Selection;
use super::time::{TimeRange, bin_start, now_nanos, round_width};
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
        self.check_filter(&filter)?;
        let range = range(request.from.as_deref(), request.to.as_deref())?;
        let bins = request.bins.unwrap_or(BINS_DEFAULT).clamp(1, BINS_MAX);
        let view = self.view_for(&filter)?;
        let selection = Selection::prepared(&self.limits, filter, range).await?;
        let reader = self.clone();
        blocking(move || {
            let means = Means {
                view: &view,
                running: &task.running,
                threads: reader.options().threads,
            };
            let mut answer = count(means, &selection, bins)?;
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

fn count(means: Means<'_>, selection: &Selection, bins: u32) -> Result<HistogramAnswer, ReadError> {
    let stored = means.view.time_bounds();
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
    let counting = Counting {
        selection,
        keys: vec![Key::Bin(width), Key::Severity],
    };
    histogram.fill(&counting.run(means)?);
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
    fn fill(&mut self, groups: &Groups) {
        for (values, rows) in groups {
            let [Value::Time(start), Value::Text(severity)] = &values[..] else {
                continue;
            };
            let rank = severity
                .as_deref()
                .and_then(|name| severity_rank(name.as_bytes()))
                .unwrap_or(0);
            if let Some(bin) = self.bin(*start).and_then(|bin| self.bins.get_mut(bin)) {
                bin[usize::from(rank)] += rows;
            }
        }
    }

    fn bin(&self, time: i64) -> Option<usize> {
        let offset = i128::from(time) - i128::from(self.start);
        usize::try_from(offset.div_euclid(i128::from(self.width))).ok()
    }
}
