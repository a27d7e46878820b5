//! `lookup table on field [= column], …`: the other columns of a table that the operator allows,
//! beside the rows whose columns are equal; of several rows of the table the first.

use super::PipeInfo;
use crate::query::ast::{LookupKey, PipeKind, Span};
use crate::query::error::QueryError;
use crate::query::lexer::PipeToken;
use crate::query::parser::{Parser, Result};

pub(super) const INFO: PipeInfo = PipeInfo {
    name: "lookup",
    summary: "adds columns of a table where values are equal",
    syntax: "lookup hosts on host = name",
    parse,
};

fn parse(parser: &mut Parser<'_>) -> Result<PipeKind> {
    let table = parser.column("a table's name")?;
    if !parser.keyword("on") {
        let (_, span) = parser.peek_pipe();
        let at = Span {
            start: span.start,
            end: span.start,
        };
        let message = format!("which column is looked up is missing: `lookup {} on host`", table.name);
        return Err(QueryError::new(at, message).suggest("on"));
    }
    let on = parser.list(key)?;
    super::distinct(on.iter().map(|key| (key.column.name.as_str(), key.column.span)))?;
    Ok(PipeKind::Lookup { table, on })
}

fn key(parser: &mut Parser<'_>) -> Result<LookupKey> {
    let field = parser.column("a column")?;
    let column = match parser.take(&PipeToken::Equals) {
        true => parser.column("a column of the table")?,
        false => field.clone(),
    };
    Ok(LookupKey { field, column })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{canonical, fails};

    #[test]
    fn lookup_takes_a_table_and_columns() {
        canonical("lookup hosts on host", "lookup hosts on host");
        canonical("lookup hosts ON host=name, b", "lookup hosts on host = name, b");
        fails("lookup", "", None);
        fails("lookup hosts", "", Some("on"));
        fails("lookup hosts on", "", None);
        fails("lookup hosts on a = ", "", None);
        fails("lookup hosts on a = x, b = x", "x", None);
    }
}
