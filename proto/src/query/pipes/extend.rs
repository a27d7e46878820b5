//! `extend name = expression, …`: columns computed from others, the later from the earlier too.

use super::PipeInfo;
use crate::query::ast::{Assignment, PipeKind};
use crate::query::lexer::PipeToken;
use crate::query::parser::{Parser, Result};

pub(super) const INFO: PipeInfo = PipeInfo {
    name: "extend",
    summary: "computes columns from others",
    syntax: "extend seconds = ms / 1000, slow = if(ms > 500, \"yes\", \"no\")",
    parse,
};

fn parse(parser: &mut Parser<'_>) -> Result<PipeKind> {
    parser.list(assignment).map(PipeKind::Extend)
}

fn assignment(parser: &mut Parser<'_>) -> Result<Assignment> {
    let name = parser.column("a column's name")?;
    parser.expect(&PipeToken::Equals, "=")?;
    let value = parser.expression()?;
    Ok(Assignment { name, value })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{canonical, fails};

    #[test]
    fn extend_takes_assignments() {
        canonical(
            "extend a=ms/1000, b = if(a>1,'slow','fast')",
            "extend a = ms / 1000, b = if(a > 1, \"slow\", \"fast\")",
        );
        canonical("extend \"odd name\" = 1", "extend \"odd name\" = 1");
    }

    #[test]
    fn extend_needs_a_name_and_a_value() {
        fails("extend", "", None);
        fails("extend a", "", Some("="));
        fails("extend a = 1 b = 2", "b", None);
        fails("extend a = 1,", "", None);
    }
}
