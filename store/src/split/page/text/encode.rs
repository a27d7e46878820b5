//! Writes the text block.

use crate::split::block::Sinks;
use crate::split::column::values;
use crate::split::page::PageRows;
use crate::split::wire::put_varint;

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
