//! A verdict as a sentence for people.

use timberline_proto::alert::{AlertState, Condition, MissingSource, Period};
use timberline_proto::query::time_range::format_rfc3339_nanos;

use super::plan::Plan;
use super::track::Finding;

/// A number as people write it.
pub(crate) fn number(value: f64) -> String {
    match value {
        value if value.fract() == 0.0 && value.abs() < 1e15 => format!("{value:.0}"),
        value if value.abs() >= 100.0 => format!("{value:.1}"),
        value => format!("{value:.3}")
            .trim_end_matches('0')
            .trim_end_matches('.')
            .to_owned(),
    }
}

/// An instant to the second.
pub(crate) fn instant(nanos: i64) -> String {
    let text = format_rfc3339_nanos(nanos);
    match text.split_once('.') {
        Some((seconds, _)) => format!("{seconds}Z"),
        None => text,
    }
}

/// What the condition is held against, as the rule says it.
pub(crate) fn threshold(plan: &Plan) -> Option<String> {
    match &plan.rule.condition {
        Condition::Threshold(threshold) => Some(threshold.when.to_string()),
        Condition::Change(change) => Some(change.when.to_string()),
        Condition::Absence(absence) => Some(format!("< {}", absence.least)),
        Condition::Deviation(deviation) => Some(format!("{} deviations", number(deviation.deviations))),
        Condition::Match(_) | Condition::Silence(_) | Condition::Pattern(_) | Condition::Sequence(_) => None,
    }
}

/// Why a group of a rule goes into a state.
pub(crate) fn reason(plan: &Plan, to: AlertState, end: i64, finding: &Finding, missing: &[MissingSource]) -> String {
    let window = Period(plan.grid.window);
    let at = instant(end);
    let value = finding.value.map(number);
    let mut text = match (&plan.rule.condition, to, &value) {
        (_, AlertState::Error, _) => "it could not be evaluated".to_owned(),
        (_, AlertState::NoData, _) => format!("there was nothing to measure in the {window} to {at}"),
        (Condition::Threshold(condition), _, Some(value)) => {
            let verb = if is_up(to) { "is" } else { "is not" };
            format!(
                "{} was {value} in the {window} to {at}, which {verb} {}",
                plan.measure.column, condition.when
            )
        }
        (Condition::Change(condition), _, Some(value)) => {
            let verb = if is_up(to) { "is" } else { "is not" };
            let what = match condition.measure {
                timberline_proto::alert::ChangeMeasure::Percent => format!("{value} %"),
                timberline_proto::alert::ChangeMeasure::Ratio => format!("{value} times"),
                timberline_proto::alert::ChangeMeasure::Difference => format!("by {value}"),
            };
            format!(
                "{} changed to {what} of itself in the {window} to {at}, which {verb} {}",
                plan.measure.column, condition.when
            )
        }
        (Condition::Absence(condition), _, Some(value)) => {
            let expected = condition.least;
            format!("{value} of at least {expected} expected lines came in the {window} to {at}")
        }
        (Condition::Match(_), AlertState::Resolved, _) => format!("no line fitted in the {window} to {at}"),
        (Condition::Pattern(condition), AlertState::Firing | AlertState::Pending, Some(value)) => {
            match condition.change {
                timberline_proto::alert::PatternChange::New => {
                    format!("{value} lines of a new pattern came in the {window} to {at}")
                }
                timberline_proto::alert::PatternChange::Vanished => {
                    format!("no line of this pattern came in the {window} to {at}")
                }
            }
        }
        (Condition::Sequence(condition), AlertState::Firing | AlertState::Pending, Some(value)) => {
            format!(
                "{value} lines were not followed within {} by one that fits {}",
                condition.within, condition.then
            )
        }
        (Condition::Deviation(_), _, Some(value)) => {
            format!("{} was {value} in the {window} to {at}", plan.measure.column)
        }
        (_, AlertState::Firing | AlertState::Pending, _) => format!("the condition held in the {window} to {at}"),
        _ => format!("the condition did not hold in the {window} to {at}"),
    };
    if let Some(note) = &finding.note {
        text.push_str("; ");
        text.push_str(note);
    }
    if !missing.is_empty() {
        let hosts: Vec<&str> = missing.iter().take(3).map(|source| source.host.as_str()).collect();
        let more = missing.len().saturating_sub(hosts.len());
        let more = if more > 0 {
            format!(" and {more} more")
        } else {
            String::new()
        };
        text.push_str(&format!(
            "; decided without all of {}{more}, which had not told of the whole window",
            hosts.join(", ")
        ));
    }
    text
}

fn is_up(state: AlertState) -> bool {
    matches!(state, AlertState::Firing | AlertState::Pending)
}
