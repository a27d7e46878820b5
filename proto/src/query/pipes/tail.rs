//! `tail N`: the last N rows in the order that they have, 10 unless said; of records the oldest.

use super::PipeInfo;
use crate::query::ast::PipeKind;
use crate::query::parser::{Parser, Result};

pub(super) const INFO: PipeInfo = PipeInfo {
    name: "tail",
    summary: "keeps the last rows",
    syntax: "tail 10",
    parse,
};

const ROWS_DEFAULT: u64 = 10;

fn parse(parser: &mut Parser<'_>) -> Result<PipeKind> {
    parser.count("tail", ROWS_DEFAULT).map(PipeKind::Tail)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{canonical, fails};

    #[test]
    fn tail_takes_a_number_or_nothing() {
        canonical("tail", "tail 10");
        canonical("tail 3", "tail 3");
        fails("tail x", "x", None);
        fails("tail 0", "0", Some("10"));
        fails("tail -5", "-", Some("10"));
    }
}
