//! What could stand at the cursor of the query box: names and values from the data, pipes and
//! functions of the language, and what was asked before.

use std::collections::HashMap;

use leptos::{prelude::*, task::spawn_local};
use timberline_proto::{
    api::{FieldSummary, FieldsRequest, ValueCount},
    query::{
        self, Completion, Wanted,
        ast::{Field, Filter, Leaf, Span, Test},
        expr::SCALARS,
        pipes,
    },
};
use web_sys::AbortController;

use super::{app::App, history};
use crate::{api, text::number};

/// Offered at most.
const ITEMS_MAX: usize = 12;
/// Of them, questions asked before while something is written.
const HISTORY_ITEMS_MAX: usize = 4;
/// Values of a field that are asked for at once.
const VALUES: u32 = 200;
/// Fields and prefixes whose values are remembered.
const VALUES_KEPT_MAX: usize = 64;
/// Words between tests.
const WORDS: [(&str, &str); 3] = [
    ("AND", "both sides"),
    ("OR", "either side"),
    ("NOT", "without what follows"),
];
/// Fields that every record has, known before any answer.
const FIXED: [&str; 6] = ["host", "service", "level", "file", "timestamp", "template"];

/// What is offered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Item {
    /// What is written into the query.
    pub text: String,
    /// What it is, for a person.
    pub note: String,
    /// Bytes from its end to where the cursor goes: 1 before a closing bracket.
    pub back: usize,
    /// The bytes of the query that it replaces.
    pub replace: (usize, usize),
    /// A question asked before, which takes the place of all of it.
    pub is_past: bool,
}

/// What is known of the data.
#[derive(Debug, Default)]
struct Known {
    fields: Vec<FieldSummary>,
    values: HashMap<(String, String), Option<Vec<ValueCount>>>,
}

/// The list under the query box. Copies share it.
#[derive(Clone, Copy)]
pub(crate) struct Suggestions {
    /// What is offered; empty if nothing is.
    pub items: RwSignal<Vec<Item>>,
    /// The one that the keyboard is on.
    pub current: RwSignal<Option<usize>>,
    known: StoredValue<Known>,
}

impl Suggestions {
    pub(crate) fn new() -> Suggestions {
        Suggestions {
            items: RwSignal::new(Vec::new()),
            current: RwSignal::new(None),
            known: StoredValue::new(Known::default()),
        }
    }

    /// Whether something is offered.
    pub(crate) fn is_open(self) -> bool {
        self.items.with_untracked(|items| !items.is_empty())
    }

    /// Offers nothing any more.
    pub(crate) fn close(self) {
        if self.is_open() {
            self.items.set(Vec::new());
        }
        self.current.set(None);
    }

    /// Goes to the next one, or the one before; beyond the ends is what was written.
    pub(crate) fn step(self, forward: bool) {
        let count = self.items.with_untracked(Vec::len);
        self.current.update(|current| {
            *current = match (*current, forward) {
                (None, true) => Some(0),
                (None, false) => count.checked_sub(1),
                (Some(at), true) => Some(at + 1).filter(|&at| at < count),
                (Some(at), false) => at.checked_sub(1),
            }
        });
    }

    /// The one that is chosen, or else the first.
    pub(crate) fn chosen(self) -> Option<Item> {
        let at = self.current.get_untracked().unwrap_or(0);
        self.items.with_untracked(|items| items.get(at).cloned())
    }

    /// Fields of an answer are known from now on, also while later answers are empty.
    pub(crate) fn learn(self, fields: &[FieldSummary]) {
        if !fields.is_empty() {
            self.known.update_value(|known| known.fields = fields.to_vec());
        }
    }

    /// Offers what can stand at byte `cursor` of `text`; without having been `asked`, only where
    /// it would not be in the way.
    pub(crate) fn offer(self, app: App, text: &str, cursor: usize, asked: bool) {
        let completion = query::complete(text, cursor);
        let in_the_way = completion.prefix.is_empty() && matches!(completion.wanted, Wanted::Field | Wanted::Nothing);
        if in_the_way && !asked {
            self.close();
            return;
        }
        if let Wanted::Value { field } = &completion.wanted {
            self.want_values(app, field, &completion.prefix);
        }
        let mut items = self.known.with_value(|known| known.items(&completion));
        items.truncate(ITEMS_MAX);
        if matches!(completion.wanted, Wanted::Field | Wanted::Nothing) {
            // Of an empty box it is what was asked before that one wants.
            let most = if text.is_empty() {
                items.clear();
                ITEMS_MAX
            } else {
                HISTORY_ITEMS_MAX
            };
            items.extend(past(text, most));
        }
        self.current.set(None);
        self.items.set(items);
    }

    /// Asks for values of a field, unless they are known or on their way.
    fn want_values(self, app: App, field: &str, prefix: &str) {
        let all = (field.to_owned(), String::new());
        let narrow = (field.to_owned(), prefix.to_lowercase());
        let key = self.known.with_value(|known| match known.values.get(&all) {
            None => Some(all),
            // All values are known, or none yet.
            Some(None) => None,
            Some(Some(values)) if (values.len() as u32) < VALUES || prefix.is_empty() => None,
            Some(Some(_)) => Some(narrow).filter(|key| !known.values.contains_key(key)),
        });
        let Some(key) = key else { return };
        let Ok(abort) = AbortController::new() else { return };
        self.known.update_value(|known| {
            if known.values.len() >= VALUES_KEPT_MAX {
                known.values.clear();
            }
            known.values.insert(key.clone(), None);
        });
        let (from, to) = app.search.bounds.get_untracked().request_ends();
        let request = FieldsRequest {
            query: if key.1.is_empty() {
                String::new()
            } else {
                beginning(field, prefix)
            },
            from,
            to,
            field: Some(field.to_owned()),
            values: Some(VALUES),
            query_id: None,
        };
        spawn_local(async move {
            let answer = api::fields(&request, &abort.signal()).await;
            let values = answer.ok().and_then(|answer| answer.fields.into_iter().next());
            self.known.update_value(|known| {
                known
                    .values
                    .insert(key, Some(values.map(|field| field.top).unwrap_or_default()));
            });
            // Only if one still writes there.
            app.complete_again.update(|asked| *asked += 1);
        });
    }
}

impl Known {
    fn items(&self, completion: &Completion) -> Vec<Item> {
        let prefix = completion.prefix.as_str();
        let replace = (completion.replace.start, completion.replace.end);
        let item = |text: String, note: &str, back: usize| Item {
            text,
            note: note.to_owned(),
            back,
            replace,
            is_past: false,
        };
        let candidates: Vec<(&str, Item)> = match &completion.wanted {
            Wanted::Nothing => Vec::new(),
            Wanted::Field => {
                let words = WORDS
                    .iter()
                    .filter(|_| prefix.chars().next().is_some_and(char::is_uppercase))
                    .map(|(word, note)| (*word, item(format!("{word} "), note, 0)));
                self.names()
                    .map(|(field, note)| (field, item(format!("{}:", name(field)), &note, 0)))
                    .chain(words)
                    .collect()
            }
            Wanted::Column => self
                .names()
                .map(|(field, note)| (field, item(name(field), &note, 0)))
                .collect(),
            Wanted::Value { field } => self
                .values_of(field, prefix)
                .map(|value| {
                    let note = number::counted(value.count, "line", "lines");
                    (
                        value.value.as_str(),
                        item(format!("{} ", query::quote_value(&value.value)), &note, 0),
                    )
                })
                .collect(),
            Wanted::Pipe => pipes::PIPES
                .iter()
                .map(|pipe| (pipe.name, item(format!("{} ", pipe.name), pipe.summary, 0)))
                .collect(),
            Wanted::Function => pipes::FUNCTIONS
                .iter()
                .map(|function| (function.name, item(call(function.name), function.summary, 1)))
                .collect(),
            Wanted::Expression => self
                .names()
                .map(|(field, note)| (field, item(name(field), &note, 0)))
                .chain(
                    SCALARS
                        .iter()
                        .map(|function| (function.name, item(call(function.name), function.summary, 1))),
                )
                .collect(),
        };
        ranked(candidates, prefix)
    }

    fn names(&self) -> impl Iterator<Item = (&str, String)> {
        let seen = self.fields.iter().map(|field| {
            let note = format!("{} · {}", field.types.join(" and "), number::short(field.distinct));
            (field.name.as_str(), note)
        });
        let fixed = FIXED
            .into_iter()
            .filter(|name| !self.fields.iter().any(|field| field.name == *name))
            .map(|name| (name, String::new()));
        seen.chain(fixed)
    }

    fn values_of(&self, field: &str, prefix: &str) -> impl Iterator<Item = &ValueCount> {
        let of = |prefix: &str| {
            let key = (field.to_owned(), prefix.to_lowercase());
            self.values.get(&key).and_then(Option::as_ref)
        };
        // Until the answer to the question is here: what the list of fields shows.
        let shown = self.fields.iter().find(|known| known.name == field);
        of(prefix)
            .filter(|values| !values.is_empty())
            .or_else(|| of(""))
            .or(shown.map(|field| &field.top))
            .into_iter()
            .flatten()
    }
}

/// Those that begin so, then those that hold it; one that is written already is none.
fn ranked(candidates: Vec<(&str, Item)>, prefix: &str) -> Vec<Item> {
    let wanted = prefix.to_lowercase();
    let (mut first, mut then) = (Vec::new(), Vec::new());
    for (name, item) in candidates {
        let name = name.to_lowercase();
        if name.starts_with(&wanted) {
            first.push(item);
        } else if name.contains(&wanted) {
            then.push(item);
        }
    }
    first.append(&mut then);
    if let [only] = first.as_slice()
        && only.text.trim_end() == prefix
    {
        first.clear();
    }
    first
}

/// Questions asked before that hold `text`, the latest first.
fn past(text: &str, most: usize) -> Vec<Item> {
    let wanted = text.trim().to_lowercase();
    history::load()
        .into_iter()
        .filter(|query| query.trim() != text.trim() && query.to_lowercase().contains(&wanted))
        .take(most)
        .map(|query| Item {
            text: query,
            note: "asked before".into(),
            back: 0,
            replace: (0, text.len()),
            is_past: true,
        })
        .collect()
}

/// A search for values of the field that begin so, whatever characters these are.
fn beginning(field: &str, prefix: &str) -> String {
    let nowhere = Span { start: 0, end: 0 };
    let leaf = Leaf {
        field: Some(Field {
            name: field.to_owned(),
            span: nowhere,
        }),
        test: Test::Wildcard(vec![prefix.to_owned(), String::new()]),
        span: nowhere,
    };
    Filter::Leaf(leaf).to_string()
}

/// A field's name as a query writes it.
pub(crate) fn name(field: &str) -> String {
    if query::is_identifier(field) {
        field.to_owned()
    } else {
        format!("\"{}\"", field.replace('\\', "\\\\").replace('"', "\\\""))
    }
}

fn call(function: &str) -> String {
    format!("{function}()")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known() -> Known {
        let field = |name: &str, values: &[&str]| FieldSummary {
            name: name.into(),
            types: vec!["text".into()],
            distinct: values.len() as u64,
            top: values
                .iter()
                .map(|value| ValueCount {
                    value: (*value).into(),
                    count: 3,
                })
                .collect(),
            ..FieldSummary::default()
        };
        Known {
            fields: vec![field("status", &["200", "404"]), field("user name", &["ada l", "bob"])],
            values: HashMap::new(),
        }
    }

    fn offered(text: &str) -> Vec<String> {
        let items = known().items(&query::complete(text, text.len()));
        items.into_iter().map(|item| item.text).collect()
    }

    #[test]
    fn names_come_with_their_colon_and_quotes_where_they_need_them() {
        assert_eq!(offered("sta")[0], "status:");
        assert_eq!(offered("user"), ["\"user name\":"]);
        assert!(offered("A").contains(&"AND ".to_owned()));
    }

    #[test]
    fn values_of_the_field_are_offered_as_the_language_writes_them() {
        assert_eq!(offered("status:4"), ["404 "]);
        assert_eq!(offered("\"user name\":a")[0], "\"ada l\" ");
    }

    #[test]
    fn values_are_asked_for_by_their_beginning_also_where_that_needs_quotes() {
        assert_eq!(beginning("status", "4"), "status:4*");
        assert_eq!(beginning("user name", "ada l"), "\"user name\":ada\\ l*");
    }

    #[test]
    fn pipes_and_functions_are_offered_where_they_stand() {
        assert_eq!(offered("x | sta"), ["stats "]);
        assert!(offered("x | stats cou").contains(&"count()".to_owned()));
        assert!(offered("x | stats count() by sta").contains(&"status".to_owned()));
    }

    #[test]
    fn what_is_written_already_is_not_offered() {
        assert!(offered("x | stats").is_empty() || offered("x | stats")[0] != "stats");
        assert!(offered("nothing-like-this").is_empty());
    }
}
