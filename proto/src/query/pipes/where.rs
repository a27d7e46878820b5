//! `where FILTER`: the search syntax, over what came before.

use super::PipeInfo;
use crate::query::ast::PipeKind;
use crate::query::error::QueryError;
use crate::query::parser::{Parser, Result};

pub(super) const INFO: PipeInfo = PipeInfo {
    name: "where",
    summary: "keeps the rows that a search finds among what came before",
    syntax: "where n:>10 AND host:web-*",
    parse,
};

fn parse(parser: &mut Parser<'_>) -> Result<PipeKind> {
    parser.in_where = true;
    let filter = parser.filter();
    parser.in_where = false;
    match filter? {
        Some(filter) => Ok(PipeKind::Where(filter)),
        None => {
            let (_, span) = parser.peek_pipe();
            let at = crate::query::ast::Span {
                start: span.start,
                end: span.start,
            };
            Err(QueryError::new(
                at,
                "a filter is missing after `where`, such as `n:>10`",
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{canonical, fails};

    #[test]
    fn where_takes_the_search_syntax() {
        canonical("where n:>10 host:web-*", "where n:>10 host:web-*");
        canonical("WHERE (a OR b)", "where a OR b");
        canonical("where *", "where *");
    }

    #[test]
    fn a_comparison_without_a_colon_is_an_error() {
        fails("where n>10", "n>10", Some("n:>10"));
        fails("where n==10", "n==10", Some("n:=10"));
        fails("where n > 10", ">", None);
        fails("where", "", None);
        fails("where | head", "", None);
    }
}
