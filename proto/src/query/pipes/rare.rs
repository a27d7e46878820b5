//! `rare [N] field, …`: the least frequent values with count and percent.

use super::PipeInfo;
use crate::query::ast::PipeKind;
use crate::query::parser::{Parser, Result};

pub(super) const INFO: PipeInfo = PipeInfo {
    name: "rare",
    summary: "the least frequent values of fields, with count and percent",
    syntax: "rare 10 host, status",
    parse,
};

const VALUES_DEFAULT: u64 = 10;

fn parse(parser: &mut Parser<'_>) -> Result<PipeKind> {
    let limit = parser.count("rare", VALUES_DEFAULT)?;
    let fields = parser.list(|parser| parser.column("a field"))?;
    super::distinct(fields.iter().map(|field| (field.name.as_str(), field.span)))?;
    Ok(PipeKind::Rare { limit, fields })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{canonical, fails};

    #[test]
    fn rare_takes_a_number_and_fields() {
        canonical("rare host", "rare 10 host");
        canonical("rare 3 host,service.name", "rare 3 host, service.name");
        fails("rare", "", None);
        fails("rare 0 host", "0", Some("10"));
        fails("rare host, host", "host", None);
    }
}
