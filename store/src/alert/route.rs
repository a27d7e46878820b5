//! From lines to the rules that they concern: rules that ask for the same share its test, and most tests
//! are not made at all, for a line that lacks a word that a search needs cannot fit it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use timberline_proto::alert::EvidenceLine;
use timberline_proto::line::FieldValue;
use timberline_proto::query::ast::{AggregateFunction, Filter};
use timberline_proto::query::matcher::{TokenNeed, number, required_tokens};
use timberline_proto::token::{lower_into, tokens};

use super::options::AlertOptions;
use super::plan::Plan;
use super::sample::{Group, Sample};
use crate::read::{FIXED, Limits, ReadError, RowView, Tester, Topics, column_name, stream_attribute};
use crate::split::{pattern_of_template, template_of_row};

/// Of so many lines one has its tests timed: reading the clock for each costs more than most tests.
const TIMED_EVERY: u64 = 64;

/// One search, and the rules that ask for it.
#[derive(Debug)]
struct Shared {
    tester: Tester,
    topics: Topics,
    /// What of a line it is asked of; none: all.
    limits: Option<Arc<Limits>>,
    /// Rule and which of its searches.
    uses: Vec<(usize, u8)>,
    /// What testing and taking lines cost since it was last asked for, by the lines that were timed.
    spent: Duration,
}

impl Shared {
    fn take(&self, view: &RowView<'_>, each: &mut Each<'_>) {
        if self.tester.matches(view) {
            for &(rule, search) in &self.uses {
                each(rule, search, view);
            }
        }
    }
}

/// Is given a rule, which of its searches fits, and the line.
pub(crate) type Each<'a> = dyn FnMut(usize, u8, &RowView<'_>) + 'a;

/// Finds the rules that a line concerns.
#[derive(Debug, Default)]
pub(crate) struct Router {
    shared: Vec<Shared>,
    /// Searches that need a word of a line or of its attributes, by that word.
    by_token: HashMap<Vec<u8>, Vec<usize>>,
    /// Of those, the ones that need it in a field's value: an escape in the line may hide it.
    by_value: Vec<usize>,
    /// Searches that need none.
    always: Vec<usize>,
    /// When a search was last asked, to ask it once a line.
    asked: Vec<u64>,
    lines: u64,
    candidates: Vec<usize>,
    folded: Vec<u8>,
}

/// A word that every line has that fits a search.
#[derive(Debug, PartialEq, Eq)]
struct Need {
    token: Vec<u8>,
    /// Of a field's value.
    of_value: bool,
}

impl Router {
    /// Of these rules, each with the name that it gives back.
    ///
    /// # Errors
    /// What is wrong with a search.
    pub(crate) fn new<'a>(
        plans: impl Iterator<Item = (usize, &'a Plan, Option<Arc<Limits>>)>,
    ) -> Result<Self, ReadError> {
        let mut router = Self::default();
        let mut known: BTreeMap<(String, usize), usize> = BTreeMap::new();
        for (rule, plan, limits) in plans {
            // Limits that are alike are one, as long as they are known.
            let whose = limits.as_ref().map_or(0, |limits| Arc::as_ptr(limits).addr());
            for (search, filter) in plan.searches.iter().enumerate() {
                let key = (format!("{filter:?}"), whose);
                let at = match known.get(&key) {
                    Some(at) => *at,
                    None => {
                        let at = router.add(filter, limits.clone())?;
                        known.insert(key, at);
                        at
                    }
                };
                router.shared[at].uses.push((rule, search as u8));
            }
        }
        router.asked = vec![0; router.shared.len()];
        Ok(router)
    }

    fn add(&mut self, filter: &Filter, limits: Option<Arc<Limits>>) -> Result<usize, ReadError> {
        let at = self.shared.len();
        match need(filter) {
            Some(need) => {
                self.by_token.entry(need.token).or_default().push(at);
                if need.of_value {
                    self.by_value.push(at);
                }
            }
            None => self.always.push(at),
        }
        self.shared.push(Shared {
            tester: Tester::new(filter)?,
            topics: Topics::of(filter),
            limits,
            uses: Vec::new(),
            spent: Duration::ZERO,
        });
        Ok(at)
    }

    /// Gives each rule that a line concerns, with which of its searches fits, and the line as the rule sees it.
    pub(crate) fn route(&mut self, view: &RowView<'_>, each: &mut Each<'_>) {
        self.lines += 1;
        let now = self.lines;
        for place in 0..self.always.len() {
            self.ask(self.always[place], view, each);
        }
        if self.by_token.is_empty() {
            return;
        }
        let mut candidates = std::mem::take(&mut self.candidates);
        let mut folded = std::mem::take(&mut self.folded);
        let mut look = |text: &[u8]| {
            for token in tokens(text) {
                folded.clear();
                lower_into(&text[token.start..token.end], &mut folded);
                if let Some(found) = self.by_token.get(&folded) {
                    candidates.extend_from_slice(found);
                }
            }
        };
        look(view.row.line);
        view.row
            .stream
            .attributes
            .values()
            .for_each(|value| look(value.as_bytes()));
        for (_, value) in view.row.attributes {
            if let Some(text) = crate::read::attribute_text(value) {
                look(text.as_bytes());
            }
        }
        if !self.by_value.is_empty() && memchr::memchr(b'\\', view.row.line).is_some() {
            candidates.extend_from_slice(&self.by_value);
        }
        for at in candidates.drain(..) {
            if self.asked[at] != now {
                self.asked[at] = now;
                self.ask(at, view, each);
            }
        }
        self.candidates = candidates;
        self.folded = folded;
    }

    fn ask(&mut self, at: usize, view: &RowView<'_>, each: &mut Each<'_>) {
        let begin = self.lines.is_multiple_of(TIMED_EVERY).then(Instant::now);
        let shared = &mut self.shared[at];
        if shared.topics.has(view.topic) {
            match &shared.limits {
                None => shared.take(view, each),
                Some(limits) => {
                    if let Some(seen) = limits.row(&view.row, view.topic) {
                        shared.take(&RowView::new(seen.row(&view.row), view.topic), each);
                    }
                }
            }
        }
        if let Some(begin) = begin {
            shared.spent += begin.elapsed() * TIMED_EVERY as u32;
        }
    }

    /// Gives what testing and taking lines cost each rule since this was last asked; what rules share, by
    /// equal parts.
    pub(crate) fn spent(&mut self, each: &mut dyn FnMut(usize, Duration)) {
        for shared in &mut self.shared {
            let spent = std::mem::take(&mut shared.spent);
            if spent.is_zero() || shared.uses.is_empty() {
                continue;
            }
            let part = spent / shared.uses.len() as u32;
            shared.uses.iter().for_each(|(rule, _)| each(*rule, part));
        }
    }
}

/// The rarest word, as far as its length tells, that every line has that fits.
fn need(filter: &Filter) -> Option<Need> {
    let of_leaf = |filter: &Filter| {
        let Filter::Leaf(leaf) = filter else { return None };
        let field = leaf.field.as_ref().map(|field| field.name.as_str());
        // What these say of a line stands in none of its words.
        if field.is_some_and(|name| {
            FIXED.contains(&column_name(name)) && stream_attribute(name).is_none() && name != "body"
        }) {
            return None;
        }
        let exact = required_tokens(leaf).into_iter().filter_map(|need| match need {
            TokenNeed::Exact(token) => Some(token.into_bytes()),
            _ => None,
        });
        let token = exact.max_by_key(Vec::len)?;
        Some(Need {
            token,
            of_value: field.is_some_and(|name| name != "body"),
        })
    };
    match filter {
        Filter::And(all) => all.iter().filter_map(of_leaf).max_by_key(|need| need.token.len()),
        other => of_leaf(other),
    }
}

/// What a rule keeps of a line. `tell`: it is to be told by itself.
pub(crate) fn sample(plan: &Plan, search: u8, view: &RowView<'_>, tell: bool, options: &AlertOptions) -> Sample {
    let group = match plan.needs_pattern() {
        true => vec![pattern_of_template(&template_of_row(&view.row))],
        false => plan
            .by
            .iter()
            .map(|field| view.text(field).unwrap_or_default().into_owned())
            .collect(),
    };
    let text = plan
        .rows
        .as_ref()
        .and_then(|rows| Some((rows.function, view.text(rows.field.as_ref()?))));
    let number = match text {
        Some((AggregateFunction::Count, text)) => text.map(|_| 1.0),
        Some((_, text)) => text.and_then(|text| number(text.as_bytes())),
        None => None,
    };
    Sample {
        time: view.row.time_nanos,
        observed: view.row.observed_nanos,
        group: Group::new(group),
        number,
        search,
        line: (tell && plan.tells_lines()).then(|| Arc::new(evidence_line(view, options.evidence_line_bytes_max))),
    }
}

/// A line as people are shown it, cut to so many bytes, its fields likewise.
pub(crate) fn evidence_line(view: &RowView<'_>, bytes_max: usize) -> EvidenceLine {
    let mut left = bytes_max;
    let mut fields = Vec::new();
    let stream = view
        .row
        .stream
        .attributes
        .iter()
        .map(|(name, value)| (name.clone(), value.clone()));
    let of_line = view.fields().iter().filter(|(_, value)| *value != FieldValue::Null);
    let of_line = of_line.map(|(name, value)| (name.clone(), value.as_text().to_owned()));
    for (name, value) in stream.chain(of_line) {
        if left < name.len() {
            break;
        }
        left -= name.len();
        let value = cut(&value, left);
        left -= value.len();
        fields.push((name, value));
    }
    EvidenceLine {
        id: view.id().to_string(),
        timestamp_nanos: view.row.time_nanos,
        body: cut(&view.body(), bytes_max),
        fields,
    }
}

fn cut(text: &str, bytes_max: usize) -> String {
    let mut end = text.len().min(bytes_max);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].to_owned()
}

#[cfg(test)]
mod tests;
