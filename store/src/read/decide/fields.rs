//! Tests of fields, asked of the columns that hold the fields' values: what is stored once is asked
//! once, and no line is rebuilt.

use timberline_proto::line::{FieldValue, leaf_value};

use super::decider::{DecidedLeaf, Kind, Node};
use super::split::{LeafOfPage, PageDecider};
use super::verdict::Verdict;
use crate::read::leaf::{FieldPlace, Filled};
use crate::split::{PageCore, PageText, Shape, Templates};

/// Whether the lines of a template may have the field.
pub(super) fn may_have(templates: &Templates, number: u32, name: &str) -> Verdict {
    Verdict::possibly(!FieldPlace::of(templates.shape(number), name).is_nowhere())
}

/// One of a page's templates.
#[derive(Clone, Copy)]
struct Template<'a> {
    text: &'a PageText,
    core: &'a PageCore,
    which: usize,
}

impl PageDecider<'_> {
    /// Settles the rows (with their verdicts, ascending) of one of the page's templates, as far as
    /// fields of its lines do, and takes out those that cannot match.
    pub(super) fn settle(&self, text: &PageText, core: &PageCore, which: usize, rows: &mut Vec<(u32, Verdict)>) {
        let Shape::Fields(fields) = text.shape(which) else {
            return;
        };
        let is_asked = |leaf: &LeafOfPage<'_>| leaf.row_may && fields.iter().any(|field| leaf.leaf.is_of(&field.name));
        if !self.leaves.iter().any(is_asked) {
            return;
        }
        let template = Template { text, core, which };
        let open: Vec<u32> = rows
            .iter()
            .filter(|(_, verdict)| *verdict == Verdict::Maybe)
            .map(|(row, _)| *row)
            .collect();
        let mut settled = self.of_rows(self.root, template, &open).into_iter();
        for (_, verdict) in rows.iter_mut().filter(|(_, verdict)| *verdict == Verdict::Maybe) {
            *verdict = settled.next().unwrap_or(Verdict::Maybe);
        }
        rows.retain(|(_, verdict)| *verdict != Verdict::No);
    }

    fn of_rows(&self, node: &Node, template: Template<'_>, rows: &[u32]) -> Vec<Verdict> {
        match node {
            Node::All => vec![Verdict::Yes; rows.len()],
            Node::And(all) => self.joined(all, template, rows, Verdict::Yes, Verdict::and),
            Node::Or(any) => self.joined(any, template, rows, Verdict::No, Verdict::or),
            Node::Not(inner) => {
                let inner = self.of_rows(inner, template, rows);
                inner.into_iter().map(Verdict::not).collect()
            }
            Node::Leaf(at) => self.leaves[*at].of_rows(template, rows),
        }
    }

    /// Asks each node only of the rows that it can still change.
    fn joined(
        &self,
        nodes: &[Node],
        template: Template<'_>,
        rows: &[u32],
        start: Verdict,
        join: fn(Verdict, Verdict) -> Verdict,
    ) -> Vec<Verdict> {
        let mut verdicts = vec![start; rows.len()];
        // `no` for an and, `yes` for an or.
        let end = start.not();
        for node in nodes {
            let left: Vec<usize> = (0..rows.len()).filter(|&at| verdicts[at] != end).collect();
            if left.is_empty() {
                break;
            }
            let asked: Vec<u32> = left.iter().map(|&at| rows[at]).collect();
            for (at, verdict) in left.into_iter().zip(self.of_rows(node, template, &asked)) {
                verdicts[at] = join(verdicts[at], verdict);
            }
        }
        verdicts
    }
}

impl DecidedLeaf {
    fn is_of(&self, name: &str) -> bool {
        matches!(self.kind, Kind::Severity | Kind::Named) && self.name == name
    }

    /// Whether a value of the line passes.
    fn leaf_passes(&self, value: &FieldValue<'_>) -> bool {
        *value != FieldValue::Null && self.value_passes(value.as_text())
    }
}

impl LeafOfPage<'_> {
    fn of_rows(&self, template: Template<'_>, rows: &[u32]) -> Vec<Verdict> {
        let Template { text, core, which } = template;
        let number = core.templates()[which] as usize;
        let common = |&row: &u32| {
            let (stream, severity) = (core.streams()[row as usize], core.severities()[row as usize]);
            self.verdict(number, stream as usize, severity as usize)
        };
        let mut verdicts: Vec<_> = rows.iter().map(common).collect();
        if !matches!(self.leaf.kind, Kind::Severity | Kind::Named) || !verdicts.contains(&Verdict::Maybe) {
            return verdicts;
        }
        let FieldPlace::Slots(slots) = FieldPlace::in_page(text, which, &self.leaf.name) else {
            return verdicts;
        };
        // What a record's own attributes say is not known here.
        let unless = Verdict::possibly(self.has_attributes);
        let mut passes = vec![unless; rows.len()];
        for field in slots {
            let filled = Filled::of(text, which, field.slot, rows);
            let values: Vec<bool> = filled
                .values()
                .map(|raw| self.leaf.leaf_passes(&leaf_value(raw, field.kind)))
                .collect();
            for (passes, &code) in passes.iter_mut().zip(filled.codes()) {
                *passes = passes.or(Verdict::of(values[code as usize]));
            }
        }
        for (verdict, passes) in verdicts.iter_mut().zip(passes) {
            if *verdict == Verdict::Maybe {
                *verdict = passes;
            }
        }
        verdicts
    }
}
