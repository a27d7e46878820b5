//! Which sources can have lines for a rule: nobody waits for the others.

use timberline_proto::query::ast::Filter;

use super::marks::Mark;
use super::plan::Plan;
use crate::read::{TableRow, Tester};

/// Tests of a source that every line of a rule's has to pass.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scope {
    /// For each search of the rule, what its host and its path must be.
    searches: Vec<Vec<Tester>>,
}

impl Scope {
    pub(crate) fn of(plan: &Plan) -> Self {
        let filters = match plan.searches.is_empty() {
            true => vec![plan.measure.filter.clone()],
            false => plan.searches.clone(),
        };
        Self {
            searches: filters.iter().map(tests).collect(),
        }
    }

    /// Whether every source counts.
    pub(crate) fn is_all(&self) -> bool {
        self.searches.iter().any(Vec::is_empty)
    }

    /// Whether a source can have lines that fit.
    pub(crate) fn concerns(&self, mark: &Mark) -> bool {
        // An agent of which no file is known may have any.
        if mark.path.is_empty() {
            return true;
        }
        let (host, path) = (mark.host.as_str(), mark.path.as_str());
        let row = TableRow::columns(vec![
            ("host", host),
            ("host.name", host),
            ("file", path),
            ("log.file.path", path),
        ]);
        self.searches
            .iter()
            .any(|tests| tests.iter().all(|test| test.matches_table(&row)))
    }
}

/// The tests of host or file that a line must pass whatever else it holds. `host` is also a field that a
/// line may have of its own, so only the stream's own names are gone by.
fn tests(filter: &Filter) -> Vec<Tester> {
    let of_source = |filter: &&Filter| match filter {
        Filter::Leaf(leaf) => {
            let field = leaf.field.as_ref().map(|field| field.name.as_str());
            matches!(field, Some("host.name" | "log.file.path" | "host" | "file"))
        }
        _ => false,
    };
    let leaves: Vec<&Filter> = match filter {
        Filter::And(all) => all.iter().filter(of_source).collect(),
        other => Some(other).into_iter().filter(of_source).collect(),
    };
    leaves.into_iter().filter_map(|leaf| Tester::new(leaf).ok()).collect()
}
