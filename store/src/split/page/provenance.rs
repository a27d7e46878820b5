//! The provenance block: where lines come from. Consecutive lines of a file cost next to nothing.

use timberline_proto::id::{AgentId, GenerationId};

use super::PageRows;
use crate::rows::Place;
use crate::split::block::{Sinks, Unpacked};
use crate::split::column::{choices, ints};
use crate::split::hash::FastMap;
use crate::split::wire::{Corrupt, put_varint};

type Source = ([u8; 16], [u8; 16]);

pub(crate) fn encode_provenance(page: &PageRows<'_>, out: &mut Sinks) {
    let rows = page.rows;
    ints::encode(
        &page.range().map(|row| rows.observed_nanos(row)).collect::<Vec<_>>(),
        out,
    );

    let mut numbers: FastMap<Source, usize> = FastMap::default();
    let mut sources: Vec<Source> = Vec::new();
    let mut ends: Vec<u64> = Vec::new();
    let (mut which, mut starts, mut lengths) = (Vec::new(), Vec::new(), Vec::new());
    let mut last = 0;
    for row in page.range() {
        let Some(place) = rows.place(row) else {
            which.push(0);
            continue;
        };
        let source = (place.agent.0, place.generation.0);
        // Neighbours are mostly of one file.
        let number = match sources.get(last) {
            Some(of_last) if *of_last == source => last,
            _ => *numbers.entry(source).or_insert_with(|| {
                sources.push(source);
                ends.push(0);
                sources.len() - 1
            }),
        };
        last = number;
        which.push(number as i64 + 1);
        starts.push(place.start.wrapping_sub(ends[number]) as i64);
        lengths.push(i64::from(place.source_bytes) - rows.line(row).len() as i64 - 1);
        ends[number] = place.start.wrapping_add(u64::from(place.source_bytes));
    }
    put_varint(&mut out.meta, sources.len() as u64);
    for (agent, generation) in &sources {
        out.meta.extend_from_slice(agent);
        out.meta.extend_from_slice(generation);
    }
    ints::encode(&which, out);
    ints::encode(&starts, out);
    ints::encode(&lengths, out);
    let part = |part: Option<(u32, bool)>| part.map_or(0, |(at, last)| 1 + 2 * i64::from(at) + i64::from(last));
    ints::encode(&page.range().map(|row| part(rows.part(row))).collect::<Vec<_>>(), out);
}

/// A provenance block, decoded.
#[derive(Debug)]
pub(crate) struct Provenance {
    pub(crate) observed: Vec<i64>,
    /// Of the rows of which lengths were known.
    pub(crate) place: Vec<Option<Place>>,
    pub(crate) part: Vec<Option<(u32, bool)>>,
}

/// Decodes the provenance of a page, places only of the first rows, of which the lines' lengths are
/// known.
pub(crate) fn decode_provenance(block: &[u8], rows: usize, line_lengths: &[usize]) -> Result<Provenance, Corrupt> {
    let unpacked = Unpacked::new(block)?;
    let mut from = unpacked.sources();
    let observed = ints::decode(rows, &mut from)?;
    let sources = from.meta.count()?;
    let sources = from.meta.take(sources.saturating_mul(32))?.chunks_exact(32);
    let sources: Vec<Source> = sources
        .map(|s| {
            (
                s[..16].try_into().expect("16 of 32"),
                s[16..].try_into().expect("16 of 32"),
            )
        })
        .collect();
    let which = choices(ints::decode(rows, &mut from)?, sources.len() + 1)?;
    let placed = which.iter().filter(|&&w| w > 0).count();
    let mut starts = ints::decode(placed, &mut from)?.into_iter();
    let mut lengths = ints::decode(placed, &mut from)?.into_iter();
    let mut ends = vec![0_u64; sources.len()];
    let mut place = Vec::with_capacity(line_lengths.len());
    for (&which, &line_bytes) in which.iter().zip(line_lengths) {
        let Some(number) = which.checked_sub(1).map(|number| number as usize) else {
            place.push(None);
            continue;
        };
        let (Some(start), Some(length)) = (starts.next(), lengths.next()) else {
            return Err(Corrupt("fewer places than rows with one"));
        };
        let start = ends[number].wrapping_add(start as u64);
        let source_bytes = u32::try_from(length.wrapping_add(line_bytes as i64 + 1))
            .map_err(|_| Corrupt("source length out of range"))?;
        ends[number] = start.wrapping_add(u64::from(source_bytes));
        let (agent, generation) = sources[number];
        place.push(Some(Place {
            agent: AgentId(agent),
            generation: GenerationId(generation),
            start,
            source_bytes,
        }));
    }
    let part = ints::decode(rows, &mut from)?
        .into_iter()
        .map(decode_part)
        .collect::<Result<_, _>>()?;
    from.end()?;
    Ok(Provenance { observed, place, part })
}

fn decode_part(part: i64) -> Result<Option<(u32, bool)>, Corrupt> {
    if part == 0 {
        return Ok(None);
    }
    let part = part.wrapping_sub(1);
    match u32::try_from(part >> 1) {
        Ok(index) => Ok(Some((index, part & 1 == 1))),
        Err(_) => Err(Corrupt("part out of range")),
    }
}
