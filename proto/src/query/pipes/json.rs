//! `json [path [as name], …] [from field]`: members of a JSON text as columns. Members of members
//! are named with dots: `a.b`. Without paths those that later pipes name: after `json from payload`
//! `payload.a.b` is the member `a.b` of `payload`. Without `from` the text is the line, whose
//! members are fields anyway.

use super::PipeInfo;
use crate::query::ast::{Field, PipeKind, Renaming};
use crate::query::lexer::PipeToken;
use crate::query::parser::{Parser, Result};

pub(super) const INFO: PipeInfo = PipeInfo {
    name: "json",
    summary: "takes columns out of a JSON text",
    syntax: "json user.name as user, ms from payload",
    parse,
};

fn parse(parser: &mut Parser<'_>) -> Result<PipeKind> {
    let none = match parser.peek_pipe().0 {
        PipeToken::End | PipeToken::Pipe => true,
        PipeToken::Name(name) => name.eq_ignore_ascii_case("from"),
        _ => false,
    };
    let paths = if none { Vec::new() } else { parser.list(path)? };
    super::distinct(paths.iter().map(|path| (path.to.name.as_str(), path.to.span)))?;
    let from = match parser.keyword("from") {
        true => Some(parser.column("a field that holds JSON")?),
        false => None,
    };
    Ok(PipeKind::Json { paths, from })
}

fn path(parser: &mut Parser<'_>) -> Result<Renaming> {
    let from = parser.column("a member's path")?;
    let to = match parser.keyword("as") {
        true => parser.column("a column's name")?,
        false => Field {
            name: from.name.clone(),
            span: from.span,
        },
    };
    Ok(Renaming { from, to })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{canonical, fails};

    #[test]
    fn json_takes_paths_and_a_field() {
        canonical("json", "json");
        canonical("json from payload", "json from payload");
        canonical(
            "json a.b as c, d from \"odd name\"",
            "json a.b as c, d from \"odd name\"",
        );
        canonical("json \"from\" from a", "json \"from\" from a");
        fails("json a,", "", None);
        fails("json a from", "", None);
        fails("json a as x, b as x", "x", None);
        fails("json a b", "b", None);
    }
}
