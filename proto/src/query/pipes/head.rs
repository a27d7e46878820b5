//! `head N`: the first N rows, 10 unless said.

use super::PipeInfo;
use crate::query::ast::PipeKind;
use crate::query::error::QueryError;
use crate::query::lexer::PipeToken;
use crate::query::parser::{Parser, Result};

pub(super) const INFO: PipeInfo = PipeInfo {
    name: "head",
    summary: "keeps the first rows",
    syntax: "head 10",
    parse,
};

const ROWS_DEFAULT: u64 = 10;

fn parse(parser: &mut Parser<'_>) -> Result<PipeKind> {
    if let (PipeToken::Name(_) | PipeToken::Quoted { .. } | PipeToken::Other(_), span) = parser.peek_pipe() {
        let message = "`head` takes a whole number of at least 1";
        return Err(QueryError::new(span, message).suggest(ROWS_DEFAULT.to_string()));
    }
    parser.count("head", ROWS_DEFAULT).map(PipeKind::Head)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{canonical, fails};

    #[test]
    fn head_takes_a_number_or_nothing() {
        canonical("head", "head 10");
        canonical("head 3", "head 3");
    }

    #[test]
    fn head_takes_nothing_else() {
        fails("head x", "x", Some("10"));
        fails("head 0", "0", Some("10"));
        fails("head -5", "-", Some("10"));
        fails("head 5m", "5m", Some("10"));
        fails("head 99999999999999999999", "99999999999999999999", Some("1000000000"));
    }
}
