//! A column of whole numbers. Its length is known to the reader from elsewhere.
//!
//! Sink `meta`: encoding (u8), `least` (zigzag varint) and, except for `CONST`, `unit` (varint).
//! The column is `least + unit × n`, in wrapping 64-bit arithmetic, of these numbers `n`:
//!
//! | encoding | `n` |
//! |---|---|
//! | 0 `CONST` | 0 |
//! | 1 `RUNS` | sink `delta`: pairs of zigzag difference to the last run's `n` and run length − 1 |
//! | 2 `PACKED` | `meta`: width in bits (u8); sink `bits`: that many bits each, lowest first, padded to a byte at the end |
//! | 3 `DICTIONARY` | `meta`: entries (varint, 1–256), 1 byte: 1 if they are 0, 1, 2 …, else 0 and the entries, ascending, each as difference to the one before; sink `index`: a byte each |
//! | 4 `DELTA` | sink `delta`: zigzag difference to the one before (the first to 0) |
//! | 5 `DELTA_PACKED` | `meta`: the first `n` (varint), least difference (zigzag varint), width (u8); `bits`, for all but the first: difference to the one before − least difference |

use super::super::block::{Sinks, Sources};
use super::super::hash::FastMap;
use super::super::wire::{Corrupt, put_varint, unzigzag, varint_bytes, zigzag};

const CONST: u8 = 0;
const RUNS: u8 = 1;
const PACKED: u8 = 2;
const DICTIONARY: u8 = 3;
const DELTA: u8 = 4;
const DELTA_PACKED: u8 = 5;

/// Entries of a dictionary at most: a byte each.
const DICTIONARY_MAX: usize = 256;

/// Numbers below this are counted in a table.
const COUNTED_MAX: u64 = 4096;

/// Numbers up to this are told apart by a table of bits.
const DISTINCT_MAX: u64 = 65_535;

/// What zstd is expected to leave of a varint.
const VARINT_LEFT: f64 = 0.8;

/// What it leaves of each further byte of a varint, bits: of seven that are mostly random nothing goes.
const LOWER_BITS: f64 = 7.2;

/// How a column will be written.
#[derive(Debug)]
pub(crate) struct Plan {
    encoding: u8,
    least: i64,
    unit: u64,
    /// The normalised numbers, and the greatest of them.
    numbers: Vec<u64>,
    greatest: u64,
    least_delta: i64,
    width: u8,
    entries: Vec<u64>,
    /// Expected size in bits.
    pub(crate) bits: f64,
}

pub(crate) fn encode(values: &[i64], out: &mut Sinks) {
    if !values.is_empty() {
        write(&plan(values), out);
    }
}

/// Chooses the smallest encoding. `values` are not empty.
pub(crate) fn plan(values: &[i64]) -> Plan {
    let (least, most) = values
        .iter()
        .fold((i64::MAX, i64::MIN), |(least, most), &v| (least.min(v), most.max(v)));
    let mut plan = Plan {
        encoding: CONST,
        least,
        unit: 1,
        greatest: 0,
        numbers: Vec::new(),
        least_delta: 0,
        width: 0,
        entries: Vec::new(),
        bits: 24.0,
    };
    if least == most {
        return plan;
    }
    (plan.numbers, plan.unit) = normalise(values, least);
    plan.greatest = most.wrapping_sub(least) as u64 / plan.unit;
    let greatest = plan.greatest;
    let shape = Deltas::of(&plan.numbers);
    let count = plan.numbers.len() as f64;
    plan.width = bits_of(greatest);
    let delta_width = bits_of(shape.greatest.wrapping_sub(shape.least) as u64);
    let (entries, dictionary_bits) = dictionary(&plan.numbers, greatest);
    let choices = [
        (PACKED, count * f64::from(plan.width)),
        (RUNS, shape.run_bytes as f64 * 8.0 * VARINT_LEFT),
        (
            DELTA,
            (shape.bytes as f64 - count) * LOWER_BITS + count * 8.0 * VARINT_LEFT,
        ),
        (DELTA_PACKED, count * f64::from(delta_width) + 16.0),
        (DICTIONARY, dictionary_bits),
    ];
    let (encoding, bits) = choices
        .into_iter()
        .min_by(|a, b| a.1.total_cmp(&b.1))
        .unwrap_or(choices[0]);
    plan.encoding = encoding;
    plan.bits = bits + 32.0;
    plan.least_delta = shape.least;
    plan.entries = entries;
    if encoding == DELTA_PACKED {
        plan.width = delta_width;
    }
    plan
}

impl Plan {
    /// Gives `each` a row of every number; some numbers may come again.
    pub(crate) fn each_distinct(&self, mut each: impl FnMut(usize)) {
        if self.encoding == CONST {
            return each(0);
        }
        let mut seen = vec![0_u64; (self.greatest.min(DISTINCT_MAX) / 64 + 1) as usize];
        let mut before = None;
        for (row, &number) in self.numbers.iter().enumerate() {
            let is_new = if self.greatest > DISTINCT_MAX {
                before.replace(number) != Some(number)
            } else {
                let (word, bit) = (&mut seen[(number / 64) as usize], 1 << (number % 64));
                let is_new = *word & bit == 0;
                *word |= bit;
                is_new
            };
            if is_new {
                each(row);
            }
        }
    }
}

pub(crate) fn write(plan: &Plan, out: &mut Sinks) {
    out.meta.push(plan.encoding);
    put_varint(&mut out.meta, zigzag(plan.least));
    if plan.encoding == CONST {
        return;
    }
    put_varint(&mut out.meta, plan.unit);
    match plan.encoding {
        RUNS => write_runs(&plan.numbers, &mut out.delta),
        DELTA => deltas(&plan.numbers).for_each(|d| put_varint(&mut out.delta, zigzag(d))),
        DICTIONARY => write_dictionary(plan, out),
        DELTA_PACKED => {
            put_varint(&mut out.meta, plan.numbers[0]);
            put_varint(&mut out.meta, zigzag(plan.least_delta));
            out.meta.push(plan.width);
            let above = deltas(&plan.numbers)
                .skip(1)
                .map(|d| d.wrapping_sub(plan.least_delta) as u64);
            pack(above, plan.width, &mut out.bits);
        }
        _ => {
            out.meta.push(plan.width);
            pack(plan.numbers.iter().copied(), plan.width, &mut out.bits);
        }
    }
}

/// Reads a column of `count` numbers; `count` is bounded by the caller.
pub(crate) fn decode(count: usize, from: &mut Sources<'_>) -> Result<Vec<i64>, Corrupt> {
    if count == 0 {
        return Ok(Vec::new());
    }
    let encoding = from.meta.u8()?;
    let least = unzigzag(from.meta.varint()?);
    if encoding == CONST {
        return Ok(vec![least; count]);
    }
    let unit = from.meta.varint()?;
    let mut numbers = match encoding {
        RUNS => read_runs(count, from)?,
        PACKED => {
            let width = from.meta.u8()?;
            unpack(count, width, from)?
        }
        DICTIONARY => read_dictionary(count, from)?,
        DELTA => {
            let mut last = 0_i64;
            let mut numbers = Vec::with_capacity(count.min(from.delta.remaining()));
            for _ in 0..count {
                last = last.wrapping_add(unzigzag(from.delta.varint()?));
                numbers.push(last);
            }
            numbers
        }
        DELTA_PACKED => {
            let mut last = from.meta.varint()? as i64;
            let least_delta = unzigzag(from.meta.varint()?);
            let width = from.meta.u8()?;
            let mut numbers = vec![last];
            for above in unpack(count - 1, width, from)? {
                last = last.wrapping_add(above.wrapping_add(least_delta));
                numbers.push(last);
            }
            numbers
        }
        _ => return Err(Corrupt("unknown number encoding")),
    };
    for number in &mut numbers {
        *number = least.wrapping_add((*number as u64).wrapping_mul(unit) as i64);
    }
    Ok(numbers)
}

/// `(value − least) / unit` with the greatest unit that leaves whole numbers.
fn normalise(values: &[i64], least: i64) -> (Vec<u64>, u64) {
    let mut numbers: Vec<u64> = values.iter().map(|v| v.wrapping_sub(least) as u64).collect();
    let mut unit = 0;
    for &number in &numbers {
        unit = gcd(number, unit);
        if unit == 1 {
            break;
        }
    }
    if unit > 1 {
        numbers.iter_mut().for_each(|n| *n /= unit);
    }
    (numbers, unit.max(1))
}

fn gcd(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

fn deltas(numbers: &[u64]) -> impl Iterator<Item = i64> + '_ {
    let before = std::iter::once(0).chain(numbers.iter().copied());
    numbers
        .iter()
        .zip(before)
        .map(|(n, before)| n.wrapping_sub(before) as i64)
}

struct Deltas {
    least: i64,
    greatest: i64,
    /// Bytes of the differences as varints.
    bytes: u64,
    /// Bytes of the runs.
    run_bytes: u64,
}

impl Deltas {
    fn of(numbers: &[u64]) -> Self {
        let mut shape = Self {
            least: i64::MAX,
            greatest: i64::MIN,
            bytes: 0,
            run_bytes: 0,
        };
        for (at, delta) in deltas(numbers).enumerate() {
            if at > 0 {
                shape.least = shape.least.min(delta);
                shape.greatest = shape.greatest.max(delta);
            }
            let bytes = varint_bytes(zigzag(delta));
            shape.bytes += bytes;
            if delta != 0 {
                shape.run_bytes += bytes + 1;
            }
        }
        shape.run_bytes += 2;
        shape
    }
}

/// The entries, ascending, and the expected bits: none and infinite if there are too many.
fn dictionary(numbers: &[u64], greatest: u64) -> (Vec<u64>, f64) {
    let Some(counts) = counts(numbers, greatest) else {
        return (Vec::new(), f64::INFINITY);
    };
    let total = numbers.len() as f64;
    let entropy: f64 = counts
        .iter()
        .map(|&(_, c)| -f64::from(c) * (f64::from(c) / total).log2())
        .sum();
    let entries: Vec<u64> = counts.into_iter().map(|(number, _)| number).collect();
    let dense = entries[entries.len() - 1] == entries.len() as u64 - 1;
    let head = if dense { 16.0 } else { entries.len() as f64 * 10.0 };
    // Huffman's tables and whole bits cost something on top of the entropy.
    (entries, entropy * 1.1 + head + 64.0)
}

/// How often each number stands there, ascending; none if too many are different.
fn counts(numbers: &[u64], greatest: u64) -> Option<Vec<(u64, u32)>> {
    if greatest < COUNTED_MAX {
        let mut counts = vec![0_u32; greatest as usize + 1];
        numbers.iter().for_each(|&n| counts[n as usize] += 1);
        let used = counts.into_iter().zip(0..).filter(|&(count, _)| count > 0);
        let counts: Vec<(u64, u32)> = used.map(|(count, number)| (number, count)).collect();
        return (counts.len() <= DICTIONARY_MAX).then_some(counts);
    }
    let mut counts: FastMap<u64, u32> = FastMap::default();
    for &number in numbers {
        *counts.entry(number).or_default() += 1;
        if counts.len() > DICTIONARY_MAX {
            return None;
        }
    }
    let mut counts: Vec<(u64, u32)> = counts.into_iter().collect();
    counts.sort_unstable();
    Some(counts)
}

fn write_runs(numbers: &[u64], out: &mut Vec<u8>) {
    let mut last = 0_u64;
    for run in numbers.chunk_by(|a, b| a == b) {
        put_varint(out, zigzag(run[0].wrapping_sub(last) as i64));
        put_varint(out, run.len() as u64 - 1);
        last = run[0];
    }
}

fn read_runs(count: usize, from: &mut Sources<'_>) -> Result<Vec<i64>, Corrupt> {
    let mut numbers = Vec::with_capacity(count);
    let mut last = 0_i64;
    while numbers.len() < count {
        last = last.wrapping_add(unzigzag(from.delta.varint()?));
        let more = from.delta.varint()?;
        if more >= (count - numbers.len()) as u64 {
            return Err(Corrupt("run beyond the rows"));
        }
        numbers.resize(numbers.len() + more as usize + 1, last);
    }
    Ok(numbers)
}

fn write_dictionary(plan: &Plan, out: &mut Sinks) {
    let entries = &plan.entries;
    put_varint(&mut out.meta, entries.len() as u64);
    let dense = entries[entries.len() - 1] == entries.len() as u64 - 1;
    out.meta.push(u8::from(dense));
    if dense {
        out.index.extend(plan.numbers.iter().map(|&n| n as u8));
        return;
    }
    let mut last = 0;
    for &entry in entries {
        put_varint(&mut out.meta, entry - last);
        last = entry;
    }
    let places: FastMap<u64, u8> = entries.iter().enumerate().map(|(at, &e)| (e, at as u8)).collect();
    out.index.extend(plan.numbers.iter().map(|n| places[n]));
}

fn read_dictionary(count: usize, from: &mut Sources<'_>) -> Result<Vec<i64>, Corrupt> {
    let entries = from.meta.varint()?;
    if entries == 0 || entries > DICTIONARY_MAX as u64 {
        return Err(Corrupt("dictionary of another size"));
    }
    let entries = match from.meta.u8()? {
        1 => (0..entries as i64).collect::<Vec<_>>(),
        _ => {
            let mut last = 0_u64;
            (0..entries)
                .map(|_| {
                    last = last.wrapping_add(from.meta.varint()?);
                    Ok(last as i64)
                })
                .collect::<Result<Vec<_>, Corrupt>>()?
        }
    };
    from.index
        .take(count)?
        .iter()
        .map(|&at| {
            entries
                .get(usize::from(at))
                .copied()
                .ok_or(Corrupt("entry beyond the dictionary"))
        })
        .collect()
}

fn bits_of(value: u64) -> u8 {
    (64 - value.leading_zeros()) as u8
}

fn pack(numbers: impl Iterator<Item = u64>, width: u8, out: &mut Vec<u8>) {
    let mut held = 0_u128;
    let mut held_bits = 0_u32;
    for number in numbers {
        held |= u128::from(number) << held_bits;
        held_bits += u32::from(width);
        while held_bits >= 8 {
            out.push(held as u8);
            held >>= 8;
            held_bits -= 8;
        }
    }
    if held_bits > 0 {
        out.push(held as u8);
    }
}

fn unpack(count: usize, width: u8, from: &mut Sources<'_>) -> Result<Vec<i64>, Corrupt> {
    if width > 64 {
        return Err(Corrupt("width above 64 bits"));
    }
    let mut bytes = from.bits.take((count * usize::from(width)).div_ceil(8))?.iter();
    let mask = if width == 64 { u64::MAX } else { (1_u64 << width) - 1 };
    let mut held = 0_u128;
    let mut held_bits = 0_u32;
    let mut numbers = Vec::with_capacity(count);
    for _ in 0..count {
        while held_bits < u32::from(width) {
            held |= u128::from(*bytes.next().ok_or(Corrupt("ends too early"))?) << held_bits;
            held_bits += 8;
        }
        numbers.push((held as u64 & mask) as i64);
        held >>= width;
        held_bits -= u32::from(width);
    }
    Ok(numbers)
}
