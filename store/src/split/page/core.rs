//! The core block: what nearly every query looks at.

use timberline_proto::line::Severity;

use super::PageRows;
use crate::split::block::{Sinks, Unpacked};
use crate::split::column::ints;
use crate::split::wire::{Corrupt, put_varint};

pub(crate) fn encode_core(page: &PageRows<'_>, templates: &[u32], out: &mut Sinks) {
    let rows = || page.order.iter().map(|&row| page.rows.row(row as usize));
    let mut column = |values: Vec<i64>| ints::encode(&values, out);
    column(rows().map(|r| r.time_nanos).collect());
    column(rows().map(|r| i64::from(r.time_parsed)).collect());
    column(rows().map(|r| i64::from(r.partition)).collect());
    column(rows().map(|r| r.offset as i64).collect());
    column(rows().map(|r| r.severity as i64).collect());
    let stream = |&row: &u32| i64::from(page.streams[page.rows.stream_index(row as usize)]);
    column(page.order.iter().map(stream).collect());
    put_varint(&mut out.meta, templates.len() as u64);
    let mut before = 0;
    for &template in templates {
        put_varint(&mut out.meta, u64::from(template - before));
        before = template;
    }
    let which = |at| templates.binary_search(&page.template(at)).unwrap_or(0) as i64;
    ints::encode(&(0..page.len()).map(which).collect::<Vec<_>>(), out);
}

/// A core block, decoded.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) time: Vec<i64>,
    pub(crate) parsed: Vec<i64>,
    pub(crate) partition: Vec<u32>,
    pub(crate) offset: Vec<i64>,
    pub(crate) severity: Vec<Severity>,
    /// Numbers in the split, all below its count.
    pub(crate) stream: Vec<usize>,
    /// Numbers in the stripe, all below its count.
    pub(crate) templates: Vec<usize>,
    /// Per row, which of `templates`.
    pub(crate) which: Vec<usize>,
}

/// Decodes the core of a page of `rows` rows.
pub(crate) fn decode_core(block: &[u8], rows: usize, streams: usize, stripe_templates: usize) -> Result<Core, Corrupt> {
    let unpacked = Unpacked::new(block)?;
    let mut from = unpacked.sources();
    let time = ints::decode(rows, &mut from)?;
    let parsed = ints::decode(rows, &mut from)?;
    let partition = ints::decode(rows, &mut from)?
        .into_iter()
        .map(u32::try_from)
        .collect::<Result<_, _>>();
    let offset = ints::decode(rows, &mut from)?;
    let severity = ints::decode(rows, &mut from)?
        .into_iter()
        .map(|rank| u8::try_from(rank).ok().and_then(Severity::from_rank))
        .collect::<Option<_>>();
    let stream = below(ints::decode(rows, &mut from)?, streams)?;
    let mut templates = Vec::new();
    let mut last = 0_u64;
    for _ in 0..from.meta.count()? {
        last = last.wrapping_add(from.meta.varint()?);
        if last >= stripe_templates as u64 {
            return Err(Corrupt("template beyond the stripe's"));
        }
        templates.push(last as usize);
    }
    let which = below(ints::decode(rows, &mut from)?, templates.len())?;
    from.end()?;
    Ok(Core {
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

/// Numbers that choose among `count`.
pub(super) fn below(numbers: Vec<i64>, count: usize) -> Result<Vec<usize>, Corrupt> {
    let check = |n: i64| usize::try_from(n).ok().filter(|&n| n < count);
    numbers
        .into_iter()
        .map(check)
        .collect::<Option<_>>()
        .ok_or(Corrupt("number beyond what it chooses from"))
}
