//! The text block: the variables of the lines, by template and slot.

use timberline_proto::line::TimeForm;

use super::{Core, PageRows};
use crate::split::block::{Sinks, Sources, Unpacked};
use crate::split::column::values::{self, Values};
use crate::split::stripe::Templates;
use crate::split::template::Pieces;
use crate::split::wire::{Corrupt, put_varint};

/// A template with fewer rows than this in a page has no columns of its own.
const COLUMN_ROWS_MIN: usize = 8;

/// A template with more slots than this has no columns of its own.
const COLUMN_SLOTS_MAX: usize = 1024;

pub(crate) fn encode_text(page: &PageRows<'_>, templates: &[u32], out: &mut Sinks) {
    let mut rows_of: Vec<Vec<u32>> = vec![Vec::new(); templates.len()];
    for at in 0..page.len() {
        let which = templates.binary_search(&page.template(at)).unwrap_or(0);
        rows_of[which].push(at as u32);
    }
    let mut rare = vec![false; page.len()];
    for rows in &rows_of {
        let is_rare = rows.len() < COLUMN_ROWS_MIN || page.variables(rows[0] as usize).len() > COLUMN_SLOTS_MAX;
        out.meta.push(u8::from(!is_rare));
        if is_rare {
            rows.iter().for_each(|&at| rare[at as usize] = true);
        }
    }
    for rows in rows_of.iter().filter(|rows| !rare[rows[0] as usize]) {
        encode_columns(page, rows, out);
    }
    for at in (0..page.len()).filter(|&at| rare[at]) {
        for variable in page.variables(at) {
            put_varint(&mut out.delta, variable.len() as u64);
            out.text.extend_from_slice(variable);
        }
    }
}

fn encode_columns(page: &PageRows<'_>, rows: &[u32], out: &mut Sinks) {
    let slots = page.variables(rows[0] as usize).len();
    let mut columns: Vec<Vec<&[u8]>> = vec![Vec::with_capacity(rows.len()); slots];
    for &at in rows {
        for (column, variable) in columns.iter_mut().zip(page.variables(at as usize)) {
            column.push(variable);
        }
    }
    columns.iter().for_each(|column| values::encode(column, out));
}

/// Lines one after another.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Lines {
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.len()
    }
    pub(crate) fn get(&self, row: usize) -> &[u8] {
        let start = if row == 0 { 0 } else { self.ends[row - 1] };
        &self.bytes[start..self.ends[row]]
    }
}

struct Template<'a> {
    pieces: Pieces,
    /// None for a rare one.
    columns: Option<Vec<Values<'a>>>,
}

/// Rebuilds the lines, `line_bytes` altogether.
pub(crate) fn decode_text(block: &[u8], core: &Core, templates: &Templates, line_bytes: u64) -> Result<Lines, Corrupt> {
    let unpacked = Unpacked::new(block)?;
    let mut from = unpacked.sources();
    let mut templates = decode_templates(core, templates, &mut from)?;
    let mut lines = Lines::default();
    for (&which, &nanos) in core.which.iter().zip(&core.time) {
        put_line(&mut templates[which], nanos, &mut from, &mut lines.bytes)?;
        if lines.bytes.len() as u64 > line_bytes {
            return Err(Corrupt("lines longer than the page"));
        }
        lines.ends.push(lines.bytes.len());
    }
    from.end()?;
    if lines.bytes.len() as u64 == line_bytes {
        Ok(lines)
    } else {
        Err(Corrupt("lines shorter than the page"))
    }
}

fn decode_templates<'a>(
    core: &Core,
    templates: &Templates,
    from: &mut Sources<'a>,
) -> Result<Vec<Template<'a>>, Corrupt> {
    let mut rows_of = vec![0; core.templates.len()];
    core.which.iter().for_each(|&which| rows_of[which] += 1);
    let with_columns = from.meta.take(core.templates.len())?;
    let mut decoded = Vec::with_capacity(core.templates.len());
    for ((&template, &with_columns), &rows) in core.templates.iter().zip(with_columns).zip(&rows_of) {
        let pieces = Pieces::of(templates.get(template))?;
        let columns = match (with_columns, rows) {
            (0, _) => None,
            (_, 0) => return Err(Corrupt("template without rows")),
            _ => Some(
                (0..pieces.slots())
                    .map(|_| values::decode(rows, from))
                    .collect::<Result<_, _>>()?,
            ),
        };
        decoded.push(Template { pieces, columns });
    }
    Ok(decoded)
}

fn put_line(
    template: &mut Template<'_>,
    nanos: i64,
    from: &mut Sources<'_>,
    line: &mut Vec<u8>,
) -> Result<(), Corrupt> {
    let mut fixed = template.pieces.fixed();
    line.extend_from_slice(fixed.next().unwrap_or_default());
    for (slot, fixed) in fixed.enumerate() {
        let start = line.len();
        match &mut template.columns {
            Some(columns) => columns[slot].next_into(line),
            None => {
                let length = usize::try_from(from.delta.varint()?).unwrap_or(usize::MAX);
                line.extend_from_slice(from.text.take(length)?);
            }
        }
        if template.pieces.time_slot() == Some(slot) {
            let form = TimeForm::from_bytes(&line[start..]).ok_or(Corrupt("unknown form of time"))?;
            line.truncate(start);
            form.write(nanos, line);
        }
        line.extend_from_slice(fixed);
    }
    Ok(())
}
