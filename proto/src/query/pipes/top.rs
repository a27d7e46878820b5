//! `top [N] field, …`: the most frequent values with count and percent.

use super::PipeInfo;
use crate::query::ast::PipeKind;
use crate::query::parser::{Parser, Result};

pub(super) const INFO: PipeInfo = PipeInfo {
    name: "top",
    summary: "the most frequent values of fields, with count and percent",
    syntax: "top 10 host, status",
    parse,
};

const VALUES_DEFAULT: u64 = 10;

fn parse(parser: &mut Parser<'_>) -> Result<PipeKind> {
    let limit = parser.count("top", VALUES_DEFAULT)?;
    let fields = parser.list(|parser| parser.column("a field"))?;
    super::distinct(fields.iter().map(|field| (field.name.as_str(), field.span)))?;
    Ok(PipeKind::Top { limit, fields })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{canonical, fails};

    #[test]
    fn top_takes_a_number_and_fields() {
        canonical("top host", "top 10 host");
        canonical("top 3 host,service.name", "top 3 host, service.name");
        canonical("top \"odd name\"", "top 10 \"odd name\"");
    }

    #[test]
    fn top_needs_a_field() {
        fails("top", "", None);
        fails("top 5", "", None);
        fails("top 5 host,", "", None);
        fails("top 0 host", "0", Some("10"));
        fails(
            "top 18446744073709551615 host",
            "18446744073709551615",
            Some("1000000000"),
        );
        fails(
            "top 99999999999999999999999 host",
            "99999999999999999999999",
            Some("1000000000"),
        );
        fails("top host, host", "host", None);
        fails("top \"host", "", Some("\""));
    }
}
