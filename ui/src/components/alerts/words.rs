//! States and rules in words, and the marks that stand for them.

use leptos::prelude::*;
use timberline_proto::alert::{AlertState, Condition, PatternChange, Rule, SilenceOf};

/// The class of what is drawn in a state's colour.
pub(super) fn class(of: AlertState) -> String {
    format!("is-{}", of.spoken().replace(' ', "-"))
}

/// A state as a shape and its word.
pub(super) fn state_mark(of: AlertState) -> impl IntoView {
    view! { <span class="alert-state"><i class=format!("alert-mark {}", class(of))></i>{of.spoken()}</span> }
}

/// A group as people read it.
pub(super) fn group(group: &std::collections::BTreeMap<String, String>) -> String {
    let parts: Vec<String> = group.iter().map(|(name, value)| format!("{name} = {value}")).collect();
    parts.join(" · ")
}

/// What a rule waits for, in one line.
pub(super) fn condition(rule: &Rule) -> String {
    let window = rule.window;
    let of = |query: &str| match query.trim() {
        "" => "every line".to_owned(),
        query => query.to_owned(),
    };
    match &rule.condition {
        Condition::Threshold(it) => format!("{} {} within {window}", of(&it.query), it.when),
        Condition::Match(it) => format!("each line of {}", of(&it.query)),
        Condition::Absence(it) if it.least == 1 => format!("no line of {} for {window}", of(&it.query)),
        Condition::Absence(it) => format!("fewer than {} lines of {} within {window}", it.least, of(&it.query)),
        Condition::Change(it) => {
            let against = it
                .against
                .map_or_else(|| "before".to_owned(), |against| format!("{against} earlier"));
            format!("{} against {window} {against} {}", of(&it.query), it.when)
        }
        Condition::Silence(it) => {
            let what = match it.of {
                SilenceOf::Host => "host",
                SilenceOf::Agent => "agent",
                SilenceOf::File => "file",
            };
            let of = [&it.hosts[..], &it.paths[..]].concat().join(", ");
            match of.is_empty() {
                true => format!("a {what} says nothing for {window}"),
                false => format!("a {what} of {of} says nothing for {window}"),
            }
        }
        Condition::Pattern(it) => {
            let change = match it.change {
                PatternChange::New => "a new",
                PatternChange::Vanished => "a vanished",
            };
            format!("{change} pattern of {}, looking back {}", of(&it.query), it.lookback)
        }
        Condition::Deviation(it) => format!(
            "{} within {window} is not as in the last {} weeks, by {} deviations",
            of(&it.query),
            it.weeks,
            it.deviations
        ),
        Condition::Sequence(it) => format!("{} and then, within {}, no {}", of(&it.first), it.within, of(&it.then)),
    }
}
