//! What of the search itself leaves everything out: a word that stands only within longer ones, a
//! phrase whose words stand apart, a field that no record has, one condition of several.

use std::collections::BTreeSet;

use timberline_proto::api::{Cause, CauseCode, Direction, Way};
use timberline_proto::query::ast::{Field, Filter, Leaf, Search, Test};
use timberline_proto::query::nearest;
use timberline_proto::token::is_token_char;

use super::probe::Probe;
use super::{TERMS_MAX, cause, counted, text_with};
use crate::read::row::{FIXED, column_name};

pub(super) fn find(probe: &mut Probe<'_>, search: &Search, causes: &mut Vec<Cause>) {
    let parts: &[Filter] = match &search.filter {
        Filter::All => return,
        Filter::And(parts) => parts,
        one => std::slice::from_ref(one),
    };
    let known = causes.len();
    for (at, part) in parts.iter().enumerate().take(TERMS_MAX) {
        if let Filter::Leaf(leaf) = part {
            let found = [no_such_field, word_cut, phrase_apart]
                .iter()
                .find_map(|look| look(probe, search, parts, at, leaf));
            if let Some(found) = found {
                causes.push(found);
                continue;
            }
        }
        causes.extend(without(probe, search, parts, at));
    }
    if causes.len() == known && (2..=TERMS_MAX).contains(&parts.len()) {
        causes.extend(hopeless(probe, search, parts));
    }
}

/// Conditions that match nothing even by themselves, where there are several: without one of them
/// nothing is found either.
fn hopeless(probe: &mut Probe<'_>, search: &Search, parts: &[Filter]) -> Option<Cause> {
    let (mut none, mut rest) = (Vec::new(), Vec::new());
    for part in parts {
        match probe.count(part, probe.range)? {
            0 => none.push(part.clone()),
            _ => rest.push(part.clone()),
        }
    }
    if none.is_empty() || rest.is_empty() && none.len() < 2 {
        return None;
    }
    let names: Vec<String> = none.iter().map(|part| format!("`{part}`")).collect();
    let rest = Filter::and(rest);
    let records = probe.count(&rest, probe.range).filter(|records| *records > 0)?;
    let (names, verb) = match names.as_slice() {
        [one] => (one.clone(), "matches"),
        [first, second] => (format!("{first} and {second}"), "each match"),
        many => (many.join(", "), "each match"),
    };
    let what = match rest {
        Filter::All => format!("there are {}", counted(records, "line", "lines")),
        _ => format!("without that {} match", counted(records, "line", "lines")),
    };
    Some(cause(
        CauseCode::OneTerm,
        format!("{names} {verb} no line of this time, even alone; {what}."),
        Some(records),
        Some(ask(
            match rest {
                Filter::All => "Show every line in this time".to_owned(),
                _ => format!("Search for {rest}"),
            },
            text_with(search, rest),
        )),
    ))
}

/// The filter with another in one place, or without it.
fn with(parts: &[Filter], at: usize, other: Option<Filter>) -> Filter {
    let mut parts = parts.to_vec();
    match other {
        Some(other) => parts[at] = other,
        None => drop(parts.remove(at)),
    }
    Filter::and(parts)
}

fn ask(label: String, query: String) -> Way {
    Way {
        label,
        query: Some(query),
        ..Way::default()
    }
}

fn without(probe: &mut Probe<'_>, search: &Search, parts: &[Filter], at: usize) -> Option<Cause> {
    if parts.len() < 2 {
        return None;
    }
    let rest = with(parts, at, None);
    let records = probe.count(&rest, probe.range).filter(|records| *records > 0)?;
    let term = &parts[at];
    let verb = if records == 1 { "matches" } else { "match" };
    Some(cause(
        CauseCode::OneTerm,
        format!("Without `{term}` {} {verb}.", counted(records, "line", "lines")),
        Some(records),
        Some(ask(format!("Leave out {term}"), text_with(search, rest))),
    ))
}

/// A word as a fragment.
fn word_cut(probe: &mut Probe<'_>, search: &Search, parts: &[Filter], at: usize, leaf: &Leaf) -> Option<Cause> {
    let Test::Text { text, quoted: false } = &leaf.test else {
        return None;
    };
    let fragment = |pieces: [&str; 3]| {
        Filter::Leaf(Leaf {
            test: Test::Wildcard(pieces.map(str::to_owned).into()),
            ..leaf.clone()
        })
    };
    if text.is_empty() || text.contains(char::is_whitespace) {
        return None;
    }
    let wider = fragment(["", text, ""]);
    let filter = with(parts, at, Some(wider.clone()));
    let records = probe.count(&filter, probe.range).filter(|records| *records > 0)?;
    let example = probe.some(&filter, probe.range, Direction::Backward, 1);
    let example = example.first().and_then(|hit| longer(&hit.view().body(), text));
    let is_coloured = example.as_ref().is_some_and(|word| is_behind_colours(word, text));
    let such_as = example.map_or(String::new(), |word| format!(", such as “{word}”"));
    let what = match is_coloured {
        true => "right behind colours of a terminal, which end in a letter",
        false => "as a part of longer words",
    };
    Some(cause(
        CauseCode::WordCut,
        format!(
            "“{text}” stands in {} only {what}{such_as}: words match whole.",
            counted(records, "line", "lines")
        ),
        Some(records),
        Some(ask(format!("Search for {wider}"), text_with(search, filter))),
    ))
}

/// The first longer word of a line that holds the text.
fn longer(line: &str, text: &str) -> Option<String> {
    /// Characters of an example at most.
    const CHARS_MAX: usize = 60;
    let wanted = text.to_lowercase();
    let words = line.split(|c: char| !is_token_char(c) && !text.contains(c));
    let found = words.map(str::to_owned).find(|word| {
        let lower = word.to_lowercase();
        lower.contains(&wanted) && lower != wanted
    });
    found.map(|word| word.chars().take(CHARS_MAX).collect())
}

/// Whether a word is the text behind the end of a sequence that sets colours (ECMA-48, SGR: `ESC [ 31 m`).
fn is_behind_colours(word: &str, text: &str) -> bool {
    let lower = word.to_lowercase();
    let before = lower.strip_suffix(&text.to_lowercase());
    let digits = before.and_then(|before| before.strip_suffix('m'));
    digits.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
}

/// The words of a phrase, wherever they stand.
fn phrase_apart(probe: &mut Probe<'_>, search: &Search, parts: &[Filter], at: usize, leaf: &Leaf) -> Option<Cause> {
    let Test::Text { text, quoted: true } = &leaf.test else {
        return None;
    };
    let words: Vec<Filter> = text
        .split(|c: char| !is_token_char(c))
        .filter(|word| !word.is_empty())
        .map(|word| {
            Filter::Leaf(Leaf {
                test: Test::Text {
                    text: word.to_owned(),
                    quoted: false,
                },
                ..leaf.clone()
            })
        })
        .collect();
    if words.len() < 2 {
        return None;
    }
    let words = Filter::and(words);
    let filter = with(parts, at, Some(words.clone()));
    let records = probe.count(&filter, probe.range).filter(|records| *records > 0)?;
    Some(cause(
        CauseCode::PhraseApart,
        format!(
            "The words of “{text}” stand in {}, but not side by side as written.",
            counted(records, "line", "lines")
        ),
        Some(records),
        Some(ask(format!("Search for {words}"), text_with(search, filter))),
    ))
}

/// A field that no record of the range has.
fn no_such_field(probe: &mut Probe<'_>, search: &Search, parts: &[Filter], at: usize, leaf: &Leaf) -> Option<Cause> {
    let field = leaf.field.as_ref()?;
    let name = column_name(&field.name);
    let every = Filter::Leaf(Leaf {
        test: Test::Exists,
        ..leaf.clone()
    });
    if FIXED.contains(&name) || name == "level" || !probe.complete {
        return None;
    }
    // The look itself may come to the end of its time.
    let is_there = probe.has(&every, probe.range);
    if is_there || !probe.complete {
        return None;
    }
    // Where nothing is there at all it is not the field.
    if !probe.has(&Filter::All, probe.range) {
        return None;
    }
    let mut known: BTreeSet<String> = FIXED.iter().map(|name| (*name).to_owned()).collect();
    let newest = probe.some(&Filter::All, probe.range, Direction::Backward, FIELDS_OF_RECORDS);
    for hit in &newest {
        let view = hit.view();
        known.extend(view.row.stream.attributes.keys().cloned());
        known.extend(view.fields().iter().map(|(name, _)| name.clone()));
        known.extend(view.row.attributes.iter().map(|(name, _)| name.clone()));
    }
    let similar = nearest(name, known.iter().map(String::as_str)).map(str::to_owned);
    let way = similar.as_ref().map(|similar| {
        let renamed = Filter::Leaf(Leaf {
            field: Some(Field {
                name: similar.clone(),
                span: field.span,
            }),
            ..leaf.clone()
        });
        ask(
            format!("Ask for {similar}"),
            text_with(search, with(parts, at, Some(renamed))),
        )
    });
    let mean = similar.map_or(String::new(), |similar| format!("; did you mean `{similar}`?"));
    Some(cause(
        CauseCode::NoSuchField,
        format!(
            "No line in this time has a field `{}`{}",
            field.name,
            match mean.is_empty() {
                true => ".".to_owned(),
                false => mean,
            }
        ),
        None,
        way,
    ))
}

/// Records whose fields are offered.
const FIELDS_OF_RECORDS: usize = 200;
