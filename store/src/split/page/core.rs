//! The core block: what nearly every query looks at.

use timberline_proto::line::Severity;

use super::{Groups, PageRows};
use crate::split::block::{Sinks, Unpacked};
use crate::split::column::{choices, ints};
use crate::split::wire::{Corrupt, put_varint};

pub(crate) fn encode_core(page: &PageRows<'_>, groups: &Groups, out: &mut Sinks) {
    let (rows, range) = (page.rows, page.range());
    ints::encode(&rows.times()[range.clone()], out);
    let mut column = |values: Vec<i64>| ints::encode(&values, out);
    column(
        rows.times_parsed()[range.clone()]
            .iter()
            .map(|&p| i64::from(p))
            .collect(),
    );
    column(rows.partitions()[range.clone()].iter().map(|&p| i64::from(p)).collect());
    column(rows.offsets()[range.clone()].iter().map(|&o| o as i64).collect());
    column(rows.severities()[range.clone()].iter().map(|&s| s as i64).collect());
    column(rows.stream_indexes()[range].iter().map(|&s| i64::from(s)).collect());
    put_varint(&mut out.meta, groups.len() as u64);
    let mut before = 0;
    for &template in &groups.numbers {
        put_varint(&mut out.meta, u64::from(template - before));
        before = template;
    }
    let which: Vec<i64> = groups.which.iter().map(|&w| i64::from(w)).collect();
    ints::encode(&which, out);
}

/// A page's core columns: what nearly every query looks at, known without the lines.
#[derive(Debug)]
pub struct PageCore {
    pub(crate) time: Vec<i64>,
    pub(crate) parsed: Vec<bool>,
    pub(crate) partition: Vec<u32>,
    pub(crate) offset: Vec<u64>,
    pub(crate) severity: Vec<Severity>,
    pub(crate) stream: Vec<u32>,
    pub(crate) templates: Vec<u32>,
    pub(crate) which: Vec<u32>,
}

impl PageCore {
    /// Rows.
    pub fn rows(&self) -> usize {
        self.time.len()
    }
    /// Per row, nanoseconds.
    pub fn times(&self) -> &[i64] {
        &self.time
    }
    /// Per row, whether the time was read from the line.
    pub fn times_parsed(&self) -> &[bool] {
        &self.parsed
    }
    /// Per row.
    pub fn partitions(&self) -> &[u32] {
        &self.partition
    }
    /// Per row.
    pub fn offsets(&self) -> &[u64] {
        &self.offset
    }
    /// Per row.
    pub fn severities(&self) -> &[Severity] {
        &self.severity
    }
    /// Per row, which of the split's streams.
    pub fn streams(&self) -> &[u32] {
        &self.stream
    }
    /// The page's templates: numbers in [`Templates`](crate::split::Templates), ascending.
    pub fn templates(&self) -> &[u32] {
        &self.templates
    }
    /// Per row, which of [`templates`](Self::templates).
    pub fn which(&self) -> &[u32] {
        &self.which
    }
}

/// Decodes the core of a page of `rows` rows.
pub(crate) fn decode_core(
    block: &[u8],
    rows: usize,
    streams: usize,
    stripe_templates: usize,
) -> Result<PageCore, Corrupt> {
    let unpacked = Unpacked::new(block)?;
    let mut from = unpacked.sources();
    let time = ints::decode(rows, &mut from)?;
    let parsed = ints::decode(rows, &mut from)?.into_iter().map(|p| p != 0).collect();
    let partition = ints::decode(rows, &mut from)?
        .into_iter()
        .map(u32::try_from)
        .collect::<Result<_, _>>();
    let offset = ints::decode(rows, &mut from)?.into_iter().map(|o| o as u64).collect();
    let severity = ints::decode(rows, &mut from)?
        .into_iter()
        .map(|rank| u8::try_from(rank).ok().and_then(Severity::from_rank))
        .collect::<Option<_>>();
    let stream = choices(ints::decode(rows, &mut from)?, streams)?;
    let mut templates = Vec::new();
    let mut last = 0_u64;
    for _ in 0..from.meta.count()? {
        last = last.wrapping_add(from.meta.varint()?);
        if last >= stripe_templates as u64 {
            return Err(Corrupt("template beyond the stripe's"));
        }
        templates.push(last as u32);
    }
    let which = choices(ints::decode(rows, &mut from)?, templates.len())?;
    from.end()?;
    Ok(PageCore {
        time,
        parsed,
        partition: partition.map_err(|_| Corrupt("partition out of range"))?,
        offset,
        severity: severity.ok_or(Corrupt("severity out of range"))?,
        stream,
        templates,
        which,
    })
}
