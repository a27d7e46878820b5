//! `sort [N] [by] -n, +host`: by columns, ascending unless `-` or `desc` says otherwise; the first N.

use super::PipeInfo;
use super::functions::aggregate;
use crate::query::ast::{Field, PipeKind, SortKey};
use crate::query::lexer::PipeToken;
use crate::query::parser::{Parser, Result};

pub(super) const INFO: PipeInfo = PipeInfo {
    name: "sort",
    summary: "orders rows by columns; - is largest first, a number keeps so many",
    syntax: "sort -n, host",
    parse,
};

fn parse(parser: &mut Parser<'_>) -> Result<PipeKind> {
    let limit = match parser.peek_pipe().0 {
        PipeToken::Number(_) => Some(parser.count("sort", 10)?),
        _ => None,
    };
    parser.keyword("by");
    let keys = parser.list(key)?;
    Ok(PipeKind::Sort { keys, limit })
}

fn key(parser: &mut Parser<'_>) -> Result<SortKey> {
    let minus = parser.take(&PipeToken::Minus);
    if !minus {
        parser.take(&PipeToken::Plus);
    }
    let field = column(parser)?;
    let word = parser.keyword("desc");
    if !word {
        parser.keyword("asc");
    }
    Ok(SortKey {
        field,
        descending: minus != word,
    })
}

/// A column, or the call that it has its name from.
fn column(parser: &mut Parser<'_>) -> Result<Field> {
    let begin = parser.lexer.clone();
    let field = parser.column("a column")?;
    if parser.peek_pipe().0 != PipeToken::Open {
        return Ok(field);
    }
    parser.lexer = begin;
    let call = aggregate(parser)?;
    Ok(Field {
        name: call.name,
        span: call.span,
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{canonical, fails};

    #[test]
    fn sort_takes_signs_and_words() {
        canonical("sort -n, +host, a", "sort -n, host, a");
        canonical("sort n desc, host asc", "sort -n, host");
        canonical("sort -\"count()\"", "sort -\"count()\"");
    }

    #[test]
    fn sort_is_written_as_elsewhere_too() {
        canonical("sort by n desc, host", "sort -n, host");
        canonical("sort 5 -n", "sort 5 -n");
        canonical("sort 5 by `odd name`", "sort 5 \"odd name\"");
    }

    #[test]
    fn sort_takes_a_column_by_the_call_that_named_it() {
        canonical("sort -count()", "sort -\"count()\"");
        canonical("sort 5 p99( ms ) desc, host", "sort 5 -\"p99(ms)\", host");
        fails("sort -nothing()", "nothing", None);
    }

    #[test]
    fn sort_needs_a_column() {
        fails("sort", "", None);
        fails("sort -", "", None);
        fails("sort 5", "", None);
        fails("sort 0 n", "0", Some("10"));
        fails("sort n host", "host", None);
    }
}
