//! `rename a as b, …`: other names for columns.

use super::PipeInfo;
use crate::query::ast::{PipeKind, Renaming};
use crate::query::error::QueryError;
use crate::query::parser::{Parser, Result};

pub(super) const INFO: PipeInfo = PipeInfo {
    name: "rename",
    summary: "gives columns other names",
    syntax: "rename http.status as status",
    parse,
};

fn parse(parser: &mut Parser<'_>) -> Result<PipeKind> {
    let all = parser.list(renaming)?;
    super::distinct(all.iter().map(|one| (one.to.name.as_str(), one.to.span)))?;
    super::distinct(all.iter().map(|one| (one.from.name.as_str(), one.from.span)))?;
    Ok(PipeKind::Rename(all))
}

fn renaming(parser: &mut Parser<'_>) -> Result<Renaming> {
    let from = parser.column("a column")?;
    if !parser.keyword("as") {
        let (_, span) = parser.peek_pipe();
        let at = crate::query::ast::Span {
            start: span.start,
            end: span.start,
        };
        let message = format!("the new name is missing: `rename {} as name`", from.name);
        return Err(QueryError::new(at, message).suggest("as"));
    }
    let to = parser.column("a column's name")?;
    Ok(Renaming { from, to })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{canonical, fails};

    #[test]
    fn rename_takes_pairs() {
        canonical("rename a as b, c.d AS \"e f\"", "rename a as b, c.d as \"e f\"");
        fails("rename", "", None);
        fails("rename a", "", Some("as"));
        fails("rename a as", "", None);
        fails("rename a as x, b as x", "x", None);
    }
}
