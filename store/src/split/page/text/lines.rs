//! All lines of a page, rebuilt.

use std::sync::Arc;

use super::PageText;
use crate::split::page::PageCore;
use crate::split::stripe::Templates;
use crate::split::wire::Corrupt;

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

/// Rebuilds the lines, `line_bytes` altogether.
pub(crate) fn decode_text(
    block: &[u8],
    core: &Arc<PageCore>,
    templates: &Arc<Templates>,
    line_bytes: u64,
) -> Result<Lines, Corrupt> {
    let text = PageText::decode(block, core, templates)?;
    let mut lines = Lines::default();
    lines.bytes.reserve(line_bytes.min(RESERVED_BYTES_MAX) as usize);
    lines.ends.reserve(core.rows());
    for row in 0..core.rows() {
        text.line_into(row, &mut lines.bytes);
        if lines.bytes.len() as u64 > line_bytes {
            return Err(Corrupt("lines longer than the page"));
        }
        lines.ends.push(lines.bytes.len());
    }
    if lines.bytes.len() as u64 == line_bytes {
        Ok(lines)
    } else {
        Err(Corrupt("lines shorter than the page"))
    }
}

/// So much is reserved before the first line; the length that the footer names is not believed beyond.
const RESERVED_BYTES_MAX: u64 = 16 << 20;
