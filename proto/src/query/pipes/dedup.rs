//! `dedup [N] [keep=first|last] field, …`: N rows (1 unless said) of each value, unless said those
//! that are shown first: of records that are not sorted the newest. `keep=first` and `keep=last` are
//! the oldest and the newest of records that are not sorted, else the first and the last. A row without any of the fields is a value of its own kind: null.

use super::PipeInfo;
use crate::query::ast::{Keep, PipeKind};
use crate::query::error::QueryError;
use crate::query::lexer::PipeToken;
use crate::query::parser::{Parser, Result};

pub(super) const INFO: PipeInfo = PipeInfo {
    name: "dedup",
    summary: "keeps the newest row of each value, or the oldest",
    syntax: "dedup keep=first host, service",
    parse,
};

fn parse(parser: &mut Parser<'_>) -> Result<PipeKind> {
    let rows = parser.count("dedup", 1)?;
    let keep = keep(parser)?;
    let fields = parser.list(|parser| parser.column("a field"))?;
    super::distinct(fields.iter().map(|field| (field.name.as_str(), field.span)))?;
    Ok(PipeKind::Dedup { rows, keep, fields })
}

fn keep(parser: &mut Parser<'_>) -> Result<Option<Keep>> {
    if !parser.option("keep") {
        return Ok(None);
    }
    match parser.lexer.pipe() {
        (PipeToken::Name(word), _) if word.eq_ignore_ascii_case("first") => Ok(Some(Keep::First)),
        (PipeToken::Name(word), _) if word.eq_ignore_ascii_case("last") => Ok(Some(Keep::Last)),
        (_, span) => Err(QueryError::new(span, "`keep` is `first` or `last`").suggest("first")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{canonical, fails};

    #[test]
    fn dedup_takes_fields_and_which_rows() {
        canonical("dedup host", "dedup host");
        canonical("dedup keep=last host", "dedup keep=last host");
        canonical("dedup 2 keep=first host, a.b", "dedup 2 keep=first host, a.b");
        canonical("dedup keep", "dedup keep");
    }

    #[test]
    fn what_is_wrong_in_dedup_is_pointed_at() {
        fails("dedup", "", None);
        fails("dedup 0 host", "0", Some("1"));
        fails("dedup keep=all host", "all", Some("first"));
        fails("dedup host, host", "host", None);
    }
}
