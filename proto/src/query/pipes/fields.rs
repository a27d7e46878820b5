//! `fields a, b` keeps columns; `fields - a, b` drops them.

use super::PipeInfo;
use crate::query::ast::PipeKind;
use crate::query::lexer::PipeToken;
use crate::query::parser::{Parser, Result};

pub(super) const INFO: PipeInfo = PipeInfo {
    name: "fields",
    summary: "keeps columns, or with - drops them",
    syntax: "fields host, status",
    parse,
};

fn parse(parser: &mut Parser<'_>) -> Result<PipeKind> {
    let keep = !parser.take(&PipeToken::Minus);
    if keep {
        parser.take(&PipeToken::Plus);
    }
    let fields = parser.list(|parser| parser.column("a field"))?;
    super::distinct(fields.iter().map(|field| (field.name.as_str(), field.span)))?;
    Ok(PipeKind::Fields { fields, keep })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{canonical, fails};

    #[test]
    fn fields_keeps_or_drops() {
        canonical("fields a, b.c", "fields a, b.c");
        canonical("fields + a", "fields a");
        canonical("fields - a, b", "fields - a, b");
        canonical("fields -a", "fields - a");
    }

    #[test]
    fn fields_needs_a_field() {
        fails("fields", "", None);
        fails("fields -", "", None);
        fails("fields a b", "b", None);
    }
}
